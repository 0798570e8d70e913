/**
 * Opens the live file of grants. One that is lost or damaged goes to quarantine and an empty one takes its place: it
 * refuses, and has forgotten how far each source was read, so that all of it is fetched again.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock, Random } from '../../drivers/contract/time.ts';
import type { Stamp } from '../access/entry.ts';
import type { GrantId, Vendor } from '../access/model.ts';
import { BACKUPS, backupName } from './backups.ts';
import { checkColumns, GRANTS_COLUMNS } from './columns.ts';
import {
  type Database,
  GRANTS_MIGRATIONS,
  isCurrent,
  isDamage,
  isDirty,
  migrate,
  needsMigration,
  openDatabase,
  quickCheck,
  storage,
  storageError,
  versionOf,
} from './database.ts';
import type { Resolve } from './grant-rows.ts';
import { GrantsStore, type OpenFile } from './grants.ts';
import { GrantReader } from './grants-query.ts';
import {
  type Behind,
  type ChangedWindow,
  copyTombstones,
  forgetOlder,
  rezone,
  type TombstoneSource,
  type Unrecorded,
  unrecorded,
  type VersionMarks,
} from './grants-start.ts';
import { grantsInProcess, grantsThread, openedWhenAsked, type Place } from './grants-writer.ts';
import { GRANTS_FILE, LIVE_MARK } from './journal-state.ts';
import { copyDatabase, type RunsJob, runJobAside } from './maintenance.ts';
import { type Journal, StorageError } from './ports.ts';
import { quarantine } from './quarantine.ts';
import { flushAsItGrows } from './steady-flush.ts';

/** A larger file is checked page by page after the first decision. */
const CHECK_FIRST_BYTES = 1024 * 1024;
/** The same when the last stop was not a clean one. */
const CHECK_FIRST_BYTES_DIRTY = 64 * 1024 * 1024;
/** Left behind when a check in the running daemon found damage; the next start looks before it trusts. */
const SUSPECT_FILE = 'grants.suspect';

export interface LivePointer {
  get(): string | undefined;
  /** Resolves when it is on the disk. */
  set(name: string): Promise<void>;
}

export interface GrantStoreOptions {
  /** `:memory:` keeps everything in this process. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  /** The site's, for floating windows. */
  readonly zone: string;
  /** The zone that it had: confirms that floating windows are moved by the new one. */
  readonly zoneBefore?: string | undefined;
  /** `resolveWindow`; a word instead of instants is a fault, and such a window never holds. */
  readonly resolve: Resolve;
  /** Version of the zone rules, `process.versions.tz`. */
  readonly tzdata: string;
  readonly live: LivePointer;
  readonly tombstones: TombstoneSource;
  readonly marks?: VersionMarks;
  /** Grants that a key is out under: a snapshot without them leaves them for the return. */
  readonly held?: () => Iterable<GrantId>;
  /** Called when a write finds the disk full; it is tried again when there is room now. */
  readonly makeRoom?: () => boolean;
  /** `false` writes in the main thread. Default true; memory has no threads. */
  readonly worker?: boolean;
  /** Default `runJobAside`. */
  readonly runJob?: RunsJob | undefined;
  /** Told at each step of a swap, so that tests can stop the process there. */
  readonly step?: (step: 'built' | 'named' | 'swapped') => void;
}

export interface OpenedGrants {
  readonly grants: GrantsStore;
  /** The file was lost or damaged, and is empty now. */
  readonly lost: { readonly reason: string; readonly quarantine: string | undefined } | undefined;
  /** Sources whose grants were older than the marks outside, and are gone until they are sent again. */
  readonly behind: readonly Behind[];
  /** Windows that new zone rules moved. */
  readonly moved: readonly ChangedWindow[];
  /** Revocations that the caller must append to the journal. */
  readonly unrecorded: readonly Unrecorded[];
  /** Structure of the live file, in a thread; faults leave a mark that makes the next start look first. */
  check(): Promise<readonly string[]>;
  /** A whole copy of the live file at `path`, while the daemon goes on. @throws StorageError */
  backup(path: string): Promise<void>;
}

