/** What an entry changes in the ledger: the one place where custody, uses and lockouts move. Pure. */
import { type Instant, instant, uptime } from '../../drivers/contract/time.ts';
import { isObject, isSet, listIn, numberIn, objectIn, textIn } from './body.ts';
import { readCheckpoint } from './checkpoint.ts';
import type { JsonObject, RecordedEntry } from './entry.ts';
import { enter, entered, notEntered } from './fold-area.ts';
import {
  endOpening,
  flagKey,
  flagSlot,
  giveBack,
  keepUse,
  leaveUnknown,
  moveKey,
  opened,
  placeIn,
  setFob,
  takeKey,
} from './fold-custody.ts';
import { DOOR_GRACE, foldDoor, foldSlot, leaveUnwatched, momentOf } from './fold-sensor.ts';
import {
  CARD_OF,
  cardId,
  doorId,
  type KeypadLockout,
  type LedgerChange,
  type LedgerView,
  type Lockdown,
} from './ledger.ts';
import { accessPointId, keyId } from './model.ts';
import { type FoldStep, inOrder } from './overlay.ts';
import { ALL_UNCONFIRMED, afterStated, afterUse } from './uses.ts';

export function fold(ledger: LedgerView, entry: RecordedEntry): readonly LedgerChange[] {
  return inOrder(ledger, entry, stepsOf(entry));
}

function stepsOf({ type, body }: RecordedEntry): readonly FoldStep[] {
  const placed = isSet(body, 'lost') ? leaveUnknown : placeIn;
  switch (type) {
    case 'access.granted':
      return [opened, spend, enter, counters];
    case 'access.commanded':
      return [opened];
    case 'access.denied':
      return [counters];

    case 'access.opened':
      return [keepUse, entered, foldOpened];
    case 'access.open_failed':
    case 'access.jammed':
    case 'access.withdrawn':
    case 'access.not_returned':
      return [giveBack, notEntered, endOpening];
    case 'access.unknown_outcome':
      if (isSet(body, 'lost')) return [leaveUnknown, endOpening];
      // Where nobody can tell, whoever opens the door has perhaps not forced it.
      return [keepUse, entered, ...(isSet(body, 'final') ? [] : [expectDoor]), endOpening];

    case 'access.taken':
      return [takeKey, endOpening];
    case 'access.not_taken':
      return [giveBack, placeIn, endOpening];
    case 'access.returned':
    case 'access.misplaced':
      return [placeIn, endOpening];
    case 'access.content_unknown':
      return [placed, flagKey('content-unknown'), flagSlot('content-unknown'), endOpening];
    case 'access.slot_shared':
      return [placeIn, flagSlot('shared')];
    case 'access.fob_doubled':
      return [leaveUnknown, flagKey('doubled')];
    case 'access.found_moved':
      return [placed, foldSlot];
    case 'access.forced_open':
      return [leaveUnknown, foldSlot, foldDoor];
    case 'access.held_open':
      return [flagSlot('held-open')];
    case 'access.overdue':
      return [flagKey('overdue')];
    case 'access.reminder':
      return [flagKey('reminded')];
    case 'access.corrected':
      return [foldCorrected];
    case 'access.fob_attached':
    case 'access.fob_detached':
      return [setFob];

    case 'access.egress':
    case 'security.fire_release':
    case 'security.fire_cleared':
    case 'device.door':
    case 'device.lock_state':
      return [foldDoor];
    case 'device.offline':
      return [leaveUnwatched];
    case 'device.slot':
      return isSet(body, 'proves') ? [placeIn, foldSlot, endOpening] : [foldSlot, endOpening];

    case 'security.lockout_cleared':
      return [clearLockout];
    case 'security.credential_disabled':
    case 'security.credential_enabled':
      return [foldCredential];
    case 'security.lockdown':
    case 'security.lockdown_released':
      return [foldLockdown];
    case 'system.storage_recovered':
      return [foldRecovered];
    case 'system.checkpoint':
      return [readCheckpoint];
    default:
      return [];
  }
}

