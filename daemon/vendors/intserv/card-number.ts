/**
 * Card numbers as IntServ writes them: raw serial numbers, text of a fixed length in decimal or, with `0x`, in hex;
 * with a prefix of any length (vendor-apis 4.3). A 56-bit number is beyond what a double holds: BigInt throughout.
 */

export type Technology = 'EM' | 'MC' | 'MD';

export interface CardNumber {
  readonly technology: Technology;
  readonly value: bigint;
}

const FORMS = {
  EM: { bits: 40, decimal: 13, reader: 'em4100' },
  MC: { bits: 32, decimal: 10, reader: 'iso14443a' },
  MD: { bits: 56, decimal: 17, reader: 'iso14443a' },
} as const;
const TECHNOLOGIES = ['EM', 'MC', 'MD'] as const;
const PARTS_MOST = 8;

/** One number; `undefined`: of no known form, or too large for its technology. */
export function cardNumberIn(text: string): CardNumber | undefined {
  const [, prefix, hex, decimal] =
    /^(?:(EM|MC|MD):)?(?:0x([0-9A-Fa-f]+)|(\d+))$/.exec(text.trim()) ?? [];
  const digits = hex ?? decimal;
  if (digits === undefined) return undefined;
  const isFit = (each: Technology) => {
    const most = hex === undefined ? FORMS[each].decimal : FORMS[each].bits / 4;
    return prefix === undefined ? digits.length === most : prefix === each && digits.length <= most;
  };
  const technology = TECHNOLOGIES.find(isFit);
  if (technology === undefined) return undefined;
  const value = BigInt(hex === undefined ? digits : `0x${hex}`);
  return value < 1n << BigInt(FORMS[technology].bits) ? { technology, value } : undefined;
}

/** All chips of one tag, `a|b`; `undefined` where one of them is no number. */
export function cardNumbersIn(text: string): readonly CardNumber[] | undefined {
  const parts = text.split('|').map(cardNumberIn);
  if (parts.length > PARTS_MOST) return undefined;
  const known = parts.filter((part) => part !== undefined);
  return known.length === parts.length ? known : undefined;
}

/** The same however it was written: `EM:0000000000042`, parts of a composite key in order. */
export function normalised(numbers: readonly CardNumber[]): string {
  const texts = numbers.map(
    ({ technology, value }) =>
      `${technology}:${value.toString().padStart(FORMS[technology].decimal, '0')}`,
  );
  return [...new Set(texts)].sort().join('|');
}

/** As readers here give it: `em4100:40:0f00012abc`. */
export function readerText({ technology, value }: CardNumber): string {
  const { bits, reader } = FORMS[technology];
  return `${reader}:${bits}:${value.toString(16).padStart(bits / 4, '0')}`;
}

/** What of a code a system can hold: the right-most digits. */
export function cutCode(code: string, most: number | undefined): string {
  return most === undefined ? code : code.slice(-most);
}
