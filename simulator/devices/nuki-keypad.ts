/** The keypad memory of a simulated Nuki lock, and how it judges a code: by its own clock, with nobody's help. */

import { readU16, readU32, u16, u32 } from '../../drivers/nuki/frame.ts';
import { fromLockDate, lockDate } from '../../drivers/nuki/lock-date.ts';
import { joinBytes, sameBytes } from '../../drivers/wire/hex.ts';

export interface KeypadCode {
  readonly id: number;
  code: number;
  name: Uint8Array;
  enabled: boolean;
  /** timeLimited, from, until, weekdays, from time, until time: 20 bytes, as they came. */
  window: Uint8Array;
  readonly created: Uint8Array;
  lastActive: Uint8Array;
  uses: number;
}

const NAME_BYTES = 20;
const WINDOW_BYTES = 20;
const CODE_EXISTS = 0x2a;
const CODE_INVALID = 0x2b;
const TOO_MANY = 0x29;
const WEEKDAY_BITS = [0x01, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02]; // by getUTCDay(): Sunday first

export class NukiKeypad {
  codesMax = 200;
  readonly codes = new Map<number, KeypadCode>();
  #nextId = 1;

  /** Body of Add: code(4) name(20) window(20). The new id, or an error code. */
  add(body: Uint8Array, now: number): { readonly id: number } | number {
    const code = readU32(body, 0);
    const fault = this.#fault(code, undefined);
    if (fault !== undefined) return fault;
    if (this.codes.size >= this.codesMax) return TOO_MANY;
    const id = this.#nextId;
    this.#nextId += 1;
    this.codes.set(id, {
      id,
      code,
      name: body.slice(4, 4 + NAME_BYTES),
      enabled: true,
      window: body.slice(4 + NAME_BYTES, 4 + NAME_BYTES + WINDOW_BYTES),
      created: lockDate(now, 0, 'down'),
      lastActive: new Uint8Array(7),
      uses: 0,
    });
    return { id };
  }

  /** Body of Update: id(2) code(4) name(20) enabled(1) window(20). An error code, or nothing. */
  update(body: Uint8Array): number | undefined {
    const held = this.codes.get(readU16(body, 0));
    if (held === undefined) return CODE_INVALID;
    const code = readU32(body, 2);
    const fault = this.#fault(code, held.id);
    if (fault !== undefined) return fault;
    held.code = code;
    held.name = body.slice(6, 6 + NAME_BYTES);
    held.enabled = body[6 + NAME_BYTES] === 1;
    held.window = body.slice(7 + NAME_BYTES, 7 + NAME_BYTES + WINDOW_BYTES);
    return undefined;
  }

  remove(id: number): number | undefined {
    return this.codes.delete(id) ? undefined : CODE_INVALID;
  }

  /** As it is read back: 44 bytes, and the window where there is one. */
  entry(held: KeypadCode): Uint8Array {
    const limited = held.window[0] === 1;
    return joinBytes(
      u16(held.id),
      u32(held.code),
      held.name,
      Uint8Array.of(held.enabled ? 1 : 0),
      held.created,
      held.lastActive,
      u16(held.uses),
      limited ? held.window : Uint8Array.of(0),
    );
  }

  /** Somebody types. The code that opens at `now` by the lock's clock, if any. */
  judge(digits: string, now: number): KeypadCode | undefined {
    const found = [...this.codes.values()].find(({ code }) => code === Number(digits));
    if (found === undefined || !found.enabled || !isInside(found.window, now)) return undefined;
    found.uses += 1;
    found.lastActive = lockDate(now, 0, 'down');
    return found;
  }

  #fault(code: number, own: number | undefined): number | undefined {
    if (!/^[1-9]{6}$/.test(String(code)) || String(code).startsWith('12')) return CODE_INVALID;
    const other = [...this.codes.values()].find((held) => held.code === code && held.id !== own);
    return other === undefined ? undefined : CODE_EXISTS;
  }
}

function isInside(window: Uint8Array, now: number): boolean {
  if (window[0] !== 1) return true;
  const from = fromLockDate(window.subarray(1, 8), 0) ?? Infinity;
  const until = fromLockDate(window.subarray(8, 15), 0) ?? -Infinity;
  // The last second named is still inside.
  if (now < from || now >= until + 1000) return false;
  const date = new Date(now);
  const weekdays = window[15] ?? 0;
  if (weekdays !== 0 && (weekdays & (WEEKDAY_BITS[date.getUTCDay()] ?? 0)) === 0) return false;
  const times = window.subarray(16, 20);
  if (sameBytes(times, new Uint8Array(4))) return true;
  const minute = date.getUTCHours() * 60 + date.getUTCMinutes();
  const [fromHour = 0, fromMinute = 0, untilHour = 0, untilMinute = 0] = times;
  return minute >= fromHour * 60 + fromMinute && minute < untilHour * 60 + untilMinute;
}
