/** Who is in which area: entered by being let in, taken back where no door opened. */
import { numberIn, textIn } from './body.ts';
import type { RecordedEntry } from './entry.ts';
import type { AreaPresence, LedgerChange, LedgerView } from './ledger.ts';

/** Let in, which counts from the decision on: a second one would come before the door has answered. */
export function enter(
  ledger: LedgerView,
  { body, sub, stamp, seq }: RecordedEntry,
): LedgerChange[] {
  const area = textIn(body, 'area');
  if (area === undefined || sub === undefined) return [];
  const { boot, uptime, at } = stamp;
  const last = ledger.get('area', sub);
  // Several locks of one decision are one entering.
  const isSame =
    last?.openings !== undefined &&
    last.area === area &&
    last.boot === boot &&
    last.uptime === uptime;
  const before = isSame ? last.before : last && certain(last);
  const value: AreaPresence = {
    ...{ area, since: at, boot, uptime },
    openings: [...(isSame ? (last.openings ?? []) : []), seq],
    ...(before === undefined ? {} : { before }),
  };
  return [{ table: 'area', id: sub, value }];
}

/** One of the locks opened, or may have. */
export function entered(ledger: LedgerView, { body }: RecordedEntry): LedgerChange[] {
  const found = enteringBy(ledger, numberIn(body, 'opening'));
  return found === undefined ? [] : [{ table: 'area', id: found.id, value: certain(found.row) }];
}

/** None of the locks opened: they are where they were. */
export function notEntered(ledger: LedgerView, { body }: RecordedEntry): LedgerChange[] {
  const seq = numberIn(body, 'ends');
  const found = enteringBy(ledger, seq);
  if (found === undefined) return [];
  const { id, row } = found;
  const openings = (row.openings ?? []).filter((each) => each !== seq);
  const value = openings.length > 0 ? { ...row, openings } : row.before;
  return [{ table: 'area', id, value }];
}

function enteringBy(ledger: LedgerView, seq: number | undefined) {
  const id = seq === undefined ? undefined : ledger.get('opening', String(seq))?.holder;
  const row = id === undefined ? undefined : ledger.get('area', id);
  if (seq === undefined || id === undefined || row?.openings?.includes(seq) !== true) return;
  return { id, row };
}

function certain({ openings: _, before: __, ...row }: AreaPresence): AreaPresence {
  return row;
}
