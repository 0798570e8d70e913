/** What a line reader can say, whatever its dialect. */
import type { CardBits } from '../contract/device.ts';
import type { Burst } from './keypad-burst.ts';
import type { Scanned } from './receive-buffer.ts';

export type Token =
  | { readonly kind: 'card'; readonly card: CardBits }
  /** A whole card, but not one to believe. */
  | { readonly kind: 'malformed'; readonly bitCount: number; readonly fault: string }
  | { readonly kind: 'key'; readonly burst: Burst }
  /** Well formed and without meaning: an empty coil's zeros, an empty line. */
  | { readonly kind: 'nothing' };

/** `isOver`: silence has followed these bytes, nothing more belongs to them. */
export type TokenScan = (bytes: Uint8Array, isOver: boolean) => Scanned<Token>;
