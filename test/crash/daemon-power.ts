/**
 * The power cut under a daemon in use: what it did to its disk, and what it said to callers and boards meanwhile, is taken
 * from its system calls; at moments drawn, what the disk may hold then is opened as the next start would.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grantId } from '../../daemon/access/model.ts';
import { resolveWindow } from '../../daemon/access/window.ts';
import { livePointer, openGrantStore } from '../../daemon/store/grants-open.ts';
import { openJournal } from '../../daemon/store/journal-open.ts';
import { verifyJournalFile } from '../../daemon/store/journal-verify.ts';
import { type Random, randomInteger } from '../../drivers/contract/time.ts';
import { unlockRequest } from '../../drivers/kerong/frame.ts';
import { toHex } from '../../drivers/wire/hex.ts';
import { seededRandom } from '../../simulator/random.ts';
import { NOON, StillClock, stampAt } from '../daemon/store/known.ts';
import { type Blow, drawBlow } from './blow.ts';
import { CrashSite, type CrashSiteOptions } from './crash-site.ts';
import { callsIn, Disk, type DiskCall, STRACE_ARGUMENTS } from './store-power-cut.ts';

export interface PowerCutsReport {
  readonly cuts: number;
  /** Of them, those on which a daemon was started again. */
  readonly starts: number;
  /** What others relied on, over all cuts: entries and pulses that had left the process. */
  readonly relied: { readonly entries: number; readonly pulses: number };
  readonly faults: readonly string[];
}

/** Lives that are traced one after another, each ended by a kill: a disk forgets nothing then. */
const LIVES = 3;
/** A start takes a hundred times as long as a look. */
const STARTED_EVERY = 25;

/** Some cuts of the same traced lives; another seed draws other lives and other moments. */
export async function powerCuts(cuts: number, options: CrashSiteOptions): Promise<PowerCutsReport> {
  await using site = await CrashSite.open(options);
  const random = seededRandom(options.seed);
  const faults: string[] = [];
  const store = join(site.directory, 'store');
  const calls: DiskCall[] = [];
  for (let life = 0; life < LIVES; life += 1) {
    const output = join(site.directory, 'trace');
    const trace = { output, arguments: STRACE_ARGUMENTS };
    const { faults: found } = await site.round(endOf(life, random), { trace });
    faults.push(...found);
    calls.push(...callsIn(readFileSync(output, 'latin1'), store));
    rmSync(output);
  }
  const relied = { entries: 0, pulses: 0 };
  let starts = 0;
  for (let cut = 0; cut < cuts; cut += 1) {
    const at = momentIn(calls, random);
    const disk = new Disk(store);
    for (const call of calls.slice(0, at)) disk.apply(call);
    const left = mkdtempSync(join(tmpdir(), 'latchkey-left-'));
    try {
      disk.cutTo(left, random);
      const heard = heardIn(calls.slice(0, at));
      relied.entries += heard.entries.size;
      relied.pulses += heard.pulses.size;
      const found = await lookAt(left, heard);
      if (found.length === 0 && cut % STARTED_EVERY === 0) {
        starts += 1;
        found.push(...(await site.startOn(left)));
      }
      faults.push(
        ...found.map((fault) => `${fault} (cut ${cut} of seed ${options.seed}, after ${at} calls)`),
      );
    } finally {
      rmSync(left, { recursive: true, force: true });
    }
  }
  return { cuts, starts, relied, faults };
}

/** The first one works to its end, so that there is something to lose. */
function endOf(life: number, random: Random): Blow {
  return life === 0 ? { kind: 'idle' } : drawBlow(random, false);
}

/** Mostly just after something was said that others rely on. */
function momentIn(calls: readonly DiskCall[], random: Random): number {
  const told = calls.flatMap(({ kind }, at) => (kind === 'told' ? [at] : []));
  if (told.length === 0 || random.fraction() < 0.3) return randomInteger(random, calls.length + 1);
  return (told[randomInteger(random, told.length)] ?? 0) + randomInteger(random, 6);
}

