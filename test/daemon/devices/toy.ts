/**
 * A lock of the simplest kind, to try supervisor and actuator with: requests and replies of two bytes, an address and
 * a letter. `p` polls, `u` pulses the lock; the reply repeats the request with the letter in upper case.
 */
import { z } from 'zod';
import {
  type Actuation,
  type DeviceEvent,
  type DeviceId,
  NO_STATISTICS,
} from '../../../drivers/contract/device.ts';
import type {
  DriverEntry,
  Input,
  Machine,
  MachineDevice,
  Step,
} from '../../../drivers/contract/machine.ts';
import { type Uptime, uptime } from '../../../drivers/contract/time.ts';
import type { DeviceSurroundings, SimulatedDevice } from '../../../simulator/device.ts';

interface Toy {
  readonly address: number;
}

interface Member {
  readonly id: DeviceId;
  readonly address: number;
  readonly misses: number;
  readonly seen: Uptime | undefined;
  readonly pulses: number;
}

interface State {
  readonly members: readonly Member[];
  readonly turn: number;
  readonly asked: readonly Actuation[];
  /** On the wire, waiting for its reply. */
  readonly awaiting: { readonly member: number; readonly actuation?: Actuation } | undefined;
  readonly wakeAt: Uptime;
  readonly noise: number;
}

const POLL = 0x70;
const PULSE = 0x75;
const POLL_EVERY = 250;
const REPLY_WITHIN = 100;
const OFFLINE_AFTER = 3;

export const toyDriver: DriverEntry<Toy> = {
  name: 'toy',
  title: 'A lock to try things with',
  link: 'bytes',
  defaultBaudRate: 9600,
  options: z.strictObject({ address: z.number() }),
  abilities: () => ({
    cards: false,
    codes: false,
    feedback: false,
    slots: false,
    presence: false,
    lock: true,
    onPowerLoss: 'fail-secure',
  }),
  machine: (devices) => toyMachine(devices),
};

/** Asked to unlock with this hold, the machine breaks, as one with a fault in it would. */
export const BREAKING_HOLD = 666;

function toyMachine(devices: readonly MachineDevice<Toy>[]): Machine<unknown> {
  const begin = (now: Uptime): State => ({
    members: devices.map(({ id, options }) => ({
      id,
      address: options.address,
      misses: 0,
      seen: undefined,
      pulses: 0,
    })),
    turn: 0,
    asked: [],
    awaiting: undefined,
    wakeAt: now,
    noise: 0,
  });
  const machine: Machine<State> = {
    begin: (now) => step(begin(now), [], []),
    step: (state, input, now) => take(state, input, now),
    statistics: (state) =>
      new Map(
        state.members.map((member) => [
          member.id,
          {
            ...NO_STATISTICS,
            actuations: member.pulses,
            noiseBytes: state.noise,
            lastSeen: member.seen,
          },
        ]),
      ),
  };
  return machine as Machine<unknown>;
}

function step(state: State, send: Step<State>['send'], events: DeviceEvent[]): Step<State> {
  return { state, send, events, wakeAt: state.wakeAt };
}

function take(state: State, input: Input, now: Uptime): Step<State> {
  switch (input.kind) {
    case 'actuation':
      if (input.actuation.kind === 'unlock' && input.actuation.hold === BREAKING_HOLD) {
        throw new Error('a fault in the driver');
      }
      return next({ ...state, asked: [...state.asked, input.actuation] }, now, []);
    case 'withdraw': {
      const taken = state.asked.filter(({ id }) => id === input.actuation);
      const asked = state.asked.filter(({ id }) => id !== input.actuation);
      return step(
        { ...state, asked },
        [],
        taken.map((each) => result(each, 'refused')),
      );
    }
    case 'bytes':
      return heard(state, input.bytes, now);
    case 'wake':
      return state.awaiting === undefined ? next(state, now, []) : missed(state, now);
    case 'link-down': {
      const flying = state.awaiting?.actuation;
      const events = state.asked.map((each) => result(each, 'refused'));
      if (flying !== undefined) events.push(result(flying, 'unknown'));
      return step({ ...state, asked: [], awaiting: undefined }, [], events);
    }
    default:
      return step(state, [], []);
  }
}

