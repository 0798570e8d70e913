/** How a connector reaches its vendor; `platform/http-client.ts` is the real way. */
import type { Millis } from '../../drivers/contract/time.ts';

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Whole, with the query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

export interface HttpReply {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** Rejects when there is no answer: no route, no name, cut off, too slow, too long. */
export interface HttpClient {
  send(call: HttpCall): Promise<HttpReply>;
}

export type VendorErrorCode =
  /** No answer. Whether a write took effect is not known. */
  | 'unreachable'
  /** 5xx. Whether a write took effect is not known. */
  | 'server'
  /** 429, also after waiting. Nothing took effect. */
  | 'limited'
  /** The breaker stands open; nothing was sent. */
  | 'held-back'
  /** 401 or 403: the key was changed, or is not allowed this. */
  | 'unauthorized'
  | 'not-found'
  /** Any other 4xx: asking again changes nothing. */
  | 'refused'
  /** An answer that is not what the vendor documents. */
  | 'malformed';

/** A call to a vendor came to nothing. The message holds no secret and no person. */
export class VendorError extends Error {
  override readonly name = 'VendorError';
  readonly code: VendorErrorCode;
  readonly status: number | undefined;
  /** The vendor's own word for it: an error id or type. */
  readonly word: string | undefined;
  readonly retryAfter: Millis | undefined;
  constructor(
    code: VendorErrorCode,
    message: string,
    more: {
      readonly status?: number;
      readonly word?: string | undefined;
      readonly retryAfter?: Millis | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.status = more.status;
    this.word = more.word;
    this.retryAfter = more.retryAfter;
  }
}

/** Nothing was done at the vendor: the same may be asked again without doing it twice. */
export function isUndone({ code }: VendorError): boolean {
  return code === 'limited' || code === 'held-back' || code === 'unauthorized';
}
