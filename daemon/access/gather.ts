/** From ports to knowledge: the only reading of store and site that a decision makes. */
import type { DeviceEvent, DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import type { Command } from './command.ts';
import type { Stamp } from './entry.ts';
import type {
  DeviceRole,
  Knowledge,
  KnownKeypad,
  KnownMatch,
  KnownPoint,
  KnownSlot,
} from './knowledge.ts';
import { keyKnown, keyOfFob, keysAround } from './known-key.ts';
import { type CredentialRecord, doorId, slotId } from './ledger.ts';
import { waitLeft } from './lockout.ts';
import type { GrantMatch } from './lookup.ts';
import {
  type AccessPoint,
  type CredentialId,
  type CredentialIndex,
  type KeyId,
  keyId,
  type Policies,
  type Target,
} from './model.ts';
import { targetsOf } from './place.ts';
import type { Pending, Presentation } from './presentation.ts';
import type { KnowledgePorts } from './site-facts.ts';
import { ALL_UNCONFIRMED } from './uses.ts';

/** For one event of a device. */
export function gather(event: DeviceEvent, ports: KnowledgePorts, stamp: Stamp): Knowledge {
  const found = roleOf(event, ports);
  if (found === undefined) return { ...base(ports, stamp), device: event.device };
  const { point, role } = found;
  const pending = pendingAt(point, ports, stamp);
  const presentation = presentationOf(event, role, point, pending, ports, stamp);
  const matches = matchesOf(presentation, pending, ports);
  const index = event.kind === 'card-read' ? ports.indexer.card(event) : undefined;
  const shown = index === undefined ? undefined : keyOfFob(index, ports);
  const levels = levelsOf(matches, ports.site.policies);
  const named = [
    ...matches.flatMap(({ grant }) => namedKeys(targetsOf(grant.targets, levels))),
    ...(shown === undefined ? [] : [shown]),
    ...(pending?.kind === 'attach-fob' ? [pending.key] : []),
  ];
  const known = around(point, named, matches, ports, stamp);
  return {
    ...known,
    policies: { ...known.policies, accessLevels: levels },
    device: event.device,
    role,
    ...(role.kind === 'input'
      ? { doors: doorsOf([...point.locks, ...role.inputs.flatMap(({ locks }) => locks)], ports) }
      : {}),
    matches: matches.map((match) => knownMatch(match, pending, ports)),
    ...(presentation === undefined ? {} : { presentation }),
    ...(shown === undefined ? {} : { shown }),
    ...(index === undefined ? {} : { fob: index }),
    ...(pending === undefined ? {} : { pending }),
    ...(pending?.kind === 'second-factor' ? { cards: recordsOf(pending.credentials, ports) } : {}),
  };
}

function recordsOf(
  cards: readonly CredentialId[],
  { ledger }: KnowledgePorts,
): NonNullable<Knowledge['cards']> {
  return cards.map((id) => ({ id, record: ledger.get('credential', id) ?? NO_RECORD }));
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
  const known = around(point, keys, [], ports, stamp);
  return device === undefined ? known : { ...known, device };
}

/** For the whole site: timers and start. */
export function gatherForTimer(ports: KnowledgePorts, stamp: Stamp): Knowledge {
  const points = ports.site.accessPoints;
  const ids = [...ports.ledger.all('key')].map(([id]) => id);
  return {
    ...base(ports, stamp),
    points: points.map(plainPoint),
    keys: ids.flatMap((id) => keyKnown(id, ports) ?? []),
    slots: points.flatMap((point) => slotsOf(point, ports, stamp)),
    openings: [...ports.ledger.all('opening')].map(([, opening]) => opening),
    doors: doorsOf(
      points.flatMap(({ locks }) => locks),
      ports,
    ),
    online: [...ports.state.online],
    waiting: [...ports.state.pending].map(([accessPoint, pending]) => ({ accessPoint, pending })),
  };
}

function base({ site, state, ledger }: KnowledgePorts, stamp: Stamp): Knowledge {
  const { zone, clockUntrusted, auditFull, holidays, lockout, antiPassbackMinutes } = site.policies;
  return {
    bridge: site.bridge,
    alone: site.alone ?? false,
    tzdata: state.tzdata,
    policies: {
      zone,
      clockUntrusted,
      auditFull,
      holidays,
      accessLevels: {},
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

/** What is known of one access point, whatever happens there. */
function around(
  point: AccessPoint,
  named: readonly KeyId[],
  matches: readonly GrantMatch[],
  ports: KnowledgePorts,
  stamp: Stamp,
): Knowledge {
  const { ledger, state } = ports;
  const devices = devicesOf(point);
  const moving = [...ledger.all('opening')].flatMap(([, { device, key }]) =>
    key !== undefined && devices.includes(device) ? [key] : [],
  );
  const ids = new Set([...named, ...moving, ...keysAround(point, matches, ledger)]);
  return {
    ...base(ports, stamp),
    point: plainPoint(point),
    keys: [...ids].sort().flatMap((id) => keyKnown(id, ports) ?? []),
    slots: slotsOf(point, ports, stamp),
    openings: [...ledger.all('opening')]
      .map(([, opening]) => opening)
      .filter(({ device, key }) => devices.includes(device) || (key !== undefined && ids.has(key)))
      .sort((a, b) => a.seq - b.seq),
    keypads: keypadsOf(point, ports),
    areaOnline: isAreaOnline(point, ports),
    online: devices.filter((device) => state.online.has(device)),
    doors: doorsOf(point.locks, ports),
  };
}

function plainPoint(point: AccessPoint): KnownPoint {
  const { slotReaders, ...plain } = point;
  return { ...plain, slotReaders: [...slotReaders] };
}

function devicesOf({ box, locks, readers, slotReaders }: AccessPoint): readonly DeviceId[] {
  const all = [...readers, ...locks, ...slotReaders.values(), ...(box ? [box.device] : [])];
  return [...new Set(all)];
}

function isAt(point: AccessPoint, device: DeviceId | undefined): boolean {
  return device !== undefined && devicesOf(point).includes(device);
}

function boxOf(command: Command): DeviceId | undefined {
  if (command.kind !== 'key.correct' || command.place.kind !== 'slot') return undefined;
  return command.place.box;
}

/** One device may be several things (a lock with a keypad); what it says decides which is meant. */
function roleOf(
  event: DeviceEvent,
  { site }: KnowledgePorts,
): { readonly point: AccessPoint; readonly role: DeviceRole } | undefined {
  const { device } = event;
  const points = site.accessPoints;
  if (event.kind === 'card-read' || event.kind === 'card-malformed') {
    for (const point of points) {
      const slot = [...point.slotReaders].find(([, reader]) => reader === device)?.[0];
      if (slot !== undefined) return { point, role: { kind: 'slot-reader', slot } };
    }
  }
  if (event.kind === 'input') {
    const inputs = site.inputs.filter((each) => each.device === device);
    const mine = inputs.filter(({ input }) => input === event.input);
    const at = mine.find((each) => each.accessPoint !== undefined)?.accessPoint;
    const point = points.find(({ id }) => id === at) ?? points.find((each) => isAt(each, device));
    const any = point ?? points[0];
    if (mine.length > 0 && any !== undefined)
      return { point: any, role: { kind: 'input', inputs: mine } };
  }
  if ('slot' in event) {
    const point =
      points.find(({ box }) => box?.device === device && box.slots.includes(event.slot)) ??
      points.find(({ box }) => box?.device === device);
    return point === undefined ? undefined : { point, role: { kind: 'box' } };
  }
  const isShowing = event.kind === 'card-read' || event.kind === 'card-malformed';
  if (isShowing || event.kind === 'code-entered' || event.kind === 'keypad') {
    const point = points.find(({ readers }) => readers.includes(device));
    return point === undefined ? undefined : { point, role: { kind: 'reader' } };
  }
  const point = points.find((each) => isAt(each, device));
  if (point === undefined) return undefined;
  if (point.box?.device === device) return { point, role: { kind: 'box' } };
  return { point, role: { kind: point.locks.includes(device) ? 'lock' : 'reader' } };
}

function pendingAt(
  point: AccessPoint,
  { state }: KnowledgePorts,
  stamp: Stamp,
): Pending | undefined {
  const pending = state.pending.get(point.id);
  return pending !== undefined && pending.until > stamp.uptime ? pending : undefined;
}

/** A choice is the number of a slot or key, shorter than any code. */
const SHORTEST_CODE = 4;
const LONGEST_CODE = 16;

function presentationOf(
  event: DeviceEvent,
  role: DeviceRole,
  point: AccessPoint,
  pending: Pending | undefined,
  ports: KnowledgePorts,
  stamp: Stamp,
): Presentation | undefined {
  if (role.kind !== 'reader') return undefined;
  if (event.kind === 'card-read') return { kind: 'card', index: ports.indexer.card(event) };
  if (event.kind === 'card-malformed') {
    return { kind: 'malformed', what: 'card', fault: event.fault };
  }
  if (event.kind !== 'code-entered') return undefined;
  const { digits } = event;
  if (!/^\d*$/.test(digits)) return { kind: 'malformed', what: 'code', fault: 'not digits' };
  if (pending?.kind === 'choice' && digits.length > 0 && digits.length < SHORTEST_CODE) {
    return { kind: 'choice', number: String(Number(digits)) };
  }
  if (digits.length < SHORTEST_CODE || digits.length > LONGEST_CODE) {
    return { kind: 'malformed', what: 'code', fault: 'length' };
  }
  const row = keypadsOf(point, ports).find(({ device }) => device === event.device)?.lockout;
  const now = { boot: stamp.boot, uptime: stamp.uptime, startedAt: ports.state.startedAt };
  const isLocked = waitLeft(row, digits.length, now, ports.site.policies.lockout) > 0;
  const code = { kind: 'code', digits: digits.length } as const;
  return isLocked ? code : { ...code, index: ports.indexer.pin(digits) };
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

function namedKeys(targets: readonly Target[]): readonly KeyId[] {
  return targets.flatMap((target) => (target.kind === 'key' ? [keyId(target.id)] : []));
}

function levelsOf(
  matches: readonly GrantMatch[],
  { accessLevels }: Policies,
): { readonly [name: string]: readonly Target[] } {
  const found: Record<string, readonly Target[]> = {};
  const visit = (targets: readonly Target[]): void => {
    for (const { kind, id } of targets) {
      const level = kind === 'access_level' && !Object.hasOwn(found, id) && accessLevels.get(id);
      if (!level) continue;
      found[id] = level;
      visit(level);
    }
  };
  for (const { grant } of matches) visit(grant.targets);
  return found;
}

/** Only what a decision reads: neither sealed digits nor other people's hashes go into the evidence. */
function knownMatch(
  match: GrantMatch,
  pending: Pending | undefined,
  { ledger }: KnowledgePorts,
): KnownMatch {
  const { grant, credential } = match;
  const cards = pending?.kind === 'second-factor' ? pending.credentials : [];
  const records = [credential.id, ...cards]
    .filter((id) => id === credential.id || grant.credentials.some((each) => each.id === id))
    .flatMap((id) => ledger.get('credential', id) ?? []);
  const record = records.find(({ disabled }) => disabled) ?? records[0];
  const use = ledger.get('use', grant.id) ?? ledger.get('use', ALL_UNCONFIRMED);
  const presence = ledger.get('area', grant.holder);
  const { sealed: _sealed, ...shown } = credential;
  return {
    grant: {
      ...grant,
      credentials: grant.credentials.map(({ id, kind, index, combineWith, digits }) => ({
        id,
        kind,
        index,
        ...(combineWith === undefined ? {} : { combineWith }),
        ...(digits === undefined ? {} : { digits }),
      })),
    },
    credential: shown,
    window: match.window,
    revoked: match.revoked,
    ...(grant.uses === undefined || use === undefined ? {} : { use }),
    ...(record === undefined ? {} : { credentialRecord: record }),
    ...(presence === undefined ? {} : { presence }),
  };
}

function slotsOf(
  { box }: AccessPoint,
  { grants, ledger }: KnowledgePorts,
  stamp: Stamp,
): readonly KnownSlot[] {
  if (box === undefined) return [];
  const reserved = grants.reservedSlots(box.device, stamp.clock.lo);
  return box.slots.map((slot: SlotNumber) => {
    const custody = ledger.get('slot', slotId(box.device, slot));
    return {
      box: box.device,
      slot,
      reserved: reserved.includes(slot),
      ...(custody === undefined ? {} : { custody }),
    };
  });
}

function keypadsOf(
  { readers }: AccessPoint,
  { site, state, ledger }: KnowledgePorts,
): readonly KnownKeypad[] {
  return readers
    .filter((reader) => site.keypads.has(reader))
    .map((device) => {
      const lockout = ledger.get('keypad', device);
      const isOnline = state.online.has(device);
      return lockout === undefined ? { device, isOnline } : { device, isOnline, lockout };
    });
}

function isAreaOnline({ area }: AccessPoint, { site, state }: KnowledgePorts): boolean {
  if (area === undefined) return false;
  return site.accessPoints
    .filter((each) => each.area?.enters === area.enters || each.area?.leaves === area.enters)
    .every(({ readers }) => readers.every((reader) => state.online.has(reader)));
}

function doorsOf(locks: readonly DeviceId[], { ledger }: KnowledgePorts): Knowledge['doors'] {
  return [...new Set(locks)].map((device) => {
    const custody = ledger.get('slot', doorId(device));
    return custody === undefined ? { device } : { device, custody };
  });
}
