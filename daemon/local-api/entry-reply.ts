/** A journal entry as callers and the panel are shown it. */
import { z } from 'zod';
import { instant } from '../../drivers/contract/time.ts';
import type { JsonObject, RecordedEntry } from '../access/entry.ts';
import { jsonObject } from '../store/journal-rows.ts';
import type { EntryLine } from '../store/ports.ts';
import { iso, moment } from './fields.ts';

export const entrySchema = z.object({
  seq: z.int(),
  id: z.string(),
  type: z.string(),
  at: moment,
  clock: z.string(),
  device: z.string().nullable(),
  holder: z.string().nullable(),
  body: z.record(z.string(), z.json()),
  hash: z.string(),
});
export type EntryReply = z.infer<typeof entrySchema>;

export function entryReply(entry: RecordedEntry): EntryReply {
  return {
    seq: entry.seq,
    id: entry.id,
    type: entry.type,
    at: iso(entry.stamp.at),
    clock: entry.stamp.clock.state,
    device: entry.device ?? null,
    holder: entry.sub ?? null,
    body: JSON.parse(JSON.stringify(withoutFob(entry.body))),
    hash: entry.hash,
  };
}

/** `entryReply` as its JSON, without building it first: a list is mostly this. */
export function lineText({
  seq,
  id,
  type,
  at,
  clock,
  device,
  holder,
  body,
  hash,
}: EntryLine): string {
  const shown = body.includes('"fob"') ? JSON.stringify(withoutFob(jsonObject(body))) : body;
  return `{"seq":${seq},"id":"${id}","type":"${type}","at":"${iso(instant(at))}","clock":"${clock}","device":${text(device)},"holder":${text(holder)},"body":${shown},"hash":"${hash}"}`;
}

function text(value: string | null): string {
  return value === null ? 'null' : JSON.stringify(value);
}

/** Keyed hashes of fobs are no secret numbers, but nobody's business either. */
function withoutFob(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== 'fob'));
}
