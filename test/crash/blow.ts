/** How a life of the daemon ends: at a moment drawn, or before a call of its own that changes what a disk or a wire holds. */
import { type Random, randomInteger } from '../../drivers/contract/time.ts';
import type { FatalCall } from './daemon-process.ts';

export type Blow =
  /** Milliseconds after the process began: it is mostly still coming up. */
  | { readonly kind: 'start'; readonly after: number }
  /** Milliseconds after people began to use it. */
  | { readonly kind: 'work'; readonly after: number }
  /** Once everything asked is answered. */
  | { readonly kind: 'idle' }
  /** Milliseconds after it was asked to stop. */
  | { readonly kind: 'stop'; readonly after: number }
  | ({ readonly kind: 'call' } & FatalCall);

/** How often one thread makes each of these in a life: seen with strace. */
const CALLS: readonly FatalCall[] = [
  { call: 'pwrite64', nth: 30 },
  { call: 'pwrite64', nth: 30 },
  { call: 'write', nth: 60 },
  { call: 'fdatasync', nth: 6 },
  { call: 'fsync', nth: 14 },
  { call: 'unlink', nth: 3 },
  { call: 'rename', nth: 4 },
  { call: 'ftruncate', nth: 3 },
];

export function drawBlow(random: Random, mayTrace: boolean): Blow {
  const draw = (bound: number) => randomInteger(random, bound);
  const kind = draw(20);
  if (kind < 3) return { kind: 'start', after: 80 + draw(400) };
  if (kind < 5) return { kind: 'stop', after: draw(25) };
  if (kind < 7) return { kind: 'idle' };
  if (kind < 14 || !mayTrace) return { kind: 'work', after: draw(draw(3) === 0 ? 700 : 120) };
  const { call, nth } = CALLS[draw(CALLS.length)] ?? { call: 'pwrite64', nth: 20 };
  return { kind: 'call', call, nth: 1 + draw(nth) };
}
