/** Grants made and changed here; those of clouds and vendors are shown, and revoked in need. */
import { z } from 'zod';
import type { StoredGrant } from '../access/lookup.ts';
import { grantId, holderId } from '../access/model.ts';
import type { GrantLine, GrantList } from '../store/ports.ts';
import type { SiteDesk } from './desk.ts';
import { type Endpoint, endpoint, Raw } from './endpoint.ts';
import type { Enrolments } from './enrolments.ts';
import { limitField, openId } from './fields.ts';
import { put, revoke, storedAt } from './grant-changes.ts';
import { grantBody, grantReply, grantSchema } from './grant-fields.ts';
import { outcomeSchema, type Requests } from './requests.ts';

const params = z.strictObject({ grant: openId });
const VENDORS = ['cloud', 'local', 'keycafe', 'seam', 'intserv'] as const;

/** More than a store holds. */
const ALL = Number.MAX_SAFE_INTEGER;
/** About a megabyte. */
const TEXTS_MAX = 1000;

export function grantEndpoints(
  desk: SiteDesk,
  requests: Requests,
  enrolments: Enrolments,
): readonly Endpoint[] {
  const texts = new GrantTexts();
  const pageReply = (grants: readonly string[], next: string | undefined) =>
    new Raw(
      'application/json',
      `{"grants":[${grants.join(',')}],"next":${JSON.stringify(next ?? null)},"all":${desk.grants.count()}}`,
    );
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
        most: z.coerce
          .number()
          .pipe(z.int().min(1))
          .optional()
          .describe('grants to look through; the page may then be shorter, and `next` goes on'),
      }),
      reply: z.object({
        grants: z.array(grantSchema),
        next: z.string().nullable(),
        all: z.int().describe('how many there are, whatever was asked for'),
      }),
      call: async ({ query }) => {
        const { text, holder, target, source, after, limit, most = ALL } = query;
        const asked: GrantList = {
          limit,
          ...(text === undefined ? {} : { text }),
          ...(holder === undefined ? {} : { holder: holderId(holder) }),
          ...(target === undefined ? {} : { target }),
          ...(source === undefined ? {} : { source }),
          ...(after === undefined ? {} : { after }),
        };
        const isPage = text === undefined && target === undefined && source === undefined;
        if (isPage) {
          const lines = desk.grants.lines(asked);
          const last = lines.length < limit ? undefined : lines.at(-1)?.read().grant.id;
          return pageReply(
            lines.map((line) => texts.of(line)),
            last,
          );
        }
        const { grants, next } = await desk.search.grants(asked, most);
        return pageReply(grants.map(replyText), next);
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
        unanswered: z
          .array(z.string())
          .describe('targets, as kind:id, that this site does not have, or not yet'),
      }),
      call: ({ params: { grant }, body, principal }) =>
        put(desk, enrolments, grantId(grant), body, principal),
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
        const { id, uses } = storedAt(desk, grant).grant;
        const reset = uses?.reset === undefined ? {} : { reset: uses.reset };
        const { count } = body;
        return requests.command({ kind: 'uses.confirm', grant: id, count, ...reset }, asked);
      },
    }),
  ];
}

function replyText(stored: StoredGrant): string {
  return JSON.stringify(grantReply(stored));
}

/** Whenever something happens each open panel reads its page anew, and little of it is: a grant is read once. */
class GrantTexts {
  readonly #texts = new Map<string, string>();

  of({ text, read }: GrantLine): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= TEXTS_MAX) this.#texts.clear();
    const reply = replyText(read());
    this.#texts.set(text, reply);
    return reply;
  }
}
