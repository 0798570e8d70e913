import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { openRequest, pollRequest, scanWinnsen } from '../../../drivers/winnsen/frame.ts';
import { winnsenOptions } from '../../../drivers/winnsen/options.ts';
import { fromHex, toHex } from '../../../drivers/wire/hex.ts';
import { giveUp, NOTHING_HELD, receive } from '../../../drivers/wire/receive-buffer.ts';

const hex = (text: string) => toHex(fromHex(text));

test('published frames, in both directions', () => {
  assert.equal(toHex(openRequest(1, 5)), hex('90 06 05 01 05 03'));
  assert.equal(toHex(openRequest(3, 7)), hex('90 06 05 03 07 03'));
  assert.equal(toHex(pollRequest(2, 12)), hex('90 07 02 02 FF 0F 03'));
  const read = (text: string) => {
    const found = scanWinnsen(fromHex(text));
    assert.ok(found.kind === 'frame', text);
    return found.frame;
  };
  const opened = { kind: 'opened', station: 1, lock: 5, result: 1 };
  assert.deepEqual(read('90 07 85 01 05 01 03'), opened);
  assert.deepEqual(read('90 07 A5 01 05 01 03'), opened);
  const polled = read('90 07 82 01 01 01 03');
  assert.ok(polled.kind === 'polled');
  assert.deepEqual(
    polled.isOpen.flatMap((bit, index) => (bit ? [index + 1] : [])),
    [1, 9],
  );
  const all = read('90 07 82 01 FF FF 03');
  assert.ok(all.kind === 'polled' && all.isOpen.every((bit) => bit));
  assert.equal(read('90 06 05 01 05 03').kind, 'request');
});

test('it is built only for those who accept that noise can open another slot', () => {
  assert.equal(winnsenOptions.safeParse({}).success, false);
  assert.equal(winnsenOptions.safeParse({ acceptNoChecksum: false }).success, false);
  assert.equal(winnsenOptions.safeParse({ acceptNoChecksum: true }).success, true);
  for (const lock of [0, 17, 0xff]) assert.throws(() => openRequest(1, lock), RangeError);
});

test('any bytes at all end in an answer, and frames are found behind any noise', () => {
  const frame = fromHex('90 07 82 01 01 01 03');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), fc.integer({ min: 1, max: 9 }), (noise, cut) => {
      const stream = Uint8Array.from([...noise.filter((byte) => byte !== 0x90), ...frame]);
      let held = NOTHING_HELD;
      let count = 0;
      for (let at = 0; at < stream.length; at += cut) {
        const received = receive(held, stream.subarray(at, at + cut), scanWinnsen, 7);
        held = received.held;
        count += received.frames.length;
      }
      assert.equal(count, 1);
      assert.equal(giveUp(noise, scanWinnsen).held.length, 0);
    }),
    { numRuns: 200 },
  );
});
