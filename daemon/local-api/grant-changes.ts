/** Making, changing and revoking a grant here: effect first, then evidence, then the answer. */
import { isDeepStrictEqual } from 'node:util';
import { collisionEntry, collisionsOf } from '../access/collision.ts';
import type { Entry } from '../access/entry.ts';
import type { StoredGrant } from '../access/lookup.ts';
import {
  type Credential,
  credentialId,
  type Grant,
  type GrantId,
  grantId,
  holderId,
} from '../access/model.ts';
import { rotationEntries } from '../access/pin-rotation.ts';
import { SCHEDULE_REMEDY, scheduleFaults } from '../access/schedule.ts';
import { resolveWindow, windowRemedy } from '../access/window.ts';
import { isRecorded } from '../store/recorded.ts';
import type { SiteDesk } from './desk.ts';
import type { Principal } from './endpoint.ts';
import type { Enrolments } from './enrolments.ts';
import { ApiError } from './errors.ts';
import {
  type CredentialField,
  type GrantBody,
  grantReply,
  scheduleOf,
  windowOf,
} from './grant-fields.ts';
import { unansweredTargets } from './grant-targets.ts';

export function storedAt(desk: SiteDesk, id: string): StoredGrant {
  const stored = desk.grants.grant(grantId(id));
  if (stored === undefined) throw new ApiError('not_found', `there is no grant ${id}`, 'grant');
  return stored;
}

/** Effect first (`grants.db`, idempotent by revision), then evidence: a crash in between repeats the first harmlessly. */
export async function put(
  desk: SiteDesk,
  enrolments: Enrolments,
  id: GrantId,
  body: GrantBody,
  principal: Principal,
) {
  const stored = desk.grants.grant(id);
  const rev = revisionFor(desk, id, stored, body.rev);
  const window = windowOf(body.window);
  const resolved = resolveWindow(window, desk.about.zone);
  if (typeof resolved === 'string') {
    throw new ApiError('bad_request', windowRemedy(resolved, window), 'window');
  }
  const schedule = body.schedule === undefined ? undefined : scheduleOf(body.schedule);
  const [fault] = schedule === undefined ? [] : scheduleFaults(schedule);
  if (fault !== undefined) {
    throw new ApiError('bad_request', `${fault} will not do: ${SCHEDULE_REMEDY}`, 'schedule');
  }
  const pins: { credential: string; digits: string }[] = [];
  const shown = (field: CredentialField, at: number): CredentialField =>
    field.enrolled === undefined
      ? field
      : {
          ...field,
          number: enrolments.number(field.enrolled, principal, `credentials[${at}].enrolled`),
        };
  const credentials = body.credentials.map((field, at) =>
    credentialFrom(desk, id, shown(field, at), at, stored, pins),
  );
  const grant: Grant = {
    id,
    rev,
    source: { vendor: 'local', ref: id, version: String(rev) },
    holder: holderId(body.holder),
    credentials,
    targets: body.targets,
    window,
    ...(schedule === undefined ? {} : { schedule }),
    ...(body.uses === undefined ? {} : { uses: usesOf(body.uses, desk) }),
    operations: body.operations,
    options: withoutUndefined(body.options),
    state: 'active',
  };
  const written = await desk.grants.write({ source: 'local', changes: [{ kind: 'put', grant }] });
  const outcome = written.kind === 'written' ? (written.outcomes[0] ?? 'stale') : 'stale';
  if (outcome === 'stale') throw new ApiError('conflict', 'a newer revision is stored', 'rev');
  const held = desk.grants.grant(id)?.grant;
  if (outcome === 'same' && held !== undefined && !saysTheSame(held, grant))
    throw new ApiError('conflict', 'somebody else made another change of this revision', 'rev');
  const put: StoredGrant = { grant, window: resolved, revoked: undefined };
  const collisions = collisionsOf(put, sharing(desk, credentials), desk.ports().site.policies);
  const { by } = principal;
  const entry: Entry = {
    type: 'grant.put',
    sub: grant.holder,
    body: { grant: id, rev, source: 'local', by },
  };
  // It may have been written before and then not recorded.
  if (outcome === 'stored' || !isRecorded(desk.journal, entry, ['grant', 'rev'])) {
    const rotated = rotationEntries(stored, grant, (index) => desk.grants.byCredential(index));
    await record(desk, [entry, ...rotated, ...collisions.map(collisionEntry)]);
  }
  const unanswered = unansweredTargets(desk, grant.targets);
  return { grant: grantReply(put), outcome, pins, collides: collisions.length > 0, unanswered };
}

/** A repeated call is answered as the first; two who edit the same revision are not the same. */
function saysTheSame(one: Grant, other: Grant): boolean {
  const said = ({ source: _, state: __, credentials, ...rest }: Grant): unknown =>
    JSON.parse(
      JSON.stringify({ ...rest, credentials: credentials.map(({ sealed: ___, ...each }) => each) }),
    );
  return isDeepStrictEqual(said(one), said(other));
}