/** Unlocks before polls, one request at a time. */
function next(state: State, now: Uptime, events: DeviceEvent[]): Step<State> {
  if (state.awaiting !== undefined) return step(state, [], events);
  const [actuation, ...asked] = state.asked;
  const wakeAt = uptime(now + REPLY_WITHIN);
  if (actuation !== undefined) {
    if (now >= actuation.expiresAt) {
      return next({ ...state, asked }, now, [...events, result(actuation, 'refused')]);
    }
    const member = state.members.findIndex(({ id }) => id === actuation.device);
    const bytes = Uint8Array.of(state.members[member]?.address ?? 0, PULSE);
    return step(
      { ...state, asked, awaiting: { member, actuation }, wakeAt },
      [{ kind: 'bytes', bytes }],
      events,
    );
  }
  if (now < state.wakeAt) return step(state, [], events);
  const member = state.turn % state.members.length;
  const bytes = Uint8Array.of(state.members[member]?.address ?? 0, POLL);
  const awaiting = { member };
  return step(
    { ...state, turn: state.turn + 1, awaiting, wakeAt },
    [{ kind: 'bytes', bytes }],
    events,
  );
}

function heard(state: State, bytes: Uint8Array, now: Uptime): Step<State> {
  const { awaiting } = state;
  const member = state.members[awaiting?.member ?? -1];
  const isReply =
    awaiting !== undefined &&
    bytes.length === 2 &&
    bytes[0] === member?.address &&
    bytes[1] === (awaiting.actuation === undefined ? POLL : PULSE) - 0x20;
  if (!isReply || member === undefined) {
    return step({ ...state, noise: state.noise + bytes.length }, [], []);
  }
  const { actuation } = awaiting;
  const pulses = member.pulses + (actuation === undefined ? 0 : 1);
  const members = state.members.with(awaiting.member, { ...member, misses: 0, seen: now, pulses });
  const events: DeviceEvent[] = [{ kind: 'online', device: member.id }];
  if (actuation !== undefined) events.push(result(actuation, 'done'));
  const wakeAt = uptime(now + POLL_EVERY);
  return next({ ...state, members, awaiting: undefined, wakeAt }, now, events);
}

function missed(state: State, now: Uptime): Step<State> {
  const { awaiting } = state;
  const member = state.members[awaiting?.member ?? -1];
  const events: DeviceEvent[] = [];
  let { members } = state;
  if (awaiting !== undefined && member !== undefined) {
    const misses = member.misses + 1;
    members = members.with(awaiting.member, { ...member, misses });
    if (misses >= OFFLINE_AFTER) {
      events.push({ kind: 'offline', device: member.id, why: 'does not answer' });
    }
    if (awaiting.actuation !== undefined) events.push(result(awaiting.actuation, 'unknown'));
  }
  const wakeAt = uptime(now + POLL_EVERY);
  return next({ ...state, members, awaiting: undefined, wakeAt }, now, events);
}

function result({ id, device }: Actuation, how: 'done' | 'unknown' | 'refused'): DeviceEvent {
  return {
    kind: 'actuation-result',
    device,
    actuation: id,
    result: how,
    sent: how !== 'refused',
    acknowledged: how === 'done',
    observed: how === 'done',
  };
}

export class ToyLock implements SimulatedDevice {
  readonly name: string;
  readonly kind = 'toy';
  readonly verbs = {};
  readonly address: number;
  pulses = 0;
  /** Takes this long to answer. */
  answersAfter = 5;
  readonly #around: DeviceSurroundings;
  #heard: number[] = [];
  #on = true;

  constructor(name: string, address: number, around: DeviceSurroundings) {
    this.name = name;
    this.address = address;
    this.#around = around;
  }

  hear(bytes: Uint8Array): void {
    if (!this.#on) return;
    this.#heard.push(...bytes);
    while (this.#heard.length >= 2) {
      const [address = 0, letter = 0] = this.#heard.splice(0, 2);
      if (address !== this.address || (letter !== POLL && letter !== PULSE)) continue;
      if (letter === PULSE) this.pulses += 1;
      const { clock, say } = this.#around;
      clock.wakeAt(uptime(clock.uptime() + this.answersAfter), () => {
        if (this.#on) say(Uint8Array.of(address, letter - 0x20));
      });
    }
  }

  power(on: boolean): void {
    this.#on = on;
    this.#heard = [];
  }

  look(): { pulses: number } {
    return { pulses: this.pulses };
  }
}
