/** What a grant could open at this access point, and why each of it may not be opened just now. */
import type { DeviceId } from '../../drivers/contract/device.ts';
import type { Opens } from './decision.ts';
import type { Knowledge, KnownKey, KnownMatch, KnownPoint } from './knowledge.ts';
import { slotId } from './ledger.ts';
import type { Grant, KeyId, Operation, Reason } from './model.ts';
import { freeSlot, keysIn, slotRow, targetsOf } from './place.ts';

/** One thing that may be opened; `id` is the same for two grants that would open the same. */
export interface Thing {
  readonly id: string;
  readonly operation: Operation;
  readonly opens: readonly Opens[];
  readonly key?: KeyId;
  /** What is typed to choose it: the slot's number, 0 for the door. */
  readonly number: string;
  /** Why it cannot be opened now: steps 10 and 11 of the decision. */
  readonly refusal?: Reason;
}

export function thingsOf(match: KnownMatch, known: Knowledge): readonly Thing[] {
  const { point } = known;
  if (point === undefined) return [];
  const targets = targetsOf(match.grant.targets, known.policies.accessLevels);
  const isHere = targets.some((target) => target.kind === 'location' && target.id === point.id);
  const locks = point.locks.filter(
    (lock) => isHere || targets.some((target) => target.kind === 'lock' && target.id === lock),
  );
  const found: Thing[] = locks.length > 0 ? [doorThing(locks, point, match, known)] : [];
  for (const key of known.keys) {
    const isNamed = targets.some((target) => target.kind === 'key' && target.id === key.id);
    if (isNamed) found.push(...keyThing(key, match, known, point));
    else if (isHere && liesHere(key, point)) found.push(...keyThing(key, match, known, point));
  }
  for (const slot of point.box?.slots ?? []) {
    const id = point.box === undefined ? '' : slotId(point.box.device, slot);
    if (!targets.some((target) => target.kind === 'slot' && target.id === id)) continue;
    found.push(slotThing(slot, match, known, point));
  }
  return found;
}

function doorThing(
  locks: readonly DeviceId[],
  point: KnownPoint,
  { grant }: KnownMatch,
  known: Knowledge,
): Thing {
  return thing(
    {
      id: `locks:${[...locks].sort().join(',')}`,
      operation: 'unlock',
      opens: locks.map((device) => ({ kind: 'lock', device, hold: point.hold })),
      number: '0',
    },
    undefined,
    grant,
    known,
  );
}

/** A key is picked up where it lies; one whose place nobody knows may be brought, if the grant lets it. */
function keyThing(
  key: KnownKey,
  { grant }: KnownMatch,
  known: Knowledge,
  point: KnownPoint,
): readonly Thing[] {
  const { box } = point;
  if (box === undefined || key.virtual) return [];
  const place = key.custody?.place;
  const isAtHome = key.roaming || key.home === undefined || key.home === point.id;
  if (!isAtHome && !liesHere(key, point)) return [];
  const unknown = place === undefined || place.kind === 'unknown';
  if (unknown && mayBring(key, grant)) return [bringing(key, grant, known, point)];
  const pickup = { id: `key:${key.id}`, operation: 'pickup', key: key.id } as const;
  if (place?.kind !== 'slot' || place.box !== box.device) {
    const reason = place?.kind === 'holder' ? 'key-held-by-another' : 'key-not-here';
    return [{ ...pickup, opens: [], number: key.id, refusal: reason }];
  }
  const opens: Opens[] = [{ kind: 'slot', device: box.device, slot: place.slot, hold: point.hold }];
  const found = { ...pickup, id: `slot:${place.slot}`, opens, number: String(place.slot) };
  const isUsable =
    box.slots.includes(place.slot) &&
    !box.disabledSlots.includes(place.slot) &&
    slotRow(known, box.device, place.slot)?.flags.includes('shared') !== true;
  return [thing(found, isUsable ? undefined : 'slot-disabled', grant, known)];
}

function liesHere({ custody }: KnownKey, { box }: KnownPoint): boolean {
  return custody?.place.kind === 'slot' && custody.place.box === box?.device;
}

