/** Long work on whole files: check, verify and back up a database, each in a thread of its own; write others. */
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { makeBallast } from './ballast.ts';
import { openDatabase, quickCheck, storageError } from './database.ts';
import { replaceFile, syncDirectory } from './durable-file.ts';
import { verifyJournalFile } from './journal-verify.ts';
import { StorageError, type VerifyReport } from './ports.ts';

const ALL_PAGES = 0x7fffffff;

export type Job =
  | { readonly kind: 'check'; readonly path: string }
  | { readonly kind: 'verify'; readonly path: string }
  | { readonly kind: 'backup'; readonly path: string; readonly to: string }
  | { readonly kind: 'ballast'; readonly path: string }
  | { readonly kind: 'replace'; readonly path: string; readonly text: string };

export type JobResult =
  | { readonly kind: 'faults'; readonly faults: readonly string[] }
  | { readonly kind: 'verified'; readonly report: VerifyReport }
  | { readonly kind: 'backed-up' }
  /** Whether there is one now. */
  | { readonly kind: 'ballast'; readonly isThere: boolean }
  | { readonly kind: 'replaced' }
  | { readonly kind: 'failed'; readonly code: StorageError['code']; readonly message: string };

export type JobDone = Exclude<JobResult, { kind: 'failed' }>;

/** `runJobAside`, or what a simulation waits for before its time goes on. @throws StorageError */
export type RunsJob = (job: Job) => Promise<JobDone>;

export async function runJob(job: Job): Promise<JobResult> {
  try {
    switch (job.kind) {
      case 'check':
        return { kind: 'faults', faults: checkFile(job.path) };
      case 'verify':
        return { kind: 'verified', report: verifyJournalFile(job.path) };
      case 'backup':
        await copyDatabase(job.path, job.to);
        return { kind: 'backed-up' };
      case 'ballast':
        return { kind: 'ballast', isThere: await makeBallast(job.path) };
      case 'replace':
        await replaceFile(job.path, job.text);
        return { kind: 'replaced' };
      default:
        return job satisfies never;
    }
  } catch (error) {
    const { code, message } = storageError(error);
    return { kind: 'failed', code, message };
  }
}

/** In the thread that asks. @throws StorageError */
export async function runJobHere(job: Job): Promise<JobDone> {
  const result = await runJob(job);
  if (result.kind === 'failed') throw new StorageError(result.code, result.message);
  return result;
}

/** The same in its own thread; what is only written holds nobody up without one. @throws StorageError */
export function runJobAside(job: Job): Promise<JobDone> {
  if (job.kind === 'ballast' || job.kind === 'replace') return runJobHere(job);
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./maintenance-worker.ts', import.meta.url), {
      workerData: job,
    });
    worker.once('message', (result: JobResult) => {
      if (result.kind === 'failed') reject(new StorageError(result.code, result.message));
      else resolve(result);
    });
    worker.once('error', (error) => reject(storageError(error)));
    worker.once('exit', () =>
      reject(new StorageError('broken', `${job.kind} ended without result`)),
    );
  });
}

export function checkFile(path: string, full = false): readonly string[] {
  try {
    const db = openDatabase(path, { readonly: true });
    try {
      return quickCheck(db, full);
    } finally {
      db.close();
    }
  } catch (error) {
    return [storageError(error).message];
  }
}

/** A whole, checked copy under its name, or none: online copy to another name, check, sync, rename. */
export async function copyDatabase(from: string, to: string): Promise<void> {
  const partial = `${to}.partial`;
  const db = openDatabase(from, { readonly: true });
  try {
    await rm(partial, { force: true });
    // In one step: SQLite begins again whenever another connection writes between two.
    await db.backup(partial, { progress: () => ALL_PAGES });
  } finally {
    db.close();
  }
  try {
    const faults = checkFile(partial, true);
    if (faults.length > 0) throw new StorageError('corrupt', `the copy is faulty: ${faults[0]}`);
    const file = await open(partial, 'r+');
    try {
      await file.chmod(0o600);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, to);
    await syncDirectory(dirname(to));
  } finally {
    for (const end of ['', '-wal', '-shm']) await rm(`${partial}${end}`, { force: true });
  }
}
