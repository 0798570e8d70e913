/** OSDP as a machine: inputs in, steps out. The talk itself is in `exchange.ts`, its order in `bus.ts`. */
import type { DeviceEvent } from '../contract/device.ts';
import type { BusFacts, Input, Machine, MachineDevice, Send, Step } from '../contract/machine.ts';
import { type Uptime, uptime } from '../contract/time.ts';
import { NOTHING_HELD } from '../wire/receive-buffer.ts';
import { actuate, withdraw } from './actuations.ts';
import { type Bus, confirm, speak, take, tend, wakeAt } from './bus.ts';
import type { OsdpOptions } from './options.ts';
import { newPd, type Turn } from './pd.ts';
import { goOffline, refuseMoves, restart } from './session.ts';

export type OsdpState = Readonly<Bus>;

/** A reader with its key already read; `key` is absent with secure channel off. */
export interface OsdpDevice extends MachineDevice<OsdpOptions> {
  readonly key: Uint8Array | undefined;
}

export function osdpMachine(devices: readonly OsdpDevice[], bus: BusFacts): Machine<OsdpState> {
  const begin = (now: Uptime): OsdpState => ({
    pds: devices.map(({ id, options, key }) => newPd(id, options, key, bus, now)),
    isUp: false,
    baudRate: bus.baudRate,
    flight: undefined,
    unconfirmed: 0,
    quietUntil: now,
    held: NOTHING_HELD,
    heldAt: now,
    said: [],
    foreignAt: undefined,
    turns: 0,
  });
  return {
    begin: (now) => ({ state: begin(now), send: [], events: [], wakeAt: undefined }),
    step(state, input, now): Step<OsdpState> {
      // A copy of the state that this step may change; what its fields hold is replaced, never changed.
      const draft: Bus = { ...state, pds: state.pds.map((pd) => ({ ...pd })) };
      const events: DeviceEvent[] = [];
      const turn: Turn = { now, bus, events };
      handle(turn, draft, input);
      let send: readonly Send[] = [];
      if (draft.isUp) {
        tend(turn, draft);
        send = speak(turn, draft);
      }
      return { state: draft, send, events, wakeAt: wakeAt(turn, draft) };
    },
    statistics: ({ pds }) => new Map(pds.map((pd) => [pd.id, pd.statistics])),
  };
}

function handle(turn: Turn, bus: Bus, input: Input): void {
  switch (input.kind) {
    case 'link-up':
      bus.isUp = true;
      bus.quietUntil = turn.now;
      for (const pd of bus.pds) {
        pd.reachableAt = turn.now;
        pd.restAt = turn.now;
      }
      return;
    case 'link-down':
      linkDown(turn, bus);
      return;
    case 'bytes':
      take(turn, bus, input.bytes);
      return;
    case 'sent':
      confirm(turn, bus, input.at ?? turn.now);
      return;
    case 'actuation':
      ask(turn, bus, input.actuation);
      return;
    case 'withdraw':
      for (const pd of bus.pds) withdraw(turn, pd, input.actuation);
      return;
    case 'wake':
    case 'notified':
    case 'value':
    case 'gatt-failed':
      return;
    default:
      input satisfies never;
  }
}

function ask(turn: Turn, bus: Bus, actuation: Extract<Input, { kind: 'actuation' }>['actuation']) {
  const pd = bus.pds.find((each) => each.id === actuation.device);
  if (pd !== undefined && bus.isUp) {
    actuate(turn, pd, actuation);
    return;
  }
  if (actuation.kind === 'feedback') return;
  turn.events.push({
    device: actuation.device,
    kind: 'actuation-result',
    actuation: actuation.id,
    result: 'refused',
    sent: false,
    acknowledged: false,
    observed: false,
    detail: pd === undefined ? 'no such reader on this bus' : 'the link is down',
  });
}

/** What was on the wire is unknown, what waited is refused, and half a code is forgotten. */
function linkDown(turn: Turn, bus: Bus): void {
  const why = 'the link is down';
  for (const pd of bus.pds) {
    const { isReported } = pd;
    restart(turn, pd, 0, why);
    pd.aliveAt = undefined;
    refuseMoves(turn, pd, why);
    if (isReported) goOffline(turn, pd, why);
  }
  bus.isUp = false;
  bus.flight = undefined;
  bus.unconfirmed = 0;
  bus.held = NOTHING_HELD;
  bus.quietUntil = uptime(turn.now);
}