function mayBring(key: KnownKey, grant: Grant): boolean {
  return grant.operations.includes('dropoff') || mayAttach(key, grant);
}

/** The next unknown fob may become this key's: it has none, and the grant allows it or brings it for the first time. */
export function mayAttach(key: KnownKey, grant: Grant): boolean {
  const keys = grant.targets.filter((target) => target.kind === 'key');
  if (key.hasFob || key.virtual || keys.length !== 1 || keys[0]?.id !== key.id) return false;
  const isFirst = key.custody?.lastSlot === undefined && grant.operations.includes('dropoff');
  return isFirst || grant.options.allowSetup === true || grant.operations.includes('attach-fob');
}

function bringing(key: KnownKey, grant: Grant, known: Knowledge, point: KnownPoint): Thing {
  const free = freeSlot(known, key);
  const device = point.box?.device;
  const opens: Opens[] =
    free === undefined || device === undefined
      ? []
      : [{ kind: 'slot', device, slot: free, hold: point.hold }];
  const operation = mayAttach(key, grant) ? 'attach-fob' : 'dropoff';
  const number = String(free ?? 0);
  const found = { id: `slot:${free}`, operation, opens, key: key.id, number } as const;
  return thing(found, free === undefined ? 'box-full' : undefined, grant, known);
}

/** A slot by its number, whatever lies in it, unless that is a key the grant does not name. */
function slotThing(
  slot: Extract<Opens, { kind: 'slot' }>['slot'],
  { grant }: KnownMatch,
  known: Knowledge,
  point: KnownPoint,
): Thing {
  const device = point.box?.device;
  const named = targetsOf(grant.targets, known.policies.accessLevels);
  const inside = device === undefined ? [] : keysIn(known, device, slot);
  const stranger = inside.find(
    (key) => !named.some((target) => target.kind === 'key' && target.id === key.id),
  );
  const operation = grant.operations.includes('pickup') ? 'pickup' : 'dropoff';
  const opens: Opens[] =
    device === undefined ? [] : [{ kind: 'slot', device, slot, hold: point.hold }];
  const isUsable =
    device !== undefined &&
    point.box?.disabledSlots.includes(slot) === false &&
    slotRow(known, device, slot)?.flags.includes('shared') !== true;
  const key = inside[0]?.id;
  const found: Thing = {
    id: `slot:${slot}`,
    operation,
    opens,
    number: String(slot),
    ...(key === undefined ? {} : { key }),
  };
  const refusal = stranger !== undefined ? 'key-not-here' : isUsable ? undefined : 'slot-disabled';
  return thing(found, refusal, grant, known);
}

/** Step 11 comes after a reason of step 10. */
function thing(found: Thing, refusal: Reason | undefined, grant: Grant, known: Knowledge): Thing {
  const last = refusal ?? lastRefusal(found.opens, grant, known);
  return last === undefined ? found : { ...found, refusal: last };
}

/** Step 11: lockdown, device-offline, storage-unsafe. */
function lastRefusal(opens: readonly Opens[], grant: Grant, known: Knowledge): Reason | undefined {
  const isStaff = grant.options.staff === true;
  const locked = known.lockdowns.some(
    ({ scope, allowStaff }) =>
      (scope === 'site' || scope === known.point?.id) && !(allowStaff && isStaff),
  );
  if (locked) return 'lockdown';
  return hardwareRefusal(opens, known) ?? storageRefusal(known, isStaff, grant.uses !== undefined);
}

export function hardwareRefusal(opens: readonly Opens[], known: Knowledge): Reason | undefined {
  return opens.every(({ device }) => known.online.includes(device)) ? undefined : 'device-offline';
}

/** What cannot be recorded is not counted either, so a counted grant never opens on an unsafe store. */
export function storageRefusal(
  known: Knowledge,
  isStaff: boolean,
  isCounted: boolean,
): Reason | undefined {
  if (known.storageSafe) return undefined;
  if (isCounted || known.policies.auditFull === 'deny') return 'storage-unsafe';
  return known.policies.auditFull === 'allow' || isStaff ? undefined : 'storage-unsafe';
}
