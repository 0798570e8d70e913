/**
 * Entries of a change lie in another file than its rows, and no transaction spans both. So what is to be told of a write
 * to `grants.db` goes into it as a cursor of the vendor, numbered; the journal's commit carries the number of what it
 * tells as a mark. Where the cursor is ahead of the mark, the journal is told first, and only then is more written:
 * after a kill -9 between the two, and after a commit of the journal that failed.
 */
import { z } from 'zod';
import { instant } from '../../drivers/contract/time.ts';
import { isObject, toJson } from '../access/body.ts';
import { ENTRY_TYPES, type Entry, type Json, type JsonObject } from '../access/entry.ts';
import { type GrantId, grantId, holderId, type Vendor } from '../access/model.ts';
import type { EvidenceRow, GrantStore, Journal } from '../store/ports.ts';

export type Tombstone = Extract<EvidenceRow, { table: 'tombstone' }>;

export interface Batch {
  readonly number: number;
  readonly entries: readonly Entry[];
  readonly rows: readonly Tombstone[];
}

const CURSOR = 'untold';

const entrySchema = z.strictObject({
  type: z.enum(ENTRY_TYPES),
  sub: z.string().transform(holderId).optional(),
  body: z.custom<JsonObject>((value) => isObject(toJson(value))),
});
const tombstoneSchema = z.strictObject({
  table: z.literal('tombstone'),
  grant: z.string().transform(grantId),
  rev: z.number(),
  at: z.number().transform(instant),
});
/** What another version wrote, and is not known here, is left out: a start must not hang on it. */
const batchSchema = z.object({
  number: z.int(),
  entries: z.array(entrySchema.nullable().catch(null)),
  rows: z.array(tombstoneSchema.nullable().catch(null)),
});

export class Untold {
  readonly #name: string;
  readonly #journal: Pick<Journal, 'mark'>;
  /** As it stands in `grants.db`. */
  #stored: Batch | undefined;
  #isTold: boolean;

  constructor(vendor: Vendor, grants: Pick<GrantStore, 'cursor'>, journal: Pick<Journal, 'mark'>) {
    this.#name = `told/${vendor}`;
    this.#journal = journal;
    const stored = grants.cursor(vendor, CURSOR);
    this.#stored = stored === undefined ? undefined : read(stored);
    this.#isTold = this.#stored === undefined || this.#stored.number <= this.#told;
  }

  /** What was written and is not told. */
  get batch(): Batch | undefined {
    return this.#isTold ? undefined : this.#stored;
  }

  /** Numbered above both files: either may have been lost, or be of a backup. */
  next(entries: readonly Entry[], rows: readonly Tombstone[]): Batch {
    return { number: Math.max(this.#stored?.number ?? 0, this.#told) + 1, entries, rows };
  }

  /** Into the write to `grants.db`; nothing where nothing is to be told, nor is there anything to be forgotten. */
  cursors(batch: Batch): readonly { readonly name: string; readonly value: Json }[] {
    const isEmpty = (each: Batch | undefined) =>
      each === undefined || (each.entries.length === 0 && each.rows.length === 0);
    if (isEmpty(batch) && isEmpty(this.#stored)) return [];
    return [{ name: CURSOR, value: toJson(batch) }];
  }

  written(batch: Batch): void {
    this.#stored = batch;
    this.#isTold = batch.entries.length === 0 && batch.rows.length === 0;
  }

  /** Into the commit of the journal. */
  rows({ number, rows }: Batch): readonly EvidenceRow[] {
    return [...rows, { table: 'mark', name: this.#name, value: number }];
  }

  told(): void {
    this.#isTold = true;
  }

  get #told(): number {
    const mark = this.#journal.mark(this.#name);
    return typeof mark === 'number' ? mark : 0;
  }
}

function read(value: Json): Batch | undefined {
  const found = batchSchema.safeParse(value).data;
  if (found === undefined) return undefined;
  const entries = found.entries
    .filter((entry) => entry !== null)
    .map(({ sub, ...entry }): Entry => ({ ...entry, ...(sub === undefined ? {} : { sub }) }));
  return { number: found.number, entries, rows: found.rows.filter((row) => row !== null) };
}

/** Without the revocations that a start has told already, from the rows alone. */
export function withoutKnown(batch: Batch, journal: Pick<Journal, 'tombstone'>): Batch {
  const isKnown = ({ grant, rev }: Tombstone) => (journal.tombstone(grant)?.rev ?? 0) >= rev;
  const known: ReadonlySet<string> = new Set(batch.rows.filter(isKnown).map(({ grant }) => grant));
  if (known.size === 0) return batch;
  const isTold = ({ type, body }: Entry) =>
    type === 'grant.revoked' && known.has(String(body['grant']));
  return {
    number: batch.number,
    entries: batch.entries.filter((entry) => !isTold(entry)),
    rows: batch.rows.filter(({ grant }) => !known.has(grant)),
  };
}

/** Grants that a batch says were put. */
export function putIn({ entries }: Batch): readonly GrantId[] {
  return entries.flatMap(({ type, body }) => {
    const id = type === 'grant.put' ? body['grant'] : undefined;
    return typeof id === 'string' ? [grantId(id)] : [];
  });
}
