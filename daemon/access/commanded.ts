/** To what an authenticated, authorised person or cloud asks. Openings by hand need no grant, but a journal entry. */
import type { DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import { type Answer, type Asked, entriesOnly } from './answered.ts';
import { plain } from './body.ts';
import type { Command } from './command.ts';
import { holdAt, isHeldForFire } from './door.ts';
import type { Entry, EntryType, Json } from './entry.ts';
import type { Knowledge } from './knowledge.ts';
import { type HolderId, holderId, type Reason } from './model.ts';
import { keyOf, keysIn } from './place.ts';

export function commanded(command: Command, known: Knowledge): Answer {
  const { by, id, why } = command;
  const entry = (
    type: EntryType,
    fields: { readonly [name: string]: Json | undefined },
    device?: DeviceId,
    sub?: HolderId,
  ): Entry => ({
    type,
    body: plain({ accessPoint: known.point?.id, by, command: id, why, ...fields }),
    ...(device === undefined ? {} : { device }),
    ...(sub === undefined ? {} : { sub }),
  });
  switch (command.kind) {
    case 'slot.open':
      return openSlot(command, known, entry);
    case 'unlock':
    case 'lock': {
      const { device, kind } = command;
      const refusal = unreachable(device, known);
      if (refusal !== undefined || known.point?.locks.includes(device) !== true) {
        return refuse(refusal ?? 'device-unknown', `no lock ${device} can be reached`);
      }
      if (kind === 'lock' && isHeldForFire(device, known)) {
        return refuse('operation-not-allowed', `fire holds ${device} open`);
      }
      const hold = kind === 'unlock' ? (command.hold ?? known.point.hold) : undefined;
      const operation = kind === 'unlock' ? 'command' : 'lock';
      const body = { operation, method: 'command', opens: device, lock: device, hold };
      const asked: Asked =
        hold === undefined
          ? { kind: 'lock', device, intent: 0 }
          : { kind: 'unlock', device, hold: holdAt(device, hold, known), intent: 0 };
      return { entries: [entry('access.commanded', body, device)], actuations: [asked] };
    }
    case 'lockdown': {
      const { lockdown, scope, allowStaff } = command;
      const body = { lockdown, scope, allowStaff, alarm: true, accessPoint: pointIn(scope) };
      return entriesOnly([entry('security.lockdown', body)]);
    }
    case 'release': {
      const { lockdown } = command;
      const found = known.lockdowns.find((each) => each.id === lockdown);
      if (found === undefined) return refuse('lockdown', `no lockdown ${lockdown} is active`);
      const body = { lockdown, accessPoint: pointIn(found.scope) };
      return entriesOnly([entry('security.lockdown_released', body)]);
    }
    case 'keypad.reset': {
      const { device } = command;
      if (!known.keypads.some((keypad) => keypad.device === device)) {
        return refuse('device-unknown', `no keypad ${device}`);
      }
      return entriesOnly([entry('security.lockout_cleared', {}, device)]);
    }
    case 'key.correct':
      return correct(command, known, entry);
    case 'slot.prove': {
      const { device, slot } = command;
      if (known.point?.box?.device !== device) return refuse('device-unknown', `no box ${device}`);
      return entriesOnly([entry('access.corrected', { slot, proves: true }, device)]);
    }
    case 'credential.enable':
    case 'credential.disable': {
      const type = command.kind === 'credential.enable' ? 'enabled' : 'disabled';
      const { credential, grant } = command;
      return entriesOnly([entry(`security.credential_${type}`, { credential, grant })]);
    }
    case 'fob.attach': {
      const { key, fob } = command;
      if (keyOf(known, key) === undefined) return refuse('key-not-here', `no key ${key}`);
      return entriesOnly([entry('access.fob_attached', { key, fob })]);
    }
    case 'fob.detach': {
      const { key } = command;
      if (keyOf(known, key) === undefined) return refuse('key-not-here', `no key ${key}`);
      return entriesOnly([entry('access.fob_detached', { key })]);
    }
    case 'uses.confirm': {
      const { grant, count, reset } = command;
      return entriesOnly([entry('access.corrected', { grant, count, usesReset: reset })]);
    }
    default:
      return command satisfies never;
  }
}

type MakeEntry = (
  type: EntryType,
  fields: { readonly [name: string]: Json | undefined },
  device?: DeviceId,
  sub?: HolderId,
) => Entry;

/** Whoever has the slot opened for them answers for its key; without a name, whoever opened it does. */
function openSlot(
  command: Extract<Command, { kind: 'slot.open' }>,
  known: Knowledge,
  entry: MakeEntry,
): Answer {
  const { device, slot, by } = command;
  const box = known.point?.box;
  const isThere = box?.device === device && box.slots.includes(slot);
  const refusal = isThere ? unreachable(device, known) : 'device-unknown';
  if (refusal !== undefined) return refuse(refusal, `slot ${slot} of ${device} cannot be opened`);
  const hold = command.hold ?? known.point?.hold ?? 0;
  const [key, another] = keysIn(known, device, slot);
  const body = {
    operation: 'command',
    method: 'command',
    opens: device,
    slot,
    hold,
    key: another === undefined ? key?.id : undefined,
  };
  return {
    entries: [entry('access.commanded', body, device, command.holder ?? operatorId(by))],
    actuations: [{ kind: 'open-slot', device, slot, hold, intent: 0 }],
  };
}

/** Whoever signed for it, as somebody who may have a key; what cannot be an id is left out. */
function operatorId(by: string): HolderId {
  // Last, since the cut may have gone through a surrogate pair.
  const printable = by
    .replaceAll(/[^\u0020-\uffff]/g, '')
    .slice(0, 256)
    .toWellFormed();
  return holderId(printable === '' ? 'operator' : printable);
}

function correct(
  { key, place }: Extract<Command, { kind: 'key.correct' }>,
  known: Knowledge,
  entry: MakeEntry,
): Answer {
  if (keyOf(known, key) === undefined) return refuse('key-not-here', `no key ${key}`);
  switch (place.kind) {
    case 'slot': {
      const { box, slot } = place;
      if (!isSlot(box, slot, known)) return refuse('device-unknown', `no slot ${slot} in ${box}`);
      return entriesOnly([entry('access.corrected', { key, place: 'slot', box, slot }, box)]);
    }
    case 'holder': {
      const { holder, due } = place;
      const body = { key, place: 'holder', due };
      return entriesOnly([entry('access.corrected', body, undefined, holder)]);
    }
    case 'unknown':
    case 'lost':
      return entriesOnly([entry('access.corrected', { key, place: place.kind })]);
    default:
      return place satisfies never;
  }
}

function isSlot(box: DeviceId, slot: SlotNumber, { point }: Knowledge): boolean {
  return point?.box?.device === box && point.box.slots.includes(slot);
}

function unreachable(device: DeviceId, known: Knowledge): Reason | undefined {
  if (!known.online.includes(device)) return 'device-offline';
  return known.storageSafe || known.policies.auditFull !== 'deny' ? undefined : 'storage-unsafe';
}

function pointIn(scope: string): string | undefined {
  return scope === 'site' ? undefined : scope;
}

function refuse(reason: Reason, detail: string): Answer {
  return { entries: [], actuations: [], refused: { reason, detail } };
}
