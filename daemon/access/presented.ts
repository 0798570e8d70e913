/** To a credential shown at a reader: the decision, what it counts, and what the person sees. */
import type { DeviceId } from '../../drivers/contract/device.ts';
import { type Millis, uptime } from '../../drivers/contract/time.ts';
import type { Answer, Asked } from './answer.ts';
import { plain, toJson } from './body.ts';
import { decide } from './decide.ts';
import type { Decision, Denied, Granted, Opens } from './decision.ts';
import type { Entry, Json, JsonObject, Stamp } from './entry.ts';
import { evidenceHash, evidenceOf } from './evidence.ts';
import type { Knowledge, KnownMatch } from './knowledge.ts';
import { afterFailure, afterSuccess } from './lockout.ts';
import { keyOf } from './place.ts';
import type { PendingChange, Presentation } from './presentation.ts';
import { matchesOf } from './second-factor.ts';

/** A refusal is told at one fixed time after the presentation, so that its duration tells nothing (conventions 2.4). */
export const REFUSAL_AFTER: Millis = 400;
/** So many wrong PINs to one card in a row disable it. */
export const WRONG_PINS_MOST = 10;

export function answerToPresentation(
  reader: DeviceId,
  presentation: Presentation,
  known: Knowledge,
  stamp: Stamp,
): Answer {
  const decision = decide(known, presentation, stamp.clock);
  const evidence = evidenceOf(known, stamp.clock, decision);
  const proof = { evidence: evidenceHash(evidence) };
  const answer =
    decision.kind === 'granted'
      ? granted(reader, presentation, decision, known, stamp, proof)
      : refused(reader, presentation, decision, known, stamp, proof);
  const [first, ...others] = answer.entries;
  if (first === undefined) throw new TypeError('a decision has an entry');
  return {
    entries: [{ ...first, evidence }, ...others],
    actuations: answer.actuations,
    ...pendingAfter(presentation, decision, known),
  };
}

function granted(
  reader: DeviceId,
  presentation: Presentation,
  decision: Granted,
  known: Knowledge,
  stamp: Stamp,
  proof: { readonly evidence: string },
): Answer {
  const [first, ...others] = decision.opens;
  const intents = [
    grantedEntry(reader, decision, first, known, {
      ...proof,
      ...counted(reader, presentation, decision, known, stamp),
    }),
    // A grant for several locks here opens them all; one use, one intent for each.
    ...others.map((opens) => grantedEntry(reader, decision, opens, known, { counted: undefined })),
  ];
  const opens: readonly Asked[] = decision.opens.map((each, intent) => asOpening(each, intent));
  return {
    entries: [...intents, ...besides(reader, decision, known)],
    actuations: [
      ...opens,
      { kind: 'feedback', device: reader, signal: 'granted', intent: undefined },
    ],
  };
}

function asOpening(opens: Opens, intent: number): Asked {
  const { device, hold } = opens;
  return opens.kind === 'slot'
    ? { kind: 'open-slot', device, slot: opens.slot, hold, intent }
    : { kind: 'unlock', device, hold, intent };
}

function grantedEntry(
  reader: DeviceId,
  decision: Granted,
  opens: Opens | undefined,
  known: Knowledge,
  more: { readonly [name: string]: Json | undefined },
): Entry {
  const { operation, method, grant, rev, holder, key, isReturn, due } = decision;
  const area = operation === 'unlock' && !isReturn ? known.point?.area?.enters : undefined;
  const who = holder ?? holderBefore(decision, known);
  const reset = grant === undefined ? undefined : resetWord(grant, known);
  const body = plain({
    accessPoint: known.point?.id,
    operation,
    method,
    grant,
    rev,
    key,
    opens: opens?.device,
    slot: opens?.kind === 'slot' ? opens.slot : undefined,
    hold: opens?.hold,
    due: isReturn ? undefined : due,
    return: isReturn ? true : undefined,
    byFob: method === 'key-fob' ? true : undefined,
    unattributed: decision.unattributed,
    counted: decision.counted ? true : undefined,
    usesReset: decision.counted ? reset : undefined,
    area,
    clock: undefined,
    ...more,
  });
  return who === undefined
    ? { type: 'access.granted', device: reader, body }
    : { type: 'access.granted', device: reader, sub: who, body };
}

