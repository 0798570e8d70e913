/** How an entry moves keys, openings and uses; each function reads the fields it needs from the body. */
import { deviceId, slotNumber } from '../../drivers/contract/device.ts';
import { instant } from '../../drivers/contract/time.ts';
import { isSet, numberIn, textIn, textsIn } from './body.ts';
import type { RecordedEntry } from './entry.ts';
import {
  doorId,
  type KeyCustody,
  type LedgerChange,
  type LedgerView,
  type Opening,
  type Place,
  type SlotCustody,
  slotId,
} from './ledger.ts';
import {
  accessPointId,
  credentialIndex,
  grantId,
  type HolderId,
  holderId,
  type KeyId,
  keyId,
} from './model.ts';
import type { FoldStep } from './overlay.ts';
import { afterGivingBack } from './uses.ts';

/** Whoever used a credential that several holders share. */
const UNATTRIBUTED: HolderId = holderId('unattributed');

/** A granted or commanded opening begins; its id is the seq of the entry. */
export function opened(ledger: LedgerView, entry: RecordedEntry): LedgerChange[] {
  const { body, seq, stamp, sub } = entry;
  const device = textIn(body, 'opens');
  const point = textIn(body, 'accessPoint');
  const operation = openingOperation(textIn(body, 'operation'));
  if (device === undefined || point === undefined || operation === undefined) return [];
  const slot = numberIn(body, 'slot');
  const key = textIn(body, 'key');
  const grant = textIn(body, 'grant');
  const due = numberIn(body, 'due');
  const rev = numberIn(body, 'rev');
  const before = numberIn(body, 'sharesUse');
  const value: Opening = {
    seq,
    device: deviceId(device),
    slot: slot === undefined ? undefined : slotNumber(slot),
    accessPoint: accessPointId(point),
    operation,
    key: key === undefined ? undefined : keyId(key),
    grant: grant === undefined ? undefined : grantId(grant),
    ...(rev === undefined ? {} : { rev }),
    holder: sub,
    counted: isSet(body, 'counted'),
    ...(before === undefined ? {} : { sharesUse: seq - before }),
    since: stamp.at,
    boot: stamp.boot,
    uptime: stamp.uptime,
    hold: numberIn(body, 'hold') ?? 0,
    due: due === undefined ? undefined : instant(due),
    isReturn: isSet(body, 'return'),
    byFob: isSet(body, 'byFob'),
    seen: isOpen(ledger, device, slot) ? { opened: true } : {},
  };
  return [...overtaken(ledger, value), { table: 'opening', id: String(seq), value }];
}

function isOpen(ledger: LedgerView, device: string, slot: number | undefined): boolean {
  if (slot === undefined) return false;
  return ledger.get('slot', slotId(deviceId(device), slotNumber(slot)))?.doorOpen === true;
}

/** A slot that is opened again is one opening: the newer goes on, with what the sensors show by then. */
function overtaken(ledger: LedgerView, { device, slot }: Opening): LedgerChange[] {
  return [...ledger.all('opening')]
    .filter(([, each]) => slot !== undefined && each.device === device && each.slot === slot)
    .map(([id]): LedgerChange => ({ table: 'opening', id, value: undefined }));
}

function openingOperation(word: string | undefined): Opening['operation'] | undefined {
  switch (word) {
    case 'pickup':
    case 'unlock':
    case 'command':
    case 'dropoff':
      return word;
    case 'attach-fob':
      return 'dropoff';
    default:
      return undefined;
  }
}

/** Ends the opening that the body names, if it says so: `ends` is the seq of the opening. */
export function endOpening(_ledger: LedgerView, { body }: RecordedEntry): LedgerChange[] {
  const seq = numberIn(body, 'ends');
  return seq === undefined ? [] : [{ table: 'opening', id: String(seq), value: undefined }];
}

/** What was counted for an opening that came to nothing is given back, or goes to another lock that it may still open. */
export function giveBack(ledger: LedgerView, { body }: RecordedEntry): LedgerChange[] {
  const opening = ledger.get('opening', String(numberIn(body, 'ends')));
  if (!isSet(body, 'givesBack') || opening?.counted !== true) return [];
  if (opening.grant === undefined) return [];
  const [heir, ...others] = sharing(ledger, opening.seq);
  if (heir !== undefined) {
    const { sharesUse: _, ...rest } = heir;
    return [
      { table: 'opening', id: String(heir.seq), value: { ...rest, counted: true } },
      ...others.map(
        (each): LedgerChange => ({
          table: 'opening',
          id: String(each.seq),
          value: { ...each, sharesUse: heir.seq },
        }),
      ),
    ];
  }
  const value = afterGivingBack(ledger.get('use', opening.grant));
  return [{ table: 'use', id: opening.grant, value }];
}

/** A lock that shares another's use opened, or may have: the use is spent, whatever comes of the other. */
export function keepUse(ledger: LedgerView, { body }: RecordedEntry): LedgerChange[] {
  const shared = ledger.get('opening', String(numberIn(body, 'opening')))?.sharesUse;
  if (shared === undefined) return [];
  const counted = ledger.get('opening', String(shared));
  if (counted === undefined) return [];
  return [{ table: 'opening', id: String(shared), value: { ...counted, counted: false } }];
}

