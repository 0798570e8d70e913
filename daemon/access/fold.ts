/** What an entry changes in the ledger: the one place where custody, uses and lockouts move. Pure. */
import type { RecordedEntry } from './entry.ts';
import type { LedgerChange, LedgerView } from './ledger.ts';

export function fold(_ledger: LedgerView, _entry: RecordedEntry): readonly LedgerChange[] {
  return [];
}
