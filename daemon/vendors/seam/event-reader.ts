/** Events by polling: with overlap, since they come late, and each once, by its id (vendor-apis.md 3.7). */
import { z } from 'zod';
import type { Millis, Uptime } from '../../../drivers/contract/time.ts';
import { VendorError } from '../http.ts';
import type { VendorSync } from '../vendor-sync.ts';
import type { SeamClient } from './client.ts';
import { eventRow, type SeamEvent } from './wire.ts';

/** What was read so recently is asked for again. */
const OVERLAP_MS = 10 * 60_000;
const EVENTS_MOST = 500;
/** Beyond so many that are to be fetched again, all is. */
const TOUCHED_MOST = 10_000;
/** Whether or not an event says so. */
const READ_ALL_EVERY: Millis = 3_600_000;
const CURSOR = 'events';

const cursorSchema = z.object({ since: z.string(), ids: z.array(z.string()) });
export type EventCursor = z.infer<typeof cursorSchema>;

export class EventReader {
  readonly #sync: VendorSync;
  readonly #client: SeamClient;
  readonly #touched = new Set<string>();
  #isFull = false;
  #readAll: Uptime | undefined;

  constructor(sync: VendorSync, client: SeamClient) {
    this.#sync = sync;
    this.#client = client;
  }

  /** Ids of grants, methods and codes that something happened to. */
  get touched(): ReadonlySet<string> {
    return this.#touched;
  }

  /** What was read before this start, or long ago, may have changed in ways that no event tells. */
  get mustReadAll(): boolean {
    const now = this.#sync.desk.clock.uptime();
    return this.#isFull || this.#readAll === undefined || now - this.#readAll > READ_ALL_EVERY;
  }

  /** Marks what is to be fetched again; what it answers is kept only once that was done. @throws VendorError */
  async read(signal: AbortSignal): Promise<EventCursor> {
    const { grants, clock } = this.#sync.desk;
    const stored = cursorSchema.safeParse(grants.cursor('seam', CURSOR));
    const before = stored.data ?? { since: new Date(clock.now()).toISOString(), ids: [] };
    const since = new Date(Date.parse(before.since) - OVERLAP_MS).toISOString();
    let rows: readonly (SeamEvent | null)[];
    try {
      const asked = { since, limit: EVENTS_MOST };
      rows = await this.#client.all('/events/list', asked, 'events', eventRow, signal);
    } catch (error) {
      if (error instanceof VendorError && error.code === 'not-found') return before;
      throw error;
    }
    const events = rows.filter((event) => event !== null);
    // There may be more than fit, in an order that is not documented; or one does not say what it is about.
    if (rows.length >= EVENTS_MOST || events.length < rows.length) this.#isFull = true;
    const known = new Set(before.ids);
    for (const event of events) if (!known.has(event.event_id)) this.touch(event);
    const newest = events.reduce(
      (latest, { created_at }) =>
        Date.parse(created_at) > Date.parse(latest) ? created_at : latest,
      before.since,
    );
    // One that says it is of another year must not hide all that come before it.
    const reached = Math.min(Date.parse(newest), clock.now());
    const kept = events.filter(({ created_at }) => Date.parse(created_at) >= reached - OVERLAP_MS);
    return { since: new Date(reached).toISOString(), ids: kept.map(({ event_id }) => event_id) };
  }

  touch(event: SeamEvent): void {
    const { access_grant_id, access_grant_ids, access_method_id, access_code_id } = event;
    // Of a code's event the device is named too, which is no news of the device.
    const device = /^device\./.test(event.event_type) ? event.device_id : undefined;
    const ids = [
      device,
      access_grant_id,
      access_method_id,
      access_code_id,
      ...(access_grant_ids ?? []),
    ];
    for (const id of ids) if (id != null) this.#touched.add(id);
    if (this.#touched.size <= TOUCHED_MOST) return;
    this.#touched.clear();
    this.#isFull = true;
  }

  /** All that was touched has been fetched; a crash before this only fetches it again. */
  async done(value: EventCursor, touched: ReadonlySet<string>, isAll: boolean): Promise<void> {
    await this.#sync.apply([], { by: 'seam', cursors: [{ name: CURSOR, value }] });
    if (isAll) {
      this.#isFull = false;
      this.#readAll = this.#sync.desk.clock.uptime();
    }
    for (const id of touched) this.#touched.delete(id);
  }
}