/** A key shown by its fob alone is returned by whoever has it. */
function holderBefore({ isReturn, key }: Granted, known: Knowledge): Entry['sub'] {
  const place = isReturn ? keyOf(known, key)?.custody?.place : undefined;
  return place?.kind === 'holder' ? place.holder : undefined;
}

function resetWord(grant: string, known: Knowledge): string | undefined {
  return known.matches.find((match) => match.grant.id === grant)?.grant.uses?.reset;
}

/** The keypad's counter halves after a right code; a right PIN to a card ends its count. */
function counted(
  reader: DeviceId,
  presentation: Presentation,
  { credential, method }: Granted,
  known: Knowledge,
  stamp: Stamp,
): JsonObject {
  if (presentation.kind !== 'code' || credential === undefined) return {};
  const row = known.keypads.find(({ device }) => device === reader)?.lockout;
  const after = afterSuccess(row, presentation.digits, known.now, stamp.at, known.policies.lockout);
  const cards =
    method === 'card+pin'
      ? (known.cards ?? []).filter(({ record }) => record.wrongSecondFactors > 0)
      : [];
  return plain({
    tries: after === undefined ? undefined : toJson(after),
    cards: cards.length === 0 ? undefined : cards.map(({ id }) => ({ credential: id, wrong: 0 })),
  });
}

/** What else a granted presentation is worth an entry for. */
function besides(reader: DeviceId, decision: Granted, known: Knowledge): readonly Entry[] {
  const { key, attaches, passback, grant, rev, holder } = decision;
  const accessPoint = known.point?.id;
  const found: Entry[] = [];
  const box = known.point?.box?.device;
  const place = keyOf(known, known.shown)?.custody?.place;
  const isMoving = known.openings.some((opening) => opening.key === key);
  if (known.shown !== undefined && place?.kind === 'slot' && !isMoving) {
    const body = plain({ accessPoint, key, slot: place.slot, box: place.box, alarm: true });
    found.push({ type: 'access.fob_doubled', device: reader, body });
  }
  if (attaches !== undefined) {
    const body = plain({ accessPoint, key, grant, fob: attaches });
    found.push({ type: 'access.fob_attached', device: box ?? reader, body });
  }
  if (passback !== undefined) {
    const body = plain({ accessPoint, area: passback.area, grant, rev });
    const entry: Entry = { type: 'access.anti_passback', device: reader, body };
    found.push(holder === undefined ? entry : { ...entry, sub: holder });
  }
  const shown = known.matches.find(
    (match) => match.grant.id === grant && match.credential.id === decision.credential,
  );
  if (shown?.credential.duress === true) found.push(duress(reader, shown, known, undefined));
  return found;
}

/** Goes to the alarm channel and nowhere else; nothing at the door or in other entries tells it. */
function duress(
  reader: DeviceId,
  { grant }: KnownMatch,
  known: Knowledge,
  refusedFor: string | undefined,
): Entry {
  const body = plain({
    accessPoint: known.point?.id,
    grant: grant.id,
    rev: grant.rev,
    refused: refusedFor,
    alarm: true,
    silent: true,
  });
  return { type: 'security.duress', device: reader, sub: grant.holder, body };
}

function refused(
  reader: DeviceId,
  presentation: Presentation,
  decision: Denied,
  known: Knowledge,
  stamp: Stamp,
  proof: { readonly evidence: string },
): Answer {
  const { reason, method, grant, rev, holder, key, operation, home, choices } = decision;
  const failure = failed(reader, presentation, decision, known, stamp);
  const accessPoint = known.point?.id;
  const body = plain({
    accessPoint,
    reason,
    method,
    grant,
    rev,
    key,
    operation,
    home,
    choices,
    fault: presentation.kind === 'malformed' ? presentation.fault : undefined,
    ...failure.body,
    ...proof,
  });
  const who = holder ?? holderOfKey(decision, known);
  const entry: Entry = { type: 'access.denied', device: reader, body };
  const signal = decision.pending === undefined ? 'denied' : 'wait';
  return {
    entries: [
      who === undefined ? entry : { ...entry, sub: who },
      ...failure.entries,
      ...alsoRefused(reader, presentation, decision, known, who),
    ],
    actuations: [
      {
        kind: 'feedback',
        device: reader,
        signal,
        intent: undefined,
        notBefore: uptime(stamp.uptime + REFUSAL_AFTER),
      },
    ],
  };
}