function sharing(ledger: LedgerView, seq: number): readonly Opening[] {
  return [...ledger.all('opening')]
    .map(([, opening]) => opening)
    .filter(({ sharesUse }) => sharesUse === seq)
    .sort((one, other) => one.seq - other.seq);
}

/** The keys that the body names lie in its slot from now on. */
export function placeIn(ledger: LedgerView, entry: RecordedEntry): LedgerChange[] {
  const { body, device } = entry;
  const slot = numberIn(body, 'slot');
  const box = textIn(body, 'box') ?? device;
  if (slot === undefined || box === undefined) return [];
  const place: Place = { kind: 'slot', box: deviceId(box), slot: slotNumber(slot) };
  return keysNamed(entry).flatMap((key) => moveKey(ledger, key, place));
}

/** The key that the body names is with its `sub` from now on. */
export function takeKey(ledger: LedgerView, entry: RecordedEntry): LedgerChange[] {
  const { body, stamp, sub } = entry;
  const grant = textIn(body, 'grant');
  const due = numberIn(body, 'due');
  const place: Place = {
    kind: 'holder',
    holder: sub ?? UNATTRIBUTED,
    grant: grant === undefined ? undefined : grantId(grant),
    since: stamp.at,
    due: due === undefined ? undefined : instant(due),
  };
  return keysNamed(entry).flatMap((key) => moveKey(ledger, key, place));
}

/** Nobody knows where the keys are that the body names. */
export function leaveUnknown(ledger: LedgerView, entry: RecordedEntry): LedgerChange[] {
  const place: Place = { kind: 'unknown', since: entry.stamp.at };
  return keysNamed(entry).flatMap((key) => moveKey(ledger, key, place));
}

function keysNamed({ body }: RecordedEntry): readonly KeyId[] {
  const key = textIn(body, 'key');
  return [...(key === undefined ? [] : [key]), ...textsIn(body, 'keys')].map(keyId);
}

/** Moving clears what was flagged at the old place; a slot that is left by one of two keys is no longer shared. */
export function moveKey(ledger: LedgerView, key: KeyId, place: Place): LedgerChange[] {
  const before = ledger.get('key', key);
  const lastSlot = place.kind === 'slot' ? { box: place.box, slot: place.slot } : before?.lastSlot;
  const value: KeyCustody = {
    place,
    flags: [],
    ...(lastSlot === undefined ? {} : { lastSlot }),
    ...(before?.fob === undefined ? {} : { fob: before.fob }),
  };
  return [{ table: 'key', id: key, value }, ...unshare(ledger, key, before?.place, place)];
}

function unshare(
  ledger: LedgerView,
  key: KeyId,
  from: Place | undefined,
  to: Place,
): LedgerChange[] {
  if (from?.kind !== 'slot') return [];
  if (to.kind === 'slot' && to.box === from.box && to.slot === from.slot) return [];
  const id = slotId(from.box, from.slot);
  const row = ledger.get('slot', id);
  if (row?.flags.includes('shared') !== true) return [];
  const others = [...ledger.all('key')].filter(
    ([each, { place }]) =>
      each !== key && place.kind === 'slot' && place.box === from.box && place.slot === from.slot,
  );
  if (others.length > 1) return [];
  return [{ table: 'slot', id, value: { ...row, flags: row.flags.filter((f) => f !== 'shared') } }];
}

/** Adds a flag to the keys of the body. */
export function flagKey(flag: KeyCustody['flags'][number]): FoldStep {
  return (ledger, entry) =>
    keysNamed(entry).map((key) => {
      const row = ledger.get('key', key) ?? nowhere(entry);
      const value = { ...row, flags: [...row.flags.filter((each) => each !== flag), flag] };
      return { table: 'key', id: key, value };
    });
}

function nowhere({ stamp }: RecordedEntry): KeyCustody {
  return { place: { kind: 'unknown', since: stamp.at }, flags: [] };
}

/** Adds a flag to the slot, or the lock's door, of the body. */
export function flagSlot(flag: SlotCustody['flags'][number]): FoldStep {
  return (ledger, { body, device }) => {
    const slot = numberIn(body, 'slot');
    const lock = textIn(body, 'lock');
    const box = textIn(body, 'box') ?? device;
    const isSlot = slot !== undefined && box !== undefined;
    if (lock === undefined && !isSlot) return [];
    const id = isSlot ? slotId(deviceId(box), slotNumber(slot)) : doorId(deviceId(lock ?? ''));
    const row = ledger.get('slot', id) ?? { flags: [] };
    const flags = [...row.flags.filter((each) => each !== flag), flag];
    return [{ table: 'slot', id, value: { ...row, flags } }];
  };
}

/** The fob that belongs to the key, as attached or detached here. */
export function setFob(ledger: LedgerView, entry: RecordedEntry): LedgerChange[] {
  const { type, body } = entry;
  const key = textIn(body, 'key');
  const fob = textIn(body, 'fob');
  if (key === undefined) return [];
  const row = ledger.get('key', key) ?? nowhere(entry);
  if (type === 'access.fob_detached')
    return [{ table: 'key', id: key, value: { ...row, fob: null } }];
  if (fob === undefined) return [];
  return [{ table: 'key', id: key, value: { ...row, fob: credentialIndex(fob) } }];
}
