/** What the credential files of a Nuki lock hold. */
import { fromHex } from '../wire/hex.ts';

export interface Credentials {
  readonly authorization: number;
  readonly key: Uint8Array;
  /** As it goes on the wire: two bytes; `undefined` where none is configured. */
  readonly pin: number | undefined;
}

/** Text of the credential file that pairing leaves behind. Secret. */
export function authorizationText(authorization: number, key: string, lock: string): string {
  return `${JSON.stringify({ authorization, key, lock })}\n`;
}

/** What is wrong, without a word of the content. */
export function readAuthorization(
  secret: Uint8Array | undefined,
): Omit<Credentials, 'pin'> | string {
  if (secret === undefined) return 'name a credential that exists; `latchkey ble pair` makes it';
  let found: unknown;
  try {
    found = JSON.parse(new TextDecoder().decode(secret));
  } catch {
    return 'this is no authorization; `latchkey ble pair` makes it';
  }
  return authorizationIn(found) ?? 'this is no authorization; `latchkey ble pair` makes it';
}

function authorizationIn(found: unknown): Omit<Credentials, 'pin'> | undefined {
  if (typeof found !== 'object' || found === null) return undefined;
  if (!('authorization' in found && 'key' in found && 'lock' in found)) return undefined;
  const { authorization, key, lock, ...more } = found;
  if (typeof authorization !== 'number' || typeof key !== 'string' || typeof lock !== 'string')
    return undefined;
  const isOurs =
    Number.isInteger(authorization) &&
    authorization >= 0 &&
    authorization <= 0xffffffff &&
    /^[0-9a-f]{64}$/.test(key) &&
    /^[0-9a-f]{32}$/.test(lock) &&
    Object.keys(more).length === 0;
  return isOurs ? { authorization, key: fromHex(key) } : undefined;
}

export function readPin(secret: Uint8Array | undefined): number | string {
  if (secret === undefined) return 'name a credential that exists';
  const text = new TextDecoder().decode(secret).trim();
  const pin = Number(text);
  return /^[0-9]{1,5}$/.test(text) && pin <= 0xffff ? pin : 'give the digits of the security PIN';
}
