import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { wiegandLineScan } from '../../../drivers/ascii-reader/wiegand-line.ts';
import { wiegandSerial } from '../../../drivers/ascii-reader/wiegand-serial.ts';
import { fromHex, toHex } from '../../../drivers/wire/hex.ts';
import { USUAL_KEYS } from '../../../drivers/wire/keypad-burst.ts';
import { giveUp, NOTHING_HELD, receive } from '../../../drivers/wire/receive-buffer.ts';
import { cardOfText } from '../../../drivers/wire/text-card.ts';
import { textCardOptions } from '../../../drivers/wire/text-card-options.ts';
import { numberOf } from '../../../drivers/wire/wiegand.ts';
import { simulatedWiegandKeypad } from '../../../simulator/devices/wiegand-keypad.ts';
import { wiredBus } from '../wired-bus.ts';

async function keypad(options: object = { entry: { end: '#' } }) {
  const wired = await wiredBus(wiegandSerial, { pad: { options, build: simulatedWiegandKeypad } });
  await wired.clock.advance(200);
  return wired;
}

test('a code typed key by key arrives whole, on keypads of 4 and of 8 bits', async () => {
  for (const bits of [4, 8]) {
    const wired = await keypad({ bits, entry: { end: '#' } });
    wired.hand('pad', 'press', { keys: '0090#' });
    await wired.clock.advance(2000);
    assert.deepEqual(
      wired.of('code-entered').map(({ digits }) => digits),
      ['0090'],
    );
    assert.equal(wired.of('keypad').filter(({ notice }) => notice === 'key').length, 4);
  }
});

test('a fixed length needs no end key, and * clears', async () => {
  const wired = await keypad({ entry: { length: 6 } });
  wired.hand('pad', 'press', { keys: '12*123456' });
  await wired.clock.advance(3000);
  assert.deepEqual(
    wired.of('code-entered').map(({ digits }) => digits),
    ['123456'],
  );
});

test('a half code does not survive five seconds, a card, or the link', async () => {
  const wired = await keypad();
  wired.hand('pad', 'press', { keys: '12' });
  await wired.clock.advance(5500);
  wired.hand('pad', 'press', { keys: '34#' });
  await wired.clock.advance(1000);
  wired.hand('pad', 'press', { keys: '56' });
  await wired.clock.advance(1000);
  wired.hand('pad', 'show', { card: '123478' });
  await wired.clock.advance(1000);
  wired.hand('pad', 'press', { keys: '78#' });
  await wired.clock.advance(1000);
  wired.hand('pad', 'press', { keys: '99' });
  await wired.clock.advance(1000);
  await wired.port.unplug();
  await wired.clock.settle();
  await wired.port.plug();
  await wired.open();
  await wired.clock.advance(200);
  wired.hand('pad', 'press', { keys: '11#' });
  await wired.clock.advance(1000);
  assert.deepEqual(
    wired.of('code-entered').map(({ digits }) => digits),
    ['34', '78', '11'],
  );
  assert.deepEqual(
    wired.of('keypad').flatMap(({ notice }) => (notice === 'key' ? [] : [notice])),
    ['timed-out', 'cleared', 'fault'],
  );
});

test('a card is its number in 32 bits, also behind keys in one chunk of a gateway', async () => {
  const wired = await keypad();
  wired.bus.setFaults({ merge: 400 });
  wired.hand('pad', 'press', { keys: '12' });
  wired.hand('pad', 'show', { card: '123478' });
  await wired.clock.advance(2000);
  assert.deepEqual(
    wired.of('card-read').map(({ bits, bitCount }) => [toHex(bits), bitCount]),
    [['0001e256', 32]],
  );
  assert.equal(wired.of('keypad').filter(({ notice }) => notice === 'key').length, 2);
});

test('exchanged keypad wires void what was typed until straight keys prove them right', async () => {
  const wired = await keypad({ bits: 8, entry: { end: '#' } });
  wired.hand('pad', 'swap-wires');
  wired.hand('pad', 'press', { keys: '4567891' });
  await wired.clock.advance(2000);
  assert.deepEqual(
    wired.of('fault').map(({ fault, state }) => [fault, state]),
    [['wiring-swapped', 'raised']],
  );
  wired.hand('pad', 'press', { keys: '7895554' });
  await wired.clock.advance(2000);
  assert.equal(wired.of('fault').length, 1, 'keys that swapped wires can give prove nothing');
  assert.deepEqual(wired.of('code-entered'), []);
  wired.hand('pad', 'swap-wires', { on: false });
  wired.hand('pad', 'press', { keys: '1*1234#' });
  await wired.clock.advance(2000);
  assert.deepEqual(
    wired.of('code-entered').map(({ digits }) => digits),
    ['1234'],
  );
  assert.equal(wired.of('fault').at(-1)?.state, 'cleared');
});

test('published card lines: decimal with CR LF, and six hex digits with CR', () => {
  const s4a = { bits: 4, keys: USUAL_KEYS, card: textCardOptions.parse({}) } as const;
  const line = fromHex('30 30 30 30 31 32 33 34 37 38 0D 0A');
  const [token] = receive(NOTHING_HELD, line, (b) => wiegandLineScan(s4a)(b, false), 10).frames;
  assert.ok(token?.kind === 'card');
  assert.equal(numberOf(token.card.bits, 32), 0x1e256n);
  const card = textCardOptions.parse({ base: 16, digits: 6, bits: 24, format: 'h10301' });
  const wie232 = wiegandLineScan({ bits: 8, keys: USUAL_KEYS, card });
  const hex = fromHex('37 42 31 31 44 37 0D');
  const [h10301] = receive(NOTHING_HELD, hex, (b) => wie232(b, false), 6).frames;
  assert.ok(h10301?.kind === 'card');
  assert.equal(
    toHex(h10301.card.bits),
    'bd88eb80',
    'as a reader with parity gives FC 123, CN 4567',
  );
});

test('a card of the wrong length or too large is malformed, never cut', () => {
  const options = textCardOptions.parse({});
  assert.equal(cardOfText('123', options).kind, 'malformed');
  assert.equal(cardOfText('4294967296', options).kind, 'malformed');
  assert.equal(cardOfText('12345678901', options).kind, 'malformed');
  const reversed = cardOfText('0000000001', textCardOptions.parse({ reverseBytes: true }));
  assert.ok(reversed.kind === 'card');
  assert.equal(toHex(reversed.card.bits), '01000000');
});

test('whatever arrives, reading it ends, and no card comes out that is not in it', () => {
  const scan = wiegandLineScan({ bits: 4, keys: USUAL_KEYS, card: textCardOptions.parse({}) });
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.integer({ min: 1, max: 20 }),
      (stream, cut) => {
        let held = NOTHING_HELD;
        for (let at = 0; at < stream.length; at += cut) {
          const received = receive(held, stream.subarray(at, at + cut), (b) => scan(b, false), 10);
          held = received.held;
          for (const token of received.frames) {
            if (token.kind !== 'card') continue;
            const text = String(numberOf(token.card.bits, 32)).padStart(10, '0');
            assert.ok(String.fromCharCode(...stream).includes(text));
          }
        }
        assert.equal(giveUp(held, (b) => scan(b, true)).held.length, 0);
      },
    ),
    { numRuns: 300 },
  );
});
