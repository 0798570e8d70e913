/**
 * Reading IntServ's events. They are complete only up to `least_sync_time`: a slow system adds older ones later, so the
 * next reading begins there, and what was seen since is remembered (vendor-apis 4.5). Keys cannot be listed; one that
 * only events know was made elsewhere, and is reported.
 */
import { z } from 'zod';
import { answerIn } from '../answer.ts';
import type { SyncChange } from '../sync-change.ts';
import type { VendorHost } from '../vendor-host.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { KIND } from './key-book.ts';
import { EVENTS_MOST, eventsSchema, type IntservEvent } from './wire.ts';

const cursorSchema = z.object({ from: z.string(), seen: z.array(z.string()) });
const PAGES_MOST = 200;
/** More would mean that one system has been away for long; then some are told twice. */
const SEEN_MOST = 5000;

export interface ReadEvents {
  readonly fresh: number;
  readonly leastSyncTime: string;
}

/** @throws VendorError */
export async function readEvents(
  sync: VendorSync,
  host: VendorHost,
  signal: AbortSignal,
): Promise<ReadEvents> {
  const stored = cursorSchema.safeParse(sync.desk.grants.cursor('intserv', 'events'));
  const before = stored.success ? stored.data : undefined;
  const seen = new Set(before?.seen ?? []);
  const now: IntservEvent[] = [];
  let least = before?.from ?? '';
  let continuation: string | undefined;
  for (let page = 0; page < PAGES_MOST; page += 1) {
    const reply = await host.call({
      method: 'POST',
      path: '/events/list',
      body: {
        ...(before === undefined ? {} : { from_date: before.from }),
        limit: EVENTS_MOST,
        ...(continuation === undefined ? {} : { continuation_key: continuation }),
      },
      signal,
    });
    const read = answerIn(reply.body, eventsSchema, '/events/list');
    now.push(...read.events);
    // The earliest of all pages: what came in between is read again rather than missed.
    const isEarlier = Date.parse(read.least_sync_time) < Date.parse(least);
    least = page === 0 || isEarlier ? read.least_sync_time : least;
    continuation = read.continuation_key ?? undefined;
    if (!read.has_more || continuation === undefined) break;
  }
  const fresh = now.filter((event) => !seen.has(nameOf(event)));
  const kept = now.filter(({ event_time }) => Date.parse(event_time) >= Date.parse(least));
  const value = { from: least, seen: [...new Set(kept.map(nameOf))].slice(-SEEN_MOST) };
  await sync.apply(strangers(sync, fresh), {
    by: 'intserv',
    cursors: [{ name: 'events', value }],
  });
  return { fresh: fresh.length, leastSyncTime: least };
}

/** `sequence_id` alone is unique only within one system and moment. */
function nameOf({ system_id, event_time, sequence_id }: IntservEvent): string {
  return `${system_id} ${event_time} ${sequence_id}`;
}

function strangers(sync: VendorSync, events: readonly IntservEvent[]): readonly SyncChange[] {
  const changes = new Map<string, SyncChange>();
  for (const { key_id: ref, system_id } of events) {
    if (ref == null || sync.idOf(KIND, ref) !== undefined) continue;
    const id = `intserv:elsewhere:${ref}`;
    if (sync.record(id) !== undefined) continue;
    const detail = `used at ${system_id}, and not made through this site`;
    const since = sync.desk.clock.now();
    changes.set(id, {
      id,
      record: { kind: 'foreign-key', ref, origin: 'vendor', state: 'cannot', detail, since },
    });
  }
  return [...changes.values()];
}
