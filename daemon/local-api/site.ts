/** The site at a glance, and lockdown. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { likelyNow } from '../access/clock-interval.ts';
import { type AccessPointId, accessPointId } from '../access/model.ts';
import type { SiteDesk } from './desk.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { ApiError } from './errors.ts';
import { iso, isoOrNull, moment, placeName, why } from './fields.ts';
import { outcomeSchema, type Requests } from './requests.ts';

const lockdownSchema = z.object({
  id: z.string(),
  scope: z.string().describe('site, or an access point'),
  allowStaff: z.boolean(),
  since: moment,
});

const statusSchema = z.object({
  site: z.string(),
  name: z.string(),
  zone: z.string(),
  bridge: z.string(),
  versions: z.record(z.string(), z.string()),
  startedAt: moment,
  now: moment.describe('by the clock of the machine, as entries are'),
  clock: z.object({
    state: z.enum(['trusted', 'holdover', 'floor', 'broken']),
    at: moment.describe('the time as decisions have it: `now` where that may be right'),
    errMs: z.number().nullable().describe('half the width of what is certain; null: not known'),
  }),
  storage: z.enum(['ok', 'low', 'unsafe']),
  unstored: z
    .object({ kept: z.int(), lost: z.int() })
    .describe('entries that wait in memory for the disk, and those that found no room there'),
  journal: z.object({
    epoch: z.string(),
    lastSeq: z.int(),
    acknowledged: z.int().describe('up to here the cloud has them'),
  }),
  grants: z.int(),
  keys: z.object({ all: z.int(), out: z.int(), overdue: z.int(), unknown: z.int() }),
  devices: z.object({ all: z.int(), online: z.int() }),
  lockdowns: z.array(lockdownSchema),
  cloud: z
    .object({ online: z.boolean(), broker: z.string(), outbox: z.int(), refused: z.int() })
    .nullable(),
  vendors: z.array(
    z.object({
      vendor: z.string(),
      online: z.boolean(),
      syncedAt: moment.nullable(),
      detail: z.string(),
      drift: z.int(),
    }),
  ),
});
export type StatusReply = z.infer<typeof statusSchema>;

const siteSchema = z.object({
  id: z.string(),
  name: z.string(),
  zone: z.string(),
  accessPoints: z.array(z.string()),
  accessLevels: z.array(z.string()),
  policies: z.object({
    clockUntrusted: z.string(),
    graceHours: z.number(),
    auditFull: z.string(),
    antiPassbackMinutes: z.number(),
    holidays: z.array(z.object({ date: z.string() }).loose()),
  }),
});

export function siteEndpoints(desk: SiteDesk, requests: Requests): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/api/v1/status',
      scope: 'read',
      summary: 'The site at a glance',
      reply: statusSchema,
      call: () => status(desk),
    }),
    endpoint({
      method: 'GET',
      path: '/api/v1/site',
      scope: 'read',
      summary: 'What the site is set to',
      reply: siteSchema,
      call: () => settings(desk),
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/lockdowns',
      scope: 'operate',
      summary: 'Lets nobody in; never keeps anybody in, nor a key out',
      body: z.strictObject({
        scope: placeName.default('site').describe('site, or an access point'),
        allowStaff: z.boolean().default(true),
        why,
      }),
      reply: outcomeSchema.extend({ lockdown: z.string() }),
      async call({ body, ...asked }) {
        const lockdown = asked.idempotency?.key ?? randomUUID();
        const scope = scopeOf(desk, body.scope);
        const { allowStaff } = body;
        const command = { kind: 'lockdown', lockdown, scope, allowStaff, ...reason(body) } as const;
        return { ...(await requests.command(command, asked)), lockdown };
      },
    }),
    endpoint({
      method: 'DELETE',
      path: '/api/v1/lockdowns/{lockdown}',
      scope: 'operate',
      summary: 'Ends a lockdown',
      params: z.strictObject({ lockdown: z.string().min(1).max(160) }),
      reply: outcomeSchema,
      call({ params, ...asked }) {
        const stands = [...desk.journal.ledger.all('lockdown')].some(
          ([, { id }]) => id === params.lockdown,
        );
        if (!stands) throw new ApiError('not_found', 'there is no such lockdown', 'lockdown');
        return requests.command({ kind: 'release', lockdown: params.lockdown }, asked);
      },
    }),
  ];
}

/** A reason given by the caller, where there is one. */
export function reason(body: { readonly why?: string | undefined }): { readonly why?: string } {
  return body.why === undefined ? {} : { why: body.why };
}

function scopeOf(desk: SiteDesk, scope: string): 'site' | AccessPointId {
  if (scope === 'site') return 'site';
  if (!desk.ports().site.accessPoints.some(({ id }) => id === scope)) {
    throw new ApiError('not_found', `there is no access point ${scope}`, 'scope');
  }
  return accessPointId(scope);
}

function status(desk: SiteDesk): StatusReply {
  const { about, journal, grants } = desk;
  const { at, clock } = desk.stamp();
  const devices = desk.devices();
  const cloud = desk.cloud();
  const width = (clock.hi - clock.lo) / 2;
  return {
    site: about.site,
    name: about.name,
    zone: about.zone,
    bridge: about.bridge,
    versions: { ...about.versions },
    startedAt: iso(about.startedAt),
    now: iso(at),
    clock: {
      state: clock.state,
      at: iso(likelyNow(at, clock)),
      errMs: Number.isFinite(width) ? Math.round(width) : null,
    },
    storage: desk.storage(),
    unstored: { ...journal.unstored },
    journal: {
      epoch: journal.epoch,
      lastSeq: journal.lastSeq,
      acknowledged: journal.acknowledged,
    },
    grants: grants.count(),
    keys: countKeys(desk),
    devices: { all: devices.length, online: devices.filter(({ online }) => online).length },
    lockdowns: [...journal.ledger.all('lockdown')].map(([, lockdown]) => ({
      id: lockdown.id,
      scope: lockdown.scope,
      allowStaff: lockdown.allowStaff,
      since: iso(lockdown.since),
    })),
    cloud: cloud === undefined ? null : { ...cloud },
    vendors: desk.vendors().map(({ syncedAt, ...vendor }) => ({
      ...vendor,
      syncedAt: isoOrNull(syncedAt),
    })),
  };
}

export function countKeys({ journal, grants }: SiteDesk): StatusReply['keys'] {
  const count = { all: 0, out: 0, overdue: 0, unknown: 0 };
  for (const key of grants.keys()) {
    if (key.virtual) continue;
    const custody = journal.ledger.get('key', key.id);
    count.all += 1;
    if (custody?.place.kind === 'holder') count.out += 1;
    if (custody === undefined || custody.place.kind === 'unknown') count.unknown += 1;
    if (custody?.flags.includes('overdue')) count.overdue += 1;
  }
  return count;
}

function settings(desk: SiteDesk): z.infer<typeof siteSchema> {
  const { site } = desk.ports();
  const { policies } = site;
  return {
    id: site.id,
    name: desk.about.name,
    zone: policies.zone,
    accessPoints: site.accessPoints.map(({ id }) => id),
    accessLevels: [...policies.accessLevels.keys()],
    policies: {
      clockUntrusted: policies.clockUntrusted,
      graceHours: policies.graceHours,
      auditFull: policies.auditFull,
      antiPassbackMinutes: policies.antiPassbackMinutes,
      holidays: policies.holidays.map((holiday) => ({ ...holiday })),
    },
  };
}