function clearLockout(_ledger: LedgerView, { device }: RecordedEntry): LedgerChange[] {
  return device === undefined ? [] : [{ table: 'keypad', id: device, value: undefined }];
}

function spend(ledger: LedgerView, { body }: RecordedEntry): LedgerChange[] {
  const grant = textIn(body, 'grant');
  if (grant === undefined || !isSet(body, 'counted')) return [];
  return [
    {
      table: 'use',
      id: grant,
      value: afterUse(ledger.get('use', grant), { ...reset(textIn(body, 'usesReset')) }),
    },
  ];
}

function reset(word: string | undefined): { readonly reset?: string } {
  return word === undefined ? {} : { reset: word };
}

/** Tries at the keypad and wrong PINs to a card, as the answer counted them. */
function counters(ledger: LedgerView, { body, device }: RecordedEntry): LedgerChange[] {
  const tries = objectIn(body, 'tries');
  const changes: LedgerChange[] = [];
  if (device !== undefined && tries !== undefined) {
    changes.push({ table: 'keypad', id: device, value: lockoutIn(tries) });
  }
  for (const card of listIn(body, 'cards')) {
    if (!isObject(card)) continue;
    const id = cardIn(card);
    const wrong = numberIn(card, 'wrong');
    if (id === undefined || wrong === undefined) continue;
    const disabled = ledger.get('credential', id)?.disabled ?? false;
    const value = wrong === 0 && !disabled ? undefined : { wrongSecondFactors: wrong, disabled };
    changes.push({ table: 'credential', id, value });
  }
  return changes;
}

function lockoutIn(tries: JsonObject): KeypadLockout {
  const asOf = objectIn(tries, 'asOf') ?? {};
  return {
    failures: numberIn(tries, 'failures') ?? 0,
    waitLeft: numberIn(tries, 'waitLeft') ?? 0,
    sinceDecay: numberIn(tries, 'sinceDecay') ?? 0,
    longFailures: numberIn(tries, 'longFailures') ?? 0,
    longWaitLeft: numberIn(tries, 'longWaitLeft') ?? 0,
    longSinceDecay: numberIn(tries, 'longSinceDecay') ?? 0,
    recent: listIn(tries, 'recent').flatMap((each): Instant[] =>
      typeof each === 'number' ? [instant(each)] : [],
    ),
    asOf: {
      boot: textIn(asOf, 'boot') ?? '',
      uptime: numberIn(asOf, 'uptime') ?? 0,
      at: instant(numberIn(asOf, 'at') ?? 0),
    },
  };
}

/** A lock was seen to open; a slot's opening goes on until it is closed. */
function foldOpened(ledger: LedgerView, entry: RecordedEntry): LedgerChange[] {
  const id = String(numberIn(entry.body, 'opening'));
  const opening = ledger.get('opening', id);
  if (opening === undefined) return [];
  if (opening.slot !== undefined) {
    const seen = { ...opening.seen, outcome: 'done' } as const;
    return [{ table: 'opening', id, value: { ...opening, seen } }];
  }
  return [{ table: 'opening', id, value: undefined }, ...expectDoor(ledger, entry)];
}

/** The door of a lock that opened, or may have, may be opened for a while. */
function expectDoor(ledger: LedgerView, entry: RecordedEntry): LedgerChange[] {
  const opening = ledger.get('opening', String(numberIn(entry.body, 'opening')));
  if (opening === undefined || opening.slot !== undefined) return [];
  const door = ledger.get('slot', doorId(opening.device)) ?? { flags: [] };
  const until = uptime(entry.stamp.uptime + (opening.hold ?? 0) + DOOR_GRACE);
  const expectedUntil = { ...momentOf(entry), uptime: until };
  return [{ table: 'slot', id: doorId(opening.device), value: { ...door, expectedUntil } }];
}

