/**
 * The decision once more, written plainly from the design page, for tests: it reads the tests' own site and not what
 * `gather` makes of it, walks through time instead of computing, and shares no code with the rules.
 */
import type { DayWindow, Grant, Schedule, Target } from '../../../daemon/access/model.ts';
import { boundAt, wallAt } from './wall-oracle.ts';
import type { World } from './world.ts';

/** As the page lists them; those that are judged last stand where the list has them. */
const ORDER = [
  'locked-out',
  'unknown-credential',
  'ambiguous-credential',
  'choice-required',
  'second-factor-required',
  'credential-disabled',
  'revoked',
  'superseded',
  'wrong-access-point',
  'operation-not-allowed',
  'unsupported-limit',
  'not-yet-valid',
  'expired',
  'outside-schedule',
  'holiday',
  'clock-untrusted',
  'uses-exhausted',
  'anti-passback',
  'key-not-here',
  'key-held-by-another',
  'slot-disabled',
  'box-full',
  'lockdown',
  'device-offline',
  'storage-unsafe',
];

export interface Verdict {
  readonly says: string;
  readonly grant?: string;
  readonly opens?: string;
}

interface Candidate {
  readonly grant: Grant;
  readonly opens: string;
}

/** A code shown at the access point with that id. No second factors and no pending things: those are told by example. */
export function oracle(world: World, digits: string, point: string): Verdict {
  const here = world.site.accessPoints.find(({ id }) => id === point);
  if (here === undefined) return { says: 'device-unknown' };
  const matching = [...world.grants.values()].filter(
    ({ grant }) =>
      grant.state !== 'pending' && grant.credentials.some(({ id }) => id === `pin-${digits}`),
  );
  if (matching.length === 0) return { says: 'unknown-credential' };

  // A return comes before everything.
  if (here.box !== undefined) {
    for (const { grant } of matching) {
      for (const target of flat(grant.targets, world)) {
        const place = target.kind === 'key' ? world.ledger.get('key', target.id)?.place : undefined;
        if (place?.kind !== 'holder' || place.holder !== grant.holder) continue;
        const free = firstFree(world, target.id);
        if (free === undefined) return { says: 'box-full' };
        if (!world.online.has(here.box.device)) return { says: 'device-offline' };
        if (!mayStore(world, grant, false)) return { says: 'storage-unsafe' };
        return { says: 'granted', grant: grant.id, opens: `slot ${free}` };
      }
    }
  }

  const refusals: string[] = [];
  const passing: Candidate[] = [];
  for (const { grant, revoked } of matching) {
    const refusal = beforePlace(
      world,
      grant,
      revoked !== undefined && revoked.rev >= grant.rev,
      point,
    );
    if (refusal !== undefined) {
      refusals.push(refusal);
      continue;
    }
    for (const thing of things(world, grant, point)) {
      if (!grant.operations.includes(thing.operation)) continue;
      const last = thing.refusal ?? atLast(world, grant, point, thing.device);
      if (last === undefined) passing.push({ grant, opens: thing.opens });
      else refusals.push(last);
    }
  }
  if (passing.length === 0) {
    return { says: refusals.sort((a, b) => ORDER.indexOf(b) - ORDER.indexOf(a))[0] ?? 'nothing' };
  }
  const things_ = new Set(passing.map(({ opens }) => opens));
  const holders = new Set(passing.map(({ grant }) => grant.holder));
  if (things_.size > 1)
    return { says: holders.size > 1 ? 'ambiguous-credential' : 'choice-required' };
  const best = passing
    .map(({ grant }) => grant)
    .sort((a, b) => {
      if ((a.uses === undefined) !== (b.uses === undefined)) return a.uses === undefined ? -1 : 1;
      const [endA, endB] = [bounds(a, world)[1], bounds(b, world)[1]];
      return endA === endB ? (a.id < b.id ? -1 : 1) : endA - endB;
    })[0];
  return { says: 'granted', ...(best ? { grant: best.id } : {}), opens: [...things_][0] ?? '' };
}

