/** One step of the talk on a bus: what an input makes of it, and what is sent next. */
import type { Actuation, DeviceEvent, DeviceFault } from '../contract/device.ts';
import type { Input, Step } from '../contract/machine.ts';
import { type Millis, type Uptime, uptime } from '../contract/time.ts';
import type { Answer, Board } from './board.ts';
import { clearFaults, raiseFault, suspect } from './board-fault.ts';
import * as health from './board-health.ts';
import * as reading from './board-reading.ts';
import * as one from './board-state.ts';
import type { BusFactsOf, BusState, InFlight } from './bus-state.ts';
import { answeredAlone, echoOf, expectNothing, hearEcho, isEchoKnown } from './echo-watch.ts';
import { goneAt, heardForeign, NOBODY_ELSE } from './foreign-master.ts';
import { nextRequest } from './next-request.ts';
import { giveUp, NOTHING_HELD, type Received, receive, wireMs } from './receive-buffer.ts';

/** Event loop and adapter may be this late without the board being to blame. */
const SLACK: Millis = 50;
/** After a time-out the bus is left alone until nothing has come for this long, at most so long. */
const DRAIN: Millis = 20;
const DRAIN_MOST: Millis = 300;

const ECHO_WRONG = 'our own bytes come back changed, or not at all';

/** It works on a copy of the state, so that the machine as a whole stays a function. */
export class Turn<Frame> {
  readonly #facts: BusFactsOf<Frame>;
  readonly #now: Uptime;
  readonly #events: DeviceEvent[] = [];
  /** Those of the state until the first of them changes, then a copy. */
  #boards: readonly one.BoardState<Frame>[];
  #bus: BusState<Frame>;
  #request: Uint8Array | undefined;

  constructor(facts: BusFactsOf<Frame>, before: BusState<Frame>, now: Uptime) {
    this.#facts = facts;
    this.#bus = before;
    this.#boards = before.boards;
    this.#now = now;
  }

  take(input: Input): Step<BusState<Frame>> {
    switch (input.kind) {
      case 'link-up':
        this.#bus = { ...this.#bus, isUp: true };
        break;
      case 'link-down':
        this.#linkDown();
        break;
      case 'bytes':
        this.#hear(input.bytes);
        break;
      case 'sent':
        this.#hasLeft(input.at ?? this.#now);
        break;
      case 'actuation':
        this.#ask(input.actuation);
        break;
      case 'withdraw':
        this.#each((_, state) => one.withdrawn(state, input.actuation));
        break;
      case 'wake':
      case 'notified':
      case 'value':
      case 'gatt-failed':
        break;
      default:
        input satisfies never;
    }
    if (this.#bus.isUp) {
      this.#timeOut();
      this.#each((board, state) => reading.judge(board, state, this.#now));
      this.#forgive();
      this.#speak();
    }
    return {
      state: { ...this.#bus, boards: this.#boards },
      send: this.#request === undefined ? [] : [{ kind: 'bytes', bytes: this.#request }],
      events: this.#events,
      wakeAt: this.#bus.isUp ? this.#wakeAt() : undefined,
    };
  }

  // Towards the boards.

  #ask(actuation: Actuation): void {
    const index = this.#facts.boards.findIndex(({ device }) => device === actuation.device);
    this.#on(index, (board, state) => one.asked(board, state, actuation, this.#now));
  }

  #speak(): void {
    const { inFlight, isLeaving, quietUntil, turn, echo } = this.#bus;
    if (inFlight !== undefined || isLeaving || this.#now < quietUntil) return;
    // Where a reply equals its request it could be our own echo: nothing moves before the adapter is known.
    const mayMove = isEchoKnown(echo);
    const request = nextRequest(this.#facts.boards, this.#boards, turn, mayMove, this.#now);
    if (request === undefined) return;
    this.#giveUp();
    const { board, exchange } = request;
    this.#on(board, (_, state) => ({ state: request.leaving(state), events: [] }));
    this.#request = exchange.bytes;
    this.#bus = {
      ...this.#bus,
      inFlight: { ...request, since: this.#now, deadline: undefined, isGarbled: false },
      isLeaving: true,
      echo: echoOf(this.#bus.echo, exchange.bytes, exchange.isProbe),
      turn: (board + 1) % this.#boards.length,
    };
  }

  #hasLeft(at: Uptime): void {
    const { inFlight } = this.#bus;
    this.#bus = { ...this.#bus, isLeaving: false };
    if (inFlight === undefined || inFlight.deadline !== undefined) {
      this.#quiet(this.#facts.protocol.gap, at);
      return;
    }
    const { exchange } = inFlight;
    this.#pulsed(inFlight, at);
    if (exchange.replyBytes === 0) {
      this.#bus = { ...this.#bus, inFlight: undefined };
      this.#quiet(this.#facts.protocol.gap, at);
      return;
    }
    const { baudRate, latencyMs } = this.#facts.bus;
    const within = exchange.within + wireMs(exchange.replyBytes, baudRate) + latencyMs + SLACK;
    this.#bus = {
      ...this.#bus,
      inFlight: { ...inFlight, deadline: uptime(at + within) },
    };
  }

