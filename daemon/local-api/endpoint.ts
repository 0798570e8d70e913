/** One thing that the API can do: what it takes and gives as zod schemas, from which checks and documentation are made. */
import type { z } from 'zod';

/** Each includes those before it. */
export const SCOPES = ['read', 'operate', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Who calls. */
export interface Principal {
  readonly name: string;
  /** For the journal: `api:` a program by its token, `panel:` a person. */
  readonly by: string;
  readonly scope: Scope;
}

/** What the platform's HTTP server hands over; the parts of it that are needed here. */
export interface IncomingRequest {
  readonly method: string;
  readonly url: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: unknown;
  readonly cookies: Readonly<Record<string, string | undefined>>;
  readonly remote: string;
  readonly isEncrypted: boolean;
  readonly signal: AbortSignal;
}

/** What it gets back. */
export interface OutgoingResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object | string | AsyncIterable<string>;
}

/** A route as the platform's HTTP server takes it. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly perMinute?: number;
  handle(request: IncomingRequest): Promise<OutgoingResponse>;
}

/** A request that is carried out once, however often it is asked. */
export interface Idempotency {
  readonly key: string;
  /** Hash of what is asked: whoever asks something else under this key has made a mistake. */
  readonly fingerprint: string;
}

export interface Asked<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly principal: Principal;
  /** Where the call has an `Idempotency-Key`. */
  readonly idempotency: Idempotency | undefined;
  readonly signal: AbortSignal;
  readonly headers: IncomingRequest['headers'];
  readonly remote: string;
  readonly isEncrypted: boolean;
  /** What the caller's session cookie holds. */
  readonly session: string | undefined;
}

/** A reply that is not simply its JSON: text, or a stream of events. */
export class Raw {
  readonly contentType: string;
  readonly body: string | AsyncIterable<string>;
  readonly status: number;
  constructor(contentType: string, body: string | AsyncIterable<string>, status = 200) {
    this.contentType = contentType;
    this.body = body;
    this.status = status;
  }
}

/** A JSON reply with headers of its own. */
export class WithHeaders {
  readonly body: object;
  readonly headers: Readonly<Record<string, string>>;
  constructor(body: object, headers: Readonly<Record<string, string>>) {
    this.body = body;
    this.headers = headers;
  }
}

export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/api/v1/keys/{key}` */
  readonly path: string;
  /** `undefined`: anybody who reaches the server. */
  readonly scope: Scope | undefined;
  readonly summary: string;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** Of the JSON reply; `undefined` for text and streams, whose type is `contentType`. */
  readonly reply?: z.ZodType;
  readonly contentType?: string;
  readonly perMinute?: number;
  /** Is answered for as long as the caller listens: only while they may. */
  readonly lasts?: true;
  /** Opens something: people at the panel may only where the config says so. */
  readonly opens?: true;
  call(asked: Asked<unknown, unknown, unknown>): Promise<unknown>;
}

interface Definition<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType>
  extends Omit<Endpoint, 'call' | 'params' | 'query' | 'body'> {
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  call(
    asked: Asked<z.output<Params>, z.output<Query>, z.output<Body>>,
  ): Promise<object | Raw> | object | Raw;
}

/** Ties the types of the schemas to those of the call; what the server hands over has been read by them. */
export function endpoint<
  Params extends z.ZodType = z.ZodUndefined,
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
>(definition: Definition<Params, Query, Body>): Endpoint {
  return {
    ...definition,
    call: async (asked) =>
      definition.call(asked as Asked<z.output<Params>, z.output<Query>, z.output<Body>>),
  };
}
