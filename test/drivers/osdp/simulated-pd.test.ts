/** The simulated reader is held to what libosdp 3.2 was seen to answer, byte for byte. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Random } from '../../../drivers/contract/time.ts';
import { crc16Osdp } from '../../../drivers/wire/crc16.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import {
  SimulatedOsdpPd,
  type SimulatedOsdpPdOptions,
} from '../../../simulator/devices/osdp-pd.ts';
import { hex, toHex } from './hex.ts';

/** Draws A0 A1 A2 … each time, as RND.B of the recorded sessions. */
const recordedChance: Random = {
  fraction: () => 0,
  bytes: (length) => Uint8Array.from({ length }, (_, n) => 0xa0 + n),
};

function reader(options: Partial<SimulatedOsdpPdOptions> = {}) {
  const clock = new SimulatedClock();
  const said: Uint8Array[] = [];
  const pd = new SimulatedOsdpPd(
    'pd',
    { address: 1, ...options },
    { clock, random: recordedChance, say: (bytes) => said.push(bytes) },
  );
  const ask = async (command: string, wait = 20): Promise<string> => {
    said.length = 0;
    pd.hear(hex(command));
    await clock.advance(wait);
    const [reply, ...more] = said;
    assert.equal(more.length, 0);
    if (reply === undefined) return '';
    assert.equal(reply[0], 0xff, 'a mark byte first');
    return toHex(reply.subarray(1));
  };
  const plain = (text: string) => toHex(hex(text));
  return { pd, clock, ask, plain, do: (verb: string, args = {}) => pd.verbs[verb]?.run(args) };
}

const SITE_KEY = '404142434445464748494A4B4C4D4E4F';
const ID = '53 01 09 00 04 61 00 60 23';
const CHALLENGE = '530113000C 031101 76 B0B1B2B3B4B5B6B7 33F5';
const CRYPTOGRAM = '53011B000D 031301 77 EB6F1ED49C3FBE232F27CC08359F76A8 BEF7';
const LED = '53011E000E 0217 69 2C678AA8EE4B9CAF4D1879E405B89672 4CEF48E6 8443';

test('identification and a poll in clear', async () => {
  const { ask, plain } = reader();
  assert.equal(await ask(ID), plain('53 81 14 00 04 45 C3 B2 A1 07 01 04 03 02 01 01 02 03 27 E7'));
  await ask('53 01 08 00 05 60 8B 33');
  assert.equal(await ask('53 01 08 00 06 60 D8 66'), plain('53 81 08 00 06 40 6A 60'));
  assert.equal(await ask('53 01 08 00 07 60 E9 55'), plain('53 81 08 00 07 40 5B 53'));
});

test('session A, from the challenge to the keys typed', async () => {
  const { ask, plain, do: act } = reader({ key: SITE_KEY, announcesStart: false });
  assert.equal(
    await ask(CHALLENGE),
    plain(
      '53812B000C031201 76 C3B2070004030201 A0A1A2A3A4A5A6A7 AC5A30E97E4A65DFB660DB059E754E58 91DB',
    ),
  );
  assert.equal(
    await ask(CRYPTOGRAM),
    plain('53811B000D 031401 78 D80F02B38761317940C525E3F80AF639 75DE'),
  );
  assert.equal(await ask(LED), plain('53810E000E 0216 40 D2492214 6BA2'));
  act('show', { bits: 'BD88EB80', bitCount: 26 });
  act('press', { keys: '1234', together: true });
  assert.equal(
    await ask('53010E000F 0215 60 C8E4C6B8 978E'),
    plain('53811E000F 0218 50 32F5BEF3C9FA4C8378AFB3CED13C85A7 6081345C C30E'),
  );
  assert.equal(
    await ask('53010E000D 0215 60 601B4486 800B'),
    plain('53811E000D 0218 53 5269DF3C362B4CBF5992D0AC6AA02ADB 54389D68 0A94'),
  );
});

test('session B: the default key answers, is refused, and a key is installed under it', async () => {
  const { ask, plain, pd } = reader();
  assert.equal(
    await ask(CHALLENGE),
    plain(
      '53812B000C031201 76 C3B2070004030201 A0A1A2A3A4A5A6A7 52087B379F9F090079726CBC6C73B8B6 462B',
    ),
  );
  assert.equal(
    await ask('530113000D 031100 76 B0B1B2B3B4B5B6B7 15DF'),
    plain(
      '53812B000D031200 76 C3B2070004030201 A0A1A2A3A4A5A6A7 FDE5D2F428EC16312471EA3C02BD7796 ACC0',
    ),
  );
  assert.equal(
    await ask('53011B000E 031300 77 26D3356E07762D262801FC8E6665A891 4383'),
    plain('53811B000E 031401 78 B2A30057EB98BA2229EC1F875662B524 6DDC'),
  );
  assert.equal(
    await ask(
      '53012E000F 0217 75 617349AF47A1CDD53F7F5FF7F4A12517C5DAD025C7ED4A99FC388E8D0243CFC0 65346546 B5C7',
    ),
    plain('53810E000F 0216 40 EEE63B3C 4F0B'),
  );
  assert.deepEqual(pd.look(), { ...Object(pd.look()), session: 'clear' });
  // From here on it holds the key of session A.
  assert.match(await ask(CHALLENGE), /AC5A30E97E4A65DFB660DB059E754E58/);
});

