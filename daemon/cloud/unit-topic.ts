/**
 * Two units of one site meet at the broker: whoever acts leaves a retained claim there, signed with the bridge's key,
 * which a spare gets with the hand-over. The broker can neither forge a claim nor make an old one win.
 */
import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { claimIn, type UnitClaim } from '../store/unit.ts';
import { BrokerError, type BrokerMessage, type BrokerSession } from './broker.ts';
import type { SigningKey } from './jose.ts';
import { parseJson, signNow, verifyCompact } from './jws.ts';
import type { Topics } from './topics.ts';

const UNIT_TYP = 'kb-unit+jws';
const LONGEST = 1024;
const audSchema = z.object({ aud: z.string() });

export interface UnitTopicParts {
  readonly topics: Topics;
  readonly key: SigningKey;
  readonly claim: UnitClaim;
  /** Another claims to act; `false`: this one must not any more. */
  readonly met: (other: UnitClaim) => Promise<boolean>;
  readonly log: (event: string, fields: { readonly [name: string]: string | number }) => void;
}

export class UnitTopic {
  readonly #parts: UnitTopicParts;
  #isFenced = false;

  constructor(parts: UnitTopicParts) {
    this.#parts = parts;
  }

  /** Whether the message was for here. */
  async receive(message: {
    readonly topic: string;
    readonly payload: Uint8Array;
  }): Promise<boolean> {
    const { topics, met } = this.#parts;
    if (message.topic !== topics.unit) return false;
    const other = message.payload.length > LONGEST ? undefined : this.#read(message.payload);
    if (other !== undefined && !(await met(other))) this.#isFenced = true;
    return true;
  }

  /** A list of a broker that knows no such topic lets nobody meet there, and keeps nobody from working. */
  async look(session: BrokerSession): Promise<void> {
    try {
      await session.subscribe([this.#parts.topics.unit], true);
    } catch (problem) {
      if (!(problem instanceof BrokerError)) throw problem;
      this.#parts.log('unit-topic-refused', { message: problem.message });
    }
  }

  /** After the retained claim of another has had its turn. */
  async claim(session: BrokerSession): Promise<void> {
    if (this.#isFenced) return;
    try {
      await session.publish(this.#message());
    } catch (problem) {
      if (!(problem instanceof BrokerError)) throw problem; // told again with the next session
    }
  }

  #message(): BrokerMessage {
    const { topics, key, claim } = this.#parts;
    const token = signNow({ v: 1, aud: topics.bridge, ...claim }, UNIT_TYP, key);
    return {
      topic: topics.unit,
      payload: Buffer.from(token),
      qos: 1,
      retain: true,
      contentType: 'application/jose',
    };
  }

  #read(payload: Uint8Array): UnitClaim | undefined {
    const { key, topics } = this.#parts;
    const own = createPublicKey(key.key);
    const read = verifyCompact(Buffer.from(payload).toString('latin1'), UNIT_TYP, (kid) =>
      kid === key.kid ? own : undefined,
    );
    if (read.kind !== 'verified') return undefined;
    const value = parseJson(read.payload);
    const aud = audSchema.safeParse(value);
    return aud.success && aud.data.aud === topics.bridge ? claimIn(value) : undefined;
  }
}
