import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Body, encodeCommand } from '../../../drivers/osdp/commands.ts';
import { encode, type Frame, SECURITY, scan } from '../../../drivers/osdp/frame.ts';
import { decodeReply, encodeReply } from '../../../drivers/osdp/replies.ts';
import {
  clientCryptogram,
  decrypt,
  encrypt,
  initialMac,
  isSame,
  SCBK_DEFAULT,
  seal,
  serverCryptogram,
  sessionKeys,
  unseal,
} from '../../../drivers/osdp/secure-channel.ts';
import { hex, toHex } from './hex.ts';

const RND_A = hex('B0B1B2B3B4B5B6B7');
const RND_B = hex('A0A1A2A3A4A5A6A7');
const SITE_KEY = hex('404142434445464748494A4B4C4D4E4F');

function frameOf(text: string): Frame {
  const result = scan(hex(text));
  assert.ok(result.kind === 'frame');
  return result.frame;
}

/** A handshake frame of reader 1: encodes to the bytes, and the bytes read back to it. */
function handshake(
  bytes: string,
  from: 'cp' | 'pd',
  sequence: number,
  type: number,
  selector: number,
  body: { readonly code: number; readonly data: Uint8Array },
) {
  const security = { type, data: Uint8Array.of(selector) };
  const frame = { address: 1, from, sequence, check: 'crc', security, mac: undefined } as const;
  assert.equal(toHex(encode({ ...frame, ...body })), toHex(hex(bytes)));
  assert.deepEqual(frameOf(bytes), { ...frame, ...body });
}

test('annex E: keys, cryptograms and first MAC under the default key', () => {
  const keys = sessionKeys(SCBK_DEFAULT, RND_A);
  assert.equal(toHex(keys.enc), 'BF8DC2A8329ACB8C67C6D0CD9A451682');
  assert.equal(toHex(keys.mac1), '5E86C676603BDEE2D8BEAFE178637332');
  assert.equal(toHex(keys.mac2), '6FDA86E857777E81132035758239172E');
  assert.equal(toHex(clientCryptogram(keys, RND_A, RND_B)), 'FDE5D2F428EC16312471EA3C02BD7796');
  const server = serverCryptogram(keys, RND_A, RND_B);
  assert.equal(toHex(server), '26D3356E07762D262801FC8E6665A891');
  assert.equal(toHex(initialMac(keys, server)), 'B2A30057EB98BA2229EC1F875662B524');
});

test('session A: handshake byte for byte', () => {
  const keys = sessionKeys(SITE_KEY, RND_A);
  assert.equal(toHex(keys.enc), '2E3B338748BEEC61BD11C3D42BA4CB0C');
  assert.equal(toHex(keys.mac1), '984C2960375CFEDD138DDC97A547A0E5');
  assert.equal(toHex(keys.mac2), 'F847877021F5F7D9E5596B4E3D488B6B');
  handshake(
    '530113000C 031101 76 B0B1B2B3B4B5B6B7 33F5',
    'cp',
    0,
    SECURITY.challenge,
    1,
    encodeCommand({ kind: 'challenge', rndA: RND_A }),
  );
  const cryptogram = clientCryptogram(keys, RND_A, RND_B);
  handshake(
    '53812B000C 031201 76 C3B2070004030201 A0A1A2A3A4A5A6A7 AC5A30E97E4A65DFB660DB059E754E58 91DB',
    'pd',
    0,
    SECURITY.clientCryptogram,
    1,
    encodeReply({
      kind: 'client-cryptogram',
      cuid: hex('C3B2070004030201'),
      rndB: RND_B,
      cryptogram,
    }),
  );
  const server = serverCryptogram(keys, RND_A, RND_B);
  handshake(
    '53011B000D 031301 77 EB6F1ED49C3FBE232F27CC08359F76A8 BEF7',
    'cp',
    1,
    SECURITY.serverCryptogram,
    1,
    encodeCommand({ kind: 'cryptogram', cryptogram: server }),
  );
  handshake(
    '53811B000D 031401 78 D80F02B38761317940C525E3F80AF639 75DE',
    'pd',
    1,
    SECURITY.initialMac,
    1,
    encodeReply({ kind: 'initial-mac', mac: initialMac(keys, server) }),
  );
});

test('session A: the messages under it, sealed and unsealed byte for byte', () => {
  const keys = sessionKeys(SITE_KEY, RND_A);
  let previous = initialMac(keys, serverCryptogram(keys, RND_A, RND_B));

  const exchange = (bytes: string, sequence: number, body: Body, fullMac?: string) => {
    const sent = frameOf(bytes);
    const sealed = seal(keys, previous, { address: 1, from: sent.from, sequence, ...body });
    assert.equal(toHex(encode(sealed.frame)), toHex(hex(bytes)));
    if (fullMac !== undefined) assert.equal(toHex(sealed.mac), fullMac);

    const opened = unseal(keys, previous, sent);
    assert.deepEqual(opened, { data: body.data, mac: sealed.mac });
    previous = sealed.mac;
  };

  exchange(
    '53011E000E 0217 69 2C678AA8EE4B9CAF4D1879E405B89672 4CEF48E6 8443',
    2,
    encodeCommand({
      kind: 'led',
      records: [
        {
          reader: 0,
          led: 0,
          temporary: { on: 3, off: 2, onColour: 'green', offColour: 'off', tenths: 20 },
          permanent: { on: 5, off: 0, onColour: 'red', offColour: 'off' },
        },
      ],
    }),
    '4CEF48E60FE40AA5C6704D01538597D8',
  );
  exchange(
    '53810E000E 0216 40 D2492214 6BA2',
    2,
    encodeReply({ kind: 'ack' }),
    'D2492214266E0E1BA2658A884551B478',
  );
  exchange(
    '53010E000F 0215 60 C8E4C6B8 978E',
    3,
    encodeCommand({ kind: 'poll' }),
    'C8E4C6B80961B8254A2CAD34BFB6028F',
  );
  exchange(
    '53811E000F 0218 50 32F5BEF3C9FA4C8378AFB3CED13C85A7 6081345C C30E',
    3,
    encodeReply({
      kind: 'raw',
      reader: 0,
      format: 1,
      bitCount: 26,
      bits: hex('BD88EB80'),
    }),
  );
  exchange('53010E000D 0215 60 601B4486 800B', 1, encodeCommand({ kind: 'poll' }));
  exchange(
    '53811E000D 0218 53 5269DF3C362B4CBF5992D0AC6AA02ADB 54389D68 0A94',
    1,
    encodeReply({
      kind: 'keypad',
      reader: 0,
      keys: hex('31323334'),
    }),
  );
});

