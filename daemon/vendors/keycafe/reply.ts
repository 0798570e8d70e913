/** Answers in Keycafe's form: its error ids, its pages. */
import type { z } from 'zod';
import type { DialectRequest, DialectResponse } from '../dialect.ts';
import { queryText } from '../dialect.ts';
import { PAGE_SIZE } from './wire.ts';

/** Answered as Keycafe answers; thrown by whoever finds it. */
export class KeycafeRefusal extends Error {
  override readonly name = 'KeycafeRefusal';
  readonly status: number;
  readonly errorId: string;
  readonly field: string | undefined;
  constructor(status: number, errorId: string, message: string, field?: string) {
    super(message);
    this.status = status;
    this.errorId = errorId;
    this.field = field;
  }
}

export function refusalReply({ status, errorId, message, field }: KeycafeRefusal): DialectResponse {
  return {
    status,
    body: {
      error: { errorId, errorMessage: message },
      ...(field === undefined ? {} : { fieldErrors: [{ field, errorMessage: message }] }),
    },
  };
}

/** Error ids of fields that are wrong. Those of keys are Keycafe's; those of accesses are ours, theirs are not known. */
const FIELD_ERRORS: Readonly<Record<string, string>> = {
  'key.name': 'key.name.required',
  'key.description': 'key.description.maxSize.exceeded',
  'key.notes': 'key.notes.maxSize.exceeded',
  'key.pickupNote': 'key.pickupNote.maxSize.exceeded',
  'key.serialNumber': 'key.serialNumber.invalid',
  'key.homeLocation': 'key.homeLocation.invalid',
};

/** @throws KeycafeRefusal */
export function bodyOf<T extends z.ZodType>(
  what: 'access' | 'key' | 'organizationMembership' | 'permission' | 'webhook',
  schema: T,
  { body }: DialectRequest,
): z.output<T> {
  const read = schema.safeParse(body ?? {});
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const name = String(issue?.path[0] ?? '');
  if (issue?.code === 'unrecognized_keys') {
    const field = issue.keys[0] ?? '';
    throw new KeycafeRefusal(400, `${what}.${field}.readOnly`, `${field} cannot be changed`, field);
  }
  const errorId = FIELD_ERRORS[`${what}.${name}`] ?? `${what}.${name || 'body'}.invalid`;
  throw new KeycafeRefusal(400, errorId, issue?.message ?? 'not valid', name || undefined);
}

/** 50 on a page, and a `Link` header over it. */
export function pageOf(request: DialectRequest, rows: readonly object[]): DialectResponse {
  const page = Math.max(1, Math.trunc(Number(queryText(request, 'page') ?? 1)) || 1);
  const last = Math.max(1, Math.ceil(rows.length / PAGE_SIZE));
  const link = (to: number, rel: string) => {
    const [path = '', search = ''] = request.url.split('?');
    const query = new URLSearchParams(search);
    query.set('page', String(to));
    return `<${path}?${query}>; rel="${rel}"`;
  };
  const links = [
    link(1, 'first'),
    ...(page > 1 ? [link(page - 1, 'prev')] : []),
    ...(page < last ? [link(page + 1, 'next')] : []),
    link(last, 'last'),
  ];
  return {
    status: 200,
    headers: { link: links.join(', ') },
    body: rows.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE),
  };
}
