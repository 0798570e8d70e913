/**
 * Lines for the operator on the `log` topic: for somebody who looks on from afar, not evidence. QoS 0, a few a second,
 * what is more is counted and dropped (conventions 1.5). They hold no secret, as none of the log does.
 */
import type { Clock } from '../../drivers/contract/time.ts';
import type { JsonObject, Stamp } from '../access/entry.ts';
import { BrokerError } from './broker.ts';
import { encode, type WireLogLine } from './messages.ts';
import { Pace } from './pace.ts';
import type { Publish } from './replies.ts';
import { EXPIRY_SECONDS, LARGEST, type Topics } from './topics.ts';

export interface PublishedLogParts {
  readonly topics: Topics;
  readonly clock: Clock;
  readonly stamp: () => Stamp;
  readonly publish: Publish;
}

const LINES_PER_SECOND = 5;

export class PublishedLog {
  readonly #parts: PublishedLogParts;
  readonly #pace: Pace;
  #dropped = 0;

  constructor(parts: PublishedLogParts) {
    this.#parts = parts;
    this.#pace = new Pace(parts.clock, LINES_PER_SECOND);
  }

  put(event: string, fields: JsonObject): void {
    if (this.#pace.take() > 0) {
      this.#dropped += 1;
      return;
    }
    const { stamp, topics, publish } = this.#parts;
    const dropped = this.#dropped === 0 ? {} : { dropped: this.#dropped };
    const line: WireLogLine = { v: 1, ts: stamp().at, event, fields, ...dropped };
    const whole = encode(line);
    const payload = whole.length <= LARGEST.log ? whole : encode({ ...line, fields: {} });
    this.#dropped = 0;
    publish({
      topic: topics.log,
      payload,
      qos: 0,
      retain: false,
      expirySeconds: EXPIRY_SECONDS.log,
      contentType: 'application/json',
    }).catch((problem: unknown) => {
      if (!(problem instanceof BrokerError)) throw problem;
    });
  }
}
