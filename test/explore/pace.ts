/** How a life passes: minutes in which everything happens at once, days with hours in which nothing does, or two such side by side. */
import { type Millis, type Random, randomInteger } from '../../drivers/contract/time.ts';
import { hours, minutes } from '../site.ts';

export interface Pace {
  readonly name: 'minutes' | 'days' | 'twins';
  /** Of the site: bytes take no time on its wires, so that a quiet hour costs little. */
  readonly isSwift: boolean;
  /** Windows of grants begin and end so many times this from now. */
  readonly edge: Millis;
  /** Between two readings of a vendor, as the config has it. */
  readonly poll: string;
  /** From the end of one deed to the next. */
  rest(random: Random): Millis;
}

const DAYS = {
  isSwift: true,
  edge: minutes(40),
  poll: '2m',
  rest: (random: Random) =>
    randomInteger(random, random.fraction() < 0.3 ? hours(2.5) : minutes(4)),
};

export const PACES: { readonly [name in Pace['name']]: Pace } = {
  minutes: { name: 'minutes', isSwift: false, edge: 30_000, poll: '15s', rest: () => 0 },
  days: { name: 'days', ...DAYS },
  twins: { name: 'twins', ...DAYS },
};
