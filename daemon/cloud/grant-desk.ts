/**
 * Grants as desired state: what `grant.*`, `grants.*` and `key.*` commands change. The effect is written first
 * (`grants.db`, idempotent by revision), then the evidence with the reply (`journal.db`); a crash in between repeats
 * the first step harmlessly.
 */
import type { KeyObject } from 'node:crypto';
import { collisionEntry, collisionsOf } from '../access/collision.ts';
import type { Entry, Json, JsonObject, Stamp } from '../access/entry.ts';
import type {
  AccessPointId,
  Credential,
  Grant,
  GrantId,
  Key,
  KeyId,
  Policies,
} from '../access/model.ts';
import { rotationEntries } from '../access/pin-rotation.ts';
import { scheduleFaults } from '../access/schedule.ts';
import { resolveWindow } from '../access/window.ts';
import type {
  EvidenceRow,
  GrantChange,
  GrantStore,
  GrantWriteResult,
  Journal,
  PutOutcome,
} from '../store/ports.ts';
import type { BodyOf } from './commands.ts';
import { type PublicJwk, seal, unseal } from './jose.ts';
import type { ReplyCode } from './messages.ts';
import type { CredentialDesk } from './site-actions.ts';
import {
  credentialIdOf,
  grantIdOf,
  isPlausible,
  outlineOf,
  type WireCredential,
  type WireGrant,
} from './wire-grant.ts';

/** What came of a command on desired state, with what is to be committed together with its reply. */
export interface DeskResult {
  readonly code: ReplyCode | null;
  readonly msg: string | null;
  readonly data: JsonObject;
  readonly entries: readonly Entry[];
  readonly rows: readonly EvidenceRow[];
  /** Grants whose openings must be withdrawn before the reply: their revocation is not effective earlier. */
  readonly withdraw: readonly GrantId[];
}

export interface GrantDeskParts {
  readonly grants: GrantStore;
  readonly journal: Pick<Journal, 'tombstone'>;
  readonly desk: CredentialDesk;
  /** Private half of the bridge's sealing key. */
  readonly sealingKey: KeyObject;
  readonly stamp: () => Stamp;
  /** What an access level stands for, to see whether two grants with one code open the same. */
  readonly accessLevels?: Policies['accessLevels'];
}

type Made =
  | { readonly kind: 'grant'; readonly grant: Grant; readonly pins: ReadonlyMap<string, string> }
  | { readonly kind: 'refused'; readonly code: ReplyCode; readonly msg: string };

/** Longest list of ids in a reply of `grants.compare`; as JSON under half of what a reply may hold. */
const IDS_PER_REPLY = 500;
const DRAWN_DIGITS = 6;

export class GrantDesk {
  readonly #parts: GrantDeskParts;

  constructor(parts: GrantDeskParts) {
    this.#parts = parts;
  }

