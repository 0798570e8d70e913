/**
 * Compact JWS without `jose`, in a third of its time (performance 5); a test holds both to the same bytes. Accepts one algorithm, one shape of
 * header, and keys only from the local trust store: whatever a header brings along (`jwk`, `x5c`, `crit`) refuses it.
 */
import { type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';
import type { SigningKey } from './jose.ts';

const headerSchema = z.strictObject({
  alg: z.literal('Ed25519'),
  kid: z.string().min(1).max(64),
  typ: z.string().max(32),
});

export type Verified =
  | { readonly kind: 'verified'; readonly kid: string; readonly payload: Uint8Array }
  /** Not three parts of base64url, or a header that no honest sender makes. */
  | { readonly kind: 'malformed' }
  | { readonly kind: 'unknown-key' }
  | { readonly kind: 'bad-signature' };

const PARTS = /^([A-Za-z0-9_-]{1,1024})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})$/;

/** `keyOf` knows the keys that may sign `typ` today. The token's size is bounded by the caller. */
export function verifyCompact(
  token: string,
  typ: string,
  keyOf: (kid: string) => KeyObject | undefined,
): Verified {
  const [, head, body, mac] = PARTS.exec(token) ?? [];
  if (head === undefined || body === undefined || mac === undefined) return { kind: 'malformed' };
  const header = readHeader(head);
  if (header === undefined || header.typ !== typ) return { kind: 'malformed' };
  const key = keyOf(header.kid);
  if (key === undefined) return { kind: 'unknown-key' };
  const signature = bytesOf(mac);
  const payload = bytesOf(body);
  if (signature === undefined || payload === undefined) return { kind: 'malformed' };
  if (!verify(null, Buffer.from(`${head}.${body}`), key, signature))
    return { kind: 'bad-signature' };
  return { kind: 'verified', kid: header.kid, payload };
}

/** A compact JWS over the JSON of `payload`, at once: nothing happens between what is signed and where it goes. */
export function signNow(payload: object, typ: string, { kid, key }: SigningKey): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'Ed25519', kid, typ })}.${part(payload)}`;
  return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
}

function readHeader(text: string): z.infer<typeof headerSchema> | undefined {
  const bytes = bytesOf(text);
  if (bytes === undefined) return undefined;
  const read = headerSchema.safeParse(parseJson(bytes));
  return read.success ? read.data : undefined;
}

/** Only the one canonical spelling: leftover bits that a lenient decoder ignores are refused. */
function bytesOf(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

/** The value, or `undefined` where the bytes are no JSON in UTF-8. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (problem) {
    if (problem instanceof SyntaxError || problem instanceof TypeError) return undefined;
    throw problem;
  }
}
