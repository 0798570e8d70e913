/**
 * Wiegand card formats (serial-hardware 6), for every reader that hands on raw bits. The bits with their count are
 * a card's identity; facility and card number are views of them. Parity only rules formats out.
 */
import type { CardBits } from '../contract/device.ts';

export type WiegandFormat =
  | 'h10301' // 26 bit
  | 'h10306' // 34 bit
  | 'h10302' // 37 bit without facility
  | 'h10304' // 37 bit with facility
  | 'corporate-1000-35'
  | 'corporate-1000-48'
  | 'csn-32'; // chip serial number, no parity

export interface WiegandView {
  readonly format: WiegandFormat;
  /** Facility or company code; `undefined` where the format has none. */
  readonly facility: bigint | undefined;
  readonly card: bigint;
}

/** Bit numbers count from 1, as in the formats' descriptions; bit 1 is sent first. */
interface Layout {
  readonly bits: number;
  /** First and last bit. */
  readonly facility?: readonly [first: number, last: number];
  readonly card: readonly [first: number, last: number];
  /** In the order in which they are computed when encoding: a later one may cover an earlier. */
  readonly parity: readonly {
    readonly bit: number;
    readonly sum: 'even' | 'odd';
    readonly over: readonly number[];
  }[];
}

const LAYOUTS: Readonly<Record<WiegandFormat, Layout>> = {
  h10301: {
    bits: 26,
    facility: [2, 9],
    card: [10, 25],
    parity: [
      { bit: 1, sum: 'even', over: span(2, 13) },
      { bit: 26, sum: 'odd', over: span(14, 25) },
    ],
  },
  h10306: {
    bits: 34,
    facility: [2, 17],
    card: [18, 33],
    parity: [
      { bit: 1, sum: 'even', over: span(2, 17) },
      { bit: 34, sum: 'odd', over: span(18, 33) },
    ],
  },
  h10302: { bits: 37, card: [2, 36], parity: parityOf37() },
  h10304: { bits: 37, facility: [2, 17], card: [18, 36], parity: parityOf37() },
  'corporate-1000-35': {
    bits: 35,
    facility: [3, 14],
    card: [15, 34],
    parity: [
      { bit: 2, sum: 'even', over: twoOfThree(3, 34) },
      { bit: 35, sum: 'odd', over: twoOfThree(2, 33) },
      { bit: 1, sum: 'odd', over: span(2, 35) },
    ],
  },
  'corporate-1000-48': {
    bits: 48,
    facility: [3, 24],
    card: [25, 47],
    parity: [
      { bit: 2, sum: 'even', over: twoOfThree(4, 47) },
      { bit: 48, sum: 'odd', over: twoOfThree(3, 46) },
      { bit: 1, sum: 'odd', over: span(2, 48) },
    ],
  },
  'csn-32': { bits: 32, card: [1, 32], parity: [] },
};

export const WIEGAND_FORMATS = [
  'h10301',
  'h10306',
  'h10302',
  'h10304',
  'corporate-1000-35',
  'corporate-1000-48',
  'csn-32',
] as const satisfies readonly WiegandFormat[];

export type WiegandCheck =
  | { readonly kind: 'good'; readonly views: readonly WiegandView[] }
  | { readonly kind: 'malformed'; readonly fault: string };

/**
 * Judges a card against the formats that a site has chosen: another length or wrong parity is malformed. With none
 * chosen every length passes as raw bits; a length that has known formats must then satisfy one of them.
 */
export function checkWiegand(
  bits: Uint8Array,
  bitCount: number,
  chosen: readonly WiegandFormat[],
): WiegandCheck {
  if (bitCount < 1 || bits.length < Math.ceil(bitCount / 8)) {
    return { kind: 'malformed', fault: `${bitCount} bits announced, ${bits.length} bytes there` };
  }
  const formats = chosen.length > 0 ? chosen : WIEGAND_FORMATS;
  const fitting = formats.filter((format) => LAYOUTS[format].bits === bitCount);
  if (fitting.length === 0) {
    if (chosen.length === 0) return { kind: 'good', views: [] };
    return { kind: 'malformed', fault: `${bitCount} bits, expected ${chosen.join(' or ')}` };
  }
  const views = fitting.flatMap((format) => viewAs(format, bits) ?? []);
  if (views.length === 0) return { kind: 'malformed', fault: `wrong parity in ${bitCount} bits` };
  return { kind: 'good', views };
}