function beforePlace(
  world: World,
  grant: Grant,
  isRevoked: boolean,
  point: string,
): string | undefined {
  if (isRevoked) return 'revoked';
  if (grant.state === 'superseded') return 'superseded';
  const all = things(world, grant, point);
  if (all.length === 0) return 'wrong-access-point';
  if (!all.some(({ operation }) => grant.operations.includes(operation)))
    return 'operation-not-allowed';
  if (grant.unsupported?.length) return 'unsupported-limit';
  if (
    grant.uses &&
    (grant.uses.carrier ? grant.uses.carrier !== world.site.bridge : !world.site.alone)
  ) {
    return 'unsupported-limit';
  }
  const time = timely(world, grant);
  if (time !== undefined) return time;
  if (grant.uses) {
    const row = world.ledger.get('use', grant.id);
    const isNew =
      row !== undefined && grant.uses.reset !== row.reset && grant.uses.reset !== undefined;
    if ((isNew ? 0 : (row?.count ?? 0)) >= grant.uses.max) return 'uses-exhausted';
  }
  return undefined;
}

/** Start and end in milliseconds; an open one is endless. */
function bounds({ window }: Grant, world: World): [number, number] {
  switch (window.kind) {
    case 'ongoing':
      return [-Infinity, Infinity];
    case 'instants':
      return [window.start ?? -Infinity, window.end ?? Infinity];
    case 'wall':
      return [boundAt(window.start, window.zone, 'start'), boundAt(window.end, window.zone, 'end')];
    default: {
      const { zone } = world.policies;
      return [boundAt(window.start, zone, 'start'), boundAt(window.end, zone, 'end')];
    }
  }
}

function timely(world: World, grant: Grant): string | undefined {
  const { lo, hi: told, state, graceLeft } = world.interval;
  const policy = world.policies.clockUntrusted;
  if (grant.options.staff && grant.window.kind === 'ongoing' && !grant.uses && !grant.schedule)
    return undefined;
  const hi = policy === 'assume' ? lo + 1 : told;
  const [start, end] = bounds(grant, world);
  if (start >= hi) return 'not-yet-valid';
  if (end <= lo) return 'expired';
  const { schedule } = grant;
  const moments = schedule === undefined ? [] : minutesOf(lo, hi);
  const inside = moments.map((at) => schedule !== undefined && isOpen(schedule, world, at));
  if (schedule !== undefined && !inside.includes(true)) {
    const without: Schedule = { zone: schedule.zone, weekly: schedule.weekly };
    return moments.some((at) => isOpen(without, world, at)) ? 'holiday' : 'outside-schedule';
  }
  const isLost = state === 'floor' || state === 'broken';
  // No grace left: the moment may be any after `lo`, so only what holds from now on for ever is certain.
  if (policy === 'grace' && isLost && !graceLeft) {
    return start <= lo && end === Infinity && schedule === undefined
      ? undefined
      : 'clock-untrusted';
  }
  if (start <= lo && hi <= end && !inside.includes(false)) return undefined;
  if (policy !== 'grace') return 'clock-untrusted';
  if (state === 'trusted' || state === 'holdover') return undefined;
  return schedule === undefined && (graceLeft ?? 0) > 0 ? undefined : 'clock-untrusted';
}

/** The first moment, the last, and every whole minute between. */
function minutesOf(lo: number, hi: number): number[] {
  const found = [lo];
  for (let at = Math.ceil((lo + 1) / 60_000) * 60_000; at < hi; at += 60_000) found.push(at);
  if (hi - 1 > lo) found.push(hi - 1);
  return found;
}

/** By what the wall shows: the windows of today, and those of yesterday that go on past midnight. */
export function isOpen(schedule: Schedule, world: Pick<World, 'policies'>, at: number): boolean {
  const zone = schedule.zone === 'site' ? world.policies.zone : schedule.zone;
  const wall = wallAt(at, zone);
  const midnight = Math.floor(wall / 86_400_000) * 86_400_000;
  for (const day of [midnight, midnight - 86_400_000]) {
    for (const { from, to } of windowsOn(schedule, world, day)) {
      const start = day + clock(from);
      const end = day + clock(to) + (clock(to) < clock(from) ? 86_400_000 : 0);
      if (start <= wall && wall < end) return true;
    }
  }
  return false;
}

function windowsOn(
  schedule: Schedule,
  world: Pick<World, 'policies'>,
  day: number,
): readonly DayWindow[] {
  const date = new Date(day).toISOString().slice(0, 10);
  for (const exception of schedule.exceptions ?? [])
    if (exception.date === date) return exception.windows;
  if (schedule.holidays) {
    for (const holiday of world.policies.holidays)
      if (holiday.date === date) return holiday.windows;
  }
  const weekday = new Date(day).getUTCDay() || 7;
  return schedule.weekly.filter(({ days }) => (days as readonly number[]).includes(weekday));
}

