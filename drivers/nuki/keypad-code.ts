/** Codes in the lock's own keypad memory (API 2.2): the layouts, and which of our grants they can express. */
import { createHash, createHmac } from 'node:crypto';
import { joinBytes, sameBytes } from '../wire/hex.ts';
import { readU16, readU32, u16, u32 } from './frame.ts';
import { DATE_BYTES, lockDate } from './lock-date.ts';

const NAME_BYTES = 20;
/** timeLimited, from, until, weekdays, from time, until time. */
const WINDOW_BYTES = 1 + 2 * DATE_BYTES + 1 + 2 + 2;
const ENTRY_BYTES = 44;
/** Ends that are not limited: the lock wants both once one is. */
const EARLIEST = Date.UTC(2000, 0, 1);
const LATEST = Date.UTC(2099, 11, 31, 23, 59, 59);

export interface CodeWish {
  /** The grant's id; it never reaches the lock in clear. */
  readonly entry: string;
  readonly digits: string;
  /** Milliseconds since 1970; half-open, as grants are. */
  readonly from: number | undefined;
  readonly until: number | undefined;
  readonly name: string;
}

/** Why the keypad cannot hold these digits; `undefined` where it can. */
export function unfitDigits(digits: string): string | undefined {
  if (!/^[1-9]{6}$/.test(digits)) return 'the keypad takes six digits from 1 to 9';
  return digits.startsWith('12') ? 'the keypad takes no code that begins with 12' : undefined;
}

/** Ten characters that name an entry in the lock, so that it is known again after a restart. */
export function entryTag(entry: string): string {
  return `LK${createHash('sha256').update(entry).digest('hex').slice(0, 8)}`;
}

/** Tag and as much of the name as fits, cut at a whole character. */
export function entryName(entry: string, name: string): Uint8Array {
  const encoder = new TextEncoder();
  let text = `${entryTag(entry)} `;
  for (const character of name.replaceAll(/[\u0000-\u001f]/g, '')) {
    if (encoder.encode(text + character).length > NAME_BYTES) break;
    text += character;
  }
  return padded(encoder.encode(text.trimEnd()), NAME_BYTES);
}

export function padded(bytes: Uint8Array, length: number): Uint8Array {
  const whole = new Uint8Array(length);
  whole.set(bytes.subarray(0, length));
  return whole;
}

/**
 * From the first moment of the grant, rounded up to a second, to the last second before its end. So written a lock
 * never lets in longer than the grant does.
 */
export function windowBytes(
  from: number | undefined,
  until: number | undefined,
  offsetMinutes: number,
): Uint8Array {
  if (from === undefined && until === undefined) return new Uint8Array(WINDOW_BYTES);
  const last = until === undefined ? LATEST : Math.floor(until / 1000) * 1000 - 1000;
  return joinBytes(
    Uint8Array.of(1),
    lockDate(from ?? EARLIEST, offsetMinutes, 'up'),
    lockDate(last, offsetMinutes, 'down'),
    new Uint8Array(5), // every day, all day
  );
}

/** Payload of Add Keypad Code before the challenge: code(4) name(20) window. */
export function addCode(code: number, name: Uint8Array, window: Uint8Array): Uint8Array {
  return joinBytes(u32(code), padded(name, NAME_BYTES), window);
}

/** Payload of Update Keypad Code before the challenge: id(2) code(4) name(20) enabled(1) window. */
export function updateCode(
  id: number,
  code: number,
  name: Uint8Array,
  window: Uint8Array,
): Uint8Array {
  return joinBytes(u16(id), u32(code), padded(name, NAME_BYTES), Uint8Array.of(1), window);
}

/** The three fields of a wish as both commands take them. */
export function wishFields(
  wish: CodeWish,
  offsetMinutes: number,
): readonly [number, Uint8Array, Uint8Array] {
  return [
    Number(wish.digits),
    entryName(wish.entry, wish.name),
    windowBytes(wish.from, wish.until, offsetMinutes),
  ];
}

/** A code as read back. The digits are not kept, only a hash under a key that lives as long as the machine. */
export interface HeldCode {
  readonly id: number;
  readonly hash: string;
  /** `undefined` for codes that are not ours. */
  readonly tag: string | undefined;
  readonly enabled: boolean;
  readonly window: Uint8Array;
}

export function codeHash(key: Uint8Array, digits: number): string {
  return createHmac('sha256', key).update(u32(digits)).digest('base64');
}

export function parseCode(payload: Uint8Array, hashKey: Uint8Array): HeldCode | undefined {
  if (payload.length < ENTRY_BYTES) return undefined;
  const nameAt = 6;
  const name = new TextDecoder().decode(payload.subarray(nameAt, nameAt + NAME_BYTES));
  const enabledAt = nameAt + NAME_BYTES;
  const limitedAt = ENTRY_BYTES - 1;
  const isLimited = payload[limitedAt] === 1;
  return {
    id: readU16(payload, 0),
    hash: codeHash(hashKey, readU32(payload, 2)),
    tag: /^LK[0-9a-f]{8}/.exec(name)?.[0],
    enabled: payload[enabledAt] === 1,
    window: isLimited
      ? padded(payload.subarray(limitedAt), WINDOW_BYTES)
      : new Uint8Array(WINDOW_BYTES),
  };
}

/** The lock holds what was wished: these digits, enabled, in exactly this window. */
export function holds(
  held: HeldCode,
  wish: CodeWish,
  hashKey: Uint8Array,
  offset: number,
): boolean {
  return (
    held.enabled &&
    held.hash === codeHash(hashKey, Number(wish.digits)) &&
    sameBytes(held.window, windowBytes(wish.from, wish.until, offset))
  );
}