/** The bits of a card, parity computed. Throws `RangeError` for numbers that the format cannot hold. */
export function encodeWiegand(
  format: WiegandFormat,
  facility: bigint | undefined,
  card: bigint,
): CardBits {
  const layout = LAYOUTS[format];
  const bits = new Uint8Array(Math.ceil(layout.bits / 8));
  if (layout.facility !== undefined) put(bits, layout.facility, facility ?? 0n);
  else if (facility !== undefined) throw new RangeError(`${format} has no facility code`);
  put(bits, layout.card, card);
  for (const { bit, sum, over } of layout.parity) {
    setBit(bits, bit, (countOnes(bits, over) % 2 === 1) !== (sum === 'odd'));
  }
  return { technology: 'wiegand', bits, bitCount: layout.bits };
}

/** Left-justified bits of a number, as `CardBits` carry them. `bitCount` at most 64 bytes' worth. */
export function leftJustified(value: bigint, bitCount: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil(bitCount / 8));
  put(bits, [1, bitCount], value);
  return bits;
}

/** The number that left-justified bits stand for. */
export function numberOf(bits: Uint8Array, bitCount: number): bigint {
  return take(bits, [1, bitCount]);
}

function viewAs(format: WiegandFormat, bits: Uint8Array): WiegandView | undefined {
  const { parity, facility, card } = LAYOUTS[format];
  for (const { bit, sum, over } of parity) {
    const ones = countOnes(bits, over) + (getBit(bits, bit) ? 1 : 0);
    if ((ones % 2 === 1) !== (sum === 'odd')) return undefined;
  }
  return {
    format,
    facility: facility === undefined ? undefined : take(bits, facility),
    card: take(bits, card),
  };
}

function span(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Two bits of each three from `first` on: 3,4,6,7,…,33,34. */
function twoOfThree(first: number, last: number): readonly number[] {
  return span(first, last).filter((bit) => (bit - first) % 3 !== 2);
}

/** Bit 19 stands in both. */
function parityOf37(): Layout['parity'] {
  return [
    { bit: 1, sum: 'even', over: span(2, 19) },
    { bit: 37, sum: 'odd', over: span(19, 36) },
  ];
}

function getBit(bits: Uint8Array, bit: number): boolean {
  return (((bits[(bit - 1) >> 3] ?? 0) >> (7 - ((bit - 1) & 7))) & 1) === 1;
}

function setBit(bits: Uint8Array, bit: number, value: boolean): void {
  const mask = 0x80 >> ((bit - 1) & 7);
  const byte = bits[(bit - 1) >> 3] ?? 0;
  bits[(bit - 1) >> 3] = value ? byte | mask : byte & ~mask;
}

function countOnes(bits: Uint8Array, over: readonly number[]): number {
  return over.filter((bit) => getBit(bits, bit)).length;
}

function take(bits: Uint8Array, [first, last]: readonly [number, number]): bigint {
  let value = 0n;
  for (let bit = first; bit <= last; bit += 1)
    value = (value << 1n) | (getBit(bits, bit) ? 1n : 0n);
  return value;
}

function put(bits: Uint8Array, [first, last]: readonly [number, number], value: bigint): void {
  const width = last - first + 1;
  if (value < 0n || value >= 1n << BigInt(width)) {
    throw new RangeError(`${value} does not fit into ${width} bits`);
  }
  for (let bit = last; bit >= first; bit -= 1) {
    setBit(bits, bit, ((value >> BigInt(last - bit)) & 1n) === 1n);
  }
}
