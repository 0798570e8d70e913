/**
 * Grants of one source on their way to the thread that builds a file of them, column by column: a thousand rows as
 * objects take four times as long from thread to thread.
 */
import type { GrantId, HolderId, Vendor } from '../access/model.ts';
import { firstCode, type GrantRow } from './grant-rows.ts';

/** One row has the same place in each. */
export interface GrantColumns {
  readonly source: Vendor;
  readonly ids: readonly GrantId[];
  readonly revs: readonly number[];
  readonly holders: readonly HolderId[];
  readonly starts: readonly (number | null)[];
  readonly ends: readonly (number | null)[];
  readonly locals: readonly (0 | 1)[];
  readonly docs: readonly string[];
  /** The first code of each. */
  readonly codes: readonly (number | null)[];
  readonly codeMiddles: readonly (number | null)[];
  readonly codeLasts: readonly (number | null)[];
  /** Of those few that have more codes than one, or slots. */
  readonly trees: readonly (Pick<GrantRow, 'codes' | 'slots'> & { readonly at: number })[];
}

export function columnsOf(source: Vendor, rows: readonly GrantRow[]): GrantColumns {
  const codes = rows.map(firstCode);
  return {
    source,
    ids: rows.map(({ id }) => id),
    revs: rows.map(({ rev }) => rev),
    holders: rows.map(({ holder }) => holder),
    starts: rows.map(({ starts }) => starts),
    ends: rows.map(({ ends }) => ends),
    locals: rows.map(({ local }) => local),
    docs: rows.map(({ doc }) => doc),
    codes: codes.map(([key]) => key),
    codeMiddles: codes.map(([, middle]) => middle),
    codeLasts: codes.map(([, , last]) => last),
    trees: rows.flatMap(({ codes, slots }, at) =>
      codes.length > 1 || slots.length > 0 ? [{ at, codes, slots }] : [],
    ),
  };
}
