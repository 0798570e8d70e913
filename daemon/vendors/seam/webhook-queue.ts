/** What one webhook is still to be told, and how far the journal was read for it. Pure. */
import { z } from 'zod';
import { toJson } from '../../access/body.ts';
import type { Json } from '../../access/entry.ts';
import { pauseAfter } from './svix.ts';

const itemSchema = z.object({
  /** Of the entry that the event is derived from again. */
  seq: z.number(),
  event_id: z.string(),
  /** Tries that failed. */
  failures: z.number(),
  /** Milliseconds since 1970 of the next try. */
  due: z.number(),
});
export type QueuedEvent = Readonly<z.infer<typeof itemSchema>>;

const queueSchema = z.object({
  seq: z.number(),
  waiting: z.array(itemSchema),
  /** Since when nothing was taken. */
  failingSince: z.number().optional(),
  /** Events that were tried for the last time and not taken. */
  lost: z.number().default(0),
});
export type WebhookQueue = Readonly<z.infer<typeof queueSchema>>;

/** More than this wait in the journal, which keeps them as well. */
export const WAITING_MOST = 500;
/** No pause is longer; a wall clock that went back must not hold anything for years. */
const LONGEST_PAUSE = 10 * 3_600_000;

export function emptyQueue(seq: number): WebhookQueue {
  return { seq, waiting: [], lost: 0 };
}

export function queueIn(value: Json | undefined): WebhookQueue | undefined {
  return queueSchema.safeParse(value).data;
}

export function queueAsJson(queue: WebhookQueue): Json {
  return toJson(queue);
}

/** The entries up to `seq` were read, and brought these events. */
export function withEvents(
  queue: WebhookQueue,
  seq: number,
  found: readonly { readonly seq: number; readonly event_id: string }[],
  now: number,
): WebhookQueue {
  const fresh = found.map((each) => ({ ...each, failures: 0, due: now }));
  return { ...queue, seq, waiting: [...queue.waiting, ...fresh] };
}

export function dueAt({ waiting }: WebhookQueue, now: number): readonly QueuedEvent[] {
  return waiting.filter(({ due }) => due <= now || due > now + LONGEST_PAUSE);
}

/** Milliseconds; `undefined` when nothing waits. */
export function waitOf({ waiting }: WebhookQueue, now: number): number | undefined {
  const first = waiting.reduce((least, { due }) => Math.min(least, due), Number.POSITIVE_INFINITY);
  return waiting.length === 0 ? undefined : Math.max(0, Math.min(first - now, LONGEST_PAUSE));
}

/** It was taken, or cannot be told any more. A call that was taken shows that the others may be tried at once too. */
export function taken(queue: WebhookQueue, event: QueuedEvent, now: number): WebhookQueue {
  const { failingSince, waiting, ...kept } = queue;
  const others = waiting.filter((each) => each !== event);
  if (failingSince === undefined) return { ...kept, waiting: others };
  return { ...kept, waiting: others.map((each) => ({ ...each, due: Math.min(each.due, now) })) };
}

/** Put off, or left out once it was tried often enough. */
export function failed(queue: WebhookQueue, event: QueuedEvent, now: number): WebhookQueue {
  const failures = event.failures + 1;
  const pause = pauseAfter(failures);
  const waiting = queue.waiting.flatMap((each) => {
    if (each !== event) return [each];
    return pause === undefined ? [] : [{ ...event, failures, due: now + pause }];
  });
  const lost = queue.lost + (pause === undefined ? 1 : 0);
  return { ...queue, waiting, lost, failingSince: queue.failingSince ?? now };
}
