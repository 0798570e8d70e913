/** What is known of a person, told and erased: places in the chain stay, so that it still verifies (conventions 2.6). */
import { z } from 'zod';
import { checkpointOf } from '../access/checkpoint.ts';
import type { RecordedEntry } from '../access/entry.ts';
import { type HolderId, holderId } from '../access/model.ts';
import type { SiteDesk } from './desk.ts';
import { type Endpoint, endpoint, Raw } from './endpoint.ts';
import { entryReply } from './entry-reply.ts';
import { ApiError } from './errors.ts';
import { openId } from './fields.ts';
import { revoke } from './grant-changes.ts';
import { grantReply } from './grant-fields.ts';

const PAGE = 1000;
const params = z.strictObject({ holder: openId });

export function holderDataEndpoints(desk: SiteDesk): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/api/v1/holders/{holder}/export',
      scope: 'admin',
      summary:
        'All that is kept of a person, one JSON object a line: grants and keys, then entries',
      params,
      contentType: 'application/x-ndjson',
      call: ({ params: { holder } }) => {
        const who = holderId(holder);
        return new Raw('application/x-ndjson', lines(desk, who));
      },
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/holders/{holder}/erase',
      scope: 'admin',
      summary:
        'Erases a person for good: grants, entries, backups; what happened keeps its place, empty',
      params,
      body: z.strictObject({
        revoke: z.boolean().default(false).describe('their grants too; else they must be gone'),
      }),
      reply: z.object({
        grants: z.int().describe('revoked ones among them'),
        entries: z.int().describe('none of either: nothing was kept of such a person'),
        left: z.array(z.string()).describe('folders of damaged files that nobody looked into'),
      }),
      perMinute: 6,
      async call({ params: { holder }, body, principal }) {
        const who = holderId(holder);
        const held = desk.grants.grantsOf(who).filter(({ revoked }) => revoked === undefined);
        refuseEarly(
          desk,
          who,
          held.map(({ grant }) => grant),
          body.revoke,
        );
        for (const { grant } of held) await revoke(desk, grant.id, principal);
        const kept = desk.grants.grantsOf(who);
        for (const { grant } of kept) {
          const changes = [{ kind: 'forget', grant: grant.id }] as const;
          await desk.grants.write({ source: grant.source.vendor, changes });
        }
        const stamp = desk.stamp();
        const upTo = desk.journal.lastSeq;
        const entries = [checkpointOf(desk.journal.ledger, who)];
        await desk.journal.append({ stamp, entries }).committed;
        const erased = await desk.journal.erase(upTo, who);
        const told = {
          type: 'security.erased',
          body: { entries: erased, by: principal.by },
        } as const;
        await desk.journal.append({ stamp: desk.stamp(), entries: [told] }).committed;
        const left = [...(await desk.renewBackups())];
        return { grants: kept.length, entries: erased, left };
      },
    }),
  ];
}

/** Nothing is begun that cannot be brought to its end. */
function refuseEarly(
  { journal }: SiteDesk,
  holder: HolderId,
  grants: readonly { readonly id: string; readonly source: { readonly vendor: string } }[],
  mayRevoke: boolean,
): void {
  const vendors = ['keycafe', 'seam', 'intserv'];
  const theirs = grants.find(({ source }) => vendors.includes(source.vendor));
  if (theirs !== undefined) {
    const { vendor } = theirs.source;
    throw new ApiError('conflict', `${theirs.id} comes from ${vendor}: erase them there first`);
  }
  if (grants.length > 0 && !mayRevoke) {
    throw new ApiError('conflict', `${grants.length} grants are left: revoke them`, 'revoke');
  }
  for (const [key, { place }] of journal.ledger.all('key')) {
    if (place.kind === 'holder' && place.holder === holder)
      throw new ApiError('conflict', `${holder} has the key ${key}: it must come back first`);
  }
  for (const [, opening] of journal.ledger.all('opening')) {
    if (opening.holder === holder)
      throw new ApiError('busy', `something is open for ${holder} just now`);
  }
}

async function* lines(desk: SiteDesk, holder: HolderId): AsyncIterable<string> {
  const grants = desk.grants.grantsOf(holder).map(grantReply);
  const keys = [...desk.journal.ledger.all('key')].flatMap(([key, { place }]) =>
    place.kind === 'holder' && place.holder === holder ? [key] : [],
  );
  yield `${JSON.stringify({ holder, grants, keys })}\n`;
  const named = JSON.stringify(holder);
  for (let after = 0; ; ) {
    const page = desk.journal.read({ after, limit: PAGE });
    for (const entry of page) if (concerns(entry, holder, named)) yield line(entry);
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.seq;
  }
}

function concerns(entry: RecordedEntry, holder: HolderId, named: string): boolean {
  return entry.sub === holder || JSON.stringify(entry.body).includes(named);
}

function line(entry: RecordedEntry): string {
  return `${JSON.stringify(entryReply(entry))}\n`;
}
