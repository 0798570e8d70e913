/** Doors of locks, exit buttons and fire inputs. */
import {
  type DeviceEvent,
  type DeviceId,
  deviceId,
  FIRE_HOLD,
  type LockState,
} from '../../drivers/contract/device.ts';
import type { Millis } from '../../drivers/contract/time.ts';
import { type Answer, type Asked, entriesOnly } from './answered.ts';
import { plain } from './body.ts';
import type { Entry } from './entry.ts';
import type { Knowledge } from './knowledge.ts';
import type { Moment, Opening, SlotCustody } from './ledger.ts';
import type { InputRole } from './site-facts.ts';

type Event<Kind extends DeviceEvent['kind']> = Extract<DeviceEvent, { kind: Kind }>;

export function answerToContact(event: Event<'door-contact'>, known: Knowledge): Answer {
  const { device, isOpen, first } = event;
  const row = doorOf(known, device);
  if (row?.doorOpen === isOpen) return entriesOnly([]);
  const accessPoint = known.point?.id;
  const seen = (
    type: Entry['type'],
    more: { readonly alarm?: true; readonly openMs?: number },
  ) => ({
    type,
    device,
    body: plain({
      accessPoint,
      lock: device,
      open: isOpen,
      first: first ? true : undefined,
      ...more,
    }),
  });
  if (!isOpen) {
    const shut = seen('device.door', {});
    if (row?.flags.includes('held-open') !== true) return entriesOnly([shut]);
    const openMs = sinceMoment(row.openSince, known);
    return entriesOnly([shut, seen('access.closed_late', openMs === undefined ? {} : { openMs })]);
  }
  // What is found open at the first look was opened while nobody looked.
  const isExpected = first || isOpeningExpected(device, known);
  return entriesOnly([
    isExpected ? seen('device.door', {}) : seen('access.forced_open', { alarm: true }),
  ]);
}

function isOpeningExpected(device: DeviceId, known: Knowledge): boolean {
  const row = doorOf(known, device);
  if (row?.unlocked === true || row?.fire === true) return true;
  if (known.openings.some((opening) => opening.device === device)) return true;
  const until = row?.expectedUntil;
  return until !== undefined && until.boot === known.now.boot && known.now.uptime <= until.uptime;
}

/** The door of the lock was opened after that was decided, and stands open. */
export function hasOpenedSince({ device, boot, uptime }: Opening, known: Knowledge): boolean {
  const { doorOpen, openSince } = doorOf(known, device) ?? {};
  return doorOpen === true && openSince?.boot === boot && openSince.uptime >= (uptime ?? Infinity);
}

function doorOf(known: Knowledge, device: DeviceId): SlotCustody | undefined {
  return known.doors.find((door) => door.device === device)?.custody;
}

/** Time since then on the monotonic clock; after a new boot, since this daemon started. */
export function sinceMoment(moment: Moment | undefined, { now }: Knowledge): Millis | undefined {
  if (moment === undefined) return undefined;
  return now.uptime - (moment.boot === now.boot ? moment.uptime : now.startedAt);
}

const UNLOCKED: readonly LockState[] = ['unlocked', 'unlatched', 'unlatching', 'unlocking'];

export function answerToLockState(event: Event<'lock-state'>, known: Knowledge): Answer {
  const { device, state, first } = event;
  const unlocked = UNLOCKED.includes(state);
  const isJammed = state === 'jammed';
  if (first && !isJammed && (doorOf(known, device)?.unlocked ?? false) === unlocked) {
    return entriesOnly([]);
  }
  const body = plain({
    accessPoint: known.point?.id,
    lock: device,
    state,
    unlocked,
    alarm: isJammed ? true : undefined,
  });
  return entriesOnly([{ type: 'device.lock_state', device, body }]);
}

export function answerToInput(event: Event<'input'>, known: Knowledge): Answer {
  const roles = known.role?.kind === 'input' ? known.role.inputs : [];
  if (roles.length === 0) return plainInput(event, known);
  const answers = roles.map((role) => inputAs(role, event, known));
  const shift = answers.map((_, at) =>
    answers.slice(0, at).reduce((sum, { entries }) => sum + entries.length, 0),
  );
  return {
    entries: answers.flatMap(({ entries }) => entries),
    actuations: answers.flatMap(({ actuations }, at) =>
      actuations.map((asked) =>
        asked.intent === undefined ? asked : { ...asked, intent: asked.intent + (shift[at] ?? 0) },
      ),
    ),
  };
}

