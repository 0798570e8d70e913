import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Actuation,
  actuationId,
  type DeviceEvent,
  deviceId,
  slotNumber,
} from '../../drivers/contract/device.ts';
import { LinkError } from '../../drivers/contract/errors.ts';
import type { ByteLink, LinkListener } from '../../drivers/contract/link.ts';
import type { Input, Machine, Send, Step } from '../../drivers/contract/machine.ts';
import { type Uptime, uptime } from '../../drivers/contract/time.ts';
import { type RunningMachine, runMachine } from '../../drivers/run-machine.ts';
import { SimulatedClock } from '../../simulator/clock.ts';

const device = deviceId('box');

interface Told {
  readonly kind: string;
  readonly at: number;
  /** Of `sent`: when the last byte leaves. */
  readonly left?: number;
}

/** Writes down what it is given; sends each actuation as one byte and reports what is left on `link-down`. */
function recorder(heard: Told[]): Machine<readonly Actuation[]> {
  const step = (
    state: readonly Actuation[],
    now: Uptime,
    send: readonly Send[] = [],
    events: readonly DeviceEvent[] = [],
  ): Step<readonly Actuation[]> => ({ state, send, events, wakeAt: uptime(now + 1000) });
  return {
    begin: (now) => step([], now),
    step(state, input: Input, now) {
      const left = input.kind === 'sent' ? input.at : undefined;
      heard.push({ kind: input.kind, at: now, ...(left !== undefined && { left }) });
      if (input.kind === 'actuation') {
        const bytes = Uint8Array.of(0x31);
        return step([...state, input.actuation], now, [{ kind: 'bytes', bytes }]);
      }
      if (input.kind === 'link-down') {
        const events = state.map(
          ({ id }): DeviceEvent => ({
            kind: 'actuation-result',
            device,
            actuation: id,
            result: 'unknown',
            sent: true,
            acknowledged: false,
            observed: false,
          }),
        );
        return step([], now, [{ kind: 'bytes', bytes: Uint8Array.of(0xff) }], events);
      }
      return step(state, now);
    },
    statistics: () => new Map(),
  };
}

