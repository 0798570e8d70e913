/**
 * Grants as desired state: what `grant.*` and `grants.*` commands change. The effect is written first (`grants.db`,
 * idempotent by revision), then the evidence with the reply (`journal.db`); a crash in between repeats the first step
 * harmlessly.
 */
import { collisionEntry, collisionsOf } from '../access/collision.ts';
import type { Entry, Json, Stamp } from '../access/entry.ts';
import type { Grant, GrantId, Policies } from '../access/model.ts';
import { rotationEntries } from '../access/pin-rotation.ts';
import { SCHEDULE_REMEDY, scheduleFaults } from '../access/schedule.ts';
import { resolveWindow, windowRemedy } from '../access/window.ts';
import type { GrantChange, GrantStore, GrantWriteResult, Journal } from '../store/ports.ts';
import { isRecorded } from '../store/recorded.ts';
import type { BodyOf } from './commands.ts';
import { type DeskResult, done, outcomeOf, refused } from './desk-result.ts';
import { GrantMaker, type GrantMakerParts } from './grant-maker.ts';
import { type PublicJwk, seal } from './jose.ts';
import { grantIdOf, type WireGrant } from './wire-grant.ts';

export interface GrantDeskParts extends GrantMakerParts {
  readonly grants: GrantStore;
  readonly journal: Pick<Journal, 'tombstone' | 'read' | 'lastSeq'>;
  readonly stamp: () => Stamp;
  /** What an access level stands for, to see whether two grants with one code open the same. */
  readonly accessLevels?: Policies['accessLevels'];
}

/** Longest list of ids in a reply of `grants.compare`; as JSON under half of what a reply may hold. */
const IDS_PER_REPLY = 500;

export class GrantDesk {
  readonly #parts: GrantDeskParts;
  readonly #maker: GrantMaker;

  constructor(parts: GrantDeskParts) {
    this.#parts = parts;
    this.#maker = new GrantMaker(parts);
  }

  async put({ grant: wire, replyKey }: BodyOf<'grant.put'>): Promise<DeskResult> {
    const stone = this.#parts.journal.tombstone(grantIdOf(wire.id));
    if (stone !== undefined && stone.rev >= wire.rev) {
      return refused('conflict', 'the grant was revoked', { have: stone.rev, revoked: true });
    }
    const made = await this.#maker.make(wire, replyKey !== undefined);
    if (made.kind === 'refused') return refused(made.code, made.msg);
    const [fault] = timeFaults(made.grant);
    if (fault !== undefined) {
      return refused('bad_request', `grant.${fault.what}`, { reason: fault.reason });
    }
    const twice = saidTwice(made.grant);
    if (twice !== undefined) return refused('bad_request', `grant.${twice}`);
    const before = this.#parts.grants.grant(made.grant.id);
    const written = await this.#write([{ kind: 'put', grant: made.grant }]);
    const outcome = outcomeOf(written);
    if (outcome === 'stale') {
      const have = this.#parts.grants.grant(made.grant.id);
      const source = have?.grant.source.vendor ?? 'cloud';
      const why =
        source === 'cloud'
          ? 'a newer revision is stored'
          : `the id is that of a grant of ${source}; take another`;
      return refused('conflict', why, {
        have: have?.revoked?.rev ?? have?.grant.rev ?? wire.rev,
      });
    }
    const unsupported = made.grant.unsupported ?? [];
    const pins =
      replyKey === undefined ? [] : await sealedPins(made.pins, { ...replyKey, crv: 'X25519' });
    const entry: Entry = {
      type: 'grant.put',
      sub: made.grant.holder,
      body: { grant: wire.id, rev: wire.rev, source: 'cloud', unsupported },
    };
    return done(
      {
        rev: wire.rev,
        outcome,
        ...(unsupported.length > 0 ? { unsupported } : {}),
        ...(pins.length > 0 ? { pins } : {}),
      },
      // It may have been written before and then not recorded.
      outcome === 'stored' || !isRecorded(this.#parts.journal, entry, ['grant', 'rev'])
        ? [
            entry,
            ...rotationEntries(before, made.grant, (index) =>
              this.#parts.grants.byCredential(index),
            ),
            ...this.#collisions(made.grant.id),
          ]
        : [],
    );
  }

  async revoke({ id, rev }: BodyOf<'grant.revoke'>): Promise<DeskResult> {
    const grant = grantIdOf(id);
    const known = this.#parts.grants.grant(grant);
    if (known !== undefined && this.#goesOn({ id, rev })) {
      return refused('conflict', 'a newer revision is stored', { have: known.grant.rev });
    }
    const { at } = this.#parts.stamp();
    await this.#write([{ kind: 'revoke', grant, rev, at }]);
    return {
      ...done({ rev }, [revokedEntry(id, rev, known?.grant)]),
      rows: [{ table: 'tombstone', grant, rev, at }],
      withdraw: [grant],
    };
  }

  /** A newer revision is not meant by it, and stays. */
  #goesOn({ id, rev }: BodyOf<'grant.revoke'>): boolean {
    const known = this.#parts.grants.grant(grantIdOf(id));
    return known !== undefined && known.grant.rev > rev && known.revoked === undefined;
  }

