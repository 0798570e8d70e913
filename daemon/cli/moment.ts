/** A moment that somebody types: never one that depends on where they sit. */
import { InvalidArgumentError } from 'commander';
import { moment } from '../local-api/fields.ts';

/**
 * As the API takes it; seconds may be left out. `Date.parse` would take a day for its midnight in London, and a time
 * without offset for one of this machine, and a wrong moment cannot be taken back.
 */
export function givenMoment(text: string): string {
  const whole = text.replace(/^(\d{4}-\d\d-\d\dT\d\d:\d\d)(?=Z$|[+-])/, '$1:00');
  const read = moment.safeParse(whole);
  if (read.success) return new Date(read.data).toISOString();
  throw new InvalidArgumentError('a time with offset is wanted, such as 2026-11-24T22:10+01:00');
}
