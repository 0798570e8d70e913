import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deviceId } from '../../../drivers/contract/device.ts';
import type { Reading } from '../../../drivers/wire/board.ts';
import { BLANK_PICTURE, isAsSeen, look } from '../../../drivers/wire/board-picture.ts';

const device = deviceId('box');
const bit = fc.constantFrom(true, false, undefined);
const bits = fc.array(bit, { minLength: 1, maxLength: 3 });

const readings: fc.Arbitrary<Reading> = fc.oneof(
  fc.record({ doors: bits, presence: bits }),
  fc.record({ doors: bits, presence: bits, inputs: bits }),
  fc.record({ doors: bits, presence: bits, inputs: bits, contact: fc.boolean() }),
);

test('a reading that is passed over as known would have changed and told nothing', () => {
  let passedOver = 0;
  fc.assert(
    fc.property(
      fc.array(readings, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(3), { minLength: 5, maxLength: 20 }),
      fc.integer({ min: 1, max: 3 }),
      (some, order, debounce) => {
        let picture = BLANK_PICTURE;
        for (const which of order) {
          const reading = some[which % some.length] ?? { doors: [], presence: [] };
          const seen = look(picture, reading, debounce, device);
          if (isAsSeen(picture, reading)) {
            passedOver += 1;
            assert.deepEqual(seen, { picture, events: [], isSettled: true });
          }
          picture = seen.picture;
        }
      },
    ),
  );
  assert.ok(passedOver > 100, `${passedOver} were passed over`);
});

test('what has been read often enough is passed over', () => {
  fc.assert(
    fc.property(readings, fc.integer({ min: 1, max: 5 }), (reading, debounce) => {
      let picture = BLANK_PICTURE;
      for (let n = 0; n < debounce; n++) {
        picture = look(picture, reading, debounce, device).picture;
      }
      assert.equal(isAsSeen(picture, reading), true);
    }),
  );
});
