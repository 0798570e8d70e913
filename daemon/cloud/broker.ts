/**
 * The port to an MQTT broker: one call is one connection attempt, and a session that ended is never revived.
 * `daemon/platform/mqtt-broker.ts` is the real one; trying again is `reconnect.ts`'s.
 */
import type { Millis } from '../../drivers/contract/time.ts';

/** Properties of MQTT 5 are a courtesy to others: nothing that matters here rides on them. */
export interface BrokerMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly expirySeconds?: number;
  readonly contentType?: string;
  readonly correlation?: string;
}

export interface ReceivedMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Served from the broker's memory, or published as such: how old it is nobody knows. */
  readonly retain: boolean;
  readonly duplicate: boolean;
}

export interface BrokerListener {
  /**
   * The broker's acknowledgement (PUBACK) is sent once this resolves, in the order of arrival. Called in that order
   * too, for up to `SessionOptions.atOnce` messages before the first of them has resolved. Must not wait for the
   * acknowledgement of a publish: none arrives while no more may be handed over. A rejection ends the session,
   * unacknowledged.
   */
  message(message: ReceivedMessage): Promise<void>;
  /** Exactly once, and nothing after it. */
  closed(why: BrokerError): void;
}

/** What the broker said when it let us in. */
export interface SessionFacts {
  readonly protocol: 'mqtt-5' | 'mqtt-3.1.1';
  readonly sessionPresent: boolean;
  /** Bytes of a whole packet; larger ones are refused here, before they are sent. */
  readonly maximumPacket: number;
  readonly sharedSubscriptions: boolean;
}

export interface BrokerSession {
  readonly facts: SessionFacts;
  /** Resolves once acknowledged (QoS 1) or handed to the socket (QoS 0). Rejects with `BrokerError`. */
  publish(message: BrokerMessage): Promise<void>;
  subscribe(filters: readonly string[], withRetained?: boolean): Promise<void>;
  /** Says goodbye (no will) and closes; `closed` is told with code `closed`. */
  close(): Promise<void>;
}

export interface SessionOptions {
  readonly clientId: string;
  /** Published by the broker when we vanish. */
  readonly will?: BrokerMessage;
  readonly willDelaySeconds: number;
  /** Subscribed at once, QoS 1, with no retained copies where the broker can do without (MQTT 5). */
  readonly subscriptions: readonly string[];
  /** Also gives the retained messages of these at once; for the cloud's side. */
  readonly retainedSubscriptions?: readonly string[];
  /** 0: nothing is kept for us while we are away. */
  readonly sessionExpirySeconds: number;
  readonly receiveMaximum: number;
  /** Messages that may be with the listener at a time. Default 1: each is dealt with before the next is handed over. */
  readonly atOnce?: number;
  readonly keepAliveSeconds: number;
  readonly connectWithin: Millis;
}

export interface Broker {
  /** For people: the address without password. */
  readonly name: string;
  /** One attempt. Rejects with `BrokerError`; aborting the signal ends the attempt or the session. */
  connect(
    options: SessionOptions,
    listener: BrokerListener,
    signal: AbortSignal,
  ): Promise<BrokerSession>;
}

export type BrokerErrorCode =
  | 'unreachable' // no such host, refused, timed out, TLS failed
  | 'not-authorised' // bad credentials or not allowed (0x86, 0x87)
  | 'taken-over' // another client has our id (0x8E)
  | 'too-large' // this one message (0x95)
  | 'busy' // quota, rate, server busy (0x89, 0x97, 0x9F)
  | 'moved' // use another server (0x9C, 0x9D)
  | 'refused' // any other refusal by the broker
  | 'closed'; // was open, is no longer

export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly code: BrokerErrorCode;
  constructor(code: BrokerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
