/** One path of Seam's API, and how its fields are read: a body, or the query form of vendor-apis.md 3.2. */
import { z } from 'zod';
import { type DialectRequest, isPrivate } from '../dialect.ts';
import { parsed } from './seam-error.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export const READ: readonly Method[] = ['GET', 'POST'];
export const WRITE: readonly Method[] = ['POST'];
export const REMOVE: readonly Method[] = ['POST', 'DELETE'];
export const CHANGE: readonly Method[] = ['POST', 'PATCH', 'PUT'];

export interface Call {
  /** Codes may be told: nobody listens (P10). */
  readonly isPrivate: boolean;
  /** All that was sent but the cursor; a page goes on only with the same. */
  readonly asked: Readonly<Record<string, unknown>>;
}

export interface SeamEndpoint {
  /** `/access_grants/create` */
  readonly path: string;
  readonly methods: readonly Method[];
  /** The named results, without `ok`. @throws SeamError */
  answer(input: Readonly<Record<string, unknown>>, call: Call): Promise<object>;
}

export function endpoint<Schema extends z.ZodType>(
  path: string,
  methods: readonly Method[],
  schema: Schema,
  run: (input: z.output<Schema>, call: Call) => Promise<object> | object,
): SeamEndpoint {
  return {
    path,
    methods,
    answer: async (input, call) => run(parsed(schema, input), call),
  };
}

/** Fields of a call, wherever they were put. `undefined`: the body is no object. */
export function inputOf(request: DialectRequest): Readonly<Record<string, unknown>> | undefined {
  if (request.method === 'GET' || request.method === 'DELETE') return queryInput(request);
  const { body } = request;
  if (body === undefined || body === null) return queryInput(request);
  if (typeof body !== 'object' || Array.isArray(body)) return undefined;
  return { ...body };
}

/** An empty value is null, and dots make nested fields; the second generation of clients adds `_strict`. */
function queryInput({ query }: DialectRequest): Readonly<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(query)) {
    if (name === '_strict') continue;
    const read = value === '' ? null : value;
    const [outer = name, inner] = name.split('.', 2);
    if (inner === undefined) found[name] = read;
    else found[outer] = { ...Object(found[outer]), [inner]: read };
  }
  return found;
}

export function callOf(request: DialectRequest, input: Readonly<Record<string, unknown>>): Call {
  const { page_cursor: _cursor, ...asked } = input;
  return { isPrivate: isPrivate(request), asked };
}

/** A list; in a query, one value looks like a scalar, and an empty list like null. */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.preprocess((value) => {
    if (value === null) return [];
    return Array.isArray(value) || value === undefined ? value : [value];
  }, z.array(item));
}

export const uuid = z.guid();
export const uuids = listOf(uuid);

export const flag = z.preprocess(
  (value) => (value === 'true' ? true : value === 'false' ? false : value),
  z.boolean(),
);

const numeric = (value: unknown) =>
  typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;

export const count = z.preprocess(numeric, z.number());

/** How many rows, with the vendor's own default. */
export function limit(usual: number) {
  return z.preprocess(numeric, z.int().min(1).max(usual)).default(usual);
}

const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/;

/** ISO 8601 with a zone or offset; written again in UTC. */
export const moment = z
  .string()
  .refine((text) => ISO.test(text) && Number.isFinite(Date.parse(text)), {
    error: 'a date and time with an offset, such as 2027-03-01T06:00:00Z',
  })
  .transform((text) => new Date(text).toISOString());
