/**
 * The talk with lock boards on one half-duplex bus, whatever their protocol (serial-hardware 2.4 to 2.6): one request
 * in flight, openings before readings, boards in turn, a dead one asked seldom. An opening is sent once.
 */
import type { Actuation, DeviceEvent } from '../contract/device.ts';
import type { BusFacts, Input, Machine, Step } from '../contract/machine.ts';
import { type Millis, type Uptime, uptime } from '../contract/time.ts';
import type { Answer, Board, BoardProtocol, Exchange } from './board.ts';
import type { OpenSlot } from './board-opening.ts';
import * as one from './board-state.ts';
import { type Echo, expectEcho, noEcho, stripEcho } from './echo.ts';
import { giveUp, NOTHING_HELD, type Received, receive, wireMs } from './receive-buffer.ts';

/** Event loop and adapter may be this late without the board being to blame. */
const SLACK: Millis = 50;
/** After a time-out the bus is left alone until nothing has come for this long, at most so long. */
const DRAIN: Millis = 20;
const DRAIN_MOST: Millis = 300;
/** Another master is one that asks twice within this time; it is gone when it was silent for so long. */
const FOREIGN_WITHIN: Millis = 60_000;
/** Echoes that did not come in a row before it is told. */
const ECHO_MISSES = 3;
/** Replies in a row without our own bytes before them, until the adapter is taken for one that does not echo. */
const ECHO_FREE = 3;

interface InFlight<Frame> {
  readonly board: number;
  readonly purpose: 'setup' | 'status' | 'open';
  readonly exchange: Exchange<Frame>;
  readonly opening: OpenSlot | undefined;
  readonly since: Uptime;
  /** `undefined` until the request has left. */
  readonly deadline: Uptime | undefined;
  /** Bytes came that were no frame. */
  readonly isGarbled: boolean;
}

export interface BusState<Frame> {
  readonly isUp: boolean;
  readonly boards: readonly one.BoardState<Frame>[];
  readonly inFlight: InFlight<Frame> | undefined;
  /** The last request has not yet left, although it may have been answered. */
  readonly isLeaving: boolean;
  readonly held: Uint8Array;
  readonly echo: Echo;
  readonly echoMisses: number;
  readonly echoFree: number;
  readonly quietUntil: Uptime;
  readonly drainUntil: Uptime;
  /** Board that is served next. */
  readonly turn: number;
  readonly foreignAt: readonly Uptime[];
}

type BusWiring = Pick<BusFacts, 'baudRate' | 'latencyMs' | 'echo'>;

interface Facts<Frame> {
  readonly protocol: BoardProtocol<Frame>;
  readonly boards: readonly Board<Frame>[];
  readonly bus: BusWiring;
}

export function boardBusMachine<Frame>(
  protocol: BoardProtocol<Frame>,
  boards: readonly Board<Frame>[],
  bus: BusWiring,
): Machine<BusState<Frame>> {
  const facts = { protocol, boards, bus };
  return {
    begin: (now) => ({ state: freshBus(facts, now), send: [], events: [], wakeAt: undefined }),
    step: (state, input, now) => new Turn(facts, state, now).take(input),
    statistics: (state) =>
      new Map(
        boards.flatMap(({ device }, index) => {
          const statistics = state.boards[index]?.statistics;
          return statistics === undefined ? [] : [[device, statistics] as const];
        }),
      ),
  };
}

function freshBus<Frame>({ boards, bus }: Facts<Frame>, now: Uptime): BusState<Frame> {
  return {
    isUp: false,
    boards: boards.map((board) => one.freshBoard(board, now)),
    inFlight: undefined,
    isLeaving: false,
    held: NOTHING_HELD,
    echo: noEcho(bus.echo ? 'sure' : 'maybe'),
    echoMisses: 0,
    echoFree: 0,
    quietUntil: now,
    drainUntil: now,
    turn: 0,
    foreignAt: [],
  };
}

