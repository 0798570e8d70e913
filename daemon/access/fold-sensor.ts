/** What contacts, sensors and slot readers say, folded into the rows of slots, doors and openings. */
import { deviceId, slotNumber } from '../../drivers/contract/device.ts';
import { uptime } from '../../drivers/contract/time.ts';
import { flagIn, isSet, numberIn, textIn, textsIn } from './body.ts';
import type { RecordedEntry } from './entry.ts';
import {
  doorId,
  type LedgerChange,
  type LedgerView,
  type Moment,
  type Opening,
  type SlotCustody,
  slotId,
} from './ledger.ts';
import { keyId } from './model.ts';

/** A door pulled this long after its lock has locked again was still opened by the decision. */
export const DOOR_GRACE = 10_000;

/** The uptime of the entry, for what must not depend on the wall clock. */
export function momentOf({ stamp }: RecordedEntry): Moment {
  return { at: stamp.at, boot: stamp.boot, uptime: stamp.uptime };
}

/**
 * `open` and `present` as seen at the body's slot, `read` in it; `proves`: flags go. One fob read does not say that the
 * other is not there: a shared slot stays shared until a key leaves it, or somebody who has looked says so.
 */
export function foldSlot(ledger: LedgerView, entry: RecordedEntry): LedgerChange[] {
  const { body, device } = entry;
  const slot = numberIn(body, 'slot');
  const box = textIn(body, 'box') ?? device;
  if (slot === undefined || box === undefined) return [];
  const id = slotId(deviceId(box), slotNumber(slot));
  const row = ledger.get('slot', id) ?? { flags: [] };
  const changes: LedgerChange[] = [{ table: 'slot', id, value: slotAfter(row, entry) }];
  const seq = numberIn(body, 'opening');
  const opening = seq === undefined ? undefined : ledger.get('opening', String(seq));
  if (seq === undefined || opening === undefined) return changes;
  const value = isSet(body, 'final') ? undefined : openingAfter(opening, entry);
  return [...changes, { table: 'opening', id: String(seq), value }];
}

function slotAfter(row: SlotCustody, entry: RecordedEntry): SlotCustody {
  const { body, type } = entry;
  const open = flagIn(body, 'open');
  const present = flagIn(body, 'present');
  const isRead = textIn(body, 'key') !== undefined;
  const flags = row.flags
    .filter(
      (flag) => !isSet(body, 'proves') || flag === 'held-open' || (flag === 'shared' && isRead),
    )
    .filter((flag) => !(open === false && flag === 'held-open'))
    .concat(type === 'access.forced_open' && !row.flags.includes('forced') ? ['forced'] : [])
    .concat(
      isSet(body, 'unexplained') && !row.flags.includes('content-unknown')
        ? ['content-unknown']
        : [],
    );
  const { openSince, ...rest } = row;
  const since = open === true ? momentOf(entry) : open === false ? undefined : openSince;
  return {
    ...rest,
    flags,
    ...(open === undefined ? {} : { doorOpen: open }),
    ...(present === undefined ? {} : { present }),
    ...(since === undefined ? {} : { openSince: since }),
  };
}

function openingAfter(opening: Opening, { body, stamp }: RecordedEntry): Opening {
  return { ...opening, seen: seenAfter(opening, body, stamp.uptime) };
}

/** Of the slots that were opened at a box nobody sees any more what becomes of them. */
export function leaveUnwatched(ledger: LedgerView, { device }: RecordedEntry): LedgerChange[] {
  return [...ledger.all('opening')]
    .filter(([, opening]) => opening.device === device && opening.slot !== undefined)
    .map(([id, opening]): LedgerChange => {
      const seen = { ...opening.seen, unwatched: true } as const;
      return { table: 'opening', id, value: { ...opening, seen } };
    });
}

/** What has been seen of an opening once this is seen too; the answer uses the same to judge it. */
export function seenAfter(
  { seen }: Opening,
  body: RecordedEntry['body'],
  at: Moment['uptime'],
): Opening['seen'] {
  const open = flagIn(body, 'open');
  const present = flagIn(body, 'present');
  const read = textIn(body, 'read');
  const { closedAt, closed, ...rest } = seen;
  const isClosed = open === undefined ? closed === true : open === false && seen.opened === true;
  return {
    ...rest,
    ...(open === true ? { opened: true } : {}),
    ...(isClosed ? { closed: true, closedAt: open === false ? at : (closedAt ?? at) } : {}),
    ...(present === false ? { presenceGone: true, presenceBack: false } : {}),
    ...(present === true ? { presenceBack: true } : {}),
    ...(read === undefined ? {} : { read: read === 'foreign' ? read : keyId(read) }),
  };
}

/** Doors of locks: seen open or shut, expected to open, or held unlocked. */
export function foldDoor(ledger: LedgerView, entry: RecordedEntry): LedgerChange[] {
  const { body } = entry;
  const lock = textIn(body, 'lock');
  const locks = [...(lock === undefined ? [] : [lock]), ...textsIn(body, 'locks')];
  return locks.map((name) => {
    const id = doorId(deviceId(name));
    const row = ledger.get('slot', id) ?? { flags: [] };
    return { table: 'slot', id, value: doorAfter(row, entry) };
  });
}

function inputOf({ device, body }: RecordedEntry): string {
  return `${device}:${numberIn(body, 'input')}`;
}

function othersOnFire({ fireInputs = [] }: SlotCustody, entry: RecordedEntry): readonly string[] {
  return fireInputs.filter((each) => each !== inputOf(entry));
}

/** Shut only once the last of its inputs is clear. */
function clearedOfFire(row: SlotCustody, others: readonly string[]): SlotCustody {
  if (others.length > 0) return { ...row, fireInputs: others };
  const { fireInputs: _none, ...rest } = row;
  return { ...rest, fire: false };
}

function doorAfter(row: SlotCustody, entry: RecordedEntry): SlotCustody {
  const { body, type, stamp } = entry;
  switch (type) {
    case 'access.egress': {
      // Wired past the daemon: it ends no longer opening of the lock.
      const before = row.expectedUntil?.boot === stamp.boot ? row.expectedUntil.uptime : 0;
      const until = stamp.uptime + (numberIn(body, 'hold') ?? 0) + DOOR_GRACE;
      return {
        ...row,
        expectedUntil: { ...momentOf(entry), uptime: uptime(Math.max(before, until)) },
      };
    }
    case 'security.fire_release':
      return { ...row, fire: true, fireInputs: [...othersOnFire(row, entry), inputOf(entry)] };
    case 'security.fire_cleared':
      return clearedOfFire(row, othersOnFire(row, entry));
    case 'device.lock_state':
      return { ...row, unlocked: isSet(body, 'unlocked') };
    default:
      return slotAfter(row, entry);
  }
}
