/** A dialect is routes as data: the daemon answers a vendor's own calls, and the wiring mounts them at its HTTP server. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** What the HTTP server hands over; the parts of it that are needed here. */
export interface DialectRequest {
  readonly method: string;
  /** With the query, as it came. */
  readonly url: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Parsed JSON, or the fields of a form; undefined without a body. */
  readonly body: unknown;
  readonly raw: Uint8Array;
  readonly remote: string;
  readonly isEncrypted: boolean;
  readonly signal: AbortSignal;
}

export interface DialectResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** An object is sent as JSON. */
  readonly body?: object | string;
}

export interface DialectRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/keycafe/v0/access/:access` */
  readonly path: string;
  readonly perMinute?: number;
  handle(request: DialectRequest): Promise<DialectResponse>;
}

/** Codes are told only where nobody listens (P10): over TLS, or on this machine. */
export function isPrivate({ isEncrypted, remote }: DialectRequest): boolean {
  return isEncrypted || /^(127\.|::1$|::ffff:127\.)/.test(remote);
}

export function bearerOf({ headers }: DialectRequest): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers['authorization'] ?? '')?.[1];
}

/** Name and password of HTTP Basic (RFC 7617); the password may hold colons. */
export function basicOf({
  headers,
}: DialectRequest): { readonly name: string; readonly password: string } | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=]+) *$/i.exec(headers['authorization'] ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Compares in a time that tells nothing of either. */
export function isSameSecret(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** The one value of a query field; the last where it was given several times. */
export function queryText({ query }: DialectRequest, name: string): string | undefined {
  const value = query[name];
  return typeof value === 'string' || value === undefined ? value : value.at(-1);
}
