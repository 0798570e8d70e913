/** `/healthz`: the process lives. `/readyz`: it can do its work; what cannot is named. */
import { z } from 'zod';
import type { HealthCheck, SiteDesk } from './desk.ts';
import { type Endpoint, endpoint, Raw } from './endpoint.ts';

const checkSchema = z.object({ name: z.string(), ok: z.boolean(), detail: z.string() });

export function healthEndpoints(desk: SiteDesk): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/healthz',
      scope: undefined,
      summary: 'The process answers',
      reply: z.object({ ok: z.literal(true) }),
      call: () => ({ ok: true }),
    }),
    endpoint({
      method: 'GET',
      path: '/readyz',
      scope: undefined,
      summary: 'Whether it can do its work: 200, or 503',
      reply: z.object({ ok: z.boolean(), failing: z.array(z.string()) }),
      call() {
        const failing = checks(desk).filter(({ ok }) => !ok);
        const body = { ok: failing.length === 0, failing: failing.map(({ name }) => name) };
        return body.ok ? body : new Raw('application/json', JSON.stringify(body), 503);
      },
    }),
    endpoint({
      method: 'GET',
      path: '/api/v1/health',
      scope: 'read',
      summary:
        'Every check with its detail; what is offline is told, but does not make the daemon unready',
      reply: z.object({ ok: z.boolean(), checks: z.array(checkSchema) }),
      call() {
        const all = [...checks(desk), ...surroundings(desk)];
        return { ok: all.every(({ ok }) => ok), checks: all };
      },
    }),
  ];
}

/** What the daemon itself must be able to do. */
function checks(desk: SiteDesk): HealthCheck[] {
  const storage = desk.storage();
  const { kept, lost } = desk.journal.unstored;
  const unsafe = `entries cannot be stored: ${kept} wait in memory, ${lost} found no room`;
  const detail = storage === 'ok' ? '' : storage === 'low' ? 'little space is left' : unsafe;
  return [
    { name: 'storage', ok: storage !== 'unsafe', detail },
    ...desk.health().map((check) => ({ ...check })),
  ];
}

/** What others must do for us: without it the site goes on as far as it can. */
function surroundings(desk: SiteDesk): HealthCheck[] {
  const { clock } = desk.stamp();
  const cloud = desk.cloud();
  return [
    {
      name: 'clock',
      ok: clock.state === 'trusted' || clock.state === 'holdover',
      detail: clock.state,
    },
    ...(cloud === undefined
      ? []
      : [
          {
            name: 'cloud',
            ok: cloud.online,
            detail: cloud.online ? '' : `${cloud.broker} is away`,
          },
        ]),
    ...desk.vendors().map(({ vendor, online, detail }) => ({ name: vendor, ok: online, detail })),
    ...desk.devices().map(({ id, online, link, detail }) => ({
      name: `device ${id}`,
      ok: online,
      detail: online ? '' : detail || link,
    })),
  ];
}
