/** Momentary commands, each with an honest result: done, refused, failed or not known. */
import { call, newName, Refusal } from './api.ts';
import { say, sayWord } from './language.ts';
import type { Json, Outcome } from './shapes.ts';

/** What was asked and not answered, by what it is: asked again soon, it is the same wish, and is done once. */
const unanswered = new Map<string, { readonly once: string; readonly since: number }>();
const SAME_WISH_MS = 60_000;
/** An opening waits a few seconds at most: whoever stands at the door should know by then. */
const ANSWER_WITHIN_MS = 20_000;

/** Told as a sentence; `done` says what that means here. */
export async function command(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body: Json | undefined,
  done: string,
): Promise<string> {
  const { result, reason, dup } = await askOnce(method, path, body);
  if (result === 'done') return dup ? say('outcome.once', { done }) : done;
  const because = reason === undefined ? say('outcome.no-reason') : sayWord('reason', reason);
  return say('outcome.not', { result: sayWord('outcome', result), reason: because });
}

/** A wire that broke before the answer came leaves open whether it was done: the next try may not do it again. */
async function askOnce(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body: Json | undefined,
): Promise<Outcome> {
  const wish = JSON.stringify([method, path, body ?? null]);
  const before = unanswered.get(wish);
  const now = performance.now();
  const isSame = before !== undefined && now < before.since + SAME_WISH_MS;
  const once = isSame ? before.once : newName();
  unanswered.set(wish, { once, since: now });
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const outcome = await call<Outcome>(method, path, body, { signal, once });
    unanswered.delete(wish);
    return outcome;
  } catch (fault) {
    if (fault instanceof Refusal) unanswered.delete(wish);
    throw fault;
  }
}

export function openSlot(place: string, slot: number, given: Json = {}): Promise<string> {
  const path = `access-points/${encodeURIComponent(place)}/slots/${slot}/open`;
  return command('POST', path, given, say('slot.opened'));
}

export function resetKeypad(device: string): Promise<string> {
  return command('POST', `devices/${device}/keypad-reset`, {}, say('keypad.was-reset'));
}

/** Only what was written. */
export function written(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
}
