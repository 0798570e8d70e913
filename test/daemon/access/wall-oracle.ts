/**
 * Wall times worked out the slow way, for tests: nothing but `Intl` asked what the clock on the wall shows at an
 * instant, and searching. Shares no code and no method with the rules.
 */
const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  formats.set(zone, made);
  return made;
}

/** What the wall shows, as if it were UTC, in milliseconds. */
export function wallAt(at: number, zone: string): number {
  const part: Record<string, number> = {};
  for (const { type, value } of format(zone).formatToParts(at)) part[type] = Number(value);
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((at % 1000) + 1000) % 1000);
}

/** Every instant at which the wall shows that time. */
function instantsOf(wall: number, zone: string): number[] {
  const found = new Set<number>();
  for (let near = wall - 27 * 3_600_000; near <= wall + 27 * 3_600_000; near += 1_800_000) {
    const at = wall - (wallAt(near, zone) - near);
    if (wallAt(at, zone) === wall) found.add(at);
  }
  return [...found].sort((a, b) => a - b);
}

/** The instant that a stay starts or ends at; in a gap, the first at which the wall shows a later time. */
export function boundAt(wall: string, zone: string, edge: 'start' | 'end'): number {
  const shown = Date.parse(`${wall}Z`);
  const all = instantsOf(shown, zone);
  const one = edge === 'start' ? all[0] : all.at(-1);
  if (one !== undefined) return one;
  let before = shown - 27 * 3_600_000;
  let after = shown + 27 * 3_600_000;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (wallAt(middle, zone) > shown) after = middle;
    else before = middle;
  }
  return after;
}

/** Moments in a stretch at which the zone's offset changes, found by halving. */
export function offsetChanges(zone: string, from: number, to: number): number[] {
  const offset = (at: number) => wallAt(at, zone) - at;
  const found: number[] = [];
  for (let at = from; at < to; at += 43_200_000) {
    if (offset(at) === offset(at + 43_200_000)) continue;
    let [before, after] = [at, at + 43_200_000];
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (offset(middle) === offset(before)) before = middle;
      else after = middle;
    }
    found.push(after);
  }
  return found;
}
