/** What is recorded of the disk: little space, all well again, and what is missing from the time between. */
import { instant } from '../../drivers/contract/time.ts';
import type { Entry } from '../access/entry.ts';
import type { StorageState } from '../store/ports.ts';
import type { UnstoredTale } from '../store/unstored.ts';

/** `tale`: entries could not be stored for a while, and now they can. */
export function storageEntries(
  state: StorageState,
  tale: UnstoredTale | undefined,
): readonly Entry[] {
  switch (state) {
    case 'unsafe':
      return [];
    case 'ok':
      return [{ type: 'system.storage_ok', body: {} }];
    case 'low': {
      const late = tale === undefined || tale.stored === 0 ? {} : { storedLate: tale.stored };
      const low: Entry = { type: 'system.storage_low', body: { alarm: true, ...late } };
      return tale === undefined || tale.lost === 0 ? [low] : [low, gap(tale)];
    }
    default:
      return state satisfies never;
  }
}

/** Says how much is missing, of which class, and from when to when; what it was, nobody knows. */
function gap({ lost, classes, from, to }: UnstoredTale): Entry {
  const text = (at: number | undefined) => new Date(instant(at ?? 0)).toISOString();
  return {
    type: 'system.storage_gap',
    body: { count: lost, classes: { ...classes }, from: text(from), to: text(to), alarm: true },
  };
}
