/** Keys of Wiegand keypads as bursts of 4 or 8 bits (serial-hardware 6.1). */

/** `0`–`9`, `*`, `#`, and `A`–`D` where a keypad has them. */
export type Key = string;

export type Burst =
  | { readonly kind: 'key'; readonly key: Key }
  /** D0 and D1 are exchanged: this byte can only be a complemented key. What came before was wrong too. */
  | { readonly kind: 'swapped' }
  | { readonly kind: 'invalid' };

/** Codes above 9 of 4-bit keypads; Rosslare and most others send A for `*` and B for `#`. */
export type KeyMap = Readonly<Record<string, Key>>;

export const USUAL_KEYS: KeyMap = { A: '*', B: '#' };

export function keyOf4Bits(value: number, map: KeyMap): Burst {
  if (value >= 0 && value <= 9) return { kind: 'key', key: String(value) };
  const key = value <= 15 ? map[value.toString(16).toUpperCase()] : undefined;
  return key === undefined ? { kind: 'invalid' } : { kind: 'key', key };
}

/**
 * High nibble is the complement of the low one. Of a keypad with exchanged wires only 1, 2, 3 and 0 show as what no
 * key sends; its 4 to 9 read as other, valid keys. Hence one such byte must make everything before it void.
 */
export function keyOf8Bits(byte: number): Burst {
  const low = byte & 0x0f;
  const high = (byte >> 4) & 0x0f;
  if (high !== (~low & 0x0f)) return { kind: 'invalid' };
  if (low <= 9) return { kind: 'key', key: String(low) };
  if (low === 0x0a) return { kind: 'key', key: '*' };
  if (low === 0x0b) return { kind: 'key', key: '#' };
  return (SWAPPED as readonly number[]).includes(byte) ? { kind: 'swapped' } : { kind: 'invalid' };
}

const SWAPPED = [0x1e, 0x2d, 0x3c, 0x0f];

/** What a keypad sends for a key; `undefined` for keys that it has not. */
export function burst8Bits(key: Key): number | undefined {
  const low = nibbleOf(key);
  return low === undefined ? undefined : ((~low & 0x0f) << 4) | low;
}

function nibbleOf(key: Key): number | undefined {
  if (/^[0-9]$/.test(key)) return Number(key);
  return key === '*' ? 0x0a : key === '#' ? 0x0b : undefined;
}
