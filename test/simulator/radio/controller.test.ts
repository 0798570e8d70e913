/** The controller against packets captured from noble 2.8.0 and a real session, byte for byte. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromHex, joinBytes, toHex } from '../../../drivers/wire/hex.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { Air } from '../../../simulator/radio/air.ts';
import { type ControllerOptions, VirtualController } from '../../../simulator/radio/controller.ts';
import { H4Stream } from '../../../simulator/radio/hci.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { EchoPeripheral, INDICATED } from '../../contract/echo-peripheral.ts';

const CREATE_CONNECTION = '010d2019600030000001010000eeffc0000600120000002a0004000600';

class Bench {
  readonly clock = new SimulatedClock();
  readonly air = new Air(this.clock, seededRandom(1));
  readonly said: string[] = [];
  readonly controller: VirtualController;
  readonly peripheral = new EchoPeripheral('c0:ff:ee:00:00:01');

  constructor(options: ControllerOptions = {}) {
    this.controller = new VirtualController(
      this.air,
      (packet) => this.said.push(toHex(packet)),
      options,
    );
    this.air.join(this.peripheral);
  }

  /** Sends one packet; gives what was said at once. */
  hear(hex: string): string[] {
    this.said.length = 0;
    this.controller.hear(fromHex(hex.replaceAll(' ', '')));
    return [...this.said];
  }

  async connect(): Promise<void> {
    this.hear(CREATE_CONNECTION);
    await this.clock.advance(200);
  }
}

const POWER_ON: readonly (readonly [string, string])[] = [
  ['01030c00', '040e0401030c00'],
  ['01032000', '040e0c010320000000000000000000'],
  ['01010c08fffffbff07f8bf3d', '040e0401010c00'],
  ['010120085f00000000000000', '040e0401012000'],
  ['01011000', '040e0c0101100009000009f1050000'],
  ['016d0c020100', '040e04016d0c00'],
  ['016c0c00', '040e06016c0c000100'],
  ['01022000', '040e0701022000fb0008'],
  ['01091000', '040e0a01091000020000000000'],
  ['010c20020001', '040e04010c2000'],
  ['010b200701120012000000', '040e04010b2000'],
];

test('every command of the power-on is answered as a real controller does, in order', () => {
  const at = new Bench();
  for (const [command, answer] of POWER_ON) assert.deepEqual(at.hear(command), [answer], command);
});

test('an unknown command is refused, with room for whoever reads on', () => {
  const at = new Bench();
  assert.match(at.hear('01ffff00')[0] ?? '', /^040e..01ffff01(00)+$/);
});

test('a scan reports the advertisement and then its response', async () => {
  const at = new Bench();
  at.hear('010c20020101');
  at.said.length = 0;
  await at.clock.advance(30);
  const [advertisement = '', response = ''] = at.said;
  // Flags, service 180f, manufacturer data; rssi at the end.
  assert.match(advertisement, /^043e..02010001010000eeffc0..02010603030f1805ff4c000708c[0-9a-f]$/);
  assert.match(response, /^043e..02010401010000eeffc0..07094543484f2d31c[0-9a-f]$/);
  at.said.length = 0;
  await at.clock.advance(500);
  assert.equal(at.said.length, 0, 'duplicates are filtered where they were not asked for');
  at.hear('010c20020001');
  at.hear('010c20020100');
  at.said.length = 0;
  await at.clock.advance(500);
  assert.ok(at.said.length > 20, 'and are reported where they were');
});

test('a connection is made at the next advertisement, and ends with a reason', async () => {
  const at = new Bench();
  assert.deepEqual(at.hear(CREATE_CONNECTION), ['040f0400010d20']);
  await at.clock.advance(50);
  assert.deepEqual(
    at.said[1],
    '043e130100400000010100 00eeffc01800 0000 2a0000'.replaceAll(' ', ''),
  );
  assert.deepEqual(at.hear('01060403400013'), [
    '040f0400010604',
    '040504004000 16'.replaceAll(' ', ''),
  ]);
  assert.equal(at.peripheral.centrals.size, 0);
});

test('a connect that is cancelled ends in a completion that says so', () => {
  const at = new Bench();
  at.air.setFaults(at.peripheral.address, { away: true });
  at.hear(CREATE_CONNECTION);
  const [answer, completion = ''] = at.hear('010e2000');
  assert.equal(answer, '040e04010e2000');
  assert.match(completion, /^043e130102/);
  assert.match(at.hear('010e2000')[0] ?? '', /0c$/, 'nothing is left to cancel');
});

test('a Reset drops links, scan and the pending connect, and keeps the address', async () => {
  const at = new Bench();
  await at.connect();
  assert.equal(at.peripheral.centrals.size, 1);
  assert.deepEqual(
    at.hear('01030c00'),
    ['040e0401030c00'],
    'no event for a link that the host dropped',
  );
  assert.equal(at.peripheral.centrals.size, 0);
  assert.deepEqual(at.hear('01091000'), ['040e0a01091000020000000000']);
});

/** ACL of handle 0x40 around one ATT PDU. */
function att(pdu: string): string {
  const length = pdu.length / 2;
  const le = (value: number) => toHex(Uint8Array.of(value & 0xff, value >> 8));
  return `024000${le(length + 4)}${le(length)}0400${pdu}`;
}

function answerTo(at: Bench, pdu: string): string {
  const [completed, answer = ''] = at.hear(att(pdu));
  assert.equal(completed, '0413050140000100', 'the buffer is given back');
  return answer.slice(18);
}

