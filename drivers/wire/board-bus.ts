/**
 * The talk with lock boards on one half-duplex bus, whatever their protocol (serial-hardware 2.4 to 2.6): one request
 * in flight, openings before readings, boards in turn, a dead one asked seldom. An opening is sent once.
 */
import type { Machine } from '../contract/machine.ts';
import type { Board, BoardProtocol } from './board.ts';
import { type BusState, type BusWiring, freshBus } from './bus-state.ts';
import { Turn } from './bus-turn.ts';

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
