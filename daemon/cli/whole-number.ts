/** A number that somebody types: whole, and within bounds. */
import { InvalidArgumentError } from 'commander';

/** For commander, which puts it behind the option and what was typed. */
export function wholeNumber(from: number, to: number, what = `${from} to ${to}`) {
  return (text: string): number => {
    const found = Number(text);
    if (Number.isInteger(found) && found >= from && found <= to) return found;
    throw new InvalidArgumentError(what);
  };
}
