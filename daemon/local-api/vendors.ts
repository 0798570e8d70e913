/** Clouds of vendors: how far each is in step, what differs, and what each can keep of a stay. */
import { z } from 'zod';
import { type GrantId, grantId, holderId } from '../access/model.ts';
import { fidelityOf, remarkedPlaces, stayOf } from '../vendors/fidelity.ts';
import type { VendorPart } from '../vendors/vendor.ts';
import type { SiteDesk } from './desk.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { ApiError } from './errors.ts';
import { isoOrNull, moment, openId } from './fields.ts';

const statusSchema = z.object({
  vendor: z.string(),
  online: z.boolean(),
  syncedAt: moment.nullable().describe('of the last complete reading'),
  ageMs: z.number().nullable().describe('since then'),
  detail: z.string(),
  drift: z.int().describe('differences that do not go away by waiting'),
  pending: z.int().describe('changes made here that the vendor does not know yet'),
});

const differenceSchema = z.object({
  vendor: z.string(),
  kind: z.string(),
  id: z.string(),
  ref: z.string().nullable(),
  place: z.string().nullable(),
  state: z.string(),
  detail: z.string(),
  since: moment.nullable(),
});

const fidelitySchema = z.object({
  grant: z.string(),
  source: z.string(),
  targets: z.array(z.string()),
  places: z.array(
    z.object({
      place: z.string(),
      remarks: z.array(
        z.object({ kind: z.enum(['cannot', 'differs', 'pending']), text: z.string() }),
      ),
    }),
  ),
});

export type VendorStatusReply = z.infer<typeof statusSchema>;
export type DifferenceReply = z.infer<typeof differenceSchema>;
export type FidelityReply = z.infer<typeof fidelitySchema>;

export function vendorEndpoints(
  desk: SiteDesk,
  parts: () => readonly VendorPart[],
): readonly Endpoint[] {
  const judges = () =>
    parts().map((part) => ({
      vendor: part.status.vendor,
      fidelity: (grant: Parameters<VendorPart['fidelity']>[0]) => part.fidelity(grant),
    }));
  return [
    endpoint({
      method: 'GET',
      path: '/api/v1/vendors',
      scope: 'read',
      summary: 'How far each vendor’s cloud is in step',
      reply: z.object({ vendors: z.array(statusSchema) }),
      call: () => ({ vendors: parts().map((part) => statusReply(desk, part)) }),
    }),
    endpoint({
      method: 'GET',
      path: '/api/v1/vendors/differences',
      scope: 'read',
      summary: 'What a vendor and this site do not have in common, messages that wait among it',
      query: z.strictObject({ vendor: z.string().max(16).optional() }),
      reply: z.object({ differences: z.array(differenceSchema) }),
      call: ({ query }) => ({
        differences: asked(parts(), query.vendor)
          .flatMap((part) => part.differences())
          .map(({ since, ref, place, ...rest }) => ({
            ...rest,
            ref: ref ?? null,
            place: place ?? null,
            since: isoOrNull(since),
          })),
      }),
    }),
    endpoint({
      method: 'GET',
      path: '/api/v1/vendors/fidelity',
      scope: 'read',
      summary: 'Grants to come or under way that some place cannot keep exactly as asked for',
      query: z.strictObject({
        after: openId.optional().describe('id of the last one looked at before'),
        limit: z.coerce.number().int().min(1).max(1000).default(500).describe('to look at'),
      }),
      reply: z.object({
        grants: z.array(fidelitySchema),
        next: z.string().nullable().describe('`after` of the next call; null at the end'),
      }),
      call: ({ query }) => remarked(query.after, query.limit),
    }),
    endpoint({
      method: 'GET',
      path: '/api/v1/grants/{grant}/fidelity',
      scope: 'read',
      summary: 'What each place that a grant concerns can and cannot keep of it',
      params: z.strictObject({ grant: openId }),
      reply: fidelitySchema,
      call: ({ params }) => ({ ...fidelityAt(grantId(params.grant)) }),
    }),
    endpoint({
      method: 'GET',
      path: '/api/v1/holders/{holder}/stay',
      scope: 'read',
      summary:
        'All that one holder may do here, whoever gave it, and how well each place can keep it',
      params: z.strictObject({ holder: openId }),
      reply: z.object({ holder: z.string(), grants: z.array(fidelitySchema) }),
      call: ({ params }) => ({
        holder: params.holder,
        grants: [...stayOf(holderId(params.holder), desk, judges())],
      }),
    }),
  ];

  function remarked(after: string | undefined, limit: number) {
    const page = desk.grants.list({ limit, ...(after === undefined ? {} : { after }) });
    const { lo } = desk.stamp().clock;
    return {
      grants: page
        .filter(({ window }) => window.end === undefined || window.end > lo)
        .map((stored) => fidelityOf(stored, desk.about.zone, judges()))
        .filter((each) => remarkedPlaces(each).length > 0)
        .map((each) => ({ ...each })),
      next: page.length < limit ? null : (page.at(-1)?.grant.id ?? null),
    };
  }

  function fidelityAt(id: GrantId) {
    const stored = desk.grants.grant(id);
    if (stored === undefined) throw new ApiError('not_found', `there is no grant ${id}`, 'grant');
    return fidelityOf(stored, desk.about.zone, judges());
  }
}

/** All vendors of the config, or the one that is asked for. */
function asked(parts: readonly VendorPart[], name: string | undefined): readonly VendorPart[] {
  if (name === undefined) return parts;
  const one = parts.filter(({ status }) => status.vendor === name);
  if (one.length > 0) return one;
  const known = parts.map(({ status }) => status.vendor).join(', ');
  const text = known === '' ? 'the config names no vendor' : `one of ${known}`;
  throw new ApiError('bad_request', text, 'vendor');
}

function statusReply({ clock }: SiteDesk, { status }: VendorPart): VendorStatusReply {
  const { syncedAt, vendor, online, detail, drift, pending } = status;
  return {
    vendor,
    online,
    syncedAt: isoOrNull(syncedAt),
    ageMs: syncedAt === undefined ? null : Math.max(0, clock.now() - syncedAt),
    detail,
    drift,
    pending,
  };
}
