/** Opens each slot of a box exactly once, in order; the person shuts it, and its bit tells of both. */
import type { ActuationOutcome, DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import { type Millis, pause } from '../../drivers/contract/time.ts';
import { type Change, changeFrom, othersMoved, type Sense } from './prove-contact.ts';
import type { Proof } from './sheet.ts';
import { goOn, note, seconds, type Work } from './work.ts';

/** Length of the pulse where the board takes one from us. */
const HOLD: Millis = 500;
/** A hook lets go within the pulse; after this and the result, nothing moves any more. */
const OPENS_WITHIN: Millis = 6000;
const AFTER_RESULT: Millis = 700;
/** An opening that was not sent, because the board rests between two, is asked for again. */
const TRIES = 4;
const BETWEEN_TRIES: Millis = 1500;
/** Doors in a row that nobody shuts: then nobody is there. */
const UNSHUT_MOST = 2;

export interface BoxLearned {
  /** Of the door bits; `undefined` where none was proven, or where they disagree. */
  readonly door: Sense | undefined;
  readonly presence: Sense | undefined;
}

export interface BoxToProve {
  readonly device: DeviceId;
  readonly slots: readonly SlotNumber[];
  readonly hasPresence: boolean;
}

export async function proveBox(box: BoxToProve, work: Work): Promise<BoxLearned> {
  const { device, slots } = box;
  const { ask, field } = work;
  const presence = box.hasPresence ? await provePresence(box, work) : undefined;
  const count = slots.length === 1 ? 'One slot' : `${slots.length} slots`;
  const isReady = await ask.confirm(
    `${count} of ${device} will be opened once each, in order. Stand before it with all doors shut, and shut each ` +
      'door after it has opened. Begin?',
    true,
  );
  const senses: Sense[] = [];
  let unshut = 0;
  for (const slot of slots) {
    goOn(work);
    const skip = !isReady
      ? 'the installer did not want it'
      : unshut >= UNSHUT_MOST
        ? 'nobody shuts the doors'
        : !field.isUp(device)
          ? (field.status(device)?.detail ?? 'the board is gone')
          : undefined;
    if (skip !== undefined) {
      note(work, { device, part: 'slot', slot, result: 'not-tried', seen: skip });
      continue;
    }
    const proven = await proveSlot(device, slot, senses[0], work);
    note(work, proven.proof);
    unshut = proven.isUnshut ? unshut + 1 : 0;
    if (proven.sense !== undefined && proven.proof.result === 'proven') senses.push(proven.sense);
  }
  return { door: senses[0], presence };
}

interface SlotProven {
  readonly proof: Omit<Proof, 'at'>;
  readonly sense: Sense | undefined;
  readonly isUnshut: boolean;
}

async function proveSlot(
  device: DeviceId,
  slot: SlotNumber,
  learned: Sense | undefined,
  work: Work,
): Promise<SlotProven> {
  const { ask, field, signal, patience } = work;
  const busy = ask.busy(`${device} slot ${slot}: opening`);
  const end = (
    result: Proof['result'],
    seen: string,
    more: Partial<Pick<Proof, 'openMs' | 'shutMs'>> & { sense?: Sense; isUnshut?: boolean } = {},
  ): SlotProven => {
    busy.done(`${device} slot ${slot}: ${result}, ${seen}`, result === 'proven');
    const { sense, isUnshut = false, ...times } = more;
    return { proof: { device, part: 'slot', slot, result, seen, ...times }, sense, isUnshut };
  };
  const before = field.isDoorOpen(device, slot);
  using listening = field.listen();
  if (before === undefined) {
    const outcome = await openOnce(device, slot, work);
    if (!outcome.sent) return end('failed', outcome.detail ?? 'it was not sent');
    busy.say(`${device} slot ${slot}: no contact tells whether it opened`);
    const isOpen = await ask.confirm(`Did slot ${slot} of ${device} open?`, false);
    return isOpen
      ? end('proven', 'seen by the installer; no contact tells')
      : end('failed', 'no contact tells, and nobody saw it open');
  }
  const asked = openOnce(device, slot, work);
  const opened = await openingOf(device, slot, before, asked, listening, work);
  const outcome = await asked;
  const others = othersMoved(listening.heard, device, slot);
  if (opened === undefined) {
    if (!outcome.sent) return end('failed', outcome.detail ?? 'it was not sent');
    if (signal.aborted) return end('failed', 'stopped before it was seen to open');
    if (others.length > 0) {
      return end('failed', `slot ${others.join(', ')} changed instead: crossed wires or numbering`);
    }
    const was = before ? 'open' : 'shut';
    return end('failed', `the pulse was sent, the door bit stayed at "${was}": jammed, or unwired`);
  }
  const openMs = opened.afterMs;
  const sense: Sense = before ? 'inverted' : 'as-configured';
  busy.call(`${device} slot ${slot}: open. Shut it (${seconds(patience)})`);
  const shut = await changeFrom(opened.isOpen, { device, slot }, listening, patience, work);
  if (shut === undefined) {
    const why = signal.aborted ? 'stopped before it was shut' : `not shut in ${seconds(patience)}`;
    return end('failed', `opened, ${why}`, { openMs, isUnshut: true });
  }
  const times = { openMs, shutMs: shut.afterMs };
  if (learned !== undefined && learned !== sense) {
    return end('failed', 'its bit changes the other way round than those before it', times);
  }
  const crossed = othersMoved(listening.heard, device, slot);
  if (crossed.length > 0) {
    return end('failed', `slot ${crossed.join(', ')} changed with it`, times);
  }
  const how = sense === 'inverted' ? 'opened and shut, bit inverted' : 'opened and shut';
  return end('proven', how, { ...times, sense });
}

/** Sent at most once; asking again what was never sent is no second opening. */
async function openOnce(
  device: DeviceId,
  slot: SlotNumber,
  { field, clock, signal }: Work,
): Promise<ActuationOutcome> {
  for (let tried = 1; ; tried += 1) {
    const outcome = await field.ask({ kind: 'open-slot', device, slot, hold: HOLD }, signal);
    if (outcome.sent || tried >= TRIES || signal.aborted || !field.isUp(device)) return outcome;
    await pause(clock, BETWEEN_TRIES, signal);
  }
}

/** The change, or `undefined` once the board has given its result and nothing moved soon after. */
async function openingOf(
  device: DeviceId,
  slot: SlotNumber,
  before: boolean,
  asked: Promise<ActuationOutcome>,
  listening: ReturnType<Work['field']['listen']>,
  work: Work,
): Promise<Change | undefined> {
  const over = new AbortController();
  void asked.then(async ({ sent }) => {
    if (sent) await pause(work.clock, AFTER_RESULT, work.signal);
    over.abort();
  });
  const signal = AbortSignal.any([work.signal, over.signal]);
  const within = OPENS_WITHIN + TRIES * BETWEEN_TRIES;
  return changeFrom(before, { device, slot }, listening, within, { clock: work.clock, signal });
}

/** Needs no opening: an empty box says of all its slots the same. */
async function provePresence(
  { device, slots }: BoxToProve,
  work: Work,
): Promise<Sense | undefined> {
  const { ask, field } = work;
  const part = 'presence';
  const bits = slots.map((slot) => field.isPresent(device, slot));
  const taken = slots.filter((_, index) => bits[index] === true).map(Number);
  if (bits.every((bit) => bit === undefined)) return undefined;
  const isEmpty = await ask.confirm(`Are all slots of ${device} empty of keys?`, true);
  if (!isEmpty) {
    note(work, { device, part, result: 'not-tried', seen: 'keys lay in the box' });
    return undefined;
  }
  if (taken.length === 0) {
    note(work, { device, part, result: 'proven', seen: 'all slots say empty, and are' });
    return 'as-configured';
  }
  if (taken.length === slots.length) {
    note(work, { device, part, result: 'proven', seen: 'all slots are empty, bit inverted' });
    return 'inverted';
  }
  const seen = `the box is empty, but these slots say otherwise: ${taken.join(', ')}`;
  note(work, { device, part, result: 'failed', seen });
  return undefined;
}