/** Entries of older versions, and of what is done by hand, name no grant. */
function cardIn(body: JsonObject): string | undefined {
  const [id, grant] = [textIn(body, 'credential'), textIn(body, 'grant')];
  return id === undefined || grant === undefined ? id : cardId(grant, id);
}

function foldCredential(ledger: LedgerView, { type, body }: RecordedEntry): LedgerChange[] {
  const id = cardIn(body);
  if (id === undefined) return [];
  if (type === 'security.credential_enabled') {
    const rows = [...ledger.all('credential')].map(([row]) => row);
    const all = [id, ...rows.filter((row) => row.endsWith(`${CARD_OF}${id}`))];
    // Where all that are called so are disabled, none of them could be enabled otherwise.
    if (textIn(body, 'grant') !== undefined) all.push(textIn(body, 'credential') ?? id);
    return all.map((row) => ({ table: 'credential', id: row, value: undefined }));
  }
  const wrongSecondFactors = numberIn(body, 'wrong') ?? 0;
  return [{ table: 'credential', id, value: { wrongSecondFactors, disabled: true } }];
}

function foldLockdown(_ledger: LedgerView, { type, body, stamp }: RecordedEntry): LedgerChange[] {
  const id = textIn(body, 'lockdown');
  const scope = textIn(body, 'scope');
  if (id === undefined) return [];
  if (type === 'security.lockdown_released') return [{ table: 'lockdown', id, value: undefined }];
  if (scope === undefined) return [];
  const where: Lockdown['scope'] = scope === 'site' ? 'site' : accessPointId(scope);
  const value: Lockdown = {
    id,
    scope: where,
    allowStaff: isSet(body, 'allowStaff'),
    since: stamp.at,
  };
  return [{ table: 'lockdown', id, value }];
}

/** A manager signed for it: flags go, and the key is where they say. */
function foldCorrected(ledger: LedgerView, entry: RecordedEntry): LedgerChange[] {
  const { body, stamp } = entry;
  const grant = textIn(body, 'grant');
  const count = numberIn(body, 'count');
  if (grant !== undefined && count !== undefined) {
    const row = ledger.get('use', grant);
    return [{ table: 'use', id: grant, value: afterStated(row, count, textIn(body, 'usesReset')) }];
  }
  const key = textIn(body, 'key');
  const place = textIn(body, 'place');
  if (key === undefined) return foldSlot(ledger, entry);
  if (place === 'slot') return placeIn(ledger, entry);
  if (place === 'holder') return takeKey(ledger, entry);
  const changes = moveKey(ledger, keyId(key), { kind: 'unknown', since: stamp.at });
  return place === 'lost' ? changes.map((change) => asLost(change)) : changes;
}

function asLost(change: LedgerChange): LedgerChange {
  if (change.table !== 'key' || change.value === undefined) return change;
  return { ...change, value: { ...change.value, flags: ['lost'] } };
}

/**
 * After a journal was lost or restored nobody can say how often a grant was used, nor where a key is: counted grants
 * refuse until their source confirms the count, and keys are unknown until read again.
 */
function foldRecovered(ledger: LedgerView, { stamp }: RecordedEntry): LedgerChange[] {
  const uses = [...ledger.all('use')].map(
    ([id, row]): LedgerChange => ({ table: 'use', id, value: { ...row, unconfirmed: true } }),
  );
  const keys = [...ledger.all('key')].flatMap(([id]) =>
    moveKey(ledger, keyId(id), { kind: 'unknown', since: stamp.at }),
  );
  const openings = [...ledger.all('opening')].map(
    ([id]): LedgerChange => ({ table: 'opening', id, value: undefined }),
  );
  const all: LedgerChange = {
    table: 'use',
    id: ALL_UNCONFIRMED,
    value: { count: 0, reset: undefined, unconfirmed: true },
  };
  return [...uses, all, ...keys, ...openings];
}
