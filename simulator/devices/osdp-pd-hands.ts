/** What hands do to a simulated OSDP reader, read from the arguments of its verbs. */
import { fromHex } from '../../drivers/wire/hex.ts';
import { encodeWiegand, WIEGAND_FORMATS } from '../../drivers/wire/wiegand.ts';
import { ArgumentError, type Arguments, numberIn, textIn } from '../arguments.ts';
import type { Verb } from '../device.ts';

export const CARD_ARGUMENTS = {
  'card?': 'facility and number as printed, such as "123,4567"',
  'format?': `one of ${WIEGAND_FORMATS.join(', ')}; h10301 is the default`,
  'bits?': 'instead: the bits in hex, left-justified',
  'bitCount?': 'how many of them count',
  'head?': 'which head of the reader, from 0',
};

export function verb(what: string, args: Verb['arguments'], act: (given: Arguments) => void): Verb {
  return {
    what,
    arguments: args,
    run: (given) => {
      act(given);
      return null;
    },
  };
}

export function cardIn(given: Arguments): { readonly bits: Uint8Array; readonly bitCount: number } {
  const hex = textIn(given, 'bits');
  if (hex !== undefined) {
    const bits = fromHex(hex);
    const otherwise = bits.length * 8;
    return { bits, bitCount: numberIn(given, 'bitCount', { from: 0, to: 65_535, otherwise }) };
  }
  const wanted = textIn(given, 'format') ?? 'h10301';
  const format = WIEGAND_FORMATS.find((each) => each === wanted);
  if (format === undefined) throw new ArgumentError('format', `there is no format "${wanted}"`);
  const [, facility, number] = /^(?:(\d+),)?(\d+)$/.exec(textIn(given, 'card') ?? '') ?? [];
  if (number === undefined) throw new ArgumentError('card', '"card" is such as "123,4567"');
  return encodeWiegand(
    format,
    facility === undefined ? undefined : BigInt(facility),
    BigInt(number),
  );
}

export function headIn(given: Arguments): number {
  return numberIn(given, 'head', { from: 0, to: 7, otherwise: 0 });
}

export function keyIn(given: Arguments): Uint8Array {
  const text = textIn(given, 'key') ?? '';
  if (!/^[0-9A-Fa-f]{32}$/.test(text)) throw new ArgumentError('key', 'a key is 32 hex digits');
  return fromHex(text);
}

/** The keys as OSDP sends them: ASCII digits, `*` as 7F, `#` as 0D. */
export function keysIn(given: Arguments): readonly number[] {
  const keys = textIn(given, 'keys') ?? '';
  if (!/^[0-9*#]+$/.test(keys)) throw new ArgumentError('keys', 'keys are 0 to 9, * and #');
  return [...keys].map((key) => (key === '*' ? 0x7f : key === '#' ? 0x0d : key.charCodeAt(0)));
}
