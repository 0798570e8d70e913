/** What a caller is told when something will not do: `{error: {code, message, field?}}`. */

/** The closed list; the codes that the cloud's replies have too mean the same here. */
export const ERROR_CODES = {
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  denied: 409,
  too_large: 413,
  unsupported_media_type: 415,
  misdirected: 421,
  limit_exceeded: 422,
  idempotency_key_reused: 422,
  too_many_requests: 429,
  internal: 500,
  unsupported: 501,
  storage_full: 503,
  busy: 503,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ErrorCode;
  /** The part of the request that is meant: `credentials[0].pin`. */
  readonly field: string | undefined;
  constructor(code: ErrorCode, message: string, field?: string) {
    super(message);
    this.code = code;
    this.field = field;
  }
}