/** One step. It works on a copy of the state, so that the machine as a whole stays a function. */
class Turn<Frame> {
  readonly #facts: Facts<Frame>;
  readonly #now: Uptime;
  readonly #events: DeviceEvent[] = [];
  readonly #boards: one.BoardState<Frame>[];
  #bus: BusState<Frame>;
  #request: Uint8Array | undefined;

  constructor(facts: Facts<Frame>, before: BusState<Frame>, now: Uptime) {
    this.#facts = facts;
    this.#bus = before;
    this.#boards = [...before.boards];
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
        this.#hasLeft();
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
      this.#each((board, state) => one.judge(board, state, this.#now));
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

  /** Openings first, then readings; both in turn, so that no board waits for another's sake. */
  #speak(): void {
    const { inFlight, isLeaving, quietUntil } = this.#bus;
    if (inFlight !== undefined || isLeaving || this.#now < quietUntil) return;
    const order = this.#facts.boards.map(
      (_, step) => (this.#bus.turn + step) % this.#boards.length,
    );
    for (const index of order) {
      const state = this.#boards[index];
      const board = this.#facts.boards[index];
      if (state === undefined || board === undefined) continue;
      const opening = one.readyOpening(state, this.#now);
      if (opening === undefined) continue;
      this.#boards[index] = one.leaving(state, opening);
      this.#sendTo(index, 'open', board.open(opening.slot, opening.hold), opening);
      return;
    }
    for (const index of order) {
      const state = this.#boards[index];
      const board = this.#facts.boards[index];
      if (state === undefined || board === undefined) continue;
      if (one.readingDueAt(board, state) > this.#now) continue;
      this.#boards[index] = one.readingSent(state, this.#now);
      const [setup] = state.setupLeft;
      if (setup === undefined) this.#sendTo(index, 'status', board.status, undefined);
      else this.#sendTo(index, 'setup', setup, undefined);
      return;
    }
  }

  #sendTo(
    board: number,
    purpose: InFlight<Frame>['purpose'],
    exchange: Exchange<Frame>,
    opening: OpenSlot | undefined,
  ): void {
    this.#giveUp();
    const { echo } = this.#bus;
    const { bytes, isProbe } = exchange;
    this.#request = bytes;
    this.#bus = {
      ...this.#bus,
      inFlight: {
        board,
        purpose,
        exchange,
        opening,
        since: this.#now,
        deadline: undefined,
        isGarbled: false,
      },
      isLeaving: true,
      // Whether the adapter echoes is found out only where no reply can be taken for the echo.
      echo: echo.mode === 'sure' || isProbe ? expectEcho(echo, bytes) : noEcho(echo.mode),
      turn: (board + 1) % this.#boards.length,
    };
  }

  #hasLeft(): void {
    const { inFlight } = this.#bus;
    this.#bus = { ...this.#bus, isLeaving: false };
    if (inFlight === undefined || inFlight.deadline !== undefined) {
      this.#quiet(this.#facts.protocol.gap);
      return;
    }
    const { exchange } = inFlight;
    this.#pulsed(inFlight);
    if (exchange.replyBytes === 0) {
      this.#bus = { ...this.#bus, inFlight: undefined };
      this.#quiet(this.#facts.protocol.gap);
      return;
    }
    const { baudRate, latencyMs } = this.#facts.bus;
    const within = exchange.within + wireMs(exchange.replyBytes, baudRate) + latencyMs + SLACK;
    this.#bus = {
      ...this.#bus,
      inFlight: { ...inFlight, deadline: uptime(this.#now + within) },
    };
  }

  #pulsed({ board: index, opening }: InFlight<Frame>): void {
    if (opening === undefined) return;
    this.#on(index, (board, state) => ({
      state: one.hasLeft(board, state, opening, this.#now),
      events: [],
    }));
  }

  // From the boards.

  #hear(bytes: Uint8Array): void {
    const { protocol } = this.#facts;
    const stripped = stripEcho(this.#bus.echo, bytes);
    this.#bus = { ...this.#bus, echo: stripped.echo };
    if (stripped.isMismatch) this.#echoMissed();
    else if (stripped.isComplete && this.#bus.inFlight?.exchange.isProbe) this.#echoCame();
    const received = receive(
      this.#bus.held,
      stripped.rest,
      (held) => protocol.scan(held, false),
      protocol.most,
    );
    this.#bus = { ...this.#bus, held: received.held };
    if (this.#bus.inFlight === undefined && this.#now < this.#bus.drainUntil) this.#quiet(DRAIN);
    this.#takeAll(received);
  }

  #takeAll({ frames, noiseBytes, checksumErrors }: Received<Frame>): void {
    const { inFlight } = this.#bus;
    if (noiseBytes > 0 && inFlight !== undefined) {
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
    const { inFlight, echo } = this.#bus;
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
    if (echo.mode === 'maybe' && inFlight.exchange.isProbe) {
      this.#bus = { ...this.#bus, echoFree: this.#bus.echoFree + 1 };
    }
    this.#answered(inFlight, answer);
  }

  #answered(inFlight: InFlight<Frame>, answer: Answer<Frame>): void {
    const { board: index, since, deadline, opening } = inFlight;
    if (deadline === undefined) this.#pulsed(inFlight);
    this.#bus = { ...this.#bus, inFlight: undefined };
    this.#quiet(this.#facts.protocol.gap);
    const state = this.#boards[index];
    if (state === undefined) return;
    const asOf = one.answeredAsOf(state, since, this.#now);
    this.#on(index, (board, before) => one.heard(board, before, since, this.#now));
    if (inFlight.purpose === 'open') {
      if (opening === undefined) return;
      // Where the reply equals the request it may be our own echo, until the adapter is known.
      const told = this.#isEchoKnown ? answer : ({ kind: 'declined' } as const);
      this.#on(index, (board, before) =>
        one.openingAnswered(board, before, opening.id, told, this.#now),
      );
      return;
    }
    this.#on(index, (board, before) => {
      switch (answer.kind) {
        case 'reading':
          return one.readAs(board, before, answer.reading, asOf, this.#now);
        case 'acknowledged':
        case 'declined':
          return one.setUp(board, before, {}, this.#now);
        case 'next':
          return one.setUp(board, before, answer, this.#now);
        case 'unsafe':
          return one.isUnsafe(board, before, answer.fault, answer.detail, this.#now);
        case 'refused':
          return one.isUnsafe(board, before, 'refusing', answer.detail, this.#now);
        default:
          return answer satisfies never;
      }
    });
  }

  /** A board that speaks by itself, a late reply, or a second board with the same address. */
  #unasked(index: number, frame: Frame): void {
    this.#on(index, (board, state) => {
      const reading = board.unasked(frame);
      if (reading !== undefined) {
        if (state.presence !== 'online') return { state, events: [] };
        return one.readAs(board, state, reading, this.#now, this.#now);
      }
      if (this.#now < state.lateUntil) return { state, events: [] };
      return one.suspect(board, state, {
        fault: 'address-clash',
        detail: `address ${board.address} answers twice: two boards may have it`,
      });
    });
  }

  #giveUp(): void {
    const over = giveUp(this.#bus.held, (held) => this.#facts.protocol.scan(held, true));
    this.#bus = { ...this.#bus, held: NOTHING_HELD };
    this.#takeAll(over);
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
      echo: noEcho(this.#bus.echo.mode),
      drainUntil: uptime(this.#now + DRAIN_MOST),
    };
    this.#quiet(DRAIN);
    const othersAnswer = this.#boards.some(
      ({ presence }, index) => index !== still.board && presence === 'online',
    );
    this.#on(still.board, (board, state) => {
      const { since, isGarbled, purpose } = still;
      if (purpose !== 'open') {
        return one.missed(board, state, { since, isGarbled, othersAnswer }, this.#now);
      }
      return { state: one.openingMissed(state, since, this.#now), events: [] };
    });
  }

  #linkDown(): void {
    const { inFlight, isUp } = this.#bus;
    const isOnWire = inFlight?.opening !== undefined && inFlight.deadline === undefined;
    if (isOnWire && inFlight?.opening !== undefined) {
      this.#events.push(one.unknownResult(inFlight.opening, false, 'the link closed'));
    }
    this.#each((board, state) => {
      const ended = one.ending(state, 'the link closed');
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
    if (!this.#isEchoKnown) return;
    const recent = this.#bus.foreignAt.filter((at) => this.#now - at < FOREIGN_WITHIN);
    this.#bus = { ...this.#bus, foreignAt: [...recent.slice(-1), this.#now] };
    if (recent.length === 0) return;
    this.#each(({ device }, state) =>
      one.raiseFault(device, state, 'foreign-master', 'somebody else asks on this bus'),
    );
  }

  #forgive(): void {
    const last = this.#bus.foreignAt.at(-1);
    if (last === undefined || this.#now - last < FOREIGN_WITHIN) return;
    this.#bus = { ...this.#bus, foreignAt: [] };
    this.#each(({ device }, state) =>
      one.clearFaults(device, state, ['foreign-master'], 'nobody else asked for a minute'),
    );
  }

  #echoMissed(): void {
    const echoMisses = this.#bus.echoMisses + 1;
    this.#bus = { ...this.#bus, echoMisses };
    if (echoMisses < ECHO_MISSES) return;
    // From here on it is found out anew, so that a wrong setting does not swallow the replies that equal requests.
    this.#bus = { ...this.#bus, echo: noEcho('maybe'), echoFree: 0 };
    this.#each(({ device }, state) =>
      one.raiseFault(
        device,
        state,
        'echo-mismatch',
        'our own bytes come back changed, or not at all',
      ),
    );
  }

  #echoCame(): void {
    if (this.#bus.echoMisses === 0) return;
    this.#bus = { ...this.#bus, echoMisses: 0 };
    this.#each(({ device }, state) =>
      one.clearFaults(device, state, ['echo-mismatch'], 'our own bytes come back as sent'),
    );
  }

  get #isEchoKnown(): boolean {
    return this.#bus.echo.mode === 'sure' || this.#bus.echoFree >= ECHO_FREE;
  }

  #quiet(length: Millis): void {
    const quietUntil = uptime(Math.max(this.#bus.quietUntil, this.#now + length));
    this.#bus = { ...this.#bus, quietUntil };
  }

  #wakeAt(): Uptime | undefined {
    const { inFlight, isLeaving, quietUntil } = this.#bus;
    const over = this.#moments(one.overAt);
    // While a request leaves nothing else can be said; its `sent` or the link's end will come.
    const free = isLeaving
      ? Number.POSITIVE_INFINITY
      : (inFlight?.deadline ?? Math.max(quietUntil, this.#moments(one.dueAt)));
    const wakeAt = Math.max(Math.min(over, free), this.#now);
    return Number.isFinite(wakeAt) ? uptime(wakeAt) : undefined;
  }

  #moments(of: (board: Board<Frame>, state: one.BoardState<Frame>) => number): number {
    const moments = this.#facts.boards.map((board, index) => {
      const state = this.#boards[index];
      return state === undefined ? Number.POSITIVE_INFINITY : of(board, state);
    });
    return Math.min(...moments);
  }

  #on(
    index: number,
    change: (board: Board<Frame>, state: one.BoardState<Frame>) => one.Said<Frame>,
  ): void {
    const board = this.#facts.boards[index];
    const state = this.#boards[index];
    if (board === undefined || state === undefined) return;
    const said = change(board, state);
    this.#boards[index] = said.state;
    this.#events.push(...said.events);
  }

  #each(change: (board: Board<Frame>, state: one.BoardState<Frame>) => one.Said<Frame>): void {
    for (const index of this.#boards.keys()) this.#on(index, change);
  }
}
