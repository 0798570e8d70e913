/**
 * A checkpoint: the whole ledger in one entry, written before older entries are erased for retention; the fold goes on
 * from it. The rows are in `evidence`, which stays on the box.
 */
import { isObject, listIn, objectIn, textIn } from './body.ts';
import type { Entry, Json, RecordedEntry } from './entry.ts';
import type { LedgerChange, LedgerTable, LedgerView } from './ledger.ts';
import type { HolderId } from './model.ts';

const TABLES: readonly LedgerTable[] = [
  'key',
  'slot',
  'use',
  'keypad',
  'credential',
  'lockdown',
  'opening',
  'area',
];

/** Without the area that `erased` is in: of who has neither grant nor key, the ledger knows nothing else. */
export function checkpointOf(ledger: LedgerView, erased?: HolderId): Entry {
  const rows = TABLES.flatMap((table) =>
    [...ledger.all(table)]
      .filter(([id]) => table !== 'area' || id !== erased)
      .map(([id, value]) => ({ table, id, value })),
  );
  return {
    type: 'system.checkpoint',
    body: { rows: rows.length },
    evidence: { ledger: rows },
  };
}

/** Rows that the checkpoint does not have are taken away; a checkpoint without rows (a signature) changes nothing. */
export function readCheckpoint(ledger: LedgerView, { evidence }: RecordedEntry): LedgerChange[] {
  if (evidence === undefined || !Array.isArray(evidence['ledger'])) return [];
  const rows = listIn(evidence, 'ledger').flatMap((row) => rowIn(row));
  const kept = new Set(rows.map(({ table, id }) => `${table} ${id}`));
  const gone = TABLES.flatMap((table) =>
    [...ledger.all(table)]
      .filter(([id]) => !kept.has(`${table} ${id}`))
      .map(([id]): LedgerChange => ({ table, id, value: undefined })),
  );
  return [...gone, ...rows];
}

/** Our own writing, read back under the hash of the chain; its shape is that of the ledger when it was written. */
function rowIn(row: Json): LedgerChange[] {
  if (!isObject(row)) return [];
  const table = textIn(row, 'table');
  const id = textIn(row, 'id');
  const value = objectIn(row, 'value');
  const change: unknown = { table, id, value };
  return id !== undefined && value !== undefined && isChange(change) ? [change] : [];
}

function isChange(change: unknown): change is LedgerChange {
  if (typeof change !== 'object' || change === null) return false;
  return TABLES.some((table) => table === Reflect.get(change, 'table'));
}