function revisionFor(
  { journal }: SiteDesk,
  id: GrantId,
  stored: StoredGrant | undefined,
  asked: number | undefined,
): number {
  if (stored !== undefined && stored.grant.source.vendor !== 'local') {
    const { vendor } = stored.grant.source;
    throw new ApiError('conflict', `this grant belongs to ${vendor}; change it there`, 'grant');
  }
  const stone = stored?.revoked ?? journal.tombstone(id);
  if (stone !== undefined && (asked === undefined || asked <= stone.rev)) {
    throw new ApiError(
      'conflict',
      `revoked at revision ${stone.rev}; a higher one makes it anew`,
      'rev',
    );
  }
  return asked ?? (stored?.grant.rev ?? 0) + 1;
}

/** What is not said again stays: a PIN is drawn once for a credential, and told to whoever puts the grant. */
function credentialFrom(
  desk: SiteDesk,
  grant: GrantId,
  field: CredentialField,
  at: number,
  stored: StoredGrant | undefined,
  pins: { credential: string; digits: string }[],
): Credential {
  const id = credentialId(field.id ?? `${grant}-${at + 1}`);
  const { kind, combineWith, duress } = field;
  const common = {
    id,
    kind,
    ...(combineWith === undefined ? {} : { combineWith }),
    ...(duress === undefined ? {} : { duress }),
  };
  const secret = field.pin ?? field.number;
  if (secret !== undefined) return { ...common, ...indexed(desk, grant, field, secret, at) };
  const before = stored?.grant.credentials.find((each) => each.id === id && each.kind === kind);
  if (before !== undefined) {
    const { index, digits, sealed } = before;
    const shown = sealed === undefined ? undefined : desk.secrets.reveal(sealed, grant);
    if (shown !== undefined) pins.push({ credential: id, digits: shown });
    return {
      ...common,
      // It is never told, so that whoever names the credential again cannot say it.
      ...(before.duress === undefined ? {} : { duress: before.duress }),
      index,
      ...(digits === undefined ? {} : { digits }),
      ...(sealed === undefined ? {} : { sealed }),
    };
  }
  if (kind !== 'pin') throw new ApiError('bad_request', 'its number', `credentials[${at}].number`);
  const digits = desk.secrets.drawPin(field.digits);
  if (digits === undefined) {
    throw new ApiError(
      'limit_exceeded',
      'too few codes of this length are left',
      `credentials[${at}].digits`,
    );
  }
  pins.push({ credential: id, digits });
  const { index } = desk.secrets.index('pin', digits, grant);
  const sealed = desk.secrets.keep(digits, grant);
  return { ...common, index, digits: digits.length, sealed };
}

function indexed(
  desk: SiteDesk,
  grant: GrantId,
  { kind }: CredentialField,
  secret: string,
  at: number,
) {
  try {
    return desk.secrets.index(kind, secret, grant);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const field = kind === 'pin' ? 'pin' : 'number';
    const remedy =
      kind === 'pin' ? 'another PIN' : '10 hex digits of a fob, or technology:bits:hex';
    throw new ApiError('bad_request', remedy, `credentials[${at}].${field}`);
  }
}

/** Counted here: this daemon carries it, whoever else serves the site. */
function usesOf(
  { max, reset }: NonNullable<GrantBody['uses']>,
  { about }: SiteDesk,
): NonNullable<Grant['uses']> {
  return { max, carrier: about.bridge, ...(reset === undefined ? {} : { reset }) };
}

function sharing({ grants }: SiteDesk, credentials: readonly Credential[]): readonly StoredGrant[] {
  const found = credentials
    .filter(({ kind }) => kind === 'pin')
    .flatMap(({ index }) => grants.byCredential(index));
  return [...new Map(found.map((match) => [match.grant.id, match])).values()];
}

export async function revoke(desk: SiteDesk, id: GrantId, principal: Principal) {
  const stored = storedAt(desk, id);
  const rev = Math.max(stored.grant.rev, stored.revoked?.rev ?? 0);
  const { at } = desk.stamp();
  const { vendor } = stored.grant.source;
  await desk.grants.write({ source: vendor, changes: [{ kind: 'revoke', grant: id, rev, at }] });
  const { by } = principal;
  const { committed } = desk.journal.append({
    stamp: desk.stamp(),
    entries: [
      {
        type: 'grant.revoked',
        sub: stored.grant.holder,
        body: { grant: id, rev, source: 'local', by },
      },
    ],
    rows: [{ table: 'tombstone', grant: id, rev, at }],
  });
  await committed;
  const devices = await desk.withdrawOpenings(id);
  desk.grantsChanged();
  return { grant: id, rev, devices: devices.map((each) => ({ ...each })) };
}

async function record(desk: SiteDesk, entries: readonly Entry[]): Promise<void> {
  await desk.journal.append({ stamp: desk.stamp(), entries }).committed;
  desk.grantsChanged();
}

/** Zod gives optional fields as possibly undefined; the model has them present or absent. */
function withoutUndefined(options: GrantBody['options']): Grant['options'] {
  const { staff, allowSetup, remindMinutes, antiPassback } = options;
  return {
    ...(staff === undefined ? {} : { staff }),
    ...(allowSetup === undefined ? {} : { allowSetup }),
    ...(remindMinutes === undefined ? {} : { remindMinutes }),
    ...(antiPassback === undefined ? {} : { antiPassback }),
  };
}
