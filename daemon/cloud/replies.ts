/**
 * Replies on their way to the broker. What has not been acknowledged there is named in the journal (mark
 * `cloud.unanswered`), so that a restart between a command and its reply still answers it.
 */
import { z } from 'zod';
import type { Json } from '../access/entry.ts';
import type { EvidenceRow, Journal } from '../store/ports.ts';
import { BrokerError, type BrokerMessage } from './broker.ts';
import { encode, type Reply, replySchema } from './messages.ts';
import { EXPIRY_SECONDS, LARGEST, type Topics } from './topics.ts';

const MARK = 'cloud.unanswered';
/** Commands come from the broker, so no more can pile up than it hands us without taking a reply. */
const MOST = 256;

const unansweredSchema = z.array(
  z.object({ id: z.string(), type: z.string(), requester: z.string(), exp: z.number() }),
);
export type Unanswered = z.infer<typeof unansweredSchema>[number];

/** Publishes when there is a session; rejects with `BrokerError` when there is none. */
export type Publish = (message: BrokerMessage) => Promise<void>;

export class Replies {
  readonly #journal: Pick<Journal, 'mark' | 'command'>;
  readonly #topics: Topics;
  readonly #publish: Publish;
  readonly #open: Map<string, Unanswered>;
  /** Replies that wait for a session. */
  readonly #waiting = new Map<string, { readonly requester: string; readonly reply: Reply }>();

  constructor(journal: Pick<Journal, 'mark' | 'command'>, topics: Topics, publish: Publish) {
    this.#journal = journal;
    this.#topics = topics;
    this.#publish = publish;
    const stored = unansweredSchema.safeParse(journal.mark(MARK));
    this.#open = new Map((stored.data ?? []).map((each) => [each.id, each]));
  }

  /** Commands without an acknowledged reply, oldest first. */
  get unanswered(): readonly Unanswered[] {
    return [...this.#open.values()];
  }

  /** Row that names the command as unanswered; to be committed with the command's own row. */
  opened(command: Unanswered): EvidenceRow {
    this.#open.set(command.id, command);
    const [oldest] = this.#open.keys();
    if (this.#open.size > MOST && oldest !== undefined) this.#open.delete(oldest);
    return this.row;
  }

  /** What is unanswered now, for the journal. */
  get row(): EvidenceRow {
    return { table: 'mark', name: MARK, value: [...this.#open.values()] };
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
    this.#open.delete(waiting.reply.id);
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

export function replyFrom(stored: Json | undefined): Reply | undefined {
  const read = replySchema.safeParse(stored);
  return read.success ? { ...read.data, data: plain(read.data.data) } : undefined;
}

function plain(data: Record<string, unknown>): Reply['data'] {
  return JSON.parse(JSON.stringify(data)) as Reply['data'];
}
