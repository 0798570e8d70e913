/**
 * Commands, counters, tombstones and marks as they stand: those on the disk, and above them those that were appended
 * and are not committed yet. They count at once, and go if the commit fails.
 */
import type { Json } from '../access/entry.ts';
import type { GrantId } from '../access/model.ts';
import type { JournalReader } from './journal-query.ts';
import type { EvidenceRow, Journal } from './ports.ts';

export class EvidenceRows
  implements Pick<Journal, 'command' | 'counter' | 'tombstone' | 'mark' | 'marks'>
{
  readonly #stored: JournalReader;
  readonly #pending = new Map<string, { readonly row: EvidenceRow; readonly batch: number }>();

  constructor(stored: JournalReader) {
    this.#stored = stored;
  }

  add(rows: readonly EvidenceRow[], batch: number): void {
    for (const row of rows) {
      const key = keyOf(row);
      const held = this.#pending.get(key)?.row;
      const isLower =
        row.table === 'tombstone' && held?.table === 'tombstone' && held.rev >= row.rev;
      this.#pending.set(key, { row: isLower ? held : row, batch });
    }
  }

  /** Those of this batch and before are in the database now. */
  committed(upTo: number): void {
    for (const [key, { batch }] of this.#pending) if (batch <= upTo) this.#pending.delete(key);
  }

  /** No batch that is on its way will be committed. */
  takeBack(): void {
    this.#pending.clear();
  }

  command(id: string): ReturnType<Journal['command']> {
    return this.#get('command', id) ?? this.#stored.command(id);
  }

  counter(kid: string): ReturnType<Journal['counter']> {
    return this.#get('counter', kid) ?? this.#stored.counter(kid);
  }

  tombstone(grant: GrantId): ReturnType<Journal['tombstone']> {
    const pending = this.#get('tombstone', grant);
    const stored = this.#stored.tombstone(grant);
    if (pending === undefined || (stored !== undefined && stored.rev >= pending.rev)) return stored;
    return pending;
  }

  mark(name: string): Json | undefined {
    const pending = this.#get('mark', name);
    return pending === undefined ? this.#stored.mark(name) : pending.value;
  }

  marks(prefix: string): ReadonlyMap<string, Json> {
    const found = new Map(this.#stored.marks(prefix));
    for (const { row } of this.#pending.values()) {
      if (row.table !== 'mark' || !row.name.startsWith(prefix)) continue;
      if (row.value === undefined) found.delete(row.name);
      else found.set(row.name, row.value);
    }
    return found;
  }

  #get<T extends EvidenceRow['table']>(
    table: T,
    id: string,
  ): Extract<EvidenceRow, { table: T }> | undefined {
    const row = this.#pending.get(`${table} ${id}`)?.row;
    return isOf(row, table) ? row : undefined;
  }
}

function isOf<T extends EvidenceRow['table']>(
  row: EvidenceRow | undefined,
  table: T,
): row is Extract<EvidenceRow, { table: T }> {
  return row?.table === table;
}

function keyOf(row: EvidenceRow): string {
  switch (row.table) {
    case 'command':
      return `command ${row.id}`;
    case 'counter':
      return `counter ${row.kid}`;
    case 'tombstone':
      return `tombstone ${row.grant}`;
    case 'mark':
      return `mark ${row.name}`;
    default:
      return row satisfies never;
  }
}
