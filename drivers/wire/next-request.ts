/**
 * Which board is served next: openings first, then readings that a person waits for, then the rest; all in turn, so
 * that no board waits for another's sake.
 */
import type { Uptime } from '../contract/time.ts';
import type { Board, Exchange } from './board.ts';
import type { Movement } from './board-opening.ts';
import {
  type BoardState,
  leaving,
  readingDueAt,
  readingSent,
  readyOpening,
} from './board-state.ts';

export interface BoardRequest<Frame> {
  /** Place in the bus's list. */
  readonly board: number;
  readonly purpose: 'setup' | 'status' | 'open';
  readonly exchange: Exchange<Frame>;
  readonly opening: Movement | undefined;
  /** What sending it makes of the board's state. */
  leaving(state: BoardState<Frame>): BoardState<Frame>;
}

/**
 * `turn`: the board after the one that was served last. `mayMove`: without it only readings. `undefined` while nothing
 * is due.
 */
export function nextRequest<Frame>(
  boards: readonly Board<Frame>[],
  states: readonly BoardState<Frame>[],
  turn: number,
  mayMove: boolean,
  now: Uptime,
): BoardRequest<Frame> | undefined {
  const count = boards.length;
  for (let step = 0; mayMove && step < count; step++) {
    const index = (turn + step) % count;
    const board = boards[index];
    const state = states[index];
    const opening = state === undefined ? undefined : readyOpening(state, now);
    if (board === undefined || opening === undefined) continue;
    const exchange = exchangeFor(board, opening);
    if (exchange === undefined) continue; // refused when it came
    return {
      board: index,
      purpose: 'open',
      exchange,
      opening,
      leaving: (before) => leaving(before, opening),
    };
  }
  // Once round for the boards that a person waits for, then once for the others.
  for (let step = 0; step < 2 * count; step++) {
    const index = (turn + step) % count;
    const board = boards[index];
    const state = states[index];
    if (board === undefined || state === undefined) continue;
    if (state.openings.length > 0 !== step < count) continue;
    if (readingDueAt(board, state) > now) continue;
    const [setup] = state.setupLeft;
    return {
      board: index,
      purpose: setup === undefined ? 'status' : 'setup',
      exchange: setup ?? board.status,
      opening: undefined,
      leaving: (before) => readingSent(before, now),
    };
  }
  return undefined;
}

function exchangeFor<Frame>(board: Board<Frame>, movement: Movement): Exchange<Frame> | undefined {
  switch (movement.kind) {
    case 'open-slot':
      return board.open(movement.slot, movement.hold);
    case 'unlock':
      return board.strike?.unlock(movement.hold);
    case 'lock':
      return board.strike?.lock();
    default:
      return movement satisfies never;
  }
}