test('ATT as noble asks: MTU, services, characteristics, configuration, read, write, notify', async () => {
  const at = new Bench();
  await at.connect();
  assert.equal(answerTo(at, '020001'), '03f700');
  assert.equal(answerTo(at, '100100ffff0028'), '110601000300' + '0f18');
  assert.match(answerTo(at, '100400ffff0028'), /^11140400/);
  assert.equal(answerTo(at, '100a00ffff0028'), '01100a000a');
  assert.equal(answerTo(at, '08010003000328'), '0907' + '0200' + '02' + '0300' + '192a');
  assert.equal(answerTo(at, '0a0300'), '0b57');
  assert.match(answerTo(at, '08040009000229'), /^0904/);
  assert.equal(answerTo(at, '1207000100'), '13');
  at.hear(att('120600' + '68656c6c6f'));
  assert.deepEqual(
    at.said
      .slice(1)
      .map((packet) => packet.slice(18))
      .toSorted(),
    ['13', '1b060068656c6c6f'],
  );
  assert.equal(answerTo(at, '0affff'), '010affff01');
  assert.equal(answerTo(at, '3f'), '013f000006');
  assert.equal(at.hear(att('520600aa')).length, 2, 'a command has no reply, a notification it has');
});

test('indications go one at a time, each after the confirmation of the last', async () => {
  const at = new Bench();
  await at.connect();
  answerTo(at, '12' + '0a00' + '0200');
  at.said.length = 0;
  for (const central of at.peripheral.centrals) {
    for (const value of [1, 2, 3]) central.tell(INDICATED.characteristic, Uint8Array.of(value));
  }
  assert.deepEqual(
    at.said.map((packet) => packet.slice(18)),
    ['1d090001'],
  );
  at.hear(att('1e'));
  assert.equal(at.said.at(-1)?.slice(18), '1d090002');
  at.hear(att('1e'));
  at.hear(att('1e'));
  assert.equal(at.hear(att('1e')).length, 1);
});

test('ATT holds a client to what was agreed: lengths, parts in their order, and what a value offers', async () => {
  const at = new Bench();
  await at.connect();
  const echo = '0600';
  at.hear(att(`12${echo}${'aa'.repeat(21)}`));
  assert.equal(at.peripheral.heard.length, 0, 'longer than the MTU of 23');
  assert.equal(answerTo(at, `16${echo}0000${'11'.repeat(18)}`).slice(0, 2), '17');
  assert.equal(answerTo(at, `16${echo}1100${'22'.repeat(3)}`).slice(0, 2), '17');
  assert.equal(
    answerTo(at, '1801'),
    `0118${echo}07`,
    'the second part begins where the first has not ended',
  );
  assert.equal(at.peripheral.heard.length, 0);
  answerTo(at, `16${echo}0000${'11'.repeat(18)}`);
  answerTo(at, `16${echo}1200${'22'.repeat(3)}`);
  assert.equal(answerTo(at, '1801'), '19');
  assert.equal(
    toHex(at.peripheral.heard[0] ?? new Uint8Array(0)),
    '11'.repeat(18) + '22'.repeat(3),
  );
  assert.equal(answerTo(at, '12' + '0a00' + '01'), '01' + '12' + '0a00' + '0d');
  // Notifications of what is only indicated: taken down, and never sent.
  assert.equal(answerTo(at, '12' + '0a00' + '0100'), '13');
  at.said.length = 0;
  for (const central of at.peripheral.centrals)
    central.tell(INDICATED.characteristic, Uint8Array.of(1));
  assert.deepEqual(at.said, []);
});

test('fragments of 27 bytes in both directions carry the same', async () => {
  const at = new Bench({ aclLength: 27 });
  await at.connect();
  answerTo(at, '020502');
  const answer = at.hear(att('0a0600'));
  assert.equal(answer[1]?.slice(0, 10), '0240201b00');
  for (const packet of answer.slice(2)) assert.equal(packet.slice(0, 6), '024010');
  const value = joinBytes(...answer.slice(1).map((packet) => fromHex(packet).slice(5)));
  assert.equal(value.length, 4 + 247);
  // The host's own fragments: PB 00, then 01.
  at.peripheral.heard.length = 0;
  at.hear(`0240001b0027000400120600${'11'.repeat(20)}`);
  at.hear(`0240101000${'11'.repeat(16)}`);
  assert.equal(toHex(at.peripheral.heard[0] ?? new Uint8Array(0)), '11'.repeat(36));
});

test('packets come whole out of a stream cut anywhere, and an unknown type empties it', () => {
  const packets = POWER_ON.flat().map((hex) => fromHex(hex));
  const all = joinBytes(...packets);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: all.length }), { maxLength: 12 }), (cuts) => {
      const stream = new H4Stream();
      const edges = [0, ...cuts.toSorted((a, b) => a - b), all.length];
      const found = edges.flatMap((edge, index) =>
        stream.take(all.subarray(edge, edges[index + 1])),
      );
      assert.deepEqual(found.map(toHex), packets.map(toHex));
    }),
  );
  const stream = new H4Stream();
  assert.deepEqual(stream.take(Uint8Array.of(9, 1, 2)), []);
  assert.equal(stream.take(fromHex('01030c00')).length, 1);
});

test('anything at all on the wire breaks nothing', async () => {
  const at = new Bench();
  await at.connect();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(1, 2), (bytes, type) => {
      at.controller.hear(
        joinBytes(Uint8Array.of(type), type === 2 ? fromHex('40000000') : new Uint8Array(0), bytes),
      );
    }),
    { numRuns: 500 },
  );
  const at2 = new Bench();
  await at2.connect();
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 30 }), (pdu) => {
      at2.controller.hear(fromHex(att(toHex(pdu))));
    }),
    { numRuns: 500 },
  );
});
