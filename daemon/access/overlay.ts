/** A ledger with changes laid over it, so that the steps of one fold see one another. */
import type { RecordedEntry } from './entry.ts';
import { Ledger, type LedgerChange, type LedgerTable, type LedgerView } from './ledger.ts';

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
    const more = step(seen, entry);
    if (more.length > 0) changes = changes.length === 0 ? more : [...changes, ...more];
  }
  return changes;
}

/** Made when a step asks for a row: most of them look at nothing but the entry. */
function laidOver(ledger: LedgerView, changes: readonly LedgerChange[]): LedgerView {
  let made: Ledger | undefined;
  const over = (): Ledger => {
    if (made === undefined) {
      made = new Ledger();
      made.apply(changes);
    }
    return made;
  };
  const isTouched = (table: LedgerTable, id: string) =>
    changes.some((each) => each.table === table && each.id === id);
  return {
    get(table, id) {
      return isTouched(table, id) ? over().get(table, id) : ledger.get(table, id);
    },
    *all(table) {
      for (const row of ledger.all(table)) if (!isTouched(table, row[0])) yield row;
      yield* over().all(table);
    },
  };
}
