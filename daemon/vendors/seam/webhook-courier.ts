/**
 * Calls the webhooks that were registered at the dialect, as Svix does for Seam. What waits is the journal itself: a
 * queue holds places in it, is stored with the webhook, and so outlives a crash; an event may then come twice, under
 * the same id. Delivery is apart from everything else: a receiver that hangs delays its own events only (P11).
 */
import { type Millis, pause } from '../../../drivers/contract/time.ts';
import type { Entry } from '../../access/entry.ts';
import { StorageError } from '../../store/ports.ts';
import type { HttpClient } from '../http.ts';
import type { VendorRecord } from '../vendor-record.ts';
import { isPrivateTarget, targetFault } from '../webhook-target.ts';
import { BY, type DialectParts } from './dialect-parts.ts';
import { EVENT_ENTRIES, eventsOf, type SiteEvent } from './events.ts';
import type { WebhookFields } from './fields.ts';
import type { Shelved } from './shelf.ts';
import { ANSWER_WITHIN, DISABLED_AFTER, signedHeaders } from './svix.ts';
import {
  dueAt,
  emptyQueue,
  failed,
  type QueuedEvent,
  queueAsJson,
  queueIn,
  taken,
  WAITING_MOST,
  type WebhookQueue,
  waitOf,
  withEvents,
} from './webhook-queue.ts';

/** Entries that are read at a time. */
const PAGE = 100;
/** One after the other, before it is written down how far they came. */
const IN_A_ROW = 20;
/** At a receiver that takes nothing, so that those that hang do not hold up the schedule of the others. */
const AT_ONCE = 8;
/** What is due is told by the wall clock, which may be set meanwhile. */
const LONGEST_WAIT: Millis = 60_000;

const FAILING = 'calls to this webhook fail, and are repeated';
const DISABLED = 'disabled: it took no call for five days; register it again';

type Webhook = Shelved<WebhookFields>;
type Verdict = 'taken' | 'failed' | 'untellable';

export class WebhookCourier {
  readonly #parts: DialectParts;
  readonly #http: HttpClient;
  readonly #queues = new Map<string, WebhookQueue>();
  #waking = new AbortController();

  constructor(parts: DialectParts, http: HttpClient) {
    this.#parts = parts;
    this.#http = http;
  }

  /** Webhooks were changed. */
  wake(): void {
    this.#waking.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { journal, clock } = this.#parts.desk;
    const stop = journal.follow((entries) => {
      if (entries.some(({ type }) => EVENT_ENTRIES.includes(type))) this.wake();
    });
    try {
      while (!signal.aborted) {
        this.#waking = new AbortController();
        const woken = this.#waking.signal;
        const wait = await this.#round(signal);
        if (signal.aborted) return;
        await pause(clock, wait, AbortSignal.any([signal, woken]));
      }
    } finally {
      stop();
    }
  }

  /** Answers how long nothing is due. */
  async #round(signal: AbortSignal): Promise<Millis> {
    const webhooks = this.#parts.shelves.webhooks.all();
    for (const id of [...this.#queues.keys()]) {
      if (!webhooks.some((each) => each.id === id)) this.#queues.delete(id);
    }
    try {
      const live = webhooks.filter(({ record }) => record.detail !== DISABLED);
      const waits = await Promise.all(live.map((each) => this.#serve(each, signal)));
      return Math.min(LONGEST_WAIT, ...waits);
    } catch (error) {
      // A full disk has its own alarm; what was not written down is told again.
      if (!(error instanceof StorageError)) throw error;
      return LONGEST_WAIT;
    }
  }

  async #serve(webhook: Webhook, signal: AbortSignal): Promise<Millis> {
    const { clock, journal } = this.#parts.desk;
    const kept = this.#queues.get(webhook.id) ?? queueIn(webhook.record.extra?.['queue']);
    const queue = this.#filled(kept ?? emptyQueue(journal.lastSeq), webhook);
    const due = dueAt(queue, clock.now());
    if (due.length === 0) {
      this.#queues.set(webhook.id, queue);
      return waitOf(queue, clock.now()) ?? LONGEST_WAIT;
    }
    const isFailing = queue.failingSince !== undefined;
    const next = isFailing
      ? await this.#tryAtOnce(queue, due.slice(0, AT_ONCE), webhook, signal)
      : await this.#tryInARow(queue, due.slice(0, IN_A_ROW), webhook, signal);
    // Cut short by a stop: that was no failure of the receiver.
    if (signal.aborted) return 0;
    await this.#keep(webhook.id, next, lossOf(queue, next, webhook.id));
    return waitOf(next, clock.now()) ?? 0;
  }

  #filled(queue: WebhookQueue, { fields }: Webhook): WebhookQueue {
    const { desk } = this.#parts;
    let filled = queue;
    while (filled.waiting.length < WAITING_MOST) {
      const entries = desk.journal.read({ after: filled.seq, types: EVENT_ENTRIES, limit: PAGE });
      const last = entries.at(-1);
      if (last === undefined) break;
      const found = entries.flatMap((entry) =>
        eventsOf(entry, this.#parts, isPrivateTarget(fields.url))
          .filter((event) => wants(fields, event))
          .map(({ event_id }) => ({ seq: entry.seq, event_id })),
      );
      filled = withEvents(filled, last.seq, found, desk.clock.now());
    }
    return filled;
  }

  /** In the order in which it happened, until one fails. */
  async #tryInARow(
    queue: WebhookQueue,
    due: readonly QueuedEvent[],
    webhook: Webhook,
    signal: AbortSignal,
  ): Promise<WebhookQueue> {
    let left = queue;
    for (const event of due) {
      const verdict = await this.#try(event, webhook, signal);
      left = this.#after(left, event, verdict);
      if (verdict === 'failed') break;
    }
    return left;
  }

