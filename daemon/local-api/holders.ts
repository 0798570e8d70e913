/** People: who holds grants here, what they show, and which keys they have now. */
import { z } from 'zod';
import { credentialRecord } from '../access/ledger.ts';
import { type HolderId, holderId } from '../access/model.ts';
import type { SiteDesk } from './desk.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { ApiError } from './errors.ts';
import { limitField, openId } from './fields.ts';
import { grantReply, grantSchema } from './grant-fields.ts';

const holderSchema = z.object({
  holder: z.string(),
  grants: z.int().describe('revoked ones among them'),
  keys: z.array(z.string()).describe('that they have now'),
});

export function holderEndpoints(desk: SiteDesk): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/api/v1/holders',
      scope: 'read',
      summary: 'Who holds grants here, by their ids, some at a time',
      query: z.strictObject({
        text: z.string().max(100).optional().describe('in the id'),
        after: openId.optional().describe('`next` of the page before'),
        limit: limitField(1000, 100),
      }),
      reply: z.object({ holders: z.array(holderSchema), next: z.string().nullable() }),
      async call({ query: { text, after, limit } }) {
        const asked = { limit, ...(after === undefined ? {} : { after }) };
        const found =
          text === undefined
            ? desk.grants.holders(asked)
            : await desk.search.holders({ ...asked, text });
        const keys = keysOut(desk);
        return {
          holders: found.map(({ holder, grants }) => ({
            holder,
            grants,
            keys: keys.get(holder) ?? [],
          })),
          next: found.length < limit ? null : (found.at(-1)?.holder ?? null),
        };
      },
    }),
    endpoint({
      method: 'GET',
      path: '/api/v1/holders/{holder}',
      scope: 'read',
      summary: 'One person: their grants, what they show, and which of it is disabled',
      params: z.strictObject({ holder: openId }),
      reply: z.object({
        holder: z.string(),
        keys: z.array(z.string()),
        grants: z.array(grantSchema),
        disabled: z
          .array(z.string())
          .describe('credentials that open nothing until enabled, in one of the grants or more'),
        disabledIn: z
          .array(z.object({ grant: z.string(), credential: z.string() }))
          .describe('the same with their grants: two of them may call what they show by one id'),
      }),
      call({ params }) {
        const holder = holderId(params.holder);
        const grants = desk.grants.grantsOf(holder);
        const keys = keysOut(desk).get(holder) ?? [];
        if (grants.length === 0 && keys.length === 0) {
          throw new ApiError('not_found', `there is nobody called ${holder}`, 'holder');
        }
        const { ledger } = desk.journal;
        const disabledIn = grants.flatMap(({ grant }) =>
          grant.credentials
            .filter(({ id }) => credentialRecord(ledger, grant.id, id)?.disabled)
            .map(({ id }) => ({ grant: grant.id, credential: id })),
        );
        const disabled = [...new Set(disabledIn.map(({ credential }) => credential))];
        return { holder, keys, grants: grants.map(grantReply), disabled, disabledIn };
      },
    }),
  ];
}

function keysOut({ journal }: SiteDesk): ReadonlyMap<HolderId, string[]> {
  const out = new Map<HolderId, string[]>();
  for (const [key, { place }] of journal.ledger.all('key')) {
    if (place.kind === 'holder') out.set(place.holder, [...(out.get(place.holder) ?? []), key]);
  }
  return out;
}