/** @throws StorageError @throws ConfigError where floating windows would move and nobody confirmed it. */
export async function openGrantStore(options: GrantStoreOptions): Promise<OpenedGrants> {
  const home = options.directory === ':memory:' ? undefined : options.directory;
  const { runJob = runJobAside } = options;
  if (home !== undefined) storage(() => mkdirSync(home, { recursive: true, mode: 0o700 }));
  const found = home === undefined ? inMemory() : await onDisk(home, options);
  const { file, lost } = found;
  const start = () =>
    home === undefined || options.worker === false ? grantsInProcess() : grantsThread();
  const writer = openedWhenAsked(file.place, start);
  try {
    await copyTombstones(file.reader, options.tombstones, writer);
    const lacking = unrecorded(file.reader, options.tombstones);
    const behind = await forgetOlder(file.reader, options.marks, writer);
    const moved = await rezone(file.reader, options, writer);
    const grants = new GrantsStore({
      file,
      writer,
      zone: options.zone,
      resolve: options.resolve,
      builder: () => ({
        thread: start(),
        path: home === undefined ? undefined : join(home, freshName(options.random)),
        flush:
          options.worker === false
            ? undefined
            : (path, signal) => flushAsItGrows(path, options.clock, signal),
      }),
      adopt: (built) => adopt(built, options),
      swapped: () => options.step?.('swapped'),
      remove: async (place) => {
        if (typeof place === 'string') await removeFile(place);
      },
      held: options.held ?? (() => []),
      now: () => options.clock.now(),
      makeRoom: options.makeRoom ?? (() => false),
      raiseVersion: (source: Vendor, version) => options.marks?.raiseVersion(source, version),
      close: async () => {},
    });
    const backup = async (to: string) => {
      const place = grants.place;
      if (typeof place !== 'string') throw new StorageError('broken', 'memory has no backup');
      await runJob({ kind: 'backup', path: place, to });
    };
    const check = async () => {
      const place = grants.place;
      if (home === undefined || typeof place !== 'string') return [];
      const result = await runJob({ kind: 'check', path: place });
      const faults = result.kind === 'faults' ? result.faults : [];
      // A file that was replaced meanwhile is gone, and nobody's worry.
      if (faults.length === 0 || grants.place !== place) return [];
      writeFileSync(join(home, SUSPECT_FILE), faults.join('\n'));
      return faults;
    };
    return { grants, lost, behind, moved, unrecorded: lacking, check, backup };
  } catch (error) {
    file.close();
    await writer.stop();
    throw error;
  }
}

/** The pointer as a mark in the journal. */
export function livePointer(journal: Journal, stamp: () => Stamp): LivePointer {
  return {
    get: () => {
      const name = journal.mark(LIVE_MARK);
      return typeof name === 'string' ? name : undefined;
    },
    set: (name) =>
      journal.append({
        stamp: stamp(),
        entries: [],
        rows: [{ table: 'mark', name: LIVE_MARK, value: name }],
      }).committed,
  };
}

interface Found {
  readonly file: OpenFile;
  readonly lost: OpenedGrants['lost'];
}

function inMemory(): Found {
  const db = openDatabase(':memory:');
  migrate(db, GRANTS_MIGRATIONS);
  return { file: opened(db, db, () => {}), lost: undefined };
}

