/** Momentary commands, each with an honest result: done, refused, failed or not known. */
import { call } from './api.ts';
import { say, sayWord } from './language.ts';
import type { Json, Outcome } from './shapes.ts';

/** Told as a sentence; `done` says what that means here. */
export async function command(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  body: Json | undefined,
  done: string,
): Promise<string> {
  const { result, reason } = await call<Outcome>(method, path, body);
  if (result === 'done') return done;
  const because = reason === undefined ? say('outcome.no-reason') : sayWord('reason', reason);
  return say('outcome.not', { result: sayWord('outcome', result), reason: because });
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
