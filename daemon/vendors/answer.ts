/** What a vendor answers, held against what it documents: a message names the call and the field, and shows no person. */
import { z } from 'zod';
import { VendorError } from './http.ts';
import type { SeenThing } from './reading.ts';
import { digestOf } from './vendor-record.ts';

/**
 * @param path of the call, for the message.
 * @throws VendorError `malformed`
 */
export function answerIn<T>(body: string, schema: z.ZodType<T>, path: string): T {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    throw new VendorError('malformed', `${path}: an answer that is no JSON`, { cause: error });
  }
  return answered(value, schema, path);
}

/**
 * The same of a part of an answer.
 * @throws VendorError `malformed`
 */
export function answered<T>(value: unknown, schema: z.ZodType<T>, path: string): T {
  const found = schema.safeParse(value);
  if (found.success) return found.data;
  const where = found.error.issues[0]?.path.map(String).join('.') ?? '';
  throw new VendorError(
    'malformed',
    `${path}: an answer of another shape${where === '' ? '' : ` at ${where}`}`,
  );
}

/** A row of a list that says which thing it is, and is otherwise not what the vendor documents. */
export class Unread {
  /** The vendor's id, where a thing here could have it; else text that follows from it. */
  readonly ref: string;
  readonly digest: string;
  /** It has an id that can be asked for. */
  readonly isNamed: boolean;

  constructor(ref: string, row: object, isNamed = true) {
    this.ref = ref;
    this.digest = digestOf(row);
    this.isNamed = isNamed;
  }

  /** It cannot be had here, and what was had of it before does not go on opening. */
  thing(kind: string, id: string): SeenThing {
    const cannot = 'what the vendor tells of it is not understood here';
    return { kind, ref: this.ref, id, digest: this.digest, wanted: { cannot } };
  }
}

/**
 * Rows of a list, so that one that nobody understands does not hold up the others. One that does not even say which
 * thing it is could be any of them, and makes the answer malformed.
 * @param name of the field with its id, which is held against `id`.
 */
export function rowsOf<T>(
  schema: z.ZodType<T>,
  name: string,
  id: z.ZodType<string>,
): z.ZodType<T | Unread> {
  const named = z.record(z.string(), z.unknown()).transform((row, context) => {
    const told = row[name];
    const read = id.safeParse(told);
    if (read.success) return new Unread(read.data, row);
    if (typeof told === 'string' || typeof told === 'number') {
      return new Unread(`unread:${digestOf(told)}`, row, false);
    }
    context.addIssue({ code: 'custom', message: 'an id', path: [name] });
    return z.NEVER;
  });
  return z.union([schema, named]);
}

/** The rows that are what the vendor documents. */
export function readOf<T>(rows: readonly (T | Unread)[]): readonly T[] {
  return rows.flatMap((row) => (row instanceof Unread ? [] : [row]));
}

/**
 * The same rows. Where there are several and none is understood, it is the vendor that changed, not its things.
 * @throws VendorError `malformed`
 */
export function unlessNone<T>(rows: readonly T[], path: string): readonly T[] {
  if (rows.length < 2 || rows.some((row) => !(row instanceof Unread))) return rows;
  throw new VendorError('malformed', `${path}: rows of another shape, all of them`);
}
