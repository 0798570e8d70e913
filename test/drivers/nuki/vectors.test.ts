/** The vendor's printed examples (Smart Lock API V2.1) and frames computed from its layouts, byte for byte. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  authenticator,
  longTermKey,
  publicKey,
  sharedSecret,
} from '../../../drivers/nuki/crypto.ts';
import {
  assemblePlain,
  assembleSealed,
  boxContent,
  COMMAND,
  crc16,
  decodePlain,
  decodeSealed,
  encodePlain,
  encodeSealed,
  type Message,
} from '../../../drivers/nuki/frame.ts';
import { addCode, padded, updateCode, windowBytes } from '../../../drivers/nuki/keypad-code.ts';
import { parseLogEntry } from '../../../drivers/nuki/log-entry.ts';
import { beginPairing, hearPairing, type PairingStep } from '../../../drivers/nuki/pairing.ts';
import {
  complete,
  lockAction,
  removeCode,
  requestCodes,
  requestData,
  requestLog,
  updateTime,
} from '../../../drivers/nuki/requests.ts';
import { parseStates } from '../../../drivers/nuki/states.ts';
import { fromHex, joinBytes, toHex } from '../../../drivers/wire/hex.ts';

const OUR_PRIVATE = fromHex('8caa54672307bffdf5ea183fc607158d2011d008eca6a1088614ff0853a5aa07');
const OUR_PUBLIC = 'f88127ccf48023b5cbe9101d24baa8a368da94e8c2e3cde2ded29ce96ab50c15';
const THEIR_PUBLIC = '2fe57da347cd62431528daac5fbb290730fff684afc4cfc2ed90995f58cb3b74';
const KEY = fromHex('217fcb0f18caf284e9bdea0b94b83b8d10867ed706bfdedbd2381f4cb3b8f730');
const CHALLENGE = fromHex('57d95521bea186b5a9244f025737924c5b7e33592d0614d5f6ef2e2f142c6d4b');
const COUNTING = Uint8Array.from({ length: 24 }, (_, index) => index);
const PIN = 1234;
const text = (value: string) => new TextEncoder().encode(value);

test('the check of "123456789" is 29b1', () => {
  assert.equal(crc16(text('123456789')), 0x29b1);
});

test('keys and derived keys are those of the example', () => {
  assert.equal(toHex(publicKey(OUR_PRIVATE)), OUR_PUBLIC);
  const secret = sharedSecret(OUR_PRIVATE, fromHex(THEIR_PUBLIC));
  assert.equal(toHex(secret), '0de40b998e0e330376f2d2fc4892a6931e25055fd09f054f99e93fecd9ba611e');
  assert.equal(toHex(longTermKey(secret)), toHex(KEY));
});

const PAIRING = [
  ['say', '0100 0300 27a7'],
  ['hear', `0300 ${THEIR_PUBLIC} 9db9`],
  ['say', `0300 ${OUR_PUBLIC} 9241`],
  ['hear', '0400 6cd4163d159050c798553eaa57e278a579affcbc56f09fc57fe879e51c42df17 c3df'],
  ['say', '0500 b09a0d3979a029e5fd027b519eaa200bc14ad3e163d3be4563843e021073bcb1 c357'],
  ['hear', '0400 e0742cfea39cb46109385bf91286a3c02f40ee86b0b62fc34033094de41e2c0d 7fe1'],
  [
    'say',
    '0600 cf1b9e7801e3196e6594e76d57908ee500aad5c33f4b6e0bbea0ddef82967bfc 00 00000000 4d617263202854657374290000000000000000000000000000000000000000 00 52afe0a664b4e9b56dc6bd4cb718a6c9fed6be17a7411072aa0d315378140577 69f2',
  ],
  [
    'hear',
    '0700 3a270a2e453443c3790e657cebe634b03f0102f45681b4067c661d46e6e15edf 02000000 83b33643c6d97ef77ed51c02a277cbf7 ea479915982f13c61d997a56678ad77791bfa7e95229a3dd34f87132bf3e3c97 db9f',
  ],
  ['say', '1e00 3a41b91a66fbc4d22efefbb7272140829695a3917433d5beb981b76166d13f8a 02000000 cdf5'],
  ['hear', '0e00 00 9dd7'],
] as const;

const PARTS = {
  privateKey: OUR_PRIVATE,
  nonce: fromHex('52afe0a664b4e9b56dc6bd4cb718a6c9fed6be17a7411072aa0d315378140577'),
  appId: 0,
  name: 'Marc (Test)',
  as: 'app',
} as const;

test('the pairing of the example comes out byte for byte', () => {
  let step: PairingStep = beginPairing();
  for (const [direction, hex] of PAIRING) {
    if (step.kind !== 'go-on') return assert.fail(`pairing ended: ${JSON.stringify(step)}`);
    const frame = fromHex(hex.replaceAll(' ', ''));
    if (direction === 'say') assert.equal(toHex(encodePlain(step.say)), toHex(frame));
    else {
      assert.deepEqual(assemblePlain(frame), { kind: 'whole', length: frame.length });
      const message = decodePlain(frame);
      assert.ok(message, hex);
      step = hearPairing(PARTS, step.state, message);
    }
  }
  assert.equal(step.kind, 'paired');
  if (step.kind !== 'paired') return;
  assert.equal(step.authorization.id, 2);
  assert.equal(toHex(step.authorization.key), toHex(KEY));
  assert.equal(step.authorization.lock, '83b33643c6d97ef77ed51c02a277cbf7');
});

test('a pairing ends at the first wrong proof, wrong turn, or error', () => {
  const upTo = (count: number) => {
    let step: PairingStep = beginPairing();
    for (const [direction, hex] of PAIRING.slice(0, count)) {
      const message = decodePlain(fromHex(hex.replaceAll(' ', '')));
      if (direction === 'hear' && step.kind === 'go-on' && message) {
        step = hearPairing(PARTS, step.state, message);
      }
    }
    if (step.kind !== 'go-on') throw new Error('pairing ended early');
    return step.state;
  };
  const wrong = fromHex(PAIRING[7][1].replaceAll(' ', ''));
  wrong[40] = (wrong[40] ?? 0) ^ 1;
  const answer = hearPairing(PARTS, upTo(7), { command: 7, payload: wrong.slice(2, -2) });
  assert.equal(answer.kind, 'failed');
  for (const [count, [direction]] of PAIRING.entries()) {
    if (direction !== 'hear') continue;
    const error = { command: COMMAND.errorReport, payload: Uint8Array.of(0x10, 1, 0) };
    assert.deepEqual(hearPairing(PARTS, upTo(count), error), {
      kind: 'failed',
      why: 'the lock is not in pairing mode (10)',
    });
    const stray = { command: COMMAND.config, payload: new Uint8Array(3) };
    assert.equal(hearPairing(PARTS, upTo(count), stray).kind, 'failed');
  }
});

const SEALED: readonly (readonly [string, string, string])[] = [
  [
    'request states',
    '0200000001000c00418d',
    '37917f1af31ec5940705f34d1e5550607d5b2f9fe7d496b6 02000000 1a00 670d124926004366532e8d927a33fe84e782a9594d39157d065e',
  ],
  [
    'states reply',
    '020000000c00 020100e0070307080f1e3c0000200a d160',
    '90b0757cfed0243017eaf5e089f8583b9839d61b050924d2 02000000 2700 b13938b67121b6d528e7de206b0d7c5a94587a471b33ebfb012ced8f1261135566ed756e3910b5',
  ],
  [
    'request challenge',
    '0200000001000400e804',
    '88fdefd7f941b63c242b7f84b3d786886340a4a8b1c1eaa0 02000000 1a00 066819a2956e6a79af6ed66d257b276715f51f63a8beb9ed0d47',
  ],
  [
    'challenge reply',
    '020000000400 57d95521bea186b5a9244f025737924c5b7e33592d0614d5f6ef2e2f142c6d4b ff98',
    '99c8613a9f6ab6d3fb0399d37ad38c5c003ac139b1567bc1 02000000 3800 28cdcc668c08da47bf323bf9371ebf068f6d480438563660780a4234d9a23794e305ee37878874ede106a0bbfcf5b60e0c2e2ba17248a02b',
  ],
  [
    'unlock',
    `020000000d00 01 00000000 00 ${toHex(CHALLENGE)} cacf`,
    '19467990b69ffbe3d484a5882c995449e3ebc878712152e7 02000000 3e00 b30d19e0c0a12f4d8c887864877b8853437825d587f85bb6c21bf674e204a685ac5e40e8a5fdb85349f520069496f092fab63736928c0933db34cfa21809',
  ],
];

for (const [name, plain, frame] of SEALED) {
  test(`${name}: the box of the example is made, and opens`, () => {
    const bytes = fromHex(frame.replaceAll(' ', ''));
    const content = fromHex(plain.replaceAll(' ', ''));
    const message = decodeSealed(KEY, 2, bytes);
    assert.ok(message);
    assert.equal(toHex(boxContent(2, message)), toHex(content));
    assert.equal(toHex(encodeSealed(KEY, 2, bytes.subarray(0, 24), message)), toHex(bytes));
    assert.deepEqual(assembleSealed(bytes), { kind: 'whole', length: bytes.length });
    assert.equal(decodeSealed(KEY, 3, bytes), undefined, 'of another authorization');
    for (let at = 30; at < bytes.length; at += 7) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      assert.equal(decodeSealed(KEY, 2, changed), undefined, `changed at ${at}`);
    }
  });
}

test('requests come out as the examples have them', () => {
  const plain = (message: Message) => toHex(boxContent(2, message));
  assert.equal(
    plain(complete(requestData(COMMAND.states), CHALLENGE, undefined)),
    '0200000001000c00418d',
  );
  assert.equal(
    plain(complete(requestData(COMMAND.challenge), CHALLENGE, undefined)),
    '0200000001000400e804',
  );
  assert.equal(
    plain(complete(lockAction(1, 0), CHALLENGE, undefined)),
    `020000000d00010000000000${toHex(CHALLENGE)}cacf`,
  );
  assert.equal(
    plain(complete(requestCodes(0, 10), CHALLENGE, PIN)),
    `020000004300 00000a00 ${toHex(CHALLENGE)} d204 3941`.replaceAll(' ', ''),
  );
  assert.equal(
    plain(complete(requestLog(0, 5, 'descending', true), CHALLENGE, PIN)),
    `020000003100 0000000005000101 ${toHex(CHALLENGE)} d204 7946`.replaceAll(' ', ''),
  );
  assert.equal(
    plain(complete(updateTime(Date.UTC(2026, 6, 1, 12)), CHALLENGE, PIN)),
    `020000002100 ea0707010c0000 ${toHex(CHALLENGE)} d204 091f`.replaceAll(' ', ''),
  );
});

const WINDOW = windowBytes(
  Date.UTC(2026, 6, 1, 15),
  Date.UTC(2026, 6, 4, 11, 0, 1), // the layout names the last second that is inside
  0,
);

test('keypad commands come out as the examples have them', () => {
  const add = complete(
    { command: COMMAND.addCode, body: addCode(345_678, text('Guest 42'), WINDOW), tail: 'pin' },
    CHALLENGE,
    PIN,
  );
  const plain = `020000004100 4e460500 4775657374203432000000000000000000000000 01 ea0707010f0000 ea0707040b0000 00 0000 0000 ${toHex(CHALLENGE)} d204 a9df`;
  assert.equal(toHex(boxContent(2, add)), plain.replaceAll(' ', ''));
  const frame = encodeSealed(KEY, 2, COUNTING, add);
  assert.equal(frame.length, 132);
  assert.equal(
    toHex(frame.subarray(30)),
    'e645c3a8a7124f25cb5e9469a16c24a8d31020b7ce299883713f8edeecf5711126d781ed61705a567a0e5c31b43f7f847053bc79dfb15d45b7537fc2687d91b1e635868ae36a136acfe1beefc3f5c2ac28e64cb682c256f1463b283f16a70a3b61833eb7ef18',
  );
  const update = complete(
    {
      command: COMMAND.updateCode,
      body: updateCode(1, 345_679, text('Guest 42'), WINDOW),
      tail: 'pin',
    },
    CHALLENGE,
    PIN,
  );
  const content = toHex(boxContent(2, update));
  assert.ok(content.startsWith('02000000460001004f460500'), content);
  assert.ok(content.endsWith('d204e32d'), content);
  assert.equal(encodeSealed(KEY, 2, COUNTING, update).length, 135);
  const remove = complete(removeCode(1), CHALLENGE, PIN);
  assert.equal(
    toHex(boxContent(2, remove)),
    `020000004700 0100 ${toHex(CHALLENGE)} d204 0145`.replaceAll(' ', ''),
  );
  assert.equal(
    toHex(encodeSealed(KEY, 2, COUNTING, remove).subarray(30)),
    '2de561af7d256f6c1626015d2df15816d31020b7c829d7c523e69c8a37278384bbc1ceef3647c81a21706f6899396abb81bb9359cb9dda0962537587',
  );
});

test('replies of the lock read as the examples have them', () => {
  const check = (plain: string) => {
    const bytes = fromHex(plain.replaceAll(' ', ''));
    const content = bytes.subarray(0, -2);
    assert.equal(crc16(content), (bytes.at(-2) ?? 0) | ((bytes.at(-1) ?? 0) << 8), plain);
    return content.subarray(6);
  };
  check('020000000e00010d9a');
  check('020000000e00002c8a');
  check('020000004200 0100 ea07061e091e05 83b5');
  check('020000001200 21 4100 c711');
  check('020000001200 22 4100 9748');
  const locked = parseStates(check('020000000c00 020100e0070307080f1e3c0000200a d160'));
  assert.equal(locked?.state, 'locked');
  assert.equal(locked?.clock, Date.UTC(2016, 2, 7, 8, 15, 30));
  assert.equal(locked?.offsetMinutes, 60);
  assert.equal(locked?.batteryCritical, false);
  assert.equal(parseStates(fromHex('020200e00703070818203c00000007'))?.state, 'unlocking');
  assert.equal(parseStates(fromHex('020300e007030708182c3c00000007'))?.state, 'unlocked');
  // Appended since API 2.2: last action (3), door, night mode (2, as other clients of these locks read it), accessories.
  const since22 = (tail: string) => parseStates(fromHex(`020300e007030708182c3c00a00007${tail}`));
  assert.equal(since22('0100000300')?.keypadBatteryCritical, undefined);
  assert.equal(since22('01000003010000')?.keypadBatteryCritical, undefined, 'night mode alone');
  assert.equal(since22('01000003010001')?.keypadBatteryCritical, false);
  assert.equal(since22('01000002000003')?.keypadBatteryCritical, true);
  assert.equal(since22('01000002000003')?.doorOpen, false);
  assert.equal(since22('01000002000003')?.batteryPercent, 80);
  const byBridge = joinBytes(
    fromHex('11000000ea0707010f040902000000'),
    padded(text('bridge'), 32),
    fromHex('0202000000'),
  );
  const head = fromHex('020000003200');
  assert.equal(crc16(joinBytes(head, byBridge)), 0x162e);
  assert.deepEqual(
    parseLogEntry(byBridge, 2, () => undefined),
    {
      index: 17,
      at: Date.UTC(2026, 6, 1, 15, 4, 9),
      by: 'latchkey',
      action: 'lock',
      detail: 'by Bluetooth, done',
    },
  );
  const atKeypad = joinBytes(
    fromHex('12000000ea0707010f060000000000'),
    padded(text('Guest 42'), 32),
    fromHex('050101000100'),
  );
  assert.equal(crc16(joinBytes(head, atKeypad)), 0x1f9d);
  assert.deepEqual(
    parseLogEntry(atKeypad, 2, (id) => `LK0000000${id}`),
    {
      index: 18,
      at: Date.UTC(2026, 6, 1, 15, 6, 0),
      by: 'code LK00000001',
      action: 'unlock',
      detail: 'at the keypad, done',
    },
  );
});

test('an authenticator is HMAC-SHA-256 over the parts in their order', () => {
  assert.equal(
    toHex(
      authenticator(
        KEY,
        fromHex(OUR_PUBLIC),
        fromHex(THEIR_PUBLIC),
        fromHex(PAIRING[3][1].slice(5, 69)),
      ),
    ),
    PAIRING[4][1].slice(5, 69),
  );
});
