/** How Svix signs a message, and when it repeats one (vendor-apis.md 3.7). Pure. */
import { createHmac } from 'node:crypto';
import type { Millis } from '../../../drivers/contract/time.ts';

/** In both directions. */
export const TOLERANCE_MS: Millis = 5 * 60_000;
/** An answer that comes later counts as none. */
export const ANSWER_WITHIN: Millis = 15_000;
/** An endpoint that took nothing for so long is called no more. */
export const DISABLED_AFTER: Millis = 5 * 24 * 3_600_000;

const SECOND: Millis = 1000;
const MINUTE: Millis = 60_000;
const HOUR: Millis = 3_600_000;

/** After the first try and after each that failed. */
const PAUSES: readonly Millis[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  10 * HOUR,
];

/** Until the next try after so many that failed; `undefined`: it is given up. */
export function pauseAfter(failures: number): Millis | undefined {
  return PAUSES[failures - 1];
}

/** @param secret `whsec_` and base64 */
export function signature(
  secret: string,
  id: string,
  timestamp: string,
  body: Uint8Array | string,
): Buffer {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
}

/** @param at milliseconds since 1970 */
export function signedHeaders(
  secret: string,
  id: string,
  at: number,
  body: string,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at / 1000));
  return {
    'content-type': 'application/json',
    'svix-id': id,
    'svix-timestamp': timestamp,
    'svix-signature': `v1,${signature(secret, id, timestamp, body).toString('base64')}`,
  };
}