  #pulsed({ board: index, opening }: InFlight<Frame>, at: Uptime): void {
    if (opening === undefined) return;
    this.#on(index, (board, state) => ({
      state: one.hasLeft(board, state, opening, at),
      events: [],
    }));
  }

  // From the boards.

  #hear(bytes: Uint8Array): void {
    const { protocol } = this.#facts;
    const isProbe = this.#bus.inFlight?.exchange.isProbe ?? false;
    const { watch, rest, verdict } = hearEcho(this.#bus.echo, bytes, isProbe);
    this.#bus = { ...this.#bus, echo: watch };
    if (verdict === 'mismatch') this.#everywhere('echo-mismatch', ECHO_WRONG);
    else if (verdict === 'well') this.#nowhere('echo-mismatch', 'our own bytes come back as sent');
    const received = receive(
      this.#bus.held,
      rest,
      (held) => protocol.scan(held, false),
      protocol.most,
    );
    this.#bus = { ...this.#bus, held: received.held };
    if (this.#bus.inFlight === undefined && this.#now < this.#bus.drainUntil) this.#quiet(DRAIN);
    this.#takeAll(received, rest);
  }

  #takeAll({ frames, noiseBytes, checksumErrors }: Received<Frame>, from: Uint8Array): void {
    const { inFlight } = this.#bus;
    // What an idle line without bias gives is no garbage of anybody's.
    const isGarbage = noiseBytes > 0 && from.some((byte) => byte !== 0x00 && byte !== 0xff);
    if (isGarbage && inFlight !== undefined) {
      this.#bus = { ...this.#bus, inFlight: { ...inFlight, isGarbled: true } };
    }
    // What is no frame has no sender; it is counted where a reply was due, else with the first board.
    this.#on(inFlight?.board ?? 0, (_, state) => ({
      state: {
        ...state,
        statistics: {
          ...state.statistics,
          noiseBytes: state.statistics.noiseBytes + noiseBytes,
          checksumErrors: state.statistics.checksumErrors + checksumErrors,
        },
      },
      events: [],
    }));
    for (const frame of frames) this.#takeFrame(frame);
  }

  #takeFrame(frame: Frame): void {
    const { inFlight } = this.#bus;
    const speaker = this.#facts.protocol.speaker(frame);
    if (speaker === 'host') {
      this.#foreign();
      return;
    }
    const index = this.#facts.boards.findIndex(({ address }) => address === speaker);
    const answer =
      inFlight === undefined || inFlight.board !== index
        ? undefined
        : inFlight.exchange.answer(frame);
    if (inFlight === undefined || answer === undefined) {
      this.#unasked(index, frame);
      return;
    }
    if (inFlight.exchange.isProbe) {
      this.#bus = { ...this.#bus, echo: answeredAlone(this.#bus.echo) };
    }
    this.#answered(inFlight, answer);
  }

  #answered(inFlight: InFlight<Frame>, answer: Answer<Frame>): void {
    const { board: index, since, deadline, opening } = inFlight;
    if (deadline === undefined) this.#pulsed(inFlight, this.#now);
    this.#bus = { ...this.#bus, inFlight: undefined };
    this.#quiet(this.#facts.protocol.gap);
    const state = this.#boards[index];
    if (state === undefined) return;
    const asOf = reading.answeredAsOf(state, since, this.#now);
    this.#on(index, (board, before) => health.heard(board, before, since, this.#now));
    if (inFlight.purpose === 'open') {
      if (opening === undefined) return;
      this.#on(index, (board, before) =>
        reading.openingAnswered(board, before, opening.id, answer, this.#now),
      );
      return;
    }
    this.#on(index, (board, before) => {
      switch (answer.kind) {
        case 'reading':
          return reading.readAs(board, before, answer.reading, asOf, this.#now);
        case 'acknowledged':
        case 'declined':
          return reading.setUp(board, before, {}, this.#now);
        case 'next':
          return reading.setUp(board, before, answer, this.#now);
        case 'unsafe':
          return health.isUnsafe(board, before, answer.fault, answer.detail, this.#now);
        case 'refused':
          // It may be busy: what moves nothing is asked again before the board is given up.
          return state.attempts < board.timing.retries
            ? health.refusedOnce(board, before, state.attempts, this.#now)
            : health.isUnsafe(board, before, 'refusing', answer.detail, this.#now);
        default:
          return answer satisfies never;
      }
    });
    // Openings wait until the adapter is known: it is found out now, not at the next regular reading.
    if (!isEchoKnown(this.#bus.echo)) {
      this.#on(index, (_, before) => ({ state: one.readSoon(before, this.#now), events: [] }));
    }
  }

  /** A board that speaks by itself, a late reply, or a second board with the same address. */
  #unasked(index: number, frame: Frame): void {
    this.#on(index, (board, state) => {
      const said = board.unasked(frame);
      if (said !== undefined) {
        if (state.presence !== 'online') return { state, events: [] };
        return reading.readAs(board, state, said, this.#now, this.#now);
      }
      if (this.#now < state.lateUntil) return { state, events: [] };
      return suspect(board, state, {
        fault: 'address-clash',
        detail: `address ${board.address} answers twice: two boards may have it`,
      });
    });
  }

  #giveUp(): void {
    const over = giveUp(this.#bus.held, (held) => this.#facts.protocol.scan(held, true));
    const { held } = this.#bus;
    this.#bus = { ...this.#bus, held: NOTHING_HELD };
    this.#takeAll(over, held);
  }

  #timeOut(): void {
    const { inFlight } = this.#bus;
    if (inFlight?.deadline === undefined || this.#now < inFlight.deadline) return;
    // A beginning that noise made up may have hidden the reply.
    this.#giveUp();
    const still = this.#bus.inFlight;
    if (still === undefined) return;
    this.#bus = {
      ...this.#bus,
      inFlight: undefined,
      echo: expectNothing(this.#bus.echo),
      drainUntil: uptime(this.#now + DRAIN_MOST),
    };
    this.#quiet(DRAIN);
    const othersAnswer = this.#boards.some(
      ({ presence }, index) => index !== still.board && presence === 'online',
    );
    this.#on(still.board, (board, state) => {
      const { since, isGarbled, purpose } = still;
      if (purpose !== 'open') {
        return health.missed(board, state, { since, isGarbled, othersAnswer }, this.#now);
      }
      return { state: health.openingMissed(state, since, this.#now), events: [] };
    });
  }

  #linkDown(): void {
    const { inFlight, isUp } = this.#bus;
    const isOnWire = inFlight?.opening !== undefined && inFlight.deadline === undefined;
    if (isOnWire && inFlight?.opening !== undefined) {
      this.#events.push(health.unknownResult(inFlight.opening, false, 'the link closed'));
    }
    this.#each((board, state) => {
      const ended = health.ending(state, 'the link closed');
      if (state.presence !== 'online') return ended;
      const { device } = board;
      const gone: DeviceEvent = { device, kind: 'offline', why: 'the link closed' };
      return {
        state: { ...ended.state, presence: 'unknown' },
        events: [...ended.events, gone],
      };
    });
    if (isUp) this.#bus = { ...this.#bus, isUp: false, inFlight: undefined };
  }

  // The bus itself.

  #foreign(): void {
    // Before the adapter is known it may be our own.
    if (!isEchoKnown(this.#bus.echo)) return;
    const { foreign, isThere } = heardForeign(this.#bus.foreign, this.#now);
    this.#bus = { ...this.#bus, foreign };
    if (isThere) this.#everywhere('foreign-master', 'somebody else asks on this bus');
  }

  #forgive(): void {
    const gone = goneAt(this.#bus.foreign);
    if (gone === undefined || this.#now < gone) return;
    this.#bus = { ...this.#bus, foreign: NOBODY_ELSE };
    this.#nowhere('foreign-master', 'nobody else has asked for a minute');
  }

  /** A fault of the bus is one of all boards on it. */
  #everywhere(fault: DeviceFault, detail: string): void {
    this.#each(({ device }, state) => raiseFault(device, state, fault, detail));
  }

  #nowhere(fault: DeviceFault, detail: string): void {
    this.#each(({ device }, state) => clearFaults(device, state, [fault], detail));
  }

  #quiet(length: Millis, from = this.#now): void {
    const quietUntil = uptime(Math.max(this.#bus.quietUntil, from + length));
    this.#bus = { ...this.#bus, quietUntil };
  }

  #wakeAt(): Uptime | undefined {
    const { inFlight, isLeaving, quietUntil, echo } = this.#bus;
    const over = this.#moments(one.overAt);
    // While a request leaves nothing else can be said; its `sent` or the link's end will come.
    const free = isLeaving
      ? Number.POSITIVE_INFINITY
      : (inFlight?.deadline ??
        Math.max(quietUntil, this.#moments(isEchoKnown(echo) ? one.dueAt : one.readingDueAt)));
    const wakeAt = Math.max(Math.min(over, free), this.#now);
    return Number.isFinite(wakeAt) ? uptime(wakeAt) : undefined;
  }

  #moments(of: (board: Board<Frame>, state: one.BoardState<Frame>) => number): number {
    let soonest = Number.POSITIVE_INFINITY;
    for (const [index, board] of this.#facts.boards.entries()) {
      const state = this.#boards[index];
      if (state !== undefined) soonest = Math.min(soonest, of(board, state));
    }
    return soonest;
  }

  #on(
    index: number,
    change: (board: Board<Frame>, state: one.BoardState<Frame>) => one.Said<Frame>,
  ): void {
    const board = this.#facts.boards[index];
    const state = this.#boards[index];
    if (board === undefined || state === undefined) return;
    const said = change(board, state);
    if (said.state !== state) this.#boards = this.#boards.with(index, said.state);
    for (const event of said.events) this.#events.push(event);
  }

  #each(change: (board: Board<Frame>, state: one.BoardState<Frame>) => one.Said<Frame>): void {
    for (let index = 0; index < this.#boards.length; index++) this.#on(index, change);
  }
}
