/** What a running daemon takes of its machine, as Linux tells it, and how far its loop lags, as it tells itself. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

export interface Sample {
  /** Seconds since the soak began. */
  readonly at: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly descriptors: number;
  readonly threads: number;
  /** All write-ahead logs of the store together. */
  readonly walBytes: number;
  readonly storeBytes: number;
  /** Handed to the disk since the process began. */
  readonly writtenBytes: number;
  readonly lagMs: number;
}

const healthSchema = z.looseObject({
  checks: z.array(z.looseObject({ name: z.string(), detail: z.string() })),
});

export interface Sampled {
  readonly pid: number;
  readonly store: string;
  readonly api: { readonly url: string; readonly token: string };
}

export async function sampleOf({ pid, store, api }: Sampled, at: number): Promise<Sample> {
  const proc = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8');
  const status = proc('status');
  const written = numberIn(proc('io'), /^write_bytes: (\d+)/m);
  const cancelled = numberIn(proc('io'), /^cancelled_write_bytes: (\d+)/m);
  const sizes = (fits: (name: string) => boolean) =>
    readdirSync(store)
      .filter(fits)
      .reduce((sum, name) => sum + sizeOf(join(store, name)), 0);
  return {
    at,
    residentBytes: 1024 * numberIn(status, /^VmRSS:\s+(\d+) kB/m),
    heapBytes: await heapOf(api),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: numberIn(status, /^Threads:\s+(\d+)/m),
    walBytes: sizes((name) => name.endsWith('-wal')),
    storeBytes: sizes((name) => name !== 'ballast'),
    writtenBytes: written - cancelled,
    lagMs: await lagOf(api),
  };
}

/** How late its loop was at its last look, which it takes each second. */
export async function lagOf(api: Sampled['api']): Promise<number> {
  const { checks } = healthSchema.parse(JSON.parse(await read(api, '/api/v1/health')));
  const loop = checks.find(({ name }) => name === 'event-loop');
  return numberIn(loop?.detail ?? '', /^(\d+) ms behind$/);
}

async function heapOf(api: Sampled['api']): Promise<number> {
  return numberIn(await read(api, '/metrics'), /^latchkey_heap_used_bytes (\S+)$/m);
}

async function read({ url, token }: Sampled['api'], path: string): Promise<string> {
  const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.text();
}

/** Gone between the listing and the look where the store has just put a file away. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function numberIn(text: string, at: RegExp): number {
  const found = at.exec(text)?.[1];
  if (found === undefined) throw new Error(`${at} is not in ${JSON.stringify(text.slice(0, 200))}`);
  return Number(found);
}
