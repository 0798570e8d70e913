/** Grants made and changed here; those of clouds and vendors are shown, and revoked in need. */
import { z } from 'zod';
import { grantId, holderId } from '../access/model.ts';
import type { SiteDesk } from './desk.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { limitField, openId } from './fields.ts';
import { put, revoke, storedAt } from './grant-changes.ts';
import { grantBody, grantReply, grantSchema } from './grant-fields.ts';
import { outcomeSchema, type Requests } from './requests.ts';

const params = z.strictObject({ grant: openId });
const VENDORS = ['cloud', 'local', 'keycafe', 'seam', 'intserv'] as const;

export function grantEndpoints(desk: SiteDesk, requests: Requests): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/api/v1/grants',
      scope: 'read',
      summary: 'Grants, some at a time',
      query: z.strictObject({
        text: z.string().max(100).optional().describe('in id or holder'),
        holder: openId.optional(),
        target: openId.optional(),
        source: z.enum(VENDORS).optional(),
        after: openId.optional().describe('`next` of the page before'),
        limit: limitField(1000, 100),
      }),
      reply: z.object({
        grants: z.array(grantSchema),
        next: z.string().nullable(),
        all: z.int().describe('how many there are, whatever was asked for'),
      }),
      call: ({ query }) => {
        const { text, holder, target, source, after, limit } = query;
        const found = desk.grants.list({
          limit,
          ...(text === undefined ? {} : { text }),
          ...(holder === undefined ? {} : { holder: holderId(holder) }),
          ...(target === undefined ? {} : { target }),
          ...(source === undefined ? {} : { source }),
          ...(after === undefined ? {} : { after }),
        });
        const next = found.length === limit ? (found.at(-1)?.grant.id ?? null) : null;
        return { grants: found.map(grantReply), next, all: desk.grants.count() };
      },
    }),
    endpoint({
      method: 'GET',
      path: '/api/v1/grants/{grant}',
      scope: 'read',
      summary: 'One grant, with what was counted under it',
      params,
      reply: grantSchema.extend({ used: z.int() }),
      call({ params: { grant } }) {
        const stored = storedAt(desk, grant);
        return { ...grantReply(stored), used: desk.journal.ledger.get('use', grant)?.count ?? 0 };
      },
    }),
    endpoint({
      method: 'PUT',
      path: '/api/v1/grants/{grant}',
      scope: 'admin',
      summary: 'Makes or changes a grant; a PIN without digits is drawn, and told here only',
      params,
      body: grantBody,
      reply: z.object({
        grant: grantSchema,
        outcome: z.enum(['stored', 'same']),
        pins: z.array(z.object({ credential: z.string(), digits: z.string() })),
        collides: z.boolean().describe('another holder has the same code'),
      }),
      call: ({ params: { grant }, body, principal }) => put(desk, grantId(grant), body, principal),
    }),
    endpoint({
      method: 'DELETE',
      path: '/api/v1/grants/{grant}',
      scope: 'admin',
      summary: 'Revokes a grant for good; answered once it can open nothing any more',
      params,
      reply: z.object({
        grant: z.string(),
        rev: z.int(),
        devices: z.array(z.object({ device: z.string(), state: z.enum(['dead', 'pending']) })),
      }),
      call: ({ params: { grant }, principal }) => revoke(desk, grantId(grant), principal),
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/grants/{grant}/confirm-uses',
      scope: 'admin',
      summary: 'States how often a grant was used, after a journal was lost',
      params,
      body: z.strictObject({ count: z.int().min(0).max(1_000_000) }),
      reply: outcomeSchema,
      call({ params: { grant }, body, ...asked }) {
        const { id } = storedAt(desk, grant).grant;
        return requests.command({ kind: 'uses.confirm', grant: id, count: body.count }, asked);
      },
    }),
  ];
}