function holderOfKey({ key }: Denied, known: Knowledge): Entry['sub'] {
  const place = keyOf(known, key)?.custody?.place;
  return place?.kind === 'holder' ? place.holder : undefined;
}

function alsoRefused(
  reader: DeviceId,
  presentation: Presentation,
  { reason, key }: Denied,
  known: Knowledge,
  who: Entry['sub'],
): readonly Entry[] {
  const accessPoint = known.point?.id;
  const found: Entry[] = [];
  if (reason === 'box-full') {
    // The holder keeps the key; this is their receipt for having tried.
    const entry: Entry = {
      type: 'access.box_full',
      device: reader,
      body: plain({ accessPoint, key }),
    };
    found.push(who === undefined ? entry : { ...entry, sub: who });
  }
  const isFob = presentation.kind === 'card' && known.matches.length === 0;
  if (isFob && reason === 'unknown-credential' && known.point?.box !== undefined) {
    found.push({ type: 'access.foreign_fob', device: reader, body: plain({ accessPoint }) });
  }
  for (const match of matchesOf(known, presentation)) {
    if (match.credential.duress === true) found.push(duress(reader, match, known, reason));
  }
  return found;
}

interface Failed {
  readonly body: JsonObject;
  readonly entries: readonly Entry[];
}

/** A wrong code counts at the keypad; a wrong PIN to a card counts at the card too. */
function failed(
  reader: DeviceId,
  presentation: Presentation,
  { reason, wrongSecond }: Denied,
  known: Knowledge,
  stamp: Stamp,
): Failed {
  const isWrong = reason === 'unknown-credential' || reason === 'second-factor-required';
  if (presentation.kind !== 'code' || !isWrong) return { body: {}, entries: [] };
  const accessPoint = known.point?.id;
  const row = known.keypads.find(({ device }) => device === reader)?.lockout;
  const { digits } = presentation;
  const failure = afterFailure(row, digits, known.now, stamp.at, known.policies.lockout);
  const entries: Entry[] = [];
  if (failure.wait > 0) {
    const { wait, isFullWait } = failure;
    const remedy = isFullWait ? ['keypad.reset', 'slot.open'] : undefined;
    const body = plain({ accessPoint, waitMs: wait, remedy, alarm: isFullWait ? true : undefined });
    entries.push({ type: 'security.locked_out', device: reader, body });
  }
  for (const within of failure.guessing) {
    const body = plain({ accessPoint, within, failures: failure.row.recent.length, alarm: true });
    entries.push({ type: 'security.pin_guessing', device: reader, body });
  }
  const cards = (known.cards ?? []).filter(({ id }) => wrongSecond?.includes(id));
  for (const { id, record } of cards) {
    const wrong = record.wrongSecondFactors + 1;
    if (wrong < WRONG_PINS_MOST || record.disabled) continue;
    const body = plain({ accessPoint, credential: id, wrong, alarm: true });
    entries.push({ type: 'security.credential_disabled', device: reader, body });
  }
  const counts = cards.map(({ id, record }) => ({
    credential: id,
    wrong: record.wrongSecondFactors + 1,
  }));
  const body = plain({
    tries: toJson(failure.row),
    cards: counts.length === 0 ? undefined : counts,
  });
  return { body, entries };
}

/** Any presentation ends what waited here, but for a bad read while a fob is to be attached. */
function pendingAfter(
  presentation: Presentation,
  decision: Decision,
  known: Knowledge,
): { readonly pending?: readonly PendingChange[] } {
  const accessPoint = known.point?.id;
  const { pending } = decision;
  if (accessPoint === undefined) return {};
  if (pending === undefined && known.pending === undefined) return {};
  if (presentation.kind === 'malformed' && known.pending?.kind === 'attach-fob') return {};
  return { pending: [{ accessPoint, value: pending }] };
}
