/** Collects keys into codes (serial-hardware 7). The digits stay in here until a code is complete. */
import type { DeviceEvent, DeviceId, KeypadNotice } from '../contract/device.ts';
import { type Millis, type Uptime, uptime } from '../contract/time.ts';
import type { PinRules } from './pin-rules.ts';

export interface PinEntry {
  readonly digits: string;
  readonly startedAt: Uptime | undefined;
  readonly lastAt: Uptime | undefined;
  readonly lastKey: string | undefined;
  /** Too long: what still comes belongs to it and is discarded, until it ends, is cleared or times out. */
  readonly isOverlong: boolean;
}

export const NO_ENTRY: PinEntry = {
  digits: '',
  startedAt: undefined,
  lastAt: undefined,
  lastKey: undefined,
  isOverlong: false,
};

export type PinEvent =
  | { readonly kind: 'code-entered'; readonly digits: string }
  | { readonly kind: 'keypad'; readonly notice: KeypadNotice };

export interface PinStep {
  readonly entry: PinEntry;
  readonly events: readonly PinEvent[];
}

/** One key. An end key without digits before it says nothing; keys that are neither digit, end nor clear neither. */
export function pressKey(before: PinEntry, key: string, now: Uptime, rules: PinRules): PinStep {
  const late = expirePin(before, now, rules);
  const { entry } = late;
  const then = (step: PinStep): PinStep => ({ ...step, events: [...late.events, ...step.events] });
  if (isBounce(entry, key, now, rules)) return then({ entry, events: [] });
  if (key === rules.clear) return then({ entry: NO_ENTRY, events: [notice('cleared')] });
  if (key === rules.end) {
    if (entry.digits === '') return then({ entry: NO_ENTRY, events: [] });
    return then({ entry: NO_ENTRY, events: [{ kind: 'code-entered', digits: entry.digits }] });
  }
  if (!/^[0-9]$/.test(key)) return then({ entry, events: [] });
  return then(addDigit(entry, key, now, rules));
}

function addDigit(entry: PinEntry, key: string, now: Uptime, rules: PinRules): PinStep {
  const timed = { startedAt: entry.startedAt ?? now, lastAt: now, lastKey: key };
  if (entry.isOverlong) return { entry: { ...entry, ...timed }, events: [notice('key')] };
  const digits = entry.digits + key;
  if (digits.length === rules.length) {
    return { entry: NO_ENTRY, events: [notice('key'), { kind: 'code-entered', digits }] };
  }
  if (digits.length > rules.maxDigits) {
    return { entry: { ...timed, digits: '', isOverlong: true }, events: [notice('overlong')] };
  }
  return { entry: { ...timed, digits, isOverlong: false }, events: [notice('key')] };
}

/** Discards what has waited too long. */
export function expirePin(entry: PinEntry, now: Uptime, rules: PinRules): PinStep {
  const deadline = pinDeadline(entry, rules);
  if (deadline === undefined || now < deadline) return { entry, events: [] };
  return { entry: NO_ENTRY, events: [notice('timed-out')] };
}

/** When `expirePin` is to be called; `undefined` while nothing is typed. */
export function pinDeadline(entry: PinEntry, rules: PinRules): Uptime | undefined {
  if (entry.startedAt === undefined || entry.lastAt === undefined) return undefined;
  const ends: readonly Millis[] = [
    entry.lastAt + rules.interDigitMs,
    entry.startedAt + rules.wholeMs,
  ];
  return uptime(Math.min(...ends));
}

/** A card, a fault or a lost link ends an entry: half a code must not join digits that come later. */
export function discardPin(entry: PinEntry, why: 'cleared' | 'fault'): PinStep {
  if (entry.startedAt === undefined) return { entry: NO_ENTRY, events: [] };
  return { entry: NO_ENTRY, events: [notice(why)] };
}

export function asDeviceEvents(
  device: DeviceId,
  events: readonly PinEvent[],
): readonly DeviceEvent[] {
  return events.map((event) => ({ ...event, device }));
}

function notice(which: KeypadNotice): PinEvent {
  return { kind: 'keypad', notice: which };
}

function isBounce(entry: PinEntry, key: string, now: Uptime, rules: PinRules): boolean {
  return (
    entry.lastKey === key && entry.lastAt !== undefined && now - entry.lastAt < rules.sameKeyMs
  );
}
