/** A small site's facts, a clock that stands and chance from a seed, for the store's tests. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Entry, RecordedEntry, Stamp } from '../../../daemon/access/entry.ts';
import type {
  CredentialId,
  CredentialIndex,
  Grant,
  GrantId,
  HolderId,
  Key,
  KeyId,
} from '../../../daemon/access/model.ts';
import { JOURNAL_MIGRATIONS, migrate, openDatabase } from '../../../daemon/store/database.ts';
import { openJournalFile } from '../../../daemon/store/journal-file.ts';
import { JournalReader } from '../../../daemon/store/journal-query.ts';
import type { EntryRow } from '../../../daemon/store/journal-rows.ts';
import type { Clock, Instant, Random, Timer, Uptime } from '../../../drivers/contract/time.ts';
import { instant, uptime } from '../../../drivers/contract/time.ts';

export const NOON: Instant = instant(Date.UTC(2026, 10, 24, 12));

/** Moves when told; timers fire in order. */
export class StillClock implements Clock {
  #elapsed = 0;
  #timers: { at: number; fire: () => void }[] = [];

  now(): Instant {
    return instant(NOON + this.#elapsed);
  }

  uptime(): Uptime {
    return uptime(1000 + this.#elapsed);
  }

  wakeAt(at: Uptime, fire: () => void): Timer {
    const timer = { at, fire };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((each) => each !== timer);
      },
    };
  }

  advance(ms: number): void {
    this.#elapsed += ms;
    const due = this.#timers.filter(({ at }) => at <= this.uptime());
    this.#timers = this.#timers.filter((each) => !due.includes(each));
    for (const { fire } of due) fire();
  }
}

/** xorshift32; the same seed gives the same bytes. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed | 0) === 0 ? 1 : seed | 0;
  }

  #next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x | 0;
    return x >>> 0;
  }

  fraction(): number {
    return this.#next() / 2 ** 32;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#next() & 0xff);
  }
}

export function stampAt(at: Instant): Stamp {
  return {
    at,
    uptime: uptime(at - NOON + 1000),
    boot: 'boot-1',
    clock: { lo: instant(at - 50), hi: instant(at + 50), state: 'trusted' },
  };
}

export function entryOf(n: number): Entry {
  return {
    type: n % 3 === 0 ? 'access.granted' : n % 3 === 1 ? 'device.online' : 'grant.put',
    ...(n % 2 === 0 ? { sub: `p_${n % 7}` as HolderId } : {}),
    body: { n, note: `entry ${n}` },
    ...(n % 5 === 0 ? { evidence: { knew: n } } : {}),
  };
}

/** The same as an event of the cloud, written by JavaScript. */
export function sentText({ stamp, device: dev, sub, body, ...entry }: RecordedEntry): string {
  const { epoch, seq, id, type, prev, hash } = entry;
  const { at, boot, uptime: mono } = stamp;
  const { state, lo } = stamp.clock;
  const hi = Number.isFinite(stamp.clock.hi) ? stamp.clock.hi : null;
  const clock = { state, errMs: hi === null ? null : Math.ceil((hi - lo) / 2), lo, hi };
  const ts = new Date(at).toISOString();
  const head = { v: 1, epoch, seq, id, type, ts, clock, boot, mono };
  return JSON.stringify({ ...head, dev, sub, body, prev, hash });
}

/** Reads a journal that holds nothing but these, as they are. */
export function readerOf(entries: readonly RecordedEntry[]): JournalReader {
  const db = openDatabase(':memory:');
  migrate(db, JOURNAL_MIGRATIONS);
  const rows = entries.map(rowOf);
  openJournalFile(db).commit([{ number: 1, generation: 0, entries: rows, ledger: [], rows: [] }]);
  return new JournalReader(db, entries[0]?.epoch ?? '');
}

function rowOf({ seq, id, type, stamp, device, sub, body, hash }: RecordedEntry): EntryRow {
  const { at, boot, clock } = stamp;
  const { lo, hi, state } = clock;
  return {
    ...{ seq, id, type, at, uptime: stamp.uptime, boot, lo, state },
    hi: Number.isFinite(hi) ? hi : null,
    device: device ?? null,
    sub: sub ?? null,
    body: JSON.stringify(body),
    evidence: null,
    digest: hash,
    hash,
  };
}

export interface Folder extends Disposable {
  readonly path: string;
}

export function temporaryFolder(under = tmpdir()): Folder {
  const path = mkdtempSync(join(under, 'latchkey-store-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export function grantId(n: number): GrantId {
  return `g-${String(n).padStart(5, '0')}` as GrantId;
}

export function holderId(n: number): HolderId {
  return `h-${n}` as HolderId;
}

/** 2 and 3, 4 and 5 and so on begin with the same six bytes. */
export function codeOf(n: number): CredentialIndex {
  const hashed = (text: string) => createHash('sha256').update(text).digest('hex');
  const code = hashed(`begin ${n >> 1}`).slice(0, 12) + hashed(`code ${n}`).slice(12, 32);
  return code as CredentialIndex;
}

export function grantOf(n: number, rev = 1): Grant {
  return {
    id: grantId(n),
    rev,
    source: { vendor: 'cloud', ref: `ref-${n}`, version: String(rev) },
    holder: holderId(n % 3),
    credentials: [
      { id: `c-${n}` as CredentialId, kind: 'pin', index: codeOf(n), digits: 6 },
      ...(n % 2 === 0
        ? [{ id: `f-${n}` as CredentialId, kind: 'fob', index: codeOf(n + 500_000) } as const]
        : []),
    ],
    targets: [{ kind: 'lock', id: `lock-${n % 5}` }],
    window: { kind: 'ongoing' },
    operations: ['unlock', 'pickup'],
    options: n % 4 === 0 ? { staff: true } : {},
    state: 'active',
    ...(n % 5 === 0 ? { uses: { max: 2, carrier: 'kb-1' } } : {}),
  };
}

export function keyOf(n: number, rev: number): Key {
  return {
    id: `k-${n}` as KeyId,
    name: `Key ${n}`,
    rev,
    source: { vendor: 'cloud', ref: `k${n}`, version: '' },
    fob: codeOf(1000 + n),
    virtual: false,
    roaming: true,
  };
}
