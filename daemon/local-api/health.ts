/** `/healthz`: the process lives. `/readyz`: it can do its work; what cannot is named. */
import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { instant } from '../../drivers/contract/time.ts';
import { BACKUPS, backupsOf } from '../store/backups.ts';
import type { HealthCheck, SiteDesk } from './desk.ts';
import { type Endpoint, endpoint, Raw } from './endpoint.ts';
import { iso, moment } from './fields.ts';

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
        const failing = healthChecks(desk).filter(({ ok }) => !ok);
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
      reply: z.object({
        ok: z.boolean(),
        checks: z.array(checkSchema),
        disk: z
          .object({ freeBytes: z.number(), allBytes: z.number() })
          .nullable()
          .describe('where the store lies; null: in memory'),
        backups: z
          .array(z.object({ file: z.string(), at: moment, bytes: z.number() }))
          .describe('copies beside the store, the newest first'),
      }),
      async call() {
        const all = [...healthChecks(desk), ...surroundings(desk)];
        const { directory } = desk.about;
        const ok = all.every((check) => check.ok);
        if (directory === ':memory:') return { ok, checks: all, disk: null, backups: [] };
        const disk = await diskAt(directory);
        return { ok, checks: all, disk, backups: backupsAt(directory) };
      },
    }),
  ];
}

async function diskAt(directory: string) {
  const { bavail, blocks, bsize } = await statfs(directory);
  return { freeBytes: bavail * bsize, allBytes: blocks * bsize };
}

function backupsAt(directory: string) {
  const files = [...backupsOf(directory, 'journal'), ...backupsOf(directory, 'grants')];
  return files
    .flatMap((file) => {
      const found = statSync(join(directory, BACKUPS, file), { throwIfNoEntry: false });
      if (found === undefined) return []; // the oldest is removed meanwhile
      return [{ file, at: iso(instant(found.mtimeMs)), bytes: found.size }];
    })
    .toSorted((one, other) => (one.at < other.at ? 1 : -1));
}

/** What the daemon itself must be able to do. */
export function healthChecks(desk: SiteDesk): HealthCheck[] {
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
