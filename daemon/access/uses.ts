/** How often a grant was used. The count belongs to the grant's id and outlives revision, revocation and re-adding. */
import type { LedgerView, UseCount } from './ledger.ts';
import type { Grant, GrantId } from './model.ts';

/** The row that stands for every grant whose count was lost with a journal. */
export const ALL_UNCONFIRMED = '*';

/** How often a grant was used, as the ledger has it. */
export function useOf(ledger: LedgerView, grant: GrantId): UseCount | undefined {
  return ledger.get('use', grant) ?? ledger.get('use', ALL_UNCONFIRMED);
}

type Uses = NonNullable<Grant['uses']>;

/** Uses spent so far; none can be told while the source has not confirmed the count, so then it is endless. */
export function spentUses(row: UseCount | undefined, uses: Uses): number {
  if (row === undefined) return 0;
  if (row.unconfirmed === true) return Number.POSITIVE_INFINITY;
  return isReset(row, uses) ? 0 : row.count;
}

/** The row after one more use. */
export function afterUse(row: UseCount | undefined, uses: Pick<Uses, 'reset'>): UseCount {
  if (row === undefined) return { count: 1, reset: uses.reset };
  if (!isReset(row, uses)) return { ...row, count: row.count + 1 };
  return { count: 1, reset: uses.reset, spent: spentWords(row) };
}

/** The source says what the count is; the word that it was counted under gives nothing more. */
export function afterStated(
  row: UseCount | undefined,
  count: number,
  reset: string | undefined,
): UseCount {
  if (row !== undefined && reset !== undefined && isReset(row, { reset })) {
    return { count, reset, spent: spentWords(row) };
  }
  return { count, reset: row?.reset ?? reset, ...(row?.spent ? { spent: row.spent } : {}) };
}

function spentWords({ spent = [], reset }: UseCount): readonly string[] {
  return [...spent, ...(reset === undefined ? [] : [reset])].slice(-MOST_SPENT);
}

/** A use that turned out not to be one: nothing was opened, or the key was left in its slot. */
export function afterGivingBack(row: UseCount | undefined): UseCount | undefined {
  return row === undefined || row.count === 0 ? row : { ...row, count: row.count - 1 };
}

/** Only a word never seen before gives uses again; an older copy of the grant brings an older word. */
function isReset(row: UseCount, { reset }: Pick<Uses, 'reset'>): boolean {
  return reset !== undefined && reset !== row.reset && row.spent?.includes(reset) !== true;
}

/** Words that are remembered; a source that resets more often within one restore is not known. */
const MOST_SPENT = 64;
