/**
 * Codes that the daemon draws: random, unique in their scope, not used again too soon, not trivial, and only where
 * guessing one of them stays unlikely (conventions 2.4).
 */

import type { Instant, Millis } from '../../drivers/contract/time.ts';
import { type Random, randomInteger } from '../../drivers/contract/time.ts';

const LEAST_DIGITS = 4;
const MOST_DIGITS = 16;
/** Possible codes for each active one (IEC 60839-11-1 Grade 1); fewer are refused. */
const LEAST_RATIO = 1_000;
/** Fewer are warned about. */
const GOOD_RATIO = 10_000;
const MOST_DRAWS = 200;

/** What is asked of the store while a code is drawn; each question is about one code. */
export interface CodeSpace {
  /** The code is carried by a live grant of the scope, as a code or a duress code. */
  isTaken(digits: string): boolean;
  /** When the code was last valid in the scope; undefined: never, or longer ago than anybody remembers. */
  lastValid(digits: string): Instant | undefined;
}

export interface Allotment {
  readonly digits: number;
  /** Codes of this length that are active now in the scope, duress codes counted. */
  readonly active: number;
  /** Keypads where these codes work: each is a place to guess at, so the ratio is divided by their number. */
  readonly keypads: number;
  readonly cooling: Millis;
  readonly now: Instant;
  /** Numbers that are as good as published: the house's, the site's telephone. */
  readonly known?: readonly string[];
}

export type Drawn =
  | { readonly kind: 'drawn'; readonly digits: string; readonly warning?: 'code-space-low' }
  | { readonly kind: 'refused'; readonly why: 'code-space' | 'length' };

export function drawPin(space: CodeSpace, allotment: Allotment, random: Random): Drawn {
  const { digits, cooling, now, known = [] } = allotment;
  if (!Number.isInteger(digits) || digits < LEAST_DIGITS || digits > MOST_DIGITS) {
    return { kind: 'refused', why: 'length' };
  }
  const ratio = ratioAfter(allotment, 1);
  if (ratio < LEAST_RATIO) return { kind: 'refused', why: 'code-space' };
  for (let draw = 0; draw < MOST_DRAWS; draw++) {
    const code = drawDigits(digits, random);
    if (isTrivial(code, known) || space.isTaken(code)) continue;
    const last = space.lastValid(code);
    if (last !== undefined && last + cooling > now) continue;
    return ratio < GOOD_RATIO
      ? { kind: 'drawn', digits: code, warning: 'code-space-low' }
      : { kind: 'drawn', digits: code };
  }
  return { kind: 'refused', why: 'code-space' };
}

/** Possible codes for each active one, per keypad, once `more` are added. */
export function ratioAfter(
  { digits, active, keypads }: Pick<Allotment, 'digits' | 'active' | 'keypads'>,
  more: number,
): number {
  return 10 ** digits / Math.max(1, active + more) / Math.max(1, keypads);
}

function drawDigits(count: number, random: Random): string {
  return Array.from({ length: count }, () => randomInteger(random, 10)).join('');
}

/**
 * Codes that are tried first by whoever tries: one digit repeated, steps of one up or down, one half repeated, years,
 * and what the site is known by. Refused when we draw; what a vendor or caller gives is stored as it is.
 */
export function isTrivial(digits: string, known: readonly string[] = []): boolean {
  const steps = new Set(
    [...digits].slice(1).map((digit, at) => (Number(digit) - Number(digits[at]) + 10) % 10),
  );
  const [step] = steps;
  if (steps.size === 1 && (step === 0 || step === 1 || step === 9)) return true;
  for (let length = 1; length <= digits.length / 2; length++) {
    if (
      digits.length % length === 0 &&
      digits === digits.slice(0, length).repeat(digits.length / length)
    ) {
      return true;
    }
  }
  if (/^(19|20)\d\d$/.test(digits)) return true;
  return known.some((number) => {
    const plain = number.replaceAll(/\D/g, '');
    return plain.length >= LEAST_DIGITS && (plain.endsWith(digits) || digits.endsWith(plain));
  });
}
