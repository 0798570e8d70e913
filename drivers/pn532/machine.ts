/** The talk with a PN532: wake it, set it up, then ask again and again which cards lie in its field. */
import type { Actuation, DeviceEvent, DeviceId } from '../contract/device.ts';
import type { BusFacts, Input, Machine, Send, Step } from '../contract/machine.ts';
import { type Millis, type Uptime, uptime } from '../contract/time.ts';
import { joinBytes, toHex } from '../wire/hex.ts';
import { NOTHING_HELD, receive } from '../wire/receive-buffer.ts';
import {
  cardsIn,
  encodePn532,
  FIRMWARE,
  LIST_CARDS,
  PN532_MOST,
  type Pn532Frame,
  RELEASE_ALL,
  scanPn532,
  WAKE,
} from './frame.ts';
import { asleep, type Pn532State, SETUP } from './state.ts';

export interface Pn532Talk {
  readonly device: DeviceId;
  readonly pollEvery: Millis;
  readonly rearm: Millis;
}

/** From the end of a request to its ACK, and to its answer; both with room for our own lateness. */
const ACK_WITHIN: Millis = 15 + 50;
const ANSWER_WITHIN: Millis = 1000;
const MISSES_OFFLINE = 3;
const BACKOFF: Millis = 1000;
const READ_STATE_WITHIN: Millis = 1500;

export function pn532Machine(
  talk: Pn532Talk,
  bus: Pick<BusFacts, 'latencyMs'>,
): Machine<Pn532State> {
  return {
    begin: (now) => ({ state: asleep(now), send: [], events: [], wakeAt: undefined }),
    step: (state, input, now) => new Turn(talk, bus.latencyMs, state, now).take(input),
    statistics: (state) => new Map([[talk.device, state.statistics]]),
  };
}

/** One step, on a copy of the state. */
class Turn {
  readonly #talk: Pn532Talk;
  readonly #latency: Millis;
  readonly #now: Uptime;
  readonly #events: DeviceEvent[] = [];
  readonly #send: Send[] = [];
  #state: Pn532State;

  constructor(talk: Pn532Talk, latency: Millis, state: Pn532State, now: Uptime) {
    this.#talk = talk;
    this.#latency = latency;
    this.#state = state;
    this.#now = now;
  }

  take(input: Input): Step<Pn532State> {
    switch (input.kind) {
      case 'link-up':
        this.#state = { ...this.#state, isUp: true };
        break;
      case 'link-down':
        this.#linkDown();
        break;
      case 'bytes':
        this.#hear(input.bytes);
        break;
      case 'sent':
        this.#waitFor(ACK_WITHIN, input.at);
        break;
      case 'actuation':
        this.#ask(input.actuation);
        break;
      case 'withdraw':
      case 'wake':
      case 'notified':
      case 'value':
      case 'gatt-failed':
        break;
      default:
        input satisfies never;
    }
    if (this.#state.isUp) {
      this.#timeOut();
      this.#speak();
    }
    return {
      state: this.#state,
      send: this.#send,
      events: this.#events,
      wakeAt: this.#state.isUp ? this.#wakeAt() : undefined,
    };
  }

  #ask(actuation: Actuation): void {
    if (actuation.kind === 'feedback') return;
    if (actuation.kind === 'read-state' && this.#state.isOnline) {
      const until = uptime(this.#now + READ_STATE_WITHIN);
      const rereading = [...this.#state.rereading, { actuation, until }];
      this.#state = { ...this.#state, rereading, seen: new Map(), nextAt: this.#now };
    } else if (actuation.kind === 'identify' && this.#state.isOnline) {
      this.#identify();
      this.#result(actuation, 'done', true);
    } else {
      const why = this.#state.isOnline ? 'this reader only reads' : 'the reader does not answer';
      this.#result(actuation, 'refused', false, why);
    }
  }

  #speak(): void {
    const { inFlight, nextAt, setupAt, mustRelease, statistics } = this.#state;
    if (inFlight !== undefined || this.#now < nextAt) return;
    const command = SETUP[setupAt] ?? (mustRelease ? RELEASE_ALL : LIST_CARDS);
    const bytes = encodePn532(command);
    // It may sleep before its first command, whatever we believe.
    this.#send.push({ kind: 'bytes', bytes: setupAt === 0 ? joinBytes(WAKE, bytes) : bytes });
    this.#state = {
      ...this.#state,
      inFlight: { command, deadline: undefined, isAcked: false },
      held: NOTHING_HELD,
      statistics: { ...statistics, polls: statistics.polls + 1 },
    };
  }

