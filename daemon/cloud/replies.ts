/**
 * Replies on their way to the broker. Each that has not been acknowledged there has a mark in the journal, so that a
 * restart between a command and its reply still answers it.
 */
import { z } from 'zod';
import type { Json } from '../access/entry.ts';
import type { EvidenceRow, Journal } from '../store/ports.ts';
import { BrokerError, type BrokerMessage } from './broker.ts';
import { encode, type Reply, replySchema } from './messages.ts';
import { EXPIRY_SECONDS, LARGEST, type Topics } from './topics.ts';

const MARKS = 'cloud.unanswered ';
/** Commands come from the broker, so no more can pile up than it hands us without taking a reply. */
const MOST = 256;

const unansweredSchema = z.object({
  id: z.string(),
  type: z.string(),
  requester: z.string(),
  exp: z.number(),
});
export type Unanswered = z.infer<typeof unansweredSchema>;

/** Publishes when there is a session; rejects with `BrokerError` when there is none. */
export type Publish = (message: BrokerMessage) => Promise<void>;

export class Replies {
  readonly #journal: Pick<Journal, 'command'>;
  readonly #topics: Topics;
  readonly #publish: Publish;
  readonly #open = new Map<string, Unanswered>();
  /** Answered, and still marked. */
  readonly #settled = new Set<string>();
  /** Replies that wait for a session. */
  readonly #waiting = new Map<string, { readonly requester: string; readonly reply: Reply }>();

  constructor(journal: Pick<Journal, 'marks' | 'command'>, topics: Topics, publish: Publish) {
    this.#journal = journal;
    this.#topics = topics;
    this.#publish = publish;
    for (const value of journal.marks(MARKS).values()) {
      const stored = unansweredSchema.safeParse(value).data;
      if (stored !== undefined) this.#open.set(stored.id, stored);
    }
  }

  /** Commands without an acknowledged reply, oldest first. */
  get unanswered(): readonly Unanswered[] {
    return [...this.#open.values()];
  }

  /** Rows that mark the command as unanswered, and others no more; to be committed with the command's own row. */
  opened(command: Unanswered): readonly EvidenceRow[] {
    this.#open.set(command.id, command);
    const [oldest] = this.#open.keys();
    if (this.#open.size > MOST && oldest !== undefined) this.#settle(oldest);
    return [
      ...this.settled(),
      { table: 'mark', name: `${MARKS}${command.id}`, value: { ...command } },
    ];
  }

  /** Rows that take away the marks of what was answered. */
  settled(): readonly EvidenceRow[] {
    const rows = [...this.#settled].map(
      (id): EvidenceRow => ({ table: 'mark', name: `${MARKS}${id}`, value: undefined }),
    );
    this.#settled.clear();
    return rows;
  }

  /** The final reply as it was stored, if there is one. */
  stored(id: string): Reply | undefined {
    return replyFrom(this.#journal.command(id)?.reply);
  }

  /** Sends a final reply, now or when there is a session again. */
  async send(requester: string, reply: Reply): Promise<void> {
    const key = `${reply.id}${reply.dup ? ' dup' : ''}`;
    this.#waiting.set(key, { requester, reply });
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MOST && oldest !== undefined) this.#waiting.delete(oldest);
    await this.#attempt(key);
  }

  /** A word in between (`accepted`); lost where there is no session, since the final reply says all. */
  async sendInterim(requester: string, reply: Reply): Promise<void> {
    await this.#handOver(requester, reply);
  }

  /** After each connect. */
  async flush(): Promise<void> {
    await Promise.all([...this.#waiting.keys()].map((key) => this.#attempt(key)));
  }

  async #attempt(key: string): Promise<void> {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    if (!(await this.#handOver(waiting.requester, waiting.reply))) return;
    if (this.#waiting.get(key) === waiting) this.#waiting.delete(key);
    this.#settle(waiting.reply.id);
  }

  #settle(id: string): void {
    if (this.#open.delete(id)) this.#settled.add(id);
  }

  async #handOver(requester: string, reply: Reply): Promise<boolean> {
    let payload = encode(reply);
    if (payload.length > LARGEST.reply) {
      payload = encode({ ...reply, data: { result: 'done', truncated: true } });
    }
    try {
      await this.#publish({
        topic: this.#topics.reply(requester),
        payload,
        qos: 1,
        retain: false,
        expirySeconds: EXPIRY_SECONDS.reply,
        contentType: 'application/json',
        correlation: reply.id,
      });
      return true;
    } catch (problem) {
      if (problem instanceof BrokerError) return false;
      throw problem;
    }
  }
}

function replyFrom(stored: Json | undefined): Reply | undefined {
  const read = replySchema.safeParse(stored);
  return read.success ? { ...read.data, data: plain(read.data.data) } : undefined;
}

function plain(data: Record<string, unknown>): Reply['data'] {
  return JSON.parse(JSON.stringify(data)) as Reply['data'];
}
