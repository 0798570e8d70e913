/** What a vendor answers, held against what it documents: a message names the call and the field, and shows no person. */
import type { z } from 'zod';
import { VendorError } from './http.ts';

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