  /** Not before the request has left, and not anew where its ACK has come already. */
  #waitFor(length: Millis, from = this.#now): void {
    const { inFlight } = this.#state;
    if (inFlight === undefined) return;
    const deadline = uptime(from + length + this.#latency);
    this.#state = { ...this.#state, inFlight: { ...inFlight, deadline } };
    if (length === ACK_WITHIN && inFlight.isAcked) this.#waitFor(ANSWER_WITHIN);
  }

  #hear(bytes: Uint8Array): void {
    const { held, statistics } = this.#state;
    const received = receive(held, bytes, scanPn532, PN532_MOST);
    this.#state = {
      ...this.#state,
      held: received.held,
      statistics: {
        ...statistics,
        // The zeros that begin and end each frame are no noise.
        checksumErrors: statistics.checksumErrors + received.checksumErrors,
      },
    };
    for (const frame of received.frames) this.#takeFrame(frame);
  }

  #takeFrame(frame: Pn532Frame): void {
    const { inFlight } = this.#state;
    if (inFlight === undefined) return;
    if (frame.kind === 'ack') {
      this.#state = { ...this.#state, inFlight: { ...inFlight, isAcked: true } };
      if (inFlight.deadline !== undefined) this.#waitFor(ANSWER_WITHIN);
      return;
    }
    if (frame.kind === 'error' || frame.kind === 'nack') {
      this.#missed();
      return;
    }
    if (frame.kind !== 'answer' || frame.code !== (inFlight.command[0] ?? 0) + 1) return;
    this.#answered(inFlight.command, frame.data);
  }

  #answered(command: Uint8Array, data: Uint8Array): void {
    const { statistics, setupAt } = this.#state;
    this.#state = {
      ...this.#state,
      inFlight: undefined,
      misses: 0,
      nextAt: this.#now,
      statistics: { ...statistics, replies: statistics.replies + 1, lastSeen: this.#now },
    };
    if (setupAt < SETUP.length) {
      const [, version = 0, revision = 0] = data;
      const firmware = command === FIRMWARE ? `${version}.${revision}` : this.#state.firmware;
      // A card found by an answer that was lost is not found again before it is let go.
      this.#state = { ...this.#state, setupAt: setupAt + 1, firmware, mustRelease: true };
      if (setupAt + 1 === SETUP.length) this.#ready();
      return;
    }
    if (command === RELEASE_ALL) {
      const nextAt = uptime(this.#now + this.#talk.pollEvery);
      this.#state = { ...this.#state, mustRelease: false, nextAt };
      return;
    }
    this.#found(cardsIn(data));
  }

  #ready(): void {
    const { device } = this.#talk;
    this.#events.push({ device, kind: 'online' });
    if (this.#state.wasOffline) {
      const detail = 'the reader answers';
      this.#events.push({ device, kind: 'fault', fault: 'silent', state: 'cleared', detail });
    }
    this.#state = { ...this.#state, isOnline: true, wasOffline: false };
    this.#identify();
  }

  #identify(): void {
    const { device } = this.#talk;
    const { firmware } = this.#state;
    this.#events.push({ device, kind: 'identity', model: 'PN532', serial: '', firmware });
  }

  /** `undefined`: an answer that contradicts itself; whatever it was about is not found again before it is let go. */
  #found(found: readonly Uint8Array[] | undefined): void {
    const { rearm, pollEvery } = this.#talk;
    const seen = new Map([...this.#state.seen].filter(([, at]) => this.#now - at < rearm));
    const cards = found ?? [];
    for (const card of cards) {
      // A phone that lies there says another number at each look, and is told once all the same.
      const name = isRandom(card) ? 'random' : toHex(card);
      if (!seen.has(name)) this.#tell(card);
      seen.set(name, this.#now);
    }
    const mustRelease = found === undefined || cards.length > 0;
    const nextAt = mustRelease ? this.#now : uptime(this.#now + pollEvery);
    this.#state = { ...this.#state, seen, mustRelease, nextAt };
    if (cards.length === 0) return;
    for (const { actuation } of this.#state.rereading) this.#result(actuation, 'done', true);
    this.#state = { ...this.#state, rereading: [] };
  }

  /** A phone draws another number each time, so that it can be nobody's. */
  #tell(card: Uint8Array): void {
    const { device } = this.#talk;
    const bitCount = card.length * 8;
    if (isRandom(card)) {
      const fault = 'a random number, as phones give';
      this.#events.push({ device, kind: 'card-malformed', bitCount, fault });
    } else {
      const technology = 'iso14443a';
      this.#events.push({ device, kind: 'card-read', technology, bits: card, bitCount });
    }
  }

  #timeOut(): void {
    const { inFlight, rereading, statistics } = this.#state;
    for (const { actuation, until } of rereading) {
      if (until <= this.#now) this.#result(actuation, 'done', false, 'nothing in the field');
    }
    this.#state = { ...this.#state, rereading: rereading.filter(({ until }) => until > this.#now) };
    if (inFlight?.deadline === undefined || this.#now < inFlight.deadline) return;
    const timeouts = statistics.timeouts + 1;
    this.#state = { ...this.#state, statistics: { ...statistics, timeouts } };
    this.#missed();
  }

  /** Whatever it was, it is woken and set up again. */
  #missed(): void {
    const misses = this.#state.misses + 1;
    const isOver = misses >= MISSES_OFFLINE;
    const nextAt = uptime(this.#now + (isOver ? BACKOFF : this.#talk.pollEvery));
    const again = { inFlight: undefined, setupAt: 0, mustRelease: false, held: NOTHING_HELD };
    this.#state = { ...this.#state, ...again, misses, nextAt };
    if (isOver) this.#offline();
  }

  #offline(): void {
    const { isOnline, wasOffline, rereading } = this.#state;
    const { device } = this.#talk;
    if (wasOffline) return;
    const detail = 'no answer to its wake-up';
    if (isOnline) this.#events.push({ device, kind: 'offline', why: 'does not answer' });
    this.#events.push({ device, kind: 'fault', fault: 'silent', state: 'raised', detail });
    for (const { actuation } of rereading) this.#result(actuation, 'failed', false, detail);
    this.#state = {
      ...this.#state,
      isOnline: false,
      wasOffline: true,
      rereading: [],
      seen: new Map(),
    };
  }

  #linkDown(): void {
    const why = 'the link closed';
    for (const { actuation } of this.#state.rereading)
      this.#result(actuation, 'failed', false, why);
    if (this.#state.isOnline)
      this.#events.push({ device: this.#talk.device, kind: 'offline', why });
    this.#state = { ...asleep(this.#now), statistics: this.#state.statistics };
  }

  #result(
    { id, device }: Actuation,
    result: 'done' | 'failed' | 'refused',
    observed: boolean,
    detail?: string,
  ): void {
    this.#events.push({
      device,
      kind: 'actuation-result',
      actuation: id,
      result,
      sent: false,
      acknowledged: observed,
      observed,
      ...(detail !== undefined && { detail }),
    });
  }

  #wakeAt(): Uptime | undefined {
    const { inFlight, nextAt, rereading } = this.#state;
    const next = inFlight === undefined ? nextAt : (inFlight.deadline ?? Number.POSITIVE_INFINITY);
    const wakeAt = Math.min(next, ...rereading.map(({ until }) => until));
    return Number.isFinite(wakeAt) ? uptime(Math.max(wakeAt, this.#now)) : undefined;
  }
}

/** As ISO 14443-3 has it for a chip that will not be known again. */
function isRandom(card: Uint8Array): boolean {
  return card.length === 4 && card[0] === 0x08;
}
