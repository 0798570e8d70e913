/** What is known of a bus with lock boards between two steps. */
import type { BusFacts } from '../contract/machine.ts';
import type { Uptime } from '../contract/time.ts';
import type { Board, BoardProtocol } from './board.ts';
import { type BoardState, freshBoard } from './board-state.ts';
import { type EchoWatch, watchEcho } from './echo-watch.ts';
import { type ForeignMaster, NOBODY_ELSE } from './foreign-master.ts';
import type { BoardRequest } from './next-request.ts';
import { NOTHING_HELD } from './receive-buffer.ts';

export interface InFlight<Frame> extends BoardRequest<Frame> {
  readonly since: Uptime;
  /** `undefined` until the request has left. */
  readonly deadline: Uptime | undefined;
  /** Bytes came that were no frame. */
  readonly isGarbled: boolean;
}

export interface BusState<Frame> {
  readonly isUp: boolean;
  readonly boards: readonly BoardState<Frame>[];
  readonly inFlight: InFlight<Frame> | undefined;
  /** The last request has not yet left, although it may have been answered. */
  readonly isLeaving: boolean;
  readonly held: Uint8Array;
  readonly echo: EchoWatch;
  readonly quietUntil: Uptime;
  readonly drainUntil: Uptime;
  /** Board that is served next. */
  readonly turn: number;
  readonly foreign: ForeignMaster;
}

export type BusWiring = Pick<BusFacts, 'baudRate' | 'latencyMs' | 'echo'>;

export interface BusFactsOf<Frame> {
  readonly protocol: BoardProtocol<Frame>;
  readonly boards: readonly Board<Frame>[];
  readonly bus: BusWiring;
}

export function freshBus<Frame>({ boards, bus }: BusFactsOf<Frame>, now: Uptime): BusState<Frame> {
  return {
    isUp: false,
    boards: boards.map((board) => freshBoard(board, now)),
    inFlight: undefined,
    isLeaving: false,
    held: NOTHING_HELD,
    echo: watchEcho(bus.echo),
    quietUntil: now,
    drainUntil: now,
    turn: 0,
    foreign: NOBODY_ELSE,
  };
}
