/** Errors as Seam writes them: without `type` and `message` its clients raise no error of their own (vendor-apis.md 3.3). */
import { z } from 'zod';
import type { DialectResponse } from '../dialect.ts';

export interface ValidationErrors {
  readonly _errors: readonly string[];
  readonly [field: string]: ValidationErrors | readonly string[];
}

export class SeamError extends Error {
  override readonly name = 'SeamError';
  readonly status: number;
  readonly type: string;
  readonly validation: ValidationErrors | undefined;
  /** Seconds. */
  readonly retryAfter: number | undefined;
  constructor(
    status: number,
    type: string,
    message: string,
    more: { readonly validation?: ValidationErrors; readonly retryAfter?: number } = {},
  ) {
    super(message);
    this.status = status;
    this.type = type;
    this.validation = more.validation;
    this.retryAfter = more.retryAfter;
  }
}

export function notFound(noun: string, what = noun.replaceAll('_', ' ')): SeamError {
  return new SeamError(404, `${noun}_not_found`, `there is no such ${what}`);
}

/** One field that will not do. */
export function invalid(field: string, message: string): SeamError {
  return new SeamError(400, 'invalid_input', `Invalid value for "${field}": ${message}`, {
    validation: { _errors: [], [field]: { _errors: [message] } },
  });
}

export function parsed<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const read = schema.safeParse(input);
  if (read.success) return read.data;
  const [first] = read.error.issues;
  const where = first?.path.map(String).join('.') ?? '';
  const message = `Invalid value${where === '' ? '' : ` for "${where}"`}: ${first?.message ?? ''}`;
  const validation = z.formatError(read.error) as unknown as ValidationErrors;
  throw new SeamError(400, 'invalid_input', message, { validation });
}

export function errorAnswer(error: SeamError, requestId: string): DialectResponse {
  const { status, type, message, validation, retryAfter } = error;
  return {
    status,
    headers: {
      'seam-request-id': requestId,
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
    body: {
      error: {
        type,
        message,
        request_id: requestId,
        ...(validation === undefined ? {} : { validation_errors: validation }),
      },
      ok: false,
    },
  };
}