  async delta({ from, to, put, revoke }: BodyOf<'grants.delta'>): Promise<DeskResult> {
    const { grants, journal } = this.#parts;
    const have = grants.version('cloud');
    if (have !== from && have !== to) {
      return refused('conflict', 'the local version is another', { have });
    }
    if (have !== to && to <= from) return refused('bad_request', 'to must be above from');
    const made = await this.#makeAll(put);
    if (!Array.isArray(made)) return made;
    const summary = (stale: number): Entry => ({
      type: 'grant.delta_applied',
      body: { from, to, put: made.length, revoked: revoke.length, stale },
    });
    const details = () => [
      ...faultEntries(made),
      ...made.flatMap(({ id }) => this.#collisions(id)),
    ];
    if (have === to) {
      // It may have been written and then not recorded: a revocation is answered only once the journal has it.
      const lacking = revoke.filter(
        ({ id, rev }) => (journal.tombstone(grantIdOf(id))?.rev ?? -1) < rev,
      );
      const isOlder = ({ id, rev }: Grant) => (grants.grant(id)?.grant.rev ?? rev) > rev;
      const { entries, ...others } = this.#revoked(lacking);
      const before = this.#isVersionRecorded(to)
        ? []
        : [summary(made.filter(isOlder).length), ...details()];
      return { ...done({ version: to, outcome: 'same' }, [...before, ...entries]), ...others };
    }
    const { at } = this.#parts.stamp();
    const changes: GrantChange[] = [
      ...made.map((grant): GrantChange => ({ kind: 'put', grant })),
      ...revoke.map(
        ({ id, rev }): GrantChange => ({ kind: 'revoke', grant: grantIdOf(id), rev, at }),
      ),
    ];
    const written = await grants.write({ source: 'cloud', changes, version: { from, to } });
    if (written.kind === 'conflict') {
      return refused('conflict', 'the local version is another', { have: written.have });
    }
    const stale = [
      ...made.filter((_, index) => written.outcomes[index] === 'stale'),
      ...revoke.filter((each) => this.#goesOn(each)),
    ];
    const { entries, ...others } = this.#revoked(revoke);
    return {
      ...done({ version: to, stale: stale.map(({ id }) => id) }, [
        summary(stale.length),
        ...details(),
        ...entries,
      ]),
      ...others,
    };
  }

  /** By a delta or by a whole picture. */
  #isVersionRecorded(version: number): boolean {
    const { journal } = this.#parts;
    const delta = { type: 'grant.delta_applied', body: { to: version } } as const;
    const picture = { type: 'grant.snapshot_applied', body: { version } } as const;
    return isRecorded(journal, delta, ['to']) || isRecorded(journal, picture, ['version']);
  }

  /** What is recorded of revocations, and what is withdrawn of those that are in force. */
  #revoked(
    revoked: BodyOf<'grants.delta'>['revoke'],
  ): Pick<DeskResult, 'entries' | 'rows' | 'withdraw'> {
    const { at } = this.#parts.stamp();
    const dead = revoked.filter((each) => !this.#goesOn(each));
    return {
      entries: dead.map(({ id, rev }) => revokedEntry(id, rev, undefined)),
      rows: revoked.map(({ id, rev }) => ({ table: 'tombstone', grant: grantIdOf(id), rev, at })),
      withdraw: dead.map(({ id }) => grantIdOf(id)),
    };
  }

  async snapshot(body: BodyOf<'grants.snapshot'>): Promise<DeskResult> {
    const { snap, version, part, parts, digest } = body;
    if (part > parts) return refused('bad_request', 'part is above parts');
    const have = this.#parts.grants.version('cloud');
    if (have > version) return refused('conflict', 'a newer version is here', { have });
    const made = await this.#makeAll(body.grants);
    if (!Array.isArray(made)) return made;
    const builder = await this.#parts.grants.snapshot('cloud', snap);
    await builder.part(part, made);
    const held = builder.partsHeld;
    if (new Set(held).size < parts) return done({ complete: false, held }, faultEntries(made));
    const result = await builder.commit({ parts, version, digest });
    switch (result.kind) {
      case 'applied':
        return done({ complete: true, version, grants: result.grants }, [
          { type: 'grant.snapshot_applied', body: { version, grants: result.grants, snap } },
          ...faultEntries(made),
        ]);
      case 'incomplete':
        return done({ complete: false, held, missing: result.missing }, []);
      case 'digest-differs':
        await builder.discard();
        return refused('conflict', 'the digest differs', { have: result.have });
      default:
        return result satisfies never;
    }
  }

  /** Without a bucket the 256 digests; with one, its ids and revisions, some at a time. Changes nothing. */
  compare({ bucket, after }: BodyOf<'grants.compare'>): DeskResult {
    const { grants } = this.#parts;
    if (bucket === undefined) {
      return done(
        {
          version: grants.version('cloud'),
          count: grants.count('cloud'),
          digest: grants.digest('cloud'),
          buckets: grants.digestBuckets('cloud'),
        },
        [],
      );
    }
    const ids = [...grants.idsInBucket('cloud', bucket)].sort((a, b) => (a.id < b.id ? -1 : 1));
    const rest = after === undefined ? ids : ids.filter(({ id }) => id > after);
    const page = rest.slice(0, IDS_PER_REPLY);
    return done(
      { bucket, grants: page.map(({ id, rev }) => [id, rev]), more: rest.length > page.length },
      [],
    );
  }

  /** Others that carry one of the grant's codes at the same time: the manager hears of it before the guest arrives. */
  #collisions(id: GrantId): Entry[] {
    const { grants, accessLevels = new Map() } = this.#parts;
    const stored = grants.grant(id);
    if (stored === undefined) return [];
    const others = stored.grant.credentials.flatMap(({ index }) => grants.byCredential(index));
    const unique = new Map(others.map((other) => [other.grant.id, other]));
    return collisionsOf(stored, [...unique.values()], { accessLevels }).map(collisionEntry);
  }

