/** Which grants a lock with a keypad of its own should hold, and what is remembered of what it does hold. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Actuation, DeviceEvent, DeviceId } from '../../drivers/contract/device.ts';
import type { Clock, Random } from '../../drivers/contract/time.ts';
import type { Entry, EntryType, Stamp } from '../access/entry.ts';
import type { StoredGrant } from '../access/lookup.ts';
import type { AccessPoint, Grant, GrantId, Target } from '../access/model.ts';
import type { SiteFacts } from '../access/site-facts.ts';
import type { CredentialDesk } from '../cloud/site-actions.ts';
import type { DeviceSetting } from '../devices/devices.ts';
import type { EvidenceRow, GrantStore, Journal } from '../store/ports.ts';
import { CodeCache, type CodeLock, type CodeWanted } from './code-cache.ts';

const PAGE = 1000;

export interface LockCodesParts {
  readonly facts: SiteFacts;
  readonly grants: GrantStore;
  readonly desk: Pick<CredentialDesk, 'reveal'>;
}

/** Live grants with a PIN that open this lock, with what its keypad cannot express of them. */
function codesFor(lock: DeviceId, parts: LockCodesParts): readonly CodeWanted[] {
  const found: CodeWanted[] = [];
  for (let after: string | undefined; ; ) {
    const page = parts.grants.list({ limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const stored of page) {
      if (opens(stored, lock, parts.facts)) found.push(...wantedOf(stored, parts));
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return found;
    after = last.grant.id;
  }
}

function opens(
  { grant, revoked }: StoredGrant,
  lock: DeviceId,
  { accessPoints, policies }: SiteFacts,
): boolean {
  if (revoked !== undefined || grant.state !== 'active' || !grant.operations.includes('unlock'))
    return false;
  const named = (target: Target, within: readonly string[]): boolean => {
    if (target.kind === 'lock') return target.id === lock;
    if (target.kind === 'location') return locksAt(target.id, accessPoints).includes(lock);
    if (target.kind !== 'access_level' || within.includes(target.id)) return false;
    const level = policies.accessLevels.get(target.id) ?? [];
    return level.some((each) => named(each, [...within, target.id]));
  };
  return grant.targets.some((target) => named(target, []));
}

function locksAt(id: string, accessPoints: readonly AccessPoint[]): readonly DeviceId[] {
  return accessPoints.find((point) => point.id === id)?.locks ?? [];
}

/** A code whose digits are not kept here cannot be put anywhere; a second factor alone must open nothing. */
function wantedOf({ grant, window }: StoredGrant, { desk }: LockCodesParts): readonly CodeWanted[] {
  const limits = [
    ...(grant.schedule === undefined ? [] : ['a schedule']),
    ...(grant.uses === undefined ? [] : ['counted uses']),
    ...(grant.unsupported ?? []),
  ];
  return grant.credentials
    .filter(
      ({ kind, combineWith, duress }) =>
        kind === 'pin' && combineWith === undefined && duress === undefined,
    )
    .flatMap(({ id, sealed }) => {
      const digits = sealed === undefined ? undefined : desk.reveal(sealed, grant.id);
      if (digits === undefined) return [];
      return [
        {
          entry: grant.credentials.length === 1 ? grant.id : `${grant.id}/${id}`,
          digits,
          from: window.start,
          until: window.end,
          inexpressible: limits,
          name: grant.id.slice(0, 20),
        },
      ];
    });
}

/** Tells two wishes of one entry apart, without keeping the digits. */
export function fingerprintOf({ entry, digits, from, until }: CodeWanted): string {
  return createHash('sha256')
    .update(JSON.stringify([entry, digits, from, until]))
    .digest('hex')
    .slice(0, 32);
}

const lockOptions = z.object({
  pin: z.string(),
  codesMax: z.int().min(1),
  codeWritesPerDay: z.int(),
});

/** Locks of the config with a keypad whose memory is ours. */
export function codeLocksOf(devices: readonly DeviceSetting[]): readonly CodeLock[] {
  return devices.flatMap(({ id, driver, options }) => {
    const read = driver === 'nuki-smart-lock' ? lockOptions.safeParse(options) : undefined;
    if (read?.success !== true) return [];
    const { codesMax, codeWritesPerDay } = read.data;
    return [{ device: id, entriesMax: codesMax, writesPerDay: codeWritesPerDay }];
  });
}

export interface LockCodesOptions extends LockCodesParts {
  readonly locks: readonly CodeLock[];
  readonly clock: Clock;
  readonly random: Random;
  readonly journal: Journal;
  readonly stamp: () => Stamp;
  readonly actuate: (actuation: Actuation) => void;
  readonly storageFailed: (error: unknown) => void;
}

/** Keeps the memories in step with the grants for as long as it is not disposed. */
export class LockCodes implements Disposable {
  readonly #cache: CodeCache;
  readonly #unfollow: () => void;

  constructor(options: LockCodesOptions) {
    const { journal, random, stamp, storageFailed } = options;
    const record = (entries: readonly Entry[], rows: readonly EvidenceRow[]) => {
      journal.append({ stamp: stamp(), entries, rows }).committed.catch(storageFailed);
    };
    this.#cache = new CodeCache({
      clock: options.clock,
      locks: options.locks,
      wanted: (lock) => codesFor(lock, options),
      ask: options.actuate,
      nextId: () => `c-${Buffer.from(random.bytes(8)).toString('hex')}`,
      save: (lock, held) =>
        record([], [{ table: 'mark', name: markOf(lock), value: Object.fromEntries(held) }]),
      load: (lock) => heldAt(journal, lock),
      fingerprint: fingerprintOf,
      onCannot: (lock, { entry, why }) =>
        record(
          [{ type: 'grant.cannot', device: lock, body: { grant: entry, why, alarm: true } }],
          [],
        ),
    });
    this.#unfollow = journal.follow((entries) => {
      if (entries.some(({ type }) => CHANGES.has(type))) this.#cache.refresh();
    });
  }

  refresh(): void {
    this.#cache.refresh();
  }

  hear(event: DeviceEvent): void {
    this.#cache.hear(event);
  }

  /** Locks in whose memory a code of the grant still is. */
  stillAt(grant: Grant | undefined, id: GrantId): readonly DeviceId[] {
    const entries = [
      id,
      ...(grant?.credentials ?? []).map((credential) => `${id}/${credential.id}`),
    ];
    return [...new Set(entries.flatMap((entry) => this.#cache.stillAt(entry)))];
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#cache[Symbol.dispose]();
  }
}

const CHANGES: ReadonlySet<EntryType> = new Set([
  'grant.put',
  'grant.revoked',
  'grant.snapshot_applied',
  'grant.delta_applied',
  'grant.zone_changed',
]);

function markOf(lock: DeviceId): string {
  return `codes.${lock}`;
}

/** What a lock held when it was last read, over a restart. */
function heldAt(journal: Journal, lock: DeviceId): ReadonlyMap<string, string> {
  const stored = journal.mark(markOf(lock));
  const rows = stored !== null && typeof stored === 'object' ? Object.entries(stored) : [];
  return new Map(rows.map(([entry, print]) => [entry, String(print)]));
}
