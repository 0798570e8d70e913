/** A ledger with changes laid over it, so that the steps of one fold see one another. */
import type { RecordedEntry } from './entry.ts';
import { Ledger, type LedgerChange, type LedgerView } from './ledger.ts';

export type FoldStep = (ledger: LedgerView, entry: RecordedEntry) => readonly LedgerChange[];

/** The changes of all steps, each step having seen those before it. */
export function inOrder(
  ledger: LedgerView,
  entry: RecordedEntry,
  steps: readonly FoldStep[],
): readonly LedgerChange[] {
  let changes: readonly LedgerChange[] = [];
  for (const step of steps) {
    const seen = changes.length === 0 ? ledger : laidOver(ledger, changes);
    changes = [...changes, ...step(seen, entry)];
  }
  return changes;
}

function laidOver(ledger: LedgerView, changes: readonly LedgerChange[]): LedgerView {
  const over = new Ledger();
  over.apply(changes);
  const touched = new Set(changes.map(({ table, id }) => `${table} ${id}`));
  return {
    get(table, id) {
      return touched.has(`${table} ${id}`) ? over.get(table, id) : ledger.get(table, id);
    },
    *all(table) {
      for (const row of ledger.all(table)) if (!touched.has(`${table} ${row[0]}`)) yield row;
      yield* over.all(table);
    },
  };
}