  #write(changes: readonly GrantChange[]): Promise<GrantWriteResult> {
    return this.#parts.grants.write({ source: 'cloud', changes });
  }

  async #makeAll(wires: readonly WireGrant[]): Promise<Grant[] | DeskResult> {
    const made: Grant[] = [];
    for (const wire of wires) {
      const each = await this.#maker.make(wire, false);
      if (each.kind === 'refused') return refused(each.code, `${wire.id}: ${each.msg}`);
      made.push(each.grant);
    }
    return made;
  }
}

interface TimeFault {
  readonly reason: string;
  /** Which field, and what would do. */
  readonly what: string;
}

/** Why the grant would never hold: a window that ends before it begins, a zone that does not exist. */
function timeFaults({ window, schedule }: Grant): readonly TimeFault[] {
  // An empty window is empty in every zone: UTC stands for the site's own.
  const resolved = resolveWindow(window, 'UTC');
  const ofWindow =
    typeof resolved === 'string'
      ? [{ reason: resolved, what: `window: ${windowRemedy(resolved, window)}` }]
      : [];
  const ofSchedule = schedule === undefined ? [] : scheduleFaults(schedule);
  return [
    ...ofWindow,
    ...ofSchedule.map((reason) => ({
      reason,
      what: `schedule: ${reason} will not do: ${SCHEDULE_REMEDY}`,
    })),
  ];
}

/** One code cannot be both its own and the one of duress, nor one id stand for two credentials. */
function saidTwice({ credentials }: Grant): string | undefined {
  const at = credentials.findIndex(({ id, index }, place) =>
    credentials.slice(0, place).some((each) => each.id === id || each.index === index),
  );
  return at < 0 ? undefined : `credentials[${at}]: its id or its code is that of one before it`;
}

/** In a whole picture one such grant is kept and told of: it opens nothing, and must not hold up the others. */
function faultEntries(grants: readonly Grant[]): Entry[] {
  return grants.flatMap((grant) =>
    timeFaults(grant).map(
      ({ reason }): Entry => ({
        type: 'grant.window_empty',
        body: { grant: grant.id, fault: reason, alarm: true },
      }),
    ),
  );
}

async function sealedPins(pins: ReadonlyMap<string, string>, to: PublicJwk): Promise<Json[]> {
  return Promise.all(
    [...pins].map(async ([id, digits]) => ({ id, sealed: await seal(digits, to) })),
  );
}

function revokedEntry(id: string, rev: number, grant: Grant | undefined): Entry {
  return {
    type: 'grant.revoked',
    ...(grant === undefined ? {} : { sub: grant.holder }),
    body: { grant: id, rev, source: 'cloud' },
  };
}