/** The live file as the journal names it. Every other one is half built or was replaced, and is removed. */
async function onDisk(
  directory: string,
  { clock, random, live, step }: GrantStoreOptions,
): Promise<Found> {
  const named = live.get();
  const name = named !== undefined && GRANTS_FILE.test(named) ? named : undefined;
  let lost: OpenedGrants['lost'];
  if (name !== undefined) {
    const found = await openWhole(directory, name, clock);
    if (typeof found !== 'string') {
      removeOthers(directory, name);
      return { file: openFile(join(directory, name), found), lost: undefined };
    }
    lost = { reason: found, quarantine: quarantine(directory, name, clock.now()) };
  } else if (readdirSync(directory).some((each) => GRANTS_FILE.test(each))) {
    lost = { reason: 'no file is named as live', quarantine: undefined };
  }
  const fresh = freshName(random);
  const db = openDatabase(join(directory, fresh));
  migrate(db, GRANTS_MIGRATIONS);
  db.close();
  step?.('built');
  await live.set(fresh);
  step?.('named');
  removeOthers(directory, fresh);
  return { file: openFile(join(directory, fresh)), lost };
}

/**
 * What is wrong with the file, or a reader of it. Brings it to this program's schema on the way, with a copy of how it
 * was: the way back to the older program.
 */
async function openWhole(
  directory: string,
  name: string,
  clock: Clock,
): Promise<Database | string> {
  const path = join(directory, name);
  const suspect = join(directory, SUSPECT_FILE);
  if (!existsSync(path)) return 'the file is missing';
  const most = existsSync(suspect)
    ? Infinity
    : isDirty(path)
      ? CHECK_FIRST_BYTES_DIRTY
      : CHECK_FIRST_BYTES;
  rmSync(suspect, { force: true });
  try {
    return await currentReader(directory, path, most, clock);
  } catch (error) {
    const failure = storageError(error);
    if (!isDamage(failure)) throw failure;
    return failure.message;
  }
}

/** A file that is current needs no connection but this one. @throws StorageError */
async function currentReader(
  directory: string,
  path: string,
  most: number,
  clock: Clock,
): Promise<Database> {
  const { size, mode } = statSync(path);
  const reader = openDatabase(path, { readonly: true });
  try {
    const [fault] = size <= most ? quickCheck(reader) : [];
    if (fault !== undefined) throw new StorageError('corrupt', fault);
    const isOwners = (mode & 0o077) === 0;
    if (isCurrent(reader, GRANTS_MIGRATIONS)) {
      checkColumns(reader, GRANTS_COLUMNS, GRANTS_MIGRATIONS);
      if (isOwners) return reader;
    }
  } catch (error) {
    reader.close();
    throw error;
  }
  reader.close();
  const db = openDatabase(path);
  try {
    if (needsMigration(db, GRANTS_MIGRATIONS)) {
      const copy = backupName('grants', clock.now(), `before-v${versionOf(db) + 1}`);
      storage(() => mkdirSync(join(directory, BACKUPS), { recursive: true, mode: 0o700 }));
      await copyDatabase(path, join(directory, BACKUPS, copy));
    }
    migrate(db, GRANTS_MIGRATIONS);
    checkColumns(db, GRANTS_COLUMNS, GRANTS_MIGRATIONS);
  } finally {
    db.close();
  }
  return openDatabase(path, { readonly: true });
}

async function adopt(built: Place, { live, step }: GrantStoreOptions): Promise<OpenFile> {
  if (typeof built !== 'string') return opened(built, built, () => {});
  const file = openFile(built);
  try {
    step?.('built');
    await live.set(basename(built));
    step?.('named');
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

function openFile(path: string, db = openDatabase(path, { readonly: true })): OpenFile {
  return opened(path, db, () => db.close());
}

function opened(place: Place, db: Database, close: () => void): OpenFile {
  return { place, reader: new GrantReader(db), close };
}

function freshName(random: Random): string {
  return `grants-${Buffer.from(random.bytes(6)).toString('hex')}.db`;
}

/** To take a quarter of a gigabyte from the disk takes a while. */
async function removeFile(path: string): Promise<void> {
  for (const end of ['-wal', '-shm', '']) await rm(`${path}${end}`, { force: true });
}

function removeOthers(directory: string, name: string): void {
  for (const each of readdirSync(directory)) {
    const base = each.replace(/-(wal|shm|journal)$/, '');
    if (GRANTS_FILE.test(base) && base !== name) rmSync(join(directory, each), { force: true });
  }
}
