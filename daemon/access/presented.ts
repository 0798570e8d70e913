/** To a credential shown at a reader: the decision, what it counts, and what the person sees. */
import type { DeviceId } from '../../drivers/contract/device.ts';
import type { Answer, Asked } from './answered.ts';
import { plain, toJson } from './body.ts';
import { decide } from './decide.ts';
import type { Decision, Granted, Opens } from './decision.ts';
import { holdAt } from './door.ts';
import { duress } from './duress.ts';
import type { Entry, Json, JsonObject, Stamp } from './entry.ts';
import { evidenceOf } from './evidence.ts';
import type { Knowledge } from './knowledge.ts';
import { afterSuccess } from './lockout.ts';
import { keyOf } from './place.ts';
import type { PendingChange, Presentation } from './presentation.ts';
import { refused } from './refused.ts';
import { matchesOf } from './second-factor.ts';

export function answerToPresentation(
  reader: DeviceId,
  presentation: Presentation,
  known: Knowledge,
  stamp: Stamp,
): Answer {
  const decision = decide(known, presentation, stamp.clock);
  // Its hash gets into the body where it gets into the chain: in the store.
  const evidence = evidenceOf(known, stamp.clock, decision);
  const answer =
    decision.kind === 'granted'
      ? granted(reader, presentation, decision, known, stamp)
      : refused(reader, presentation, decision, known, stamp);
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
): Answer {
  const [first, ...others] = decision.opens;
  const intents = [
    grantedEntry(
      reader,
      decision,
      first,
      known,
      counted(reader, presentation, decision, known, stamp),
    ),
    // A grant for several locks here opens them all; one use, one intent for each.
    ...others.map((opens, at) =>
      grantedEntry(reader, decision, opens, known, {
        counted: undefined,
        sharesUse: decision.counted ? at + 1 : undefined,
      }),
    ),
  ];
  const opens: readonly Asked[] = decision.opens.map((each, intent) =>
    asOpening(each, intent, known),
  );
  return {
    entries: [...intents, ...besides(reader, presentation, decision, known)],
    actuations: [
      ...opens,
      { kind: 'feedback', device: reader, signal: 'granted', intent: undefined },
    ],
  };
}

function asOpening(opens: Opens, intent: number, known: Knowledge): Asked {
  const { device, hold } = opens;
  return opens.kind === 'slot'
    ? { kind: 'open-slot', device, slot: opens.slot, hold, intent }
    : { kind: 'unlock', device, hold: holdAt(device, hold, known), intent };
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
    cards:
      cards.length === 0
        ? undefined
        : cards.map(({ id, grant }) => ({ credential: id, grant, wrong: 0 })),
  });
}

/** What else a granted presentation is worth an entry for. */
function besides(
  reader: DeviceId,
  presentation: Presentation,
  decision: Granted,
  known: Knowledge,
): readonly Entry[] {
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
  // Whichever of the grants that share the code opens: the code was shown under threat.
  for (const match of matchesOf(known, presentation)) {
    if (match.credential.duress === true) found.push(duress(reader, match, known, undefined));
  }
  return found;
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
