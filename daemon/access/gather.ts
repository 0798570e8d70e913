/** From ports to knowledge: the only reading of store and site that a decision makes. */
import type { DeviceEvent, DeviceId } from '../../drivers/contract/device.ts';
import type { Command } from './command.ts';
import type { Stamp } from './entry.ts';
import type { Knowledge, KnownPolicies } from './knowledge.ts';
import { keyKnown, keyOfFob, keysAround } from './known-key.ts';
import { knownMatch, levelsOf, namedKeys } from './known-match.ts';
import { doorsOf, isAreaOnline, keypadsOf, plainPoint, slotsOf } from './known-point.ts';
import { type CredentialRecord, credentialRecord, type Opening } from './ledger.ts';
import type { GrantMatch } from './lookup.ts';
import type { AccessPoint, ClockInterval, CredentialIndex, KeyId, Policies } from './model.ts';
import { targetsOf } from './place.ts';
import type { Pending, Presentation } from './presentation.ts';
import { devicesOf, isAt, roleOf } from './role.ts';
import { LONGEST_STRETCH } from './schedule.ts';
import { presentationOf } from './shown.ts';
import type { KnowledgePorts } from './site-facts.ts';

/** For one event of a device. */
export function gather(event: DeviceEvent, ports: KnowledgePorts, stamp: Stamp): Knowledge {
  const found = roleOf(event, ports);
  if (found === undefined) return { ...aside(event.device, ports, stamp), device: event.device };
  const { point, role } = found;
  const pending = pendingAt(point, ports, stamp);
  const presentation = presentationOf(event, role, pending, ports, stamp);
  const matches = matchesOf(presentation, pending, ports);
  const index = event.kind === 'card-read' ? ports.indexer.card(event) : undefined;
  const shown = index === undefined ? undefined : keyOfFob(index, ports);
  const levels = levelsOf(matches, ports.site.policies);
  const named = matches.flatMap(({ grant }) => namedKeys(targetsOf(grant.targets, levels)));
  if (shown !== undefined) named.push(shown);
  if (pending?.kind === 'attach-fob') named.push(pending.key);
  const known = around(point, named, matches, ports, stamp, levels);
  known.device = event.device;
  known.role = role;
  known.matches = matches.map((match) => knownMatch(match, pending, ports));
  if (role.kind === 'input') {
    known.doors = doorsOf([...point.locks, ...role.inputs.flatMap(({ locks }) => locks)], ports);
  }
  if (presentation !== undefined) known.presentation = presentation;
  if (shown !== undefined) known.shown = shown;
  if (index !== undefined) known.fob = index;
  if (pending !== undefined) known.pending = pending;
  if (pending?.kind === 'second-factor') known.cards = recordsOf(pending, ports);
  return known;
}

/** Filled in place: copies of it, one for each thing that may be known, were a quarter of the gathering. */
type Gathering = { -readonly [Member in keyof Knowledge]: Knowledge[Member] };

function recordsOf(
  { grants, credentials }: Extract<Pending, { kind: 'second-factor' }>,
  { ledger }: KnowledgePorts,
): NonNullable<Knowledge['cards']> {
  return credentials.flatMap((id, at) => {
    const grant = grants[at];
    if (grant === undefined) return [];
    return [{ id, grant, record: credentialRecord(ledger, grant, id) ?? NO_RECORD }];
  });
}

const NO_RECORD: CredentialRecord = { wrongSecondFactors: 0, disabled: false };

/** For one command. */
export function gatherForCommand(command: Command, ports: KnowledgePorts, stamp: Stamp): Knowledge {
  const device = 'device' in command ? command.device : boxOf(command);
  const point = ports.site.accessPoints.find((each) => isAt(each, device));
  const keys = 'key' in command ? [command.key] : [];
  if (point === undefined) {
    const known = base(ports, stamp);
    return { ...known, keys: keys.flatMap((id) => keyKnown(id, ports) ?? []) };
  }
  return around(point, keys, [], ports, stamp);
}

/** For the whole site: timers and start. */
export function gatherForTimer(ports: KnowledgePorts, stamp: Stamp): Knowledge {
  const points = ports.site.accessPoints;
  const ids = [...ports.ledger.all('key')].map(([id]) => id);
  return {
    ...base(ports, stamp),
    points: points.map(plainPoint),
    inputs: ports.site.inputs,
    keys: ids.flatMap((id) => keyKnown(id, ports) ?? []),
    slots: points.flatMap((point) => slotsOf(point, ports, stamp)),
    openings: [...ports.ledger.all('opening')].map(([, opening]) => opening),
    doors: doorsOf([...points.flatMap(({ locks }) => locks), ...fireLocks(ports)], ports),
    online: [...ports.state.online],
    waiting: [...ports.state.pending].map(([accessPoint, pending]) => ({ accessPoint, pending })),
  };
}

