/** What is done now and then: old replies forgotten, backups made, bodies erased once their time is over. */
import { type Clock, instant, type Millis, pause } from '../../drivers/contract/time.ts';
import { checkpointOf } from '../access/checkpoint.ts';
import type { Entry, JsonObject, Stamp } from '../access/entry.ts';
import type { JournalStore } from '../store/journal.ts';
import { StorageError } from '../store/ports.ts';

const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;

export interface UpkeepParts {
  readonly clock: Clock;
  readonly journal: JournalStore;
  readonly stamp: () => Stamp;
  /** Days after which an acknowledged entry loses its body; its place in the chain stays. 0 keeps all. */
  readonly retentionDays: number;
  /** Copies the store to where it is found after a damage; what it answers goes into the journal. */
  readonly backUp: () => Promise<JsonObject>;
  readonly log: (event: string, fields: JsonObject) => void;
}

/** Runs until the signal: each hour a little, each day the rest, the first of it an hour after the start. */
export async function runUpkeep(parts: UpkeepParts, signal: AbortSignal): Promise<void> {
  const { clock, journal, stamp, log } = parts;
  for (let hour = 1; ; hour += 1) {
    await pause(clock, HOUR, signal);
    if (signal.aborted) return;
    try {
      // A reply is kept a day beyond its command; by a clock that is not certain, the earliest it can be counts.
      await journal.forgetCommands(stamp().clock.lo);
      if (hour % (DAY / HOUR) !== 1) continue;
      await retain(parts);
      await record(parts, { type: 'system.backup', body: await parts.backUp() });
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      log('upkeep-failed', { fault: error.code, message: error.message });
    }
  }
}

/** Only what the cloud has, and only what is certainly old enough. */
async function retain(parts: UpkeepParts): Promise<void> {
  const { journal, stamp, retentionDays } = parts;
  if (retentionDays === 0) return;
  const before = instant(stamp().clock.lo - retentionDays * DAY);
  const [old] = journal.read({ to: before, backwards: true, limit: 1 });
  const upTo = Math.min(old?.seq ?? 0, journal.acknowledged);
  if (upTo === 0) return;
  await record(parts, checkpointOf(journal.ledger));
  const erased = await journal.erase(upTo);
  if (erased > 0) await record(parts, { type: 'system.retention', body: { upTo, erased } });
}

async function record({ journal, stamp }: UpkeepParts, entry: Entry): Promise<void> {
  await journal.append({ stamp: stamp(), entries: [entry] }).committed;
}