class Wire implements ByteLink {
  readonly identity = 'wire';
  readonly written: number[] = [];
  listener: LinkListener | undefined;
  isOpen = true;
  closes = 0;
  readonly #clock: SimulatedClock;
  readonly #wireMs: number;
  stuck = false;
  constructor(clock: SimulatedClock, wireMs: number) {
    this.#clock = clock;
    this.#wireMs = wireMs;
  }
  async send(bytes: Uint8Array): Promise<Uptime> {
    if (!this.isOpen) throw new LinkError('closed', 'closed');
    if (this.stuck) return new Promise(() => {});
    this.written.push(...bytes);
    return uptime(this.#clock.uptime() + this.#wireMs);
  }
  async setBaudRate(): Promise<void> {
    throw new LinkError('failed', 'none');
  }
  async close(): Promise<void> {
    this.isOpen = false;
    this.closes += 1;
  }
}

async function started(wireMs = 10) {
  const clock = new SimulatedClock({ uptime: 0 });
  const wire = new Wire(clock, wireMs);
  const heard: Told[] = [];
  const events: DeviceEvent[] = [];
  const stop = new AbortController();
  const running: RunningMachine = await runMachine({
    machine: recorder(heard),
    port: {
      open: async (listener) => {
        wire.listener = listener;
        return wire;
      },
    },
    clock,
    onEvent: (event) => events.push(event),
    signal: stop.signal,
  });
  return { clock, wire, heard, events, stop, running };
}

function opening(id: string): Actuation {
  return {
    id: actuationId(id),
    device,
    expiresAt: uptime(1e9),
    kind: 'open-slot',
    slot: slotNumber(1),
    hold: 500,
  };
}

test('a send is confirmed with the moment its last byte is off the wire, without a wake-up for it', async () => {
  const { clock, heard, running, wire } = await started(10);
  running.actuate(opening('a'));
  await clock.advance(2000);
  assert.deepEqual(wire.written, [0x31]);
  assert.deepEqual(heard, [
    { kind: 'link-up', at: 0 },
    { kind: 'actuation', at: 0 },
    { kind: 'sent', at: 0, left: 10 },
    { kind: 'wake', at: 1000 },
    { kind: 'wake', at: 2000 },
  ]);
});

test('what a machine sends once it hears that something has left is sent once', async () => {
  const clock = new SimulatedClock({ uptime: 0 });
  const wire = new Wire(clock, 0);
  let confirmed = 0;
  await runMachine({
    machine: {
      begin: () => ({ state: 0, send: [], events: [], wakeAt: undefined }),
      step(count, { kind }) {
        confirmed += kind === 'sent' ? 1 : 0;
        const speaks = (kind === 'link-up' || kind === 'sent') && confirmed < 4;
        const bytes = Uint8Array.of(confirmed);
        const send: readonly Send[] = speaks ? [{ kind: 'bytes', bytes }] : [];
        return { state: count, send, events: [], wakeAt: undefined };
      },
      statistics: () => new Map(),
    },
    port: { open: async () => wire },
    clock,
    onEvent: () => {},
    signal: new AbortController().signal,
  });
  await clock.settle();
  assert.deepEqual(wire.written, [0, 1, 2, 3]);
  assert.equal(confirmed, 4);
});

test('after the link has closed nothing reaches it, what was in flight is unknown, later requests are refused', async () => {
  const { clock, wire, heard, events, running } = await started();
  running.actuate(opening('a'));
  await clock.settle();
  const why = new LinkError('closed', 'unplugged');
  wire.listener?.closed(why);
  wire.listener?.closed(new LinkError('failed', 'told twice'));
  wire.listener?.bytes(Uint8Array.of(1), clock.uptime());
  running.actuate(opening('b'));
  assert.equal(await running.closed, why);
  await clock.advance(5000);
  assert.deepEqual(wire.written, [0x31]);
  assert.equal(wire.closes, 1);
  assert.deepEqual(
    events.map((event) => event.kind === 'actuation-result' && [event.actuation, event.result]),
    [
      ['a', 'unknown'],
      ['b', 'refused'],
    ],
  );
  assert.equal(heard.filter(({ kind }) => kind === 'link-down').length, 1);
  assert.equal(heard.at(-1)?.kind, 'link-down');
});

test('the signal ends a run like a closing link, without a fault', async () => {
  const { clock, wire, events, stop, running } = await started();
  running.actuate(opening('a'));
  await clock.settle();
  stop.abort();
  assert.equal(await running.closed, undefined);
  assert.equal(wire.isOpen, false);
  assert.deepEqual(
    events.map((event) => event.kind),
    ['actuation-result'],
  );
});

test('a link on which nothing leaves is given up', async () => {
  const { clock, wire, running } = await started();
  wire.stuck = true;
  running.actuate(opening('a'));
  await clock.advance(5001);
  assert.equal((await running.closed)?.code, 'timed-out');
});

test('a link that does not open rejects with its fault', async () => {
  const clock = new SimulatedClock();
  const missing = new LinkError('missing', 'no such path');
  await assert.rejects(
    runMachine({
      machine: recorder([]),
      port: { open: () => Promise.reject(missing) },
      clock,
      onEvent: () => {},
      signal: new AbortController().signal,
    }),
    missing,
  );
});

test('a machine that breaks ends its run and closes the link', async () => {
  const clock = new SimulatedClock();
  const wire = new Wire(clock, 0);
  const broken = new Error('broken');
  const running = await runMachine({
    machine: {
      begin: () => ({ state: 0, send: [], events: [], wakeAt: undefined }),
      step: () => {
        throw broken;
      },
      statistics: () => new Map(),
    },
    port: { open: async () => wire },
    clock,
    onEvent: () => {},
    signal: new AbortController().signal,
  });
  await assert.rejects(running.closed, broken);
  assert.equal(wire.isOpen, false);
});
