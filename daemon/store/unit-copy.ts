/** A unit's store, copied whole while a daemon uses it or not, and put down on another unit. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock, Random } from '../../drivers/contract/time.ts';
import { openDatabase, storage } from './database.ts';
import { syncDirectory } from './durable-file.ts';
import { JOURNAL_FILE, restoreJournal } from './journal-recovery.ts';
import { GRANTS_FILE, LIVE_MARK, readMark } from './journal-state.ts';
import { type Told, verifyJournalFile } from './journal-verify.ts';
import { copyDatabase } from './maintenance.ts';
import { StorageError } from './ports.ts';
import { bytesOf, type UnitContent, type UnitFile, unitFile } from './sealed-box.ts';
import { newUnit, writeUnit } from './unit.ts';

/** Beside the databases, where they are there. */
const KEPT = [
  'marks.json',
  'signing-key.json',
  'sealing-key.json',
  'trust.json',
  'devices.json',
  'api-tokens.json',
  'api-accounts.json',
];

/**
 * @param told how far the proof of the copy is, which takes longest.
 * @throws StorageError when a copy is not whole.
 */
export async function copyStore(directory: string, told?: Told): Promise<readonly UnitFile[]> {
  const folder = await mkdtemp(join(directory, 'copy-'));
  try {
    const journal = join(folder, JOURNAL_FILE);
    await copyDatabase(join(directory, JOURNAL_FILE), journal);
    const report = verifyJournalFile(journal, told);
    if (!report.ok) throw new StorageError('corrupt', `the journal: ${report.faults[0]}`);
    const live = liveGrants(journal);
    const files = [unitFile('store', JOURNAL_FILE, readFileSync(journal))];
    if (live !== undefined && existsSync(join(directory, live))) {
      await copyDatabase(join(directory, live), join(folder, live));
      files.push(unitFile('store', live, readFileSync(join(folder, live))));
    }
    for (const name of KEPT) {
      const path = join(directory, name);
      if (existsSync(path)) files.push(unitFile('store', name, readFileSync(path)));
    }
    return files;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Puts the store of another unit down in an empty directory, as a later unit than that. What was handed over goes on
 * where it ended; what may have gone on elsewhere begins a new epoch, so that no number comes twice.
 * @throws StorageError when there is a store already, or a file is not whole.
 */
export async function placeStore(
  directory: string,
  { files, generation, handedOver }: UnitContent,
  clock: Clock,
  random: Random,
): Promise<void> {
  if (existsSync(join(directory, JOURNAL_FILE)))
    throw new StorageError('locked', `${directory} has a journal already: move it away first`);
  storage(() => mkdirSync(directory, { recursive: true, mode: 0o700 }));
  // First of all: from now on it is later, whatever happens next.
  await writeUnit(directory, newUnit(generation + 1, random));
  const stored = files.filter(({ place }) => place === 'store');
  const journal = stored.find(({ name }) => name === JOURNAL_FILE);
  const grants = stored.find(({ name }) => GRANTS_FILE.test(name));
  if (journal === undefined) throw new StorageError('corrupt', 'there is no journal in it');
  for (const file of stored) {
    if (file !== journal && file !== grants && KEPT.includes(file.name))
      await put(join(directory, file.name), bytesOf(file));
  }
  if (handedOver) {
    if (grants !== undefined) await put(join(directory, grants.name), bytesOf(grants));
    await put(join(directory, JOURNAL_FILE), bytesOf(journal));
    return;
  }
  const folder = await mkdtemp(join(directory, 'copy-'));
  try {
    const staged = join(folder, JOURNAL_FILE);
    await put(staged, bytesOf(journal));
    const grantsCopy = grants === undefined ? undefined : join(folder, basename(grants.name));
    if (grants !== undefined && grantsCopy !== undefined) await put(grantsCopy, bytesOf(grants));
    await restoreJournal(directory, staged, clock, grantsCopy);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whole under its name, for its owner alone where no `mode` says more. Never over a file that is there. */
export async function put(path: string, bytes: Uint8Array, mode = 0o600): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.chmod(mode);
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncDirectory(join(path, '..'));
}

function liveGrants(journal: string): string | undefined {
  const db = openDatabase(journal, { readonly: true });
  try {
    const name = readMark(db, LIVE_MARK);
    return typeof name === 'string' && GRANTS_FILE.test(name) ? name : undefined;
  } finally {
    db.close();
  }
}