function plainInput({ device, input, active, first }: Event<'input'>, known: Knowledge): Answer {
  if (first) return entriesOnly([]);
  const body = plain({ accessPoint: known.point?.id, input, active });
  return entriesOnly([{ type: 'device.input', device, body }]);
}

function inputAs(role: InputRole, event: Event<'input'>, known: Knowledge): Answer {
  const { device, input, active, first } = event;
  const { accessPoint } = role;
  switch (role.does) {
    case 'rex': {
      if (!active || first) return entriesOnly([]);
      const { hold, locks } = known.point ?? { hold: 0, locks: [] };
      const body = plain({ accessPoint, input, locks: [...locks], hold });
      return entriesOnly([{ type: 'access.egress', device, body }]);
    }
    case 'tamper': {
      if (first && !active) return entriesOnly([]);
      const body = plain({ accessPoint, input, alarm: active ? true : undefined });
      return entriesOnly([
        { type: active ? 'device.tamper' : 'device.tamper_cleared', device, body },
      ]);
    }
    case 'fire':
      return active ? fireRelease(role, event, known) : fireCleared(role, event, known);
    default:
      return role.does satisfies never;
  }
}

/** To the wire at once, journaled after, storage safe or not (P14). One entry a lock, since each has its own intent. */
function fireRelease(role: InputRole, { device, input }: Event<'input'>, known: Knowledge): Answer {
  const locks = role.locks.filter((lock) => lock !== known.point?.box?.device);
  const actuations = locks.map(
    (lock, intent): Asked => ({
      kind: 'unlock',
      device: lock,
      hold: FIRE_HOLD,
      intent,
      atOnce: true,
    }),
  );
  const entries = locks.map((lock): Entry => {
    const body = plain({ accessPoint: role.accessPoint, input, lock, alarm: true });
    return { type: 'security.fire_release', device, body };
  });
  return { entries, actuations };
}

/** Of the locks that fire holds open; of `lock` alone where it is given, which has come back and may have shut meanwhile. */
export function fireAgain(known: Knowledge, lock?: DeviceId): readonly Asked[] {
  return known.doors
    .filter(({ device, custody }) => custody?.fire === true && (lock ?? device) === device)
    .map(({ device }) => ({
      kind: 'unlock',
      device,
      hold: FIRE_HOLD,
      intent: undefined,
      atOnce: true,
    }));
}

/** Fire holds it open: nothing that is asked meanwhile shuts it. */
export function isHeldForFire(device: DeviceId, known: Knowledge): boolean {
  return doorOf(known, device)?.fire === true;
}

/** The board counts anew with each unlocking: a shorter one would shut what fire opened. */
export function holdAt(device: DeviceId, hold: Millis, known: Knowledge): Millis {
  return isHeldForFire(device, known) ? Math.max(hold, FIRE_HOLD) : hold;
}

/** Of inputs that hold a lock for fire, and that the config does not name for it any more: they would never be clear. */
export function fireNoLongerRead({ doors, inputs = [] }: Knowledge): readonly Entry[] {
  const isRead = (from: DeviceId, input: number, lock: DeviceId) =>
    inputs.some(
      ({ does, device, input: at, locks }) =>
        does === 'fire' && device === from && at === input && locks.includes(lock),
    );
  return doors.flatMap(({ device: lock, custody }) =>
    (custody?.fireInputs ?? []).flatMap((name): readonly Entry[] => {
      const [from = '', at = ''] = name.split(':');
      const device = deviceId(from);
      const input = Number(at);
      if (isRead(device, input, lock)) return [];
      const body = { input, locks: [lock], why: 'not in the config any more' };
      return [{ type: 'security.fire_cleared', device, body }];
    }),
  );
}

function fireCleared(role: InputRole, event: Event<'input'>, known: Knowledge): Answer {
  const { device, input, first } = event;
  const mine = `${device}:${input}`;
  const isOn = role.locks.some((lock) => {
    const { fire, fireInputs = [mine] } = doorOf(known, lock) ?? {};
    return fire === true && fireInputs.includes(mine);
  });
  if (first && !isOn) return entriesOnly([]);
  const body = plain({ accessPoint: role.accessPoint, input, locks: [...role.locks] });
  return entriesOnly([{ type: 'security.fire_cleared', device, body }]);
}
