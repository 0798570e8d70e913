/** What a file of grants needs before the first decision: the journal's tombstones, the marks outside, the zone rules. */
import { ConfigError, type Fault } from '../../drivers/contract/errors.ts';
import { type Clock, type Instant, instant } from '../../drivers/contract/time.ts';
import type { StoredGrant } from '../access/lookup.ts';
import {
  type Grant,
  type GrantId,
  grantId,
  type HolderId,
  type ResolvedWindow,
  type Vendor,
} from '../access/model.ts';
import { type Resolve, resolved } from './grant-rows.ts';
import type { Rezoned, Tombstone } from './grants-file.ts';
import type { GrantReader } from './grants-query.ts';
import type { GrantsThread } from './grants-writer.ts';

/** Tombstones compared at a time. */
const BATCH = 10_000;

/** The journal's revocations, which stand above every row of this store. */
export interface TombstoneSource {
  /** The same text for the same tombstones. */
  tombstoneSum(): string;
  tombstones(): Iterable<{ readonly grant: string; readonly rev: number; readonly at: Instant }>;
  tombstone(grant: GrantId): { readonly rev: number } | undefined;
}

/** A revocation that is in force here and not in the journal. */
export interface Unrecorded {
  readonly grant: GrantId;
  readonly rev: number;
  readonly at: Instant;
  /** Of the grant, where its row is still there. */
  readonly source: Vendor | undefined;
  readonly holder: HolderId | undefined;
}

/** Highest versions known outside the databases (threat T11). */
export interface VersionMarks {
  version(source: string): number;
  raiseVersion(source: string, version: number): void;
}

export interface ChangedWindow {
  readonly grant: GrantId;
  readonly before: ResolvedWindow;
  readonly after: ResolvedWindow;
  /** Why it holds no longer at all: `window-empty`, say. */
  readonly fault: string | undefined;
}

export interface Behind {
  readonly source: string;
  readonly have: number;
  readonly mark: number;
}

export async function copyTombstones(
  reader: GrantReader,
  source: TombstoneSource,
  writer: GrantsThread,
): Promise<void> {
  if (reader.tombstoneSum() === source.tombstoneSum()) return;
  let batch: Tombstone[] = [];
  const flush = async () => {
    const all = reader.lacks(batch);
    batch = [];
    if (all.length > 0) await writer.ask('tombstones', { all });
  };
  for (const tombstone of source.tombstones()) {
    batch.push(tombstone);
    if (batch.length >= BATCH) await flush();
  }
  await flush();
}

/**
 * Revocations that were written here when the daemon ended, before the journal had them: an older copy of this file
 * would not know of them. Asked once the copy here holds all of the journal's.
 */
export function unrecorded(reader: GrantReader, source: TombstoneSource): readonly Unrecorded[] {
  if (reader.tombstoneSum() === source.tombstoneSum()) return [];
  return reader.tombstones().flatMap(({ grant: id, rev, at }): Unrecorded[] => {
    const grant = grantId(id);
    if ((source.tombstone(grant)?.rev ?? -1) >= rev) return [];
    const held = reader.grant(grant)?.grant;
    return [{ grant, rev, at: instant(at), source: held?.source.vendor, holder: held?.holder }];
  });
}

/** An old copy of the file must not bring back what was taken away since (T11): its source sends all again. */
export async function forgetOlder(
  reader: GrantReader,
  marks: VersionMarks | undefined,
  writer: GrantsThread,
): Promise<readonly Behind[]> {
  if (marks === undefined) return [];
  const behind = reader
    .sources()
    .map(({ source, version }) => ({ source, have: version, mark: marks.version(source) }))
    .filter(({ have, mark }) => have < mark);
  for (const { source } of behind) await writer.ask('forget', { source });
  return behind;
}

export interface ZoneRules {
  readonly zone: string;
  /** The zone that the site had, which confirms that it has another now. */
  readonly zoneBefore?: string | undefined;
  readonly resolve: Resolve;
  readonly tzdata: string;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * Instants that follow from zone rules are worked out again when the rules, or the site's zone, are others.
 * @throws ConfigError where the site has another zone, nobody confirmed it, and stays would move by it.
 */
export async function rezone(
  reader: GrantReader,
  { zone, zoneBefore, resolve, tzdata, clock }: ZoneRules,
  writer: GrantsThread,
): Promise<readonly ChangedWindow[]> {
  const rules = `${tzdata} ${zone}`;
  const had = reader.meta('tzdata');
  if (had === rules) return [];
  const moved: ChangedWindow[] = [];
  const byTheSite = new Set<GrantId>();
  for (const { grant, window: before, revoked } of reader.local()) {
    const found = resolve(grant.window, zone);
    const after = resolved(grant.window, zone, resolve);
    if (before.start === after.start && before.end === after.end) continue;
    const fault = typeof found === 'string' ? found : undefined;
    moved.push({ grant: grant.id, before, after, fault });
    const isLive = holdsAfter(clock.now(), grant, revoked, [before, after]);
    if (grant.window.kind === 'floating' && isLive) byTheSite.add(grant.id);
  }
  const zoneHad = had?.slice(had.indexOf(' ') + 1) ?? zone;
  if (zoneHad !== zone && zoneHad !== zoneBefore) {
    for (const { grant, window, revoked } of reader.onSiteTime()) {
      const isLive = holdsAfter(clock.now(), grant, revoked, [window]);
      if (grant.schedule?.zone === 'site' && isLive) byTheSite.add(grant.id);
    }
    if (byTheSite.size > 0) throw new ConfigError([zoneFault(zone, zoneHad, [...byTheSite])]);
  }
  const rows = moved.map(
    ({ grant, after }): Rezoned => ({
      id: grant,
      rev: reader.grant(grant)?.grant.rev ?? 0,
      starts: after.start ?? null,
      ends: after.end ?? null,
    }),
  );
  // The rules are written with the rows: a crash in between does it all again.
  await writer.ask('rezone', { rows, tzdata: rules });
  return moved;
}

function holdsAfter(
  now: Instant,
  { state }: Grant,
  revoked: StoredGrant['revoked'],
  windows: readonly ResolvedWindow[],
): boolean {
  const ends = Math.max(...windows.map(({ end }) => end ?? Infinity));
  return revoked === undefined && state !== 'superseded' && ends > now;
}

/** Of these so many are named. */
const NAMED_MOST = 20;

function zoneFault(zone: string, had: string, moved: readonly GrantId[]): Fault {
  const names = moved.slice(0, NAMED_MOST).join(', ');
  const more = moved.length > NAMED_MOST ? ` and ${moved.length - NAMED_MOST} more` : '';
  return {
    path: 'site.zone',
    found: `${zone}, and it was ${had}: that moves ${moved.length} grants that go by its clock: ${names}${more}`,
    remedy: `${had} again, or "zoneBefore: ${had}" beside it, which confirms the change`,
  };
}
