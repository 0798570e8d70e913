/** Of two windows the part in both: the safe answer where the vendor and this site both changed one (P5). */
import type { Instant } from '../../drivers/contract/time.ts';
import type { Window } from '../access/model.ts';
import { resolveWindow } from '../access/window.ts';

/** `undefined`: they have nothing in common, or one of them resolves to nothing. */
export function narrower(one: Window, other: Window, siteZone: string): Window | undefined {
  const a = resolveWindow(one, siteZone);
  const b = resolveWindow(other, siteZone);
  if (typeof a === 'string' || typeof b === 'string') return undefined;
  // Where one lies within the other it is kept as it was written, with its wall times and zone.
  if (isWithin(a, b)) return one;
  if (isWithin(b, a)) return other;
  const start = latest(a.start, b.start);
  const end = earliest(a.end, b.end);
  if (start !== undefined && end !== undefined && start >= end) return undefined;
  const first = start === a.start ? one : other;
  const last = end === a.end ? one : other;
  // Of two stays told in the same zone, one again: a stay told without a zone stays so.
  if (first.kind === 'floating' && last.kind === 'floating') {
    return { kind: 'floating', start: first.start, end: last.end };
  }
  if (first.kind === 'wall' && last.kind === 'wall' && first.zone === last.zone) {
    return { kind: 'wall', start: first.start, end: last.end, zone: first.zone };
  }
  return {
    kind: 'instants',
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
  };
}

type Bounds = { readonly start: Instant | undefined; readonly end: Instant | undefined };

export function isWithin(inner: Bounds, outer: Bounds): boolean {
  const begins =
    outer.start === undefined || (inner.start !== undefined && inner.start >= outer.start);
  const ends = outer.end === undefined || (inner.end !== undefined && inner.end <= outer.end);
  return begins && ends;
}

function latest(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  return a === undefined || (b !== undefined && b > a) ? b : a;
}

function earliest(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  return a === undefined || (b !== undefined && b < a) ? b : a;
}
