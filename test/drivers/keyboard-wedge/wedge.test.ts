import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { keyboardWedge, usbKeypad } from '../../../drivers/keyboard-wedge/driver.ts';
import { encodeRecord, pressedKey, scanRecord } from '../../../drivers/keyboard-wedge/record.ts';
import { fromHex, joinBytes, toHex } from '../../../drivers/wire/hex.ts';
import { NOTHING_HELD, receive } from '../../../drivers/wire/receive-buffer.ts';
import {
  simulatedKeyboardWedge,
  simulatedUsbKeypad,
} from '../../../simulator/devices/usb-input.ts';
import { wiredBus } from '../wired-bus.ts';

test('published records of both sizes: pressed, released, repeated, report', () => {
  for (const [tail, key] of [
    ['01 00 02 00 01 00 00 00', '1'],
    ['01 00 02 00 00 00 00 00', undefined],
    ['01 00 02 00 02 00 00 00', undefined],
    ['01 00 4C 00 01 00 00 00', '5'],
    ['01 00 1C 00 01 00 00 00', 'enter'],
    ['00 00 00 00 00 00 00 00', undefined],
  ] as const) {
    for (const [wordBits, zeros] of [
      [64, 16],
      [32, 8],
    ] as const) {
      const bytes = joinBytes(new Uint8Array(zeros), fromHex(tail));
      const found = scanRecord(bytes, wordBits);
      assert.ok(found.kind === 'frame' && found.length === bytes.length);
      assert.equal(pressedKey(found.frame), key);
      assert.deepEqual(encodeRecord(found.frame, wordBits), bytes);
    }
  }
});

test('every digit of both rows and the keypad has its code', () => {
  const press = (code: number) => pressedKey({ type: 1, code, value: 1 });
  assert.equal([2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(press).join(''), '1234567890');
  assert.equal([82, 79, 80, 81, 75, 76, 77, 71, 72, 73].map(press).join(''), '0123456789');
  assert.equal([30, 48, 46, 32, 18, 33].map(press).join(''), 'ABCDEF');
  assert.equal(press(96), 'enter');
  assert.equal(press(42), undefined);
  assert.equal(press(16), 'other');
});

test('records come out of any cut, and any bytes at all end in an answer', () => {
  const records = fc.record(
    {
      type: fc.integer({ min: 0, max: 5 }),
      code: fc.integer({ min: 0, max: 255 }),
      value: fc.integer({ min: 0, max: 2 }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(
      fc.array(records, { maxLength: 8 }),
      fc.constantFrom<32 | 64>(32, 64),
      fc.integer({ min: 1, max: 50 }),
      (said, wordBits, cut) => {
        const stream = joinBytes(...said.map((record) => encodeRecord(record, wordBits)));
        let held = NOTHING_HELD;
        const found = [];
        for (let at = 0; at < stream.length; at += cut) {
          const chunk = stream.subarray(at, at + cut);
          const received = receive(held, chunk, (b) => scanRecord(b, wordBits), 24);
          held = received.held;
          found.push(...received.frames);
        }
        assert.deepEqual(found, said);
      },
    ),
    { numRuns: 100 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      receive(NOTHING_HELD, bytes, (b) => scanRecord(b, 64), 24);
    }),
    { numRuns: 200 },
  );
});

test('a card typed with Enter or without, on systems of both sizes', async () => {
  for (const wordBits of [32, 64]) {
    const wired = await wiredBus(keyboardWedge, {
      desk: { options: { wordBits }, build: simulatedKeyboardWedge },
    });
    // Records come one by one, and cut, as well as many at once.
    wired.bus.setFaults({ split: 1 });
    wired.hand('desk', 'show', { card: '0000076476' });
    await wired.clock.advance(3000);
    wired.bus.setFaults({ split: undefined });
    wired.hand('desk', 'show', { card: '0000076477', enter: false });
    await wired.clock.advance(2000);
    wired.hand('desk', 'show', { card: '76477' });
    await wired.clock.advance(2000);
    assert.deepEqual(
      wired.of('card-read').map(({ bits, bitCount }) => [toHex(bits), bitCount]),
      [
        ['00012abc', 32],
        ['00012abd', 32],
      ],
    );
    assert.equal(wired.of('card-malformed').length, 1);
  }
});

test('a desk reader that types ten hex digits gives the same card as a fob reader at the box', async () => {
  const card = { base: 16, digits: 10, bits: 40, technology: 'em4100' };
  const wired = await wiredBus(keyboardWedge, {
    desk: { options: { card }, build: simulatedKeyboardWedge },
  });
  wired.hand('desk', 'show', { card: '0F00012ABC' });
  await wired.clock.advance(2000);
  assert.deepEqual(
    wired
      .of('card-read')
      .map(({ technology, bits, bitCount }) => [technology, toHex(bits), bitCount]),
    [['em4100', '0f00012abc', 40]],
  );
});

test('a numeric keypad: Enter ends a code, a held key counts once', async () => {
  const wired = await wiredBus(usbKeypad, { pad: { options: {}, build: simulatedUsbKeypad } });
  wired.hand('pad', 'press', { keys: '12*0090#' });
  await wired.clock.advance(3000);
  assert.deepEqual(
    wired.of('code-entered').map(({ digits }) => digits),
    ['0090'],
  );
});