  async #tryAtOnce(
    queue: WebhookQueue,
    due: readonly QueuedEvent[],
    webhook: Webhook,
    signal: AbortSignal,
  ): Promise<WebhookQueue> {
    const verdicts = await Promise.all(due.map((event) => this.#try(event, webhook, signal)));
    // What failed first: a call that was taken then brings the others forward.
    const order = ['failed', 'untellable', 'taken'] as const;
    let left = queue;
    for (const verdict of order) {
      for (const [at, event] of due.entries()) {
        if (verdicts[at] === verdict) left = this.#after(left, event, verdict);
      }
    }
    return left;
  }

  #after(queue: WebhookQueue, event: QueuedEvent, verdict: Verdict): WebhookQueue {
    const now = this.#parts.desk.clock.now();
    if (verdict === 'failed') return failed(queue, event, now);
    if (verdict === 'taken') return taken(queue, event, now);
    return { ...queue, waiting: queue.waiting.filter((each) => each !== event) };
  }

  async #try(event: QueuedEvent, { fields }: Webhook, signal: AbortSignal): Promise<Verdict> {
    const { journal, clock } = this.#parts.desk;
    const { url, secret, webhook_id } = fields;
    const entry = journal.entry(event.seq);
    const told = entry === undefined ? [] : eventsOf(entry, this.#parts, isPrivateTarget(url));
    const body = told.find(({ event_id }) => event_id === event.event_id);
    // Its entry was erased with the retention period, or what it is about is gone.
    if (body === undefined) return 'untellable';
    if (targetFault(url) !== undefined) return 'failed';
    const text = JSON.stringify(body);
    const over = new AbortController();
    const headers = signedHeaders(secret, messageId(webhook_id, body), clock.now(), text);
    const call = { method: 'POST', url, headers, body: text } as const;
    const answered = new AbortController();
    void pause(clock, ANSWER_WITHIN, AbortSignal.any([signal, answered.signal])).then(() =>
      over.abort(),
    );
    try {
      const reply = await this.#http.send({
        ...call,
        signal: AbortSignal.any([signal, over.signal]),
      });
      return reply.status >= 200 && reply.status < 300 ? 'taken' : 'failed';
    } catch {
      // No route, refused, cut off, too slow, too long: all the same to the schedule.
      return 'failed';
    } finally {
      answered.abort();
    }
  }

  async #keep(id: string, queue: WebhookQueue, entries: readonly Entry[]): Promise<void> {
    const { sync, desk } = this.#parts;
    this.#queues.set(id, queue);
    await sync.alone(async () => {
      const record = sync.record(id);
      if (record === undefined) return;
      const since = queue.failingSince;
      const isOver = since !== undefined && desk.clock.now() - since >= DISABLED_AFTER;
      const next = isOver ? { ...emptyQueue(queue.seq), lost: queue.lost } : queue;
      const extra = { ...record.extra, queue: queueAsJson(next) };
      const changed = sync.changed(record, ...standing(since !== undefined, isOver, extra));
      await sync.applyNow([{ id, record: changed }], { by: BY, entries });
    });
  }
}

function standing(
  isFailing: boolean,
  isOver: boolean,
  extra: VendorRecord['extra'],
): readonly [VendorRecord['state'], Partial<VendorRecord>] {
  const more = extra === undefined ? {} : { extra };
  if (isOver) return ['cannot', { ...more, detail: DISABLED }];
  return isFailing ? ['to-send', { ...more, detail: FAILING }] : ['in-step', more];
}

export function wants({ event_types }: WebhookFields, { event_type }: SiteEvent): boolean {
  return event_types.includes('*') || event_types.includes(event_type);
}

/** The same for every try, so that a receiver knows what it has. */
function messageId(webhook: string, { event_id }: SiteEvent): string {
  return `msg_${webhook.replaceAll('-', '').slice(0, 8)}${event_id.replaceAll('-', '')}`;
}

/** Given up after the last try: told to a person, since nothing else will tell it. */
function lossOf(before: WebhookQueue, after: WebhookQueue, id: string): readonly Entry[] {
  const gone = after.lost - before.lost;
  if (gone === 0) return [];
  const detail = 'events were not taken after all tries; events/list has them';
  return [{ type: 'grant.cannot', body: { vendor: 'seam', what: 'webhook', id, detail, gone } }];
}