test('session B: a reader without our key is told by its cryptogram, then given it', () => {
  const wrong = frameOf(
    '53812B000C 031201 76 C3B2070004030201 A0A1A2A3A4A5A6A7 52087B379F9F090079726CBC6C73B8B6 462B',
  );
  const answer = decodeReply(wrong);
  assert.ok(answer.kind === 'client-cryptogram');
  const ours = clientCryptogram(sessionKeys(SITE_KEY, RND_A), RND_A, answer.rndB);
  assert.equal(isSame(ours, answer.cryptogram), false);

  const keys = sessionKeys(SCBK_DEFAULT, RND_A);
  handshake(
    '530113000D 031100 76 B0B1B2B3B4B5B6B7 15DF',
    'cp',
    1,
    SECURITY.challenge,
    0,
    encodeCommand({ kind: 'challenge', rndA: RND_A }),
  );
  handshake(
    '53812B000D 031200 76 C3B2070004030201 A0A1A2A3A4A5A6A7 FDE5D2F428EC16312471EA3C02BD7796 ACC0',
    'pd',
    1,
    SECURITY.clientCryptogram,
    0,
    encodeReply({
      kind: 'client-cryptogram',
      cuid: hex('C3B2070004030201'),
      rndB: RND_B,
      cryptogram: clientCryptogram(keys, RND_A, RND_B),
    }),
  );
  const server = serverCryptogram(keys, RND_A, RND_B);
  handshake(
    '53011B000E 031300 77 26D3356E07762D262801FC8E6665A891 4383',
    'cp',
    2,
    SECURITY.serverCryptogram,
    0,
    encodeCommand({ kind: 'cryptogram', cryptogram: server }),
  );
  const first = initialMac(keys, server);
  handshake(
    '53811B000E 031401 78 B2A30057EB98BA2229EC1F875662B524 6DDC',
    'pd',
    2,
    SECURITY.initialMac,
    1,
    encodeReply({ kind: 'initial-mac', mac: first }),
  );

  const keyset = seal(keys, first, {
    address: 1,
    from: 'cp',
    sequence: 3,
    ...encodeCommand({ kind: 'keyset', key: SITE_KEY }),
  });
  assert.equal(
    toHex(encode(keyset.frame)),
    toHex(
      hex(
        '53012E000F 0217 75 617349AF47A1CDD53F7F5FF7F4A12517C5DAD025C7ED4A99FC388E8D0243CFC0 65346546 B5C7',
      ),
    ),
  );
  const ack = frameOf('53810E000F 0216 40 EEE63B3C 4F0B');
  assert.ok(unseal(keys, keyset.mac, ack));
  assert.equal(unseal(keys, first, ack), undefined, 'out of its place in the chain');
});

test('a sealed poll without a session reads as one, and its MAC of zeros fails', () => {
  const frame = frameOf('53 01 0E 00 0E 02 15 60 00 00 00 00 F3 19');
  assert.equal(frame.security?.type, SECURITY.commandMac);
  const keys = sessionKeys(SITE_KEY, RND_A);
  assert.equal(unseal(keys, initialMac(keys, SITE_KEY), frame), undefined);
});

test('data of any length survives encryption, always with padding', () => {
  const keys = sessionKeys(SITE_KEY, RND_A);
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 70 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      (plain, previous) => {
        const sealed = encrypt(keys, plain, previous);
        assert.equal(sealed.length % 16, 0);
        assert.ok(sealed.length > plain.length);
        assert.deepEqual(decrypt(keys, sealed, previous), Uint8Array.from(plain));
      },
    ),
  );
});

test('no changed byte of a sealed message passes', () => {
  const keys = sessionKeys(SITE_KEY, RND_A);
  const previous = initialMac(keys, SITE_KEY);
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (data, place, mask) => {
        const { frame } = seal(keys, previous, {
          address: 1,
          from: 'pd',
          sequence: 2,
          code: 0x50,
          data,
        });
        const changed = frame.data.slice();
        const at = place % changed.length;
        changed[at] = (changed[at] ?? 0) ^ mask;
        assert.equal(unseal(keys, previous, { ...frame, data: changed }), undefined);
        assert.equal(unseal(keys, previous, { ...frame, code: frame.code ^ mask }), undefined);
        assert.equal(unseal(keys, previous, { ...frame, sequence: 3 }), undefined);
        assert.deepEqual(unseal(keys, previous, frame)?.data, Uint8Array.from(data));
      },
    ),
  );
});
