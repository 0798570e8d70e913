/** What is wrong with a lock board although its link is up: told once when it begins and once when it ends. */
import type { DeviceEvent, DeviceFault } from '../contract/device.ts';
import type { Board } from './board.ts';
import type { BoardState, Said } from './board-state.ts';

/** Points, two for each garbled or doubled reply and one off for each good one, at which it is told. */
const SUSPICION_RAISE = 8;

/** Something was not as one board alone would do it. */
export function suspect<Frame>(
  board: Board<Frame>,
  before: BoardState<Frame>,
  { fault, detail }: { readonly fault: DeviceFault; readonly detail: string },
): Said<Frame> {
  const suspicion = Math.min(2 * SUSPICION_RAISE, before.suspicion + 2);
  const state = { ...before, suspicion };
  if (suspicion < SUSPICION_RAISE) return { state, events: [] };
  return raiseFault(board.device, state, fault, detail);
}

export function garbledDetail<Frame>({ address }: Board<Frame>, othersAnswer: boolean) {
  return othersAnswer
    ? ({
        fault: 'address-clash',
        detail: `only address ${address} answers garbled: two boards may have it`,
      } as const)
    : ({
        fault: 'garbage',
        detail: 'garbled replies: speed, A/B exchanged, or two boards at one address',
      } as const);
}

export function raiseFault<Frame>(
  device: DeviceEvent['device'],
  state: BoardState<Frame>,
  fault: DeviceFault,
  detail: string,
): Said<Frame> {
  if (state.faults.has(fault)) return { state, events: [] };
  return {
    state: { ...state, faults: new Set([...state.faults, fault]) },
    events: [{ device, kind: 'fault', fault, state: 'raised', detail }],
  };
}

export function clearFaults<Frame>(
  device: DeviceEvent['device'],
  state: BoardState<Frame>,
  over: readonly DeviceFault[],
  detail: string,
): Said<Frame> {
  if (state.faults.size === 0) return { state, events: [] };
  const cleared = over.filter((fault) => state.faults.has(fault));
  if (cleared.length === 0) return { state, events: [] };
  return {
    state: { ...state, faults: new Set([...state.faults].filter((f) => !cleared.includes(f))) },
    events: cleared.map((fault) => ({ device, kind: 'fault', fault, state: 'cleared', detail })),
  };
}
