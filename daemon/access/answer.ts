/** What happened -> what is to be recorded and asked of devices. Pure: no clock, no database. */
import type { DeviceEvent } from '../../drivers/contract/device.ts';
import type { Uptime } from '../../drivers/contract/time.ts';
import { type Answer, entriesOnly } from './answered.ts';
import type { Command } from './command.ts';
import { commanded } from './commanded.ts';
import { answerToDoor, answerToPresence } from './custody.ts';
import { answerToContact, answerToInput, answerToLockState, fireAgain } from './door.ts';
import type { Stamp } from './entry.ts';
import type { Knowledge } from './knowledge.ts';
import { answerToPresentation } from './presented.ts';
import { entryOfReport } from './report.ts';
import { answerToResult } from './result.ts';
import { answerToSlotRead } from './slot-read.ts';
import { answerToStart } from './start.ts';
import { answerToTimePassing, wakeAfter } from './timer.ts';

/** To anything a device says. `known` was gathered for this event. */
export function answerTo(event: DeviceEvent, known: Knowledge, stamp: Stamp): Answer {
  switch (event.kind) {
    case 'card-read':
    case 'card-malformed':
    case 'code-entered':
      return answerToShowing(event, known, stamp);
    case 'slot-door':
      return known.point === undefined ? entriesOnly([]) : answerToDoor(event, known, stamp);
    case 'slot-presence':
      return known.point === undefined ? entriesOnly([]) : answerToPresence(event, known, stamp);
    case 'lock-state':
      return answerToLockState(event, known);
    case 'door-contact':
      return answerToContact(event, known);
    case 'input':
      return answerToInput(event, known);
    case 'actuation-result':
      return answerToResult(event, known, stamp);
    case 'keypad':
      // Keys, clearing and time-outs end nothing and open nothing; a code that is too long never comes here.
      return entriesOnly([]);
    case 'online':
      return { entries: [entryOfReport(event, known)], actuations: fireAgain(known, event.device) };
    case 'offline':
    case 'tamper':
    case 'power':
    case 'battery':
    case 'identity':
    case 'fault':
    case 'device-log':
    case 'code-memory':
      return entriesOnly([entryOfReport(event, known)]);
    default:
      return event satisfies never;
  }
}

function answerToShowing(event: DeviceEvent, known: Knowledge, stamp: Stamp): Answer {
  const { role, presentation } = known;
  if (role?.kind === 'slot-reader') {
    return event.kind === 'card-read' ? answerToSlotRead(role.slot, known, stamp) : entriesOnly([]);
  }
  const shown = presentation ?? { kind: 'malformed', what: 'card', fault: 'no access point' };
  return answerToPresentation(event.device, shown, known, stamp);
}

/** To what an authorised person asks. `known` was gathered for this command. */
export function answerToCommand(command: Command, known: Knowledge, _stamp: Stamp): Answer {
  return commanded(command, known);
}

/** To time passing: overdue, reminders, doors held open, openings without a result. `known` is of the whole site. */
export function answerToTimer(known: Knowledge, stamp: Stamp): Answer {
  return answerToTimePassing(known, stamp);
}

/** When `answerToTimer` has something to say at the earliest; undefined: only after another event. */
export function nextWake(known: Knowledge, stamp: Stamp): Uptime | undefined {
  return wakeAfter(known, stamp);
}

/** At start, before the first event: openings under way when the daemon stopped. `known` is of the whole site. */
export function answerAtStart(known: Knowledge, _stamp: Stamp): Answer {
  return answerToStart(known);
}