  async put({ grant: wire, replyKey }: BodyOf<'grant.put'>): Promise<DeskResult> {
    const stone = this.#parts.journal.tombstone(grantIdOf(wire.id));
    if (stone !== undefined && stone.rev >= wire.rev) {
      return refused('conflict', 'the grant was revoked', { have: stone.rev, revoked: true });
    }
    const made = await this.#make(wire, replyKey !== undefined);
    if (made.kind === 'refused') return refused(made.code, made.msg);
    const [fault] = timeFaults(made.grant);
    if (fault !== undefined) return refused('bad_request', fault, { reason: fault });
    const before = this.#parts.grants.grant(made.grant.id);
    const written = await this.#write([{ kind: 'put', grant: made.grant }]);
    const outcome = outcomesOf(written)[0] ?? 'stale';
    if (outcome === 'stale') {
      const have = this.#parts.grants.grant(made.grant.id);
      return refused('conflict', 'a newer revision is stored', {
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
      outcome === 'stored'
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
    if (known !== undefined && known.grant.rev > rev && known.revoked === undefined) {
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

  async delta({ from, to, put, revoke }: BodyOf<'grants.delta'>): Promise<DeskResult> {
    const { grants } = this.#parts;
    const have = grants.version('cloud');
    if (have === to) return done({ version: to, outcome: 'same' }, []);
    if (have !== from) return refused('conflict', 'the local version is another', { have });
    if (to <= from) return refused('bad_request', 'to must be above from');
    const { at } = this.#parts.stamp();
    const made = await this.#makeAll(put);
    if (!Array.isArray(made)) return made;
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
    const stale = made.filter((_, index) => written.outcomes[index] === 'stale');
    const summary: Entry = {
      type: 'grant.delta_applied',
      body: { from, to, put: made.length, revoked: revoke.length, stale: stale.length },
    };
    return {
      ...done({ version: to, stale: stale.map(({ id }) => id) }, [
        summary,
        ...faultEntries(made),
        ...made.flatMap(({ id }) => this.#collisions(id)),
        ...revoke.map(({ id, rev }) => revokedEntry(id, rev, undefined)),
      ]),
      rows: revoke.map(({ id, rev }) => ({ table: 'tombstone', grant: grantIdOf(id), rev, at })),
      withdraw: revoke.map(({ id }) => grantIdOf(id)),
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

  async putKey({ key: wire }: BodyOf<'key.put'>): Promise<DeskResult> {
    let fob: Key['fob'];
    if (wire.sealedFob !== undefined) {
      const secret = await unseal(wire.sealedFob, this.#parts.sealingKey);
      const index =
        secret === undefined ? undefined : checked(() => this.#parts.desk.indexFob(secret));
      if (index === undefined) {
        return refused('bad_request', 'key.sealedFob: not sealed for this bridge');
      }
      fob = index;
    }
    const key: Key = {
      id: keyIdOf(wire.id),
      name: wire.name,
      rev: wire.rev,
      source: { vendor: 'cloud', ref: wire.id, version: String(wire.rev) },
      ...(fob === undefined ? {} : { fob }),
      virtual: wire.virtual,
      roaming: wire.roaming,
      ...(wire.home === undefined ? {} : { home: wire.home as AccessPointId }),
      ...(wire.notes === undefined ? {} : { notes: wire.notes }),
    };
    const [outcome = 'stale'] = outcomesOf(await this.#write([{ kind: 'put-key', key }]));
    if (outcome === 'stale') return refused('conflict', 'a newer revision is stored');
    const entry: Entry = { type: 'grant.key_put', body: { key: wire.id, rev: wire.rev } };
    return done({ rev: wire.rev, outcome }, outcome === 'stored' ? [entry] : []);
  }

  async removeKey({ id, rev }: BodyOf<'key.remove'>): Promise<DeskResult> {
    const key = keyIdOf(id);
    const known = this.#parts.grants.key(key);
    if (known === undefined) return done({ rev, outcome: 'same' }, []);
    const [outcome = 'stale'] = outcomesOf(await this.#write([{ kind: 'remove-key', key, rev }]));
    if (outcome === 'stale')
      return refused('conflict', 'a newer revision is stored', { have: known.rev });
    return done({ rev, outcome }, [{ type: 'grant.key_removed', body: { key: id, rev } }]);
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
      const each = await this.#make(wire, false);
      if (each.kind === 'refused') return refused(each.code, `${wire.id}: ${each.msg}`);
      made.push(each.grant);
    }
    return made;
  }

  async #make(wire: WireGrant, mayDraw: boolean): Promise<Made> {
    const credentials: Credential[] = [];
    const pins = new Map<string, string>();
    for (const [place, each] of wire.credentials.entries()) {
      const made =
        each.sealed === undefined
          ? this.#draw(wire, each, mayDraw, pins)
          : await this.#opened(wire, each, each.sealed);
      if (typeof made === 'string') {
        return { kind: 'refused', code: codeOf(made), msg: `credentials[${place}]: ${made}` };
      }
      credentials.push(made);
    }
    return { kind: 'grant', grant: { ...outlineOf(wire), credentials }, pins };
  }

  async #opened(
    { id }: WireGrant,
    credential: WireCredential,
    sealed: string,
  ): Promise<Credential | string> {
    const { desk, sealingKey } = this.#parts;
    const { kind } = credential;
    const secret = await unseal(sealed, sealingKey);
    if (secret === undefined) return 'not sealed for this bridge';
    if (!isPlausible(kind, secret)) return 'not a credential of its kind';
    const indexed = checked(() => desk.index(kind, secret, grantIdOf(id)));
    if (indexed === undefined) return 'not a credential of its kind';
    return { ...plainPart(credential), ...indexed };
  }

  /** A PIN is drawn once for a credential of a grant; a repeated or later put finds it and keeps it. */
  #draw(
    wire: WireGrant,
    credential: WireCredential,
    mayDraw: boolean,
    pins: Map<string, string>,
  ): Credential | string {
    if (credential.kind !== 'pin') return 'a number that is not sealed';
    const { desk, grants } = this.#parts;
    const grant = grantIdOf(wire.id);
    const stored = grants.grant(grant)?.grant.credentials.find(({ id }) => id === credential.id);
    if (stored?.kind === 'pin' && stored.sealed !== undefined) {
      const digits = desk.reveal(stored.sealed, grant);
      if (digits !== undefined) {
        pins.set(credential.id, digits);
        const { index, sealed } = stored;
        return { ...plainPart(credential), index, sealed, digits: digits.length };
      }
    }
    if (!mayDraw) return 'a PIN to be drawn needs a replyKey, and grant.put';
    const digits = desk.drawPin(credential.digits ?? DRAWN_DIGITS);
    if (digits === undefined) return CODE_SPACE;
    pins.set(credential.id, digits);
    const { index } = desk.index('pin', digits, grant);
    const sealed = desk.keep(digits, grant);
    return { ...plainPart(credential), index, sealed, digits: digits.length };
  }
}

/** What a desk refuses is no fault of ours. */
function checked<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (problem) {
    if (problem instanceof RangeError) return undefined;
    throw problem;
  }
}

/** Why the grant would never hold: a window that ends before it begins, a zone that does not exist. */
function timeFaults({ window, schedule }: Grant): readonly string[] {
  // An empty window is empty in every zone: UTC stands for the site's own.
  const resolved = resolveWindow(window, 'UTC');
  const faults = typeof resolved === 'string' ? [resolved] : [];
  return schedule === undefined ? faults : [...faults, ...scheduleFaults(schedule)];
}

/** In a whole picture one such grant is kept and told of: it opens nothing, and must not hold up the others. */
function faultEntries(grants: readonly Grant[]): Entry[] {
  return grants.flatMap((grant) =>
    timeFaults(grant).map(
      (fault): Entry => ({
        type: 'grant.window_empty',
        body: { grant: grant.id, fault, alarm: true },
      }),
    ),
  );
}

const CODE_SPACE = 'too few codes are left';

function codeOf(fault: string): ReplyCode {
  return fault === CODE_SPACE ? 'limit_exceeded' : 'bad_request';
}

function plainPart({ id, kind, combineWith, duress }: WireCredential) {
  return {
    id: credentialIdOf(id),
    kind,
    ...(combineWith === undefined ? {} : { combineWith }),
    ...(duress === undefined ? {} : { duress }),
  };
}

function keyIdOf(text: string): KeyId {
  return text as KeyId;
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

function outcomesOf(written: GrantWriteResult): readonly PutOutcome[] {
  return written.kind === 'written' ? written.outcomes : [];
}

function done(data: JsonObject, entries: readonly Entry[]): DeskResult {
  return { code: null, msg: null, data, entries, rows: [], withdraw: [] };
}

function refused(code: ReplyCode, msg: string, data: JsonObject = {}): DeskResult {
  return { code, msg, data, entries: [], rows: [], withdraw: [] };
}
