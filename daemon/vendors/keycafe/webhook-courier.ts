/**
 * Calls the webhooks that Keycafe's clients registered at the box, as Keycafe does (vendor-apis 2.6): pick-ups and
 * drop-offs, one event a call, with their credentials; only 200 counts as received. How far each has come in the
 * journal is kept with it, so that a crash loses nothing and tells at most one event twice.
 */
import { type Millis, pause, type Uptime, uptime } from '../../../drivers/contract/time.ts';
import { numberIn } from '../../access/body.ts';
import type { RecordedEntry } from '../../access/entry.ts';
import { StorageError } from '../../store/ports.ts';
import type { HttpClient } from '../http.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { isPrivateTarget, targetFault } from '../webhook-target.ts';
import { type EventBook, EXCHANGE_ENTRIES } from './event-book.ts';
import { drawnId } from './local-id.ts';
import { KeycafeRefusal } from './reply.ts';
import { type WebhookRequest, webhookRequestSchema } from './wire.ts';

const WEBHOOK = 'webhook';
const BY = 'dialect:keycafe';
/** Each costs a call for every event. */
const WEBHOOKS_MOST = 32;
const TRIES_MOST = 10;
const FIRST_WAIT: Millis = 5000;
const LONGEST_WAIT: Millis = 60_000;
const ANSWER_WITHIN: Millis = 15_000;

export interface WebhookCourierParts {
  readonly sync: VendorSync;
  readonly events: EventBook;
  readonly http: HttpClient;
}

/** How it stands with the event that is next; forgotten at a restart, which tries again at once. */
interface Standing {
  readonly seq: number;
  readonly tries: number;
  readonly due: Uptime;
}

export class WebhookCourier {
  readonly #parts: WebhookCourierParts;
  readonly #standing = new Map<string, Standing>();
  #waking = new AbortController();

  constructor(parts: WebhookCourierParts) {
    this.#parts = parts;
  }

  /** What happens from now on is told there. @throws KeycafeRefusal */
  async register(body: WebhookRequest): Promise<void> {
    const { sync } = this.#parts;
    const fault = targetFault(body.url);
    if (fault !== undefined) throw new KeycafeRefusal(400, 'webhook.url.invalid', fault, 'url');
    const known = [...this.#webhooks()];
    // The same address again: its credentials are changed.
    const same = known.find(({ fields }) => fields.url === body.url);
    if (same === undefined && known.length >= WEBHOOKS_MOST) {
      throw new KeycafeRefusal(400, 'webhook.tooMany', `there are ${WEBHOOKS_MOST} already`);
    }
    const { desk } = sync;
    const id = same?.id ?? `keycafe:webhook:${drawnId(desk.random)}`;
    const record = {
      kind: WEBHOOK,
      origin: 'here',
      state: 'in-step',
      since: desk.clock.now(),
      sealed: sync.seal(id, body),
      extra: { seq: same?.seq ?? desk.journal.lastSeq },
    } as const;
    await sync.apply([{ id, record }], { by: BY });
    this.#waking.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, journal } = this.#parts.sync.desk;
    const stop = journal.follow((entries) => {
      if (entries.some(({ type }) => EXCHANGE_ENTRIES.includes(type))) this.#waking.abort();
    });
    try {
      while (!signal.aborted) {
        this.#waking = new AbortController();
        const woken = this.#waking.signal;
        const webhooks = [...this.#webhooks()];
        for (const id of this.#standing.keys()) {
          if (!webhooks.some((each) => each.id === id)) this.#standing.delete(id);
        }
        const waits = await Promise.all(webhooks.map((webhook) => this.#serve(webhook, signal)));
        if (signal.aborted) return;
        const wait = Math.min(LONGEST_WAIT, ...waits);
        await pause(clock, wait, AbortSignal.any([signal, woken]));
      }
    } finally {
      stop();
    }
  }

  /** In their order, until one fails; answers how long nothing is due. */
  async #serve(
    {
      id,
      fields,
      seq,
    }: { readonly id: string; readonly fields: WebhookRequest; readonly seq: number },
    signal: AbortSignal,
  ): Promise<Millis> {
    const { sync } = this.#parts;
    const { clock, journal } = sync.desk;
    const before = this.#standing.get(id);
    if (before !== undefined && before.due > clock.uptime()) return before.due - clock.uptime();
    const entries = journal.read({ after: seq, types: EXCHANGE_ENTRIES, limit: 20 });
    for (const entry of entries) {
      const isTaken = await this.#post(entry, fields, signal);
      if (signal.aborted) return 0;
      const known = this.#standing.get(id);
      const tries = (known?.seq === entry.seq ? known.tries : 0) + 1;
      if (!isTaken && tries < TRIES_MOST) {
        const wait = FIRST_WAIT * 2 ** (tries - 1);
        this.#standing.set(id, { seq: entry.seq, tries, due: uptime(clock.uptime() + wait) });
        return wait;
      }
      this.#standing.delete(id);
      if (!(await this.#keep(id, entry.seq, isTaken))) return LONGEST_WAIT;
    }
    return entries.length > 0 ? 0 : LONGEST_WAIT;
  }

  async #post(entry: RecordedEntry, fields: WebhookRequest, signal: AbortSignal): Promise<boolean> {
    const { events, http, sync } = this.#parts;
    const [event] = events.of(entry);
    // It was erased with the retention period, or what it is about is gone.
    if (event === undefined) return true;
    const { user, ...rest } = event;
    const isTold = user !== undefined && isPrivateTarget(fields.url);
    const secret = Buffer.from(`${fields.username}:${fields.password}`).toString('base64');
    const over = new AbortController();
    const answered = new AbortController();
    const patience = AbortSignal.any([signal, answered.signal]);
    void pause(sync.desk.clock, ANSWER_WITHIN, patience).then(() => over.abort());
    try {
      const { status } = await http.send({
        method: 'POST',
        url: fields.url,
        headers: { authorization: `Basic ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify(isTold ? { ...rest, user } : rest),
        signal: AbortSignal.any([signal, over.signal]),
      });
      return status === 200;
    } catch {
      // No route, refused, cut off, too slow: all the same to the schedule.
      return false;
    } finally {
      answered.abort();
    }
  }

  /** `false` while nothing can be written: then it is told again. */
  async #keep(id: string, seq: number, isTaken: boolean): Promise<boolean> {
    const { sync } = this.#parts;
    const lost = { vendor: 'keycafe', what: WEBHOOK, id, state: 'failed', seq };
    try {
      await sync.alone(async () => {
        const record = sync.record(id);
        if (record === undefined) return;
        const next = { ...record, extra: { ...record.extra, seq } };
        const entries = isTaken ? [] : [{ type: 'grant.cannot', body: lost } as const];
        await sync.applyNow([{ id, record: next }], { by: BY, entries });
      });
      return true;
    } catch (error) {
      if (error instanceof StorageError) return false;
      throw error;
    }
  }

  *#webhooks() {
    const { sync } = this.#parts;
    for (const [id, record] of sync.records()) {
      if (record.kind !== WEBHOOK) continue;
      const fields = webhookRequestSchema.safeParse(sync.fields(id, record));
      const seq = numberIn(record.extra ?? {}, 'seq') ?? 0;
      if (fields.success) yield { id, fields: fields.data, seq };
    }
  }
}