/** Of a device at no access point; it may still be a lock that a fire alarm releases. */
function aside(device: DeviceId, ports: KnowledgePorts, stamp: Stamp): Knowledge {
  const locks = fireLocks(ports).filter((lock) => lock === device);
  return { ...base(ports, stamp), doors: doorsOf(locks, ports) };
}

function fireLocks({ site }: KnowledgePorts): readonly DeviceId[] {
  return site.inputs.flatMap(({ locks }) => locks);
}

function base(
  { site, state, ledger }: KnowledgePorts,
  stamp: Stamp,
  accessLevels: KnownPolicies['accessLevels'] = {},
): Gathering {
  const { zone, clockUntrusted, auditFull, holidays, lockout, antiPassbackMinutes } = site.policies;
  return {
    bridge: site.bridge,
    alone: site.alone ?? false,
    tzdata: state.tzdata,
    policies: {
      zone,
      clockUntrusted,
      auditFull,
      holidays: near(holidays, stamp.clock),
      accessLevels,
      lockout,
      antiPassbackMinutes,
    },
    matches: [],
    keys: [],
    slots: [],
    openings: [],
    keypads: [],
    lockdowns: [...ledger.all('lockdown')].map(([, lockdown]) => lockdown),
    areaOnline: false,
    online: [],
    storageSafe: state.storageSafe,
    now: { boot: stamp.boot, uptime: stamp.uptime, startedAt: state.startedAt },
    doors: [],
  };
}

/** Holidays that a schedule can meet while the clock is somewhere in its interval; the others stay out of the evidence. */
function near(holidays: Policies['holidays'], { lo, hi }: ClockInterval): Policies['holidays'] {
  if (holidays.length === 0) return holidays;
  const day = (at: number) => new Date(at).toISOString().slice(0, 10);
  const first = day(lo - 3 * DAY);
  const last = day(Math.min(hi, lo + LONGEST_STRETCH) + 3 * DAY);
  return holidays.filter(({ date }) => first <= date && date <= last);
}

const DAY = 86_400_000;

/** What is known of one access point, whatever happens there. */
function around(
  point: AccessPoint,
  named: readonly KeyId[],
  matches: readonly GrantMatch[],
  ports: KnowledgePorts,
  stamp: Stamp,
  levels?: KnownPolicies['accessLevels'],
): Gathering {
  const { ledger, state } = ports;
  const devices = devicesOf(point);
  const ids = new Set(named);
  for (const [, { device, key }] of ledger.all('opening')) {
    if (key !== undefined && devices.includes(device)) ids.add(key);
  }
  for (const id of keysAround(point, matches, ledger)) ids.add(id);
  const openings: Opening[] = [];
  for (const [, opening] of ledger.all('opening')) {
    const { device, key } = opening;
    if (devices.includes(device) || (key !== undefined && ids.has(key))) openings.push(opening);
  }
  const known = base(ports, stamp, levels);
  known.point = plainPoint(point);
  if (ids.size > 0) known.keys = [...ids].sort().flatMap((id) => keyKnown(id, ports) ?? []);
  known.slots = slotsOf(point, ports, stamp);
  known.openings = openings.sort((a, b) => a.seq - b.seq);
  known.keypads = keypadsOf(point, ports);
  known.areaOnline = isAreaOnline(point, ports);
  known.online = devices.filter((device) => state.online.has(device));
  known.doors = doorsOf(point.locks, ports);
  return known;
}

function boxOf(command: Command): DeviceId | undefined {
  if (command.kind !== 'key.correct' || command.place.kind !== 'slot') return undefined;
  return command.place.box;
}

function pendingAt(
  point: AccessPoint,
  { state }: KnowledgePorts,
  stamp: Stamp,
): Pending | undefined {
  const pending = state.pending.get(point.id);
  return pending !== undefined && pending.until > stamp.uptime ? pending : undefined;
}

/** Where a choice was pending, the credential shown before is looked up once more: it may be revoked by now. */
function matchesOf(
  presentation: Presentation | undefined,
  pending: Pending | undefined,
  { grants }: KnowledgePorts,
): readonly GrantMatch[] {
  const index: CredentialIndex | undefined =
    presentation?.kind === 'choice' && pending?.kind === 'choice'
      ? pending.index
      : presentation !== undefined && 'index' in presentation
        ? presentation.index
        : undefined;
  return index === undefined ? [] : grants.byCredential(index);
}
