/** To what was shown and is refused: what it counts, whom it alarms, what the person sees. */
import type { DeviceId } from '../../drivers/contract/device.ts';
import { type Millis, uptime } from '../../drivers/contract/time.ts';
import type { Answer } from './answered.ts';
import { plain, toJson } from './body.ts';
import type { Denied } from './decision.ts';
import { duress } from './duress.ts';
import type { Entry, JsonObject, Stamp } from './entry.ts';
import type { Knowledge } from './knowledge.ts';
import { afterFailure } from './lockout.ts';
import { keyOf } from './place.ts';
import type { Presentation } from './presentation.ts';
import { signalFor } from './safe-reason.ts';
import { matchesOf } from './second-factor.ts';

/** A refusal is told at one fixed time after the presentation, so that its duration tells nothing (conventions 2.4). */
const REFUSAL_AFTER: Millis = 400;
/** So many wrong PINs to one card in a row disable it. */
const WRONG_PINS_MOST = 10;

export function refused(
  reader: DeviceId,
  presentation: Presentation,
  decision: Denied,
  known: Knowledge,
  stamp: Stamp,
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
  });
  const who = holder ?? holderOfKey(decision, known);
  const entry: Entry = { type: 'access.denied', device: reader, body };
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
        signal: signalFor(decision),
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
  for (const { id, grant, record } of cards) {
    const wrong = record.wrongSecondFactors + 1;
    if (wrong < WRONG_PINS_MOST || record.disabled) continue;
    const body = plain({ accessPoint, credential: id, grant, wrong, alarm: true });
    entries.push({ type: 'security.credential_disabled', device: reader, body });
  }
  const counts = cards.map(({ id, grant, record }) => ({
    credential: id,
    grant,
    wrong: record.wrongSecondFactors + 1,
  }));
  const body = plain({
    tries: toJson(failure.row),
    cards: counts.length === 0 ? undefined : counts,
  });
  return { body, entries };
}