interface Heard {
  readonly entries: ReadonlyMap<number, string>;
  readonly grants: ReadonlyMap<string, { readonly rev: number; readonly isRevoked: boolean }>;
  /** Pulses that a board was asked for, by slot. */
  readonly pulses: ReadonlyMap<number, number>;
}

const SLOTS = Array.from({ length: 16 }, (_, n) => n + 1);
const UNLOCKS = SLOTS.map((slot) => [toHex(unlockRequest('cu16', 0, slot)), slot] as const);

/** What the daemon said to others until then. */
function heardIn(calls: readonly DiskCall[]): Heard {
  const entries = new Map<number, string>();
  const grants = new Map<string, { rev: number; isRevoked: boolean }>();
  const pulses = new Map<number, number>();
  for (const call of calls) {
    if (call.kind !== 'told') continue;
    if (call.to === 'port') {
      const sent = toHex(call.bytes);
      for (const [unlock, slot] of UNLOCKS)
        if (sent.includes(unlock)) pulses.set(slot, (pulses.get(slot) ?? 0) + 1);
      continue;
    }
    const text = String(call.bytes);
    for (const [, seq, hash = ''] of text.matchAll(
      /"seq":(\d+),"id":(?:(?!"seq":).)*?,"hash":"([^"]+)"/g,
    ))
      entries.set(Number(seq), hash);
    for (const [, id = '', rev] of text.matchAll(/\{"grant":\{"id":"([^"]+)","rev":(\d+)/g))
      grants.set(id, { rev: Number(rev), isRevoked: false });
    for (const [, id = '', rev] of text.matchAll(/\{"grant":"([^"]+)","rev":(\d+),"devices"/g))
      grants.set(id, { rev: Number(rev), isRevoked: true });
  }
  return { entries, grants, pulses };
}

/** P2, P5, P6, P8 on what the power cut left. */
async function lookAt(left: string, heard: Heard): Promise<string[]> {
  const faults: string[] = [];
  const options = {
    directory: left,
    clock: new StillClock(),
    random: seededRandom(1),
    worker: false,
  };
  const { journal, recovered } = await openJournal(options);
  await using _journal = journal;
  if (recovered !== undefined && heard.entries.size > 0)
    faults.push(`the journal was given up: ${recovered.reason}`);
  for (const [seq, hash] of heard.entries) {
    const kept = journal.entry(seq)?.hash;
    if (kept !== hash) faults.push(`entry ${seq} was told and is ${kept ?? 'lost'}`);
  }
  const intents = new Map<number, number>();
  for (const { type, body } of journal.read({ limit: 5000 })) {
    const slot = Number(body['slot']);
    if (type === 'access.granted' || type === 'access.commanded')
      intents.set(slot, (intents.get(slot) ?? 0) + 1);
  }
  for (const [slot, asked] of heard.pulses) {
    if (asked > (intents.get(slot) ?? 0))
      faults.push(`slot ${slot}: ${asked} pulses sent of ${intents.get(slot) ?? 0} intents kept`);
  }
  const { grants } = await openGrantStore({
    ...options,
    zone: 'Europe/Stockholm',
    tzdata: '2026c',
    resolve: resolveWindow,
    live: livePointer(journal, () => stampAt(NOON)),
    tombstones: journal,
  });
  await using _grants = grants;
  for (const [id, { rev, isRevoked }] of heard.grants) {
    const kept = grants.grant(grantId(id));
    const isDead = kept?.revoked !== undefined || journal.tombstone(grantId(id)) !== undefined;
    if (isRevoked && !isDead) faults.push(`grant ${id} lives again`);
    if (!isRevoked && (kept?.grant.rev ?? 0) < rev && !isDead)
      faults.push(`grant ${id} is back at revision ${kept?.grant.rev ?? 'none'} of ${rev}`);
  }
  faults.push(...verifyJournalFile(join(left, 'journal.db')).faults);
  return faults;
}
