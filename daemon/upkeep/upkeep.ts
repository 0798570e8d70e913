/** What is done now and then: old replies forgotten, backups made, bodies erased once their time is over. */
import { basename } from 'node:path';
import { type Clock, instant, type Millis, pause } from '../../drivers/contract/time.ts';
import { checkpointOf } from '../access/checkpoint.ts';
import type { Entry, JsonObject, Stamp } from '../access/entry.ts';
import { type Copied, makeBackups } from '../store/backups.ts';
import type { JournalStore } from '../store/journal.ts';
import { StorageError } from '../store/ports.ts';

const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;

/** A file of the store, open. */
interface Kept extends Copied {
  check(): Promise<readonly string[]>;
}

export interface UpkeepParts {
  readonly clock: Clock;
  readonly journal: JournalStore;
  readonly stamp: () => Stamp;
  /** Days after which an acknowledged entry loses its body; its place in the chain stays. 0 keeps all. */
  readonly retentionDays: number;
  /** Of the store, which is copied to where it is found after a damage. */
  readonly directory: string;
  readonly opened: Kept;
  readonly told: Kept;
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
      await record(parts, { type: 'system.backup', body: await backUp(parts) });
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

/** What is said of the copies in the journal: their names, not where this machine keeps them. */
async function backUp({ directory, opened, told, clock }: UpkeepParts): Promise<JsonObject> {
  if (directory === ':memory:') return { files: [], refused: 'memory' };
  const made = await makeBackups(directory, { journal: opened, grants: told }, clock.now());
  return made.kind === 'made'
    ? { files: made.files.map((file) => basename(file)) }
    : { files: [], refused: made.kind, usedPercent: Math.round(made.used * 100) };
}

async function record({ journal, stamp }: UpkeepParts, entry: Entry): Promise<void> {
  await journal.append({ stamp: stamp(), entries: [entry] }).committed;
}

/** After a start: one file after the other, beside the first decisions. */
export async function lookAtFiles({
  opened,
  told,
  log,
}: Pick<UpkeepParts, 'opened' | 'told' | 'log'>): Promise<void> {
  const journalFaults = await opened.check();
  if (journalFaults.length > 0) log('journal-damaged', { faults: [...journalFaults] });
  const grantsFaults = await told.check();
  if (grantsFaults.length > 0) log('grants-damaged', { faults: [...grantsFaults] });
}
