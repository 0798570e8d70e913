/**
 * The numbers that are printed on fobs, as views of what the reader gives (serial-hardware 9). They are for people:
 * a card is matched by technology, bit count and all its bits, never by one of these.
 */
import type { CardBits } from '../contract/device.ts';
import { toHex } from './hex.ts';
import { wiegandViews } from './wiegand.ts';

export interface PrintedNumbers {
  /** All bits in hex, upper-case. */
  readonly hex: string;
  /** Low 32 bits, ten digits with leading zeros. */
  readonly decimal10?: string;
  /** All 40 bits of an EM4100 tag, thirteen digits. */
  readonly decimal13?: string;
  /** Bits 23–16 and the low 16: `001,10940`. */
  readonly facilityAndCard?: string;
  /** Low 24 bits in hex: `012ABC`. Two tags can share it. */
  readonly hex24?: string;
}

/** What may be printed on this card. */
export function printedNumbers(card: CardBits): PrintedNumbers {
  const hex = toHex(card.bits).toUpperCase();
  if (card.technology === 'em4100' && card.bits.length >= 4) {
    const low = card.bits.subarray(-4);
    const low32 = new DataView(low.slice().buffer).getUint32(0);
    const [, facility = 0, high = 0, lowest = 0] = low;
    return {
      hex,
      decimal10: String(low32).padStart(10, '0'),
      ...(card.bits.length === 5 && { decimal13: BigInt(`0x${hex}`).toString().padStart(13, '0') }),
      facilityAndCard: facilityComma(facility, high * 256 + lowest),
      hex24: hex.slice(-6),
    };
  }
  const facility = wiegandViews(card.bits, card.bitCount).find(
    (view) => view.facility !== undefined,
  );
  if (card.technology === 'wiegand' && facility?.facility !== undefined) {
    return {
      hex,
      facilityAndCard: facilityComma(Number(facility.facility), Number(facility.card)),
    };
  }
  return { hex };
}

function facilityComma(facility: number, card: number): string {
  return `${String(facility).padStart(3, '0')},${String(card).padStart(5, '0')}`;
}
