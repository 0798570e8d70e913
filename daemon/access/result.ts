/** To what came of an actuation: the opening goes on, ends, or is given back. */
import type { DeviceEvent } from '../../drivers/contract/device.ts';
import { type Answer, entriesOnly } from './answered.ts';
import { plain } from './body.ts';
import { hasOpenedSince } from './door.ts';
import type { Entry, EntryType, Json, Stamp } from './entry.ts';
import type { Knowledge } from './knowledge.ts';
import type { Opening } from './ledger.ts';
import { slotRow } from './place.ts';
import { wentThrough } from './settle.ts';
import { settle } from './settled.ts';
import { boxEntry } from './slot-entry.ts';

type ResultEvent = Extract<DeviceEvent, { kind: 'actuation-result' }>;

export function answerToResult(event: ResultEvent, known: Knowledge, stamp: Stamp): Answer {
  const seq = seqOf(event.actuation);
  const opening = known.openings.find((each) => each.seq === seq);
  if (opening === undefined) return afterwards(event, seq, known);
  return opening.slot === undefined
    ? entriesOnly([lockResult(event, opening, known)])
    : entriesOnly(slotResult(event, opening, opening.slot, known, stamp));
}

/** Actuation ids are `a-<seq>` of the entry that is their intent; `f-<number>` where a release for fire came first. */
function seqOf(id: string): number | undefined {
  const digits = /^a-([0-9]{1,15})$/.exec(id)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Of what is no opening (a lock told to lock, or released for fire), or whose opening is settled: only failures are news. */
function afterwards(event: ResultEvent, seq: number | undefined, known: Knowledge): Answer {
  if (event.result === 'done') return entriesOnly([]);
  const { result, detail } = event;
  if (event.actuation.startsWith('f-')) {
    const fields = {
      accessPoint: known.point?.id,
      lock: event.device,
      method: 'fire',
      alarm: true,
    };
    const body = plain({ ...fields, result, detail });
    return entriesOnly([{ type: 'access.open_failed', device: event.device, body }]);
  }
  if (seq === undefined) return entriesOnly([]);
  const body = plain({ accessPoint: known.point?.id, opening: seq, result, detail });
  return entriesOnly([{ type: 'access.open_failed', device: event.device, body }]);
}

function lockResult(event: ResultEvent, opening: Opening, known: Knowledge): Entry {
  const { seq, device, accessPoint, grant, holder, operation, hold } = opening;
  const entry = (type: EntryType, fields: { readonly [name: string]: Json | undefined }): Entry => {
    const body = plain({ accessPoint, lock: device, opening: seq, grant, operation, ...fields });
    return holder === undefined ? { type, device, body } : { type, device, sub: holder, body };
  };
  const { observed, detail } = event;
  switch (event.result) {
    case 'done':
      return entry('access.opened', { observed, hold });
    case 'failed':
      // Its output may have dropped in midst of the pulse, as that of a reader which the pulse resets.
      return hasOpenedSince(opening, known)
        ? entry('access.opened', { observed: false, hold, detail })
        : entry('access.open_failed', { ends: seq, givesBack: true, detail, alarm: true });
    case 'refused':
      return entry('access.withdrawn', { ends: seq, givesBack: true, detail });
    case 'unknown':
      return entry('access.unknown_outcome', { ends: seq, detail });
    default:
      return event.result satisfies never;
  }
}

function slotResult(
  event: ResultEvent,
  opening: Opening,
  slot: NonNullable<Opening['slot']>,
  known: Knowledge,
  stamp: Stamp,
): readonly Entry[] {
  const { seq, device, key, grant, operation, holder } = opening;
  const entry = (type: EntryType, fields: { readonly [name: string]: Json | undefined }) =>
    boxEntry(
      type,
      { device, slot },
      known,
      { opening: seq, key, grant, operation, ...fields },
      holder,
      opening,
    );
  const { observed, detail } = event;
  switch (event.result) {
    case 'done':
      return [entry('access.opened', { observed })];
    case 'failed': {
      const row = slotRow(known, device, slot);
      if (key !== undefined && wentThrough(opening, row)) {
        const opened = entry('access.opened', { observed: false, detail });
        return [opened, ...settle(opening, row, true, known, stamp)];
      }
      // A return that could not be put away leaves the key with its holder.
      return operation === 'dropoff'
        ? [entry('access.open_failed', { ends: seq, givesBack: true, detail, alarm: true })]
        : [entry('access.jammed', { ends: seq, givesBack: true, detail, alarm: true })];
    }
    case 'refused':
      return [entry('access.withdrawn', { ends: seq, givesBack: true, detail })];
    case 'unknown':
      // What becomes of it is still seen by contact and sensor, or judged when the time is over.
      return [entry('access.unknown_outcome', { detail })];
    default:
      return event.result satisfies never;
  }
}