function clock(text: string): number {
  return Number(text.slice(0, 2)) * 3_600_000 + Number(text.slice(3)) * 60_000;
}

interface Thing {
  readonly operation: 'pickup' | 'dropoff' | 'unlock';
  readonly opens: string;
  readonly device: string;
  readonly refusal?: string;
}

function flat(targets: readonly Target[], world: World): readonly Target[] {
  return targets.flatMap((target) =>
    target.kind === 'access_level'
      ? [...(world.policies.accessLevels.get(target.id) ?? [])]
      : [target],
  );
}

function things(world: World, grant: Grant, point: string): Thing[] {
  const here = world.site.accessPoints.find(({ id }) => id === point);
  const targets = flat(grant.targets, world);
  const found: Thing[] = [];
  const whole = targets.some(({ kind, id }) => kind === 'location' && id === point);
  const locks = (here?.locks ?? []).filter(
    (lock) => whole || targets.some(({ kind, id }) => kind === 'lock' && id === lock),
  );
  if (locks.length > 0)
    found.push({ operation: 'unlock', opens: `lock ${locks.join()}`, device: locks[0] ?? '' });
  const box = here?.box;
  if (box === undefined) return found;
  for (const key of world.keys.values()) {
    const place = world.ledger.get('key', key.id)?.place;
    const lies = place?.kind === 'slot' && place.box === box.device;
    const isNamed =
      targets.some(({ kind, id }) => kind === 'key' && id === key.id) || (whole && lies);
    if (!isNamed || key.virtual) continue;
    if (!lies && !key.roaming && key.home !== undefined && key.home !== point) continue;
    if ((place === undefined || place.kind === 'unknown') && grant.operations.includes('dropoff')) {
      const free = firstFree(world, key.id);
      found.push({
        operation: 'dropoff',
        opens: `slot ${free}`,
        device: box.device,
        ...(free === undefined ? { refusal: 'box-full' } : {}),
      });
    } else if (lies) {
      const isOff = box.disabledSlots.includes(place.slot);
      found.push({
        operation: 'pickup',
        opens: `slot ${place.slot}`,
        device: box.device,
        ...(isOff ? { refusal: 'slot-disabled' } : {}),
      });
    } else {
      const refusal = place?.kind === 'holder' ? 'key-held-by-another' : 'key-not-here';
      found.push({ operation: 'pickup', opens: `key ${key.id}`, device: box.device, refusal });
    }
  }
  return found;
}

/** The key's last slot, or the lowest, that nothing lies in, as far as anybody knows; else the one opened for it before. */
function firstFree(world: World, key: string): number | undefined {
  const box = world.site.accessPoints.find((point) => point.box !== undefined)?.box;
  const free = (box?.slots ?? []).filter((slot) => {
    if (box?.disabledSlots.includes(slot)) return false;
    const row = world.ledger.get('slot', `${box?.device}:${slot}`);
    if (row?.present || row?.doorOpen) return false;
    for (const [, opening] of world.ledger.all('opening')) if (opening.slot === slot) return false;
    for (const [, { place, lastSlot }] of world.ledger.all('key')) {
      if (place.kind === 'slot' && place.slot === slot) return false;
      if (place.kind === 'unknown' && lastSlot?.slot === slot && row?.present !== false)
        return false;
    }
    return true;
  });
  const last = world.ledger.get('key', key)?.lastSlot?.slot;
  if (last !== undefined && free.includes(last)) return last;
  const before = [...world.ledger.all('opening')]
    .map(([, opening]) => opening)
    .findLast((opening) => opening.operation === 'dropoff' && opening.key === key);
  return free.sort((a, b) => a - b)[0] ?? before?.slot;
}

function atLast(world: World, grant: Grant, point: string, device: string): string | undefined {
  for (const [, { scope, allowStaff }] of world.ledger.all('lockdown')) {
    if ((scope === 'site' || scope === point) && !(allowStaff && grant.options.staff))
      return 'lockdown';
  }
  if (![...world.online].some((each) => each === device)) return 'device-offline';
  return mayStore(world, grant, grant.uses !== undefined) ? undefined : 'storage-unsafe';
}

function mayStore(world: World, grant: Grant, isCounted: boolean): boolean {
  if (world.storageSafe) return true;
  if (isCounted || world.policies.auditFull === 'deny') return false;
  return world.policies.auditFull === 'allow' || grant.options.staff === true;
}
