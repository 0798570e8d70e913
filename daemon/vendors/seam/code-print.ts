/** A code whose creation was not answered, as it is known again. */
import { z } from 'zod';
import { digestOf } from '../vendor-record.ts';

const printSchema = z.looseObject({
  device_id: z.string(),
  code: z.string().min(1),
  starts_at: z.string().nullish(),
});

/** By what a code whose creation was not answered is known again. */
export function codePrint(code: unknown): string | undefined {
  const read = printSchema.safeParse(code);
  if (!read.success) return undefined;
  const { device_id, code: digits, starts_at } = read.data;
  return digestOf([device_id, digits, starts_at == null ? null : Date.parse(starts_at)]);
}
