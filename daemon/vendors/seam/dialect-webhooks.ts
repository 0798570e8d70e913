/** Webhooks of callers: registered here, and called from here (`webhook-courier.ts`). */
import { z } from 'zod';
import { drawnUuid } from '../uuid.ts';
import type { VendorRecord } from '../vendor-record.ts';
import { targetFault } from '../webhook-target.ts';
import { BY, type DialectParts, idHere, KINDS } from './dialect-parts.ts';
import { CHANGE, endpoint, listOf, READ, REMOVE, type SeamEndpoint, WRITE } from './endpoint.ts';
import type { WebhookFields } from './fields.ts';
import { invalid, notFound, SeamError } from './seam-error.ts';
import { emptyQueue, queueAsJson } from './webhook-queue.ts';

/** More receivers than a site has; each costs a call for every event. */
const WEBHOOKS_MOST = 32;

export function webhookEndpoints({ shelves, sync }: DialectParts): readonly SeamEndpoint[] {
  const { clock, random, journal } = sync.desk;
  const byId = (id: string) => {
    const found = shelves.webhooks.find(({ webhook_id }) => webhook_id === id);
    if (found === undefined) throw notFound('webhook');
    return found;
  };
  const types = listOf(z.string().min(1).max(100));
  const url = z.url({ protocol: /^https?$/ }).max(2000);
  return [
    endpoint(
      '/webhooks/create',
      WRITE,
      z.strictObject({ url, event_types: types.default(['*']) }),
      async ({ url: at, event_types }) => {
        const fault = targetFault(at);
        if (fault !== undefined) throw invalid('url', fault);
        if (shelves.webhooks.all().length >= WEBHOOKS_MOST) {
          throw new SeamError(409, 'too_many_webhooks', `there are ${WEBHOOKS_MOST} already`);
        }
        const secret = `whsec_${Buffer.from(random.bytes(24)).toString('base64')}`;
        const webhook = { webhook_id: drawnUuid(random), url: at, event_types, secret };
        const id = idHere(webhook.webhook_id);
        const record: VendorRecord = {
          kind: KINDS.webhook,
          origin: 'here',
          state: 'in-step',
          since: clock.now(),
          sealed: sync.seal(id, webhook),
          // What happens from now on.
          extra: { queue: queueAsJson(emptyQueue(journal.lastSeq)) },
        };
        await sync.apply([{ id, record }], { by: BY });
        return { webhook };
      },
    ),
    endpoint('/webhooks/get', READ, z.object({ webhook_id: z.string() }), ({ webhook_id }) => ({
      webhook: byId(webhook_id).fields,
    })),
    endpoint('/webhooks/list', READ, z.object({}).loose(), () => ({
      webhooks: shelves.webhooks.all().map(({ fields }) => fields),
    })),
    endpoint(
      '/webhooks/update',
      CHANGE,
      z.strictObject({ webhook_id: z.string(), event_types: types }),
      async ({ webhook_id, event_types }) => {
        const { id, fields } = byId(webhook_id);
        const next: WebhookFields = { ...fields, event_types };
        await sync.alone(async () => {
          const record = sync.record(id);
          if (record === undefined) throw notFound('webhook');
          await sync.applyNow([{ id, record: { ...record, sealed: sync.seal(id, next) } }], {
            by: BY,
          });
        });
        return {};
      },
    ),
    endpoint(
      '/webhooks/delete',
      REMOVE,
      z.strictObject({ webhook_id: z.string() }),
      async (asked) => {
        const { id } = byId(asked.webhook_id);
        await sync.apply([{ id, record: null }], { by: BY });
        return {};
      },
    ),
  ];
}
