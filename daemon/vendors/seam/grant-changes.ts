/** What each revision of a grant changed, kept beside it, so that its events tell what was so then. Pure. */
import { z } from 'zod';
import { toJson } from '../../access/body.ts';
import type { JsonObject } from '../../access/entry.ts';
import type { VendorRecord } from '../vendor-record.ts';
import type { GrantFields } from './fields.ts';

const changeSchema = z.union([
  z.object({ what: z.literal('times'), starts_at: z.string(), ends_at: z.string().nullable() }),
  z.object({ what: z.enum(['created', 'issued', 'reissued', 'deleted']), method: z.string() }),
  /** An entrance or a device that a later stay has taken over. */
  z.object({ what: z.literal('lost'), door: z.string() }),
]);
export type GrantChange = z.infer<typeof changeSchema>;

const toldSchema = z.record(z.string(), z.array(changeSchema));
/** Revisions whose events are told in full; of older ones only that there was a change. */
const KEPT = 32;

export function changesBetween(before: GrantFields, after: GrantFields): readonly GrantChange[] {
  const { starts_at, ends_at } = after;
  const isMoved = before.starts_at !== starts_at || before.ends_at !== ends_at;
  const changes: GrantChange[] = isMoved ? [{ what: 'times', starts_at, ends_at }] : [];
  for (const { access_method_id: method, issued_at } of after.methods) {
    const former = before.methods.find((each) => each.access_method_id === method);
    if (former === undefined) changes.push({ what: 'created', method });
    if (issued_at === null) continue;
    if ((former?.issued_at ?? null) === null) changes.push({ what: 'issued', method });
    // New times are a re-issue there (vendor-apis.md 3.6); here it has no gap.
    else if (isMoved) changes.push({ what: 'reissued', method });
  }
  for (const { access_method_id: method } of before.methods) {
    const isKept = after.methods.some((each) => each.access_method_id === method);
    if (!isKept) changes.push({ what: 'deleted', method });
  }
  return changes;
}

/** The record's `extra` with what this revision changed. */
export function withChanges(
  { extra }: VendorRecord,
  rev: number,
  changes: readonly GrantChange[],
): JsonObject {
  const before = Object.entries(toldIn(extra)).filter(([at]) => Number(at) > rev - KEPT);
  const told = { ...Object.fromEntries(before), [rev]: changes };
  return { ...extra, told: toJson(told) };
}

/** `undefined`: it is not kept what that revision changed. */
export function changesAt(
  record: VendorRecord | undefined,
  rev: number,
): readonly GrantChange[] | undefined {
  return toldIn(record?.extra)[rev];
}

function toldIn(extra: JsonObject | undefined): z.infer<typeof toldSchema> {
  return toldSchema.safeParse(extra?.['told']).data ?? {};
}
