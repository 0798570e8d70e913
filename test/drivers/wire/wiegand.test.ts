import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fromHex, toHex } from '../../../drivers/wire/hex.ts';
import {
  checkWiegand,
  encodeWiegand,
  leftJustified,
  numberOf,
  WIEGAND_FORMATS,
  type WiegandFormat,
} from '../../../drivers/wire/wiegand.ts';

/** Format, facility, card, bits as a number in hex, OSDP RAW data: the table of the reference. */
const VECTORS: readonly (readonly [WiegandFormat, bigint | undefined, bigint, string, string])[] = [
  ['h10301', 123n, 4567n, '2F623AE', 'BD 88 EB 80'],
  ['h10301', 1n, 10940n, '0025578', '00 95 5E 00'],
  ['h10301', 0n, 0n, '0000001', '00 00 00 40'],
  ['h10301', 255n, 65535n, '1FFFFFF', '7F FF FF C0'],
  ['h10306', 1234n, 56789n, '209A5BBAA', '82 69 6E EA 80'],
  ['h10302', undefined, 1234567890n, '10932C05A5', '84 99 60 2D 28'],
  ['h10304', 1234n, 345678n, '004D2A8C9D', '02 69 54 64 E8'],
  ['corporate-1000-35', 1234n, 567890n, '69A5154A4', 'D3 4A 2A 94 80'],
  ['corporate-1000-48', 123456n, 1234567n, '01E24025AD0E', '01 E2 40 25 AD 0E'],
];

test('cards of the published table, in both directions', () => {
  for (const [format, facility, card, value, raw] of VECTORS) {
    const { bits, bitCount } = encodeWiegand(format, facility, card);
    assert.equal(toHex(bits), toHex(fromHex(raw)), `${format} ${card}`);
    assert.equal(numberOf(bits, bitCount), BigInt(`0x${value}`));
    assert.deepEqual(leftJustified(BigInt(`0x${value}`), bitCount), bits);
    assert.deepEqual(checkWiegand(bits, bitCount, [format]), {
      kind: 'good',
      views: [{ format, facility, card }],
    });
  }
});

test('one flipped bit of a card with parity is malformed, never repaired', () => {
  for (const [format, facility, card] of VECTORS) {
    const { bits, bitCount } = encodeWiegand(format, facility, card);
    for (let bit = 0; bit < bitCount; bit += 1) {
      const flipped = bits.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
      assert.equal(checkWiegand(flipped, bitCount, [format]).kind, 'malformed', `${format} ${bit}`);
    }
  }
});

test('a length that the site has not chosen is refused; with none chosen an unknown length stays raw', () => {
  const bits = fromHex('BD 88 EB 80');
  assert.equal(checkWiegand(bits, 26, ['h10306']).kind, 'malformed');
  assert.equal(checkWiegand(bits, 27, ['h10301']).kind, 'malformed');
  assert.deepEqual(checkWiegand(bits, 27, []), { kind: 'good', views: [] });
  assert.equal(checkWiegand(bits, 26, []).kind, 'good');
  assert.equal(checkWiegand(bits, 40, []).kind, 'malformed', 'more bits announced than are there');
  assert.equal(checkWiegand(bits, 0, []).kind, 'malformed');
});

test('37 bits fit two formats, told as both', () => {
  const { bits, bitCount } = encodeWiegand('h10304', 1234n, 345678n);
  const checked = checkWiegand(bits, bitCount, []);
  assert.deepEqual(checked.kind === 'good' && checked.views.map(({ format }) => format), [
    'h10302',
    'h10304',
  ]);
});

test('a number survives its format, and one too large is refused', () => {
  const sizes: Record<WiegandFormat, readonly [bigint | undefined, bigint]> = {
    h10301: [8n, 16n],
    h10306: [16n, 16n],
    h10302: [undefined, 35n],
    h10304: [16n, 19n],
    'corporate-1000-35': [12n, 20n],
    'corporate-1000-48': [22n, 23n],
    'csn-32': [undefined, 32n],
  };
  for (const format of WIEGAND_FORMATS) {
    const [facilityBits, cardBits] = sizes[format];
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: (1n << (facilityBits ?? 1n)) - 1n }),
        fc.bigInt({ min: 0n, max: (1n << cardBits) - 1n }),
        (facility, card) => {
          const own = facilityBits === undefined ? undefined : facility;
          const { bits, bitCount } = encodeWiegand(format, own, card);
          const checked = checkWiegand(bits, bitCount, [format]);
          assert.deepEqual(checked, { kind: 'good', views: [{ format, facility: own, card }] });
        },
      ),
      { numRuns: 30 },
    );
    assert.throws(
      () => encodeWiegand(format, facilityBits === undefined ? undefined : 0n, 1n << cardBits),
      RangeError,
    );
  }
});
