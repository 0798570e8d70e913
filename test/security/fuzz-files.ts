/** Files that somebody else wrote, or a card has spoiled: config, trust, keys of clients, backups, marks. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseConfig } from '../../config/load.ts';
import { readClientKey, writeClientKey } from '../../daemon/cloud/client-key.ts';
import { enrol } from '../../daemon/cloud/enrolment.ts';
import { TrustStore } from '../../daemon/cloud/trust-store.ts';
import { openJournal } from '../../daemon/store/journal-open.ts';
import { restoreJournal } from '../../daemon/store/journal-recovery.ts';
import { verifyJournalFile } from '../../daemon/store/journal-verify.ts';
import { StorageError } from '../../daemon/store/ports.ts';
import { ConfigError } from '../../drivers/contract/errors.ts';
import { instant } from '../../drivers/contract/time.ts';
import { seededRandom } from '../../simulator/random.ts';
import { entryOf, NOON, StillClock, stampAt } from '../daemon/store/known.ts';
import type { FuzzTarget } from './fuzz-target.ts';

const CONFIGS = ['example.yaml', 'demo.yaml'];

export async function fileTargets(): Promise<readonly FuzzTarget[]> {
  return [configTarget(), ...keyFiles(), ...(await storeFiles())];
}

/** A config of an installer: read, or every fault told. */
function configTarget(): FuzzTarget {
  return {
    name: 'config',
    seeds: CONFIGS.map((name) => readFileSync(resolve(import.meta.dirname, '../../config', name))),
    run(input) {
      try {
        parseConfig(Buffer.from(input).toString());
        return 'read';
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        return [...new Set(error.faults.map(({ path }) => path.split('.')[0]))].sort().join();
      }
    },
  };
}

/** Keys and trust as files: read, or a fault that names them. */
function keyFiles(): readonly FuzzTarget[] {
  return inFolder((folder) => {
    const path = join(folder, 'file.json');
    const { senders, trustFile } = enrol(join(folder, 'keys'), 'kb-1', 'latchkey', ['cc-test']);
    const [sender] = senders;
    if (sender === undefined) throw new Error('somebody was enrolled');
    writeClientKey(path, sender);
    const read = (name: string, seed: string, open: (path: string) => unknown): FuzzTarget => {
      const seeds = [readFileSync(seed)];
      const scratch = scratchFor(name);
      return {
        name,
        seeds,
        run(input) {
          const file = join(scratch, 'file.json');
          writeFileSync(file, input, { mode: 0o600 });
          try {
            open(file);
            return 'read';
          } catch (error) {
            // A client's key is no part of a config: what is wrong with it is told as a plain range error.
            if (!(error instanceof ConfigError || error instanceof RangeError)) throw error;
            return 'told';
          }
        },
      };
    };
    return [
      read('trust-file', trustFile, (file) => TrustStore.open(file)),
      read('client-key-file', path, readClientKey),
    ];
  });
}

/** A store, its backup and its marks: used, restored or put into quarantine, never believed blindly and never a crash. */
async function storeFiles(): Promise<readonly FuzzTarget[]> {
  const clock = new StillClock();
  const made = scratchFor('store');
  const good = { directory: made, clock, random: seededRandom(2), worker: false };
  const { journal } = await openJournal(good);
  await journal.append({
    stamp: stampAt(NOON),
    entries: Array.from({ length: 12 }, (_, n) => entryOf(n + 1)),
    rows: [{ table: 'command', id: 'c-1', reply: true, expires: instant(NOON * 2) }],
  }).committed;
  await journal[Symbol.asyncDispose]();
  const seeds = new Map(
    ['journal.db', 'marks.json'].map((name) => [name, readFileSync(join(made, name))] as const),
  );
  const started = (name: string): FuzzTarget => {
    const directory = scratchFor(`start-${name}`);
    return {
      name: `start-on-${name.replace('.', '-')}`,
      seeds: [seeds.get(name) ?? Buffer.alloc(0)],
      runs: 12,
      async run(input) {
        rmSync(directory, { recursive: true, force: true });
        mkdirSync(directory, { mode: 0o700 });
        for (const [each, content] of seeds) writeFileSync(join(directory, each), content);
        writeFileSync(join(directory, name), input);
        const options = { directory, clock, random: seededRandom(3), worker: false };
        try {
          const opened = await openJournal(options);
          const { storage } = opened.journal;
          await opened.journal[Symbol.asyncDispose]();
          return `${storage} ${opened.recovered?.reason.slice(0, 20)}`;
        } catch (error) {
          if (!(error instanceof StorageError)) throw error;
          return error.code;
        }
      },
    };
  };
  const restored = scratchFor('restore');
  return [
    started('journal.db'),
    started('marks.json'),
    {
      name: 'restore',
      seeds: [seeds.get('journal.db') ?? Buffer.alloc(0)],
      runs: 12,
      async run(input) {
        rmSync(restored, { recursive: true, force: true });
        mkdirSync(join(restored, 'store'), { recursive: true, mode: 0o700 });
        const backup = join(restored, 'journal-backup.db');
        writeFileSync(backup, input);
        try {
          const { ok } = verifyJournalFile(backup);
          await restoreJournal(join(restored, 'store'), backup, clock);
          return `${ok} ${readdirSync(join(restored, 'store')).length}`;
        } catch (error) {
          if (!(error instanceof StorageError)) throw error;
          return error.code;
        }
      },
    },
  ];
}

/** Gone with the process. */
function scratchFor(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `latchkey-fuzz-${name}-`));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-fuzz-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