async function inSession() {
  const made = reader({ key: SITE_KEY });
  await made.ask(CHALLENGE);
  await made.ask(CRYPTOGRAM);
  return made;
}

const NO_SESSION_2 = '53 81 09 00 06 41 06 00 FF';

test('a broken byte under a session: silence, then NAK 6 in clear to the same bytes', async () => {
  const { ask, plain } = await inSession();
  assert.equal(await ask(LED.replace('69 2C', '69 2D')), '');
  assert.equal(await ask(LED), plain(NO_SESSION_2));
});

test('a wrong MAC under a good CRC: NAK 6 in clear, and the session is gone', async () => {
  const { ask, plain, pd } = await inSession();
  assert.equal(await ask('53 01 0E 00 0E 02 15 60 00 00 00 00 F3 19'), plain(NO_SESSION_2));
  assert.equal(Object(pd.look()).session, 'clear');
});

test('clear text under a session: NAK 6 under it, and it goes on', async () => {
  const { ask, pd } = await inSession();
  const reply = hex(await ask('53 01 08 00 06 60 D8 66'));
  assert.deepEqual([reply[4], reply[5], reply[6], reply[7]], [0x0e, 0x02, 0x18, 0x41]);
  assert.equal(Object(pd.look()).session, 'secure');
});

test('more than eight seconds of silence: NAK 6', async () => {
  const { ask, clock, plain } = await inSession();
  await clock.advance(8600);
  assert.equal(await ask(LED), plain(NO_SESSION_2));
});

test('started again: NAK 4 in clear until sequence 0', async () => {
  const { ask, plain, do: act } = await inSession();
  act('reboot');
  assert.equal(await ask(LED), plain('53 81 09 00 04 41 04 22 B1'));
  assert.match(await ask(ID), /^5381140004/);
});

test('a command that comes again is answered with the same bytes and not obeyed again', async () => {
  const { ask, pd } = reader();
  await ask(ID);
  const output = '53 01 0C 00 05 68 01 05 1E 00 E6 CC';
  const first = await ask(output);
  assert.equal(await ask(output), first);
  assert.equal(Object(pd.look()).outputs[1].pulses, 1);
});

test('a sequence that was not expected', async () => {
  const { ask, plain } = reader();
  await ask(ID);
  await ask('53 01 08 00 05 60 8B 33');
  assert.equal(await ask('53 01 08 00 07 60 E9 55'), plain('53 81 09 00 06 41 04 42 DF'));
});

test('a proof of zeros: NAK 5', async () => {
  const { ask, plain } = reader({ key: SITE_KEY });
  await ask(CHALLENGE);
  const zeros = '53 01 1B 00 0D 03 13 01 77 00000000000000000000000000000000';
  const crc = crc16Osdp(hex(zeros));
  const trailer = toHex(Uint8Array.of(crc & 0xff, crc >> 8));
  assert.equal(await ask(zeros + trailer), plain('53 81 09 00 05 41 05 33 96'));
});

test('a new address is confirmed from the old one', async () => {
  const { ask, plain, clock, do: act } = reader();
  act('reboot');
  await ask(ID);
  for (const poll of ['53 01 08 00 05 60 8B 33', '53 01 08 00 06 60 D8 66']) await ask(poll);
  assert.equal(
    await ask('53 01 0D 00 07 6E 05 00 4B 00 00 9C 78'),
    plain('53 81 0D 00 07 54 05 00 4B 00 00 26 35'),
  );
  await clock.advance(200);
  assert.equal(await ask('53 01 08 00 05 60 8B 33'), '');
});

test('all addresses at once: it answers as FF', async () => {
  const { ask, plain } = reader();
  assert.equal(
    await ask('53 7F 09 00 04 61 00 5F E6'),
    plain('53 FF 14 00 04 45 C3 B2 A1 07 01 04 03 02 01 01 02 03 7C 58'),
  );
});

test('busy, as often as it was told to be', async () => {
  const { ask, plain, do: act } = reader();
  await ask(ID);
  act('busy', { times: 1 });
  assert.equal(await ask('53 01 08 00 05 60 8B 33'), plain('53 81 08 00 04 79 72 A1'));
  assert.notEqual(await ask('53 01 08 00 05 60 8B 33'), plain('53 81 08 00 04 79 72 A1'));
});

test('a frame with a gap of 60 ms is heard, with one of 350 ms it is not', async () => {
  for (const [gap, isHeard] of [
    [60, true],
    [350, false],
  ] as const) {
    const { pd, clock, ask } = reader();
    pd.hear(hex('53 01 09 00'));
    await clock.advance(gap);
    assert.equal((await ask('04 61 00 60 23')) !== '', isHeard);
  }
});
