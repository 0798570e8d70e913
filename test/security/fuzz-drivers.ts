/** The machine of every driver on a wire, fed with what its simulated device said once, bent. */
import { catalogue } from '../../drivers/catalogue.ts';
import { deviceId } from '../../drivers/contract/device.ts';
import type { DriverEntry, Input, Machine, Step } from '../../drivers/contract/machine.ts';
import { type Uptime, uptime } from '../../drivers/contract/time.ts';
import { runMachine } from '../../drivers/run-machine.ts';
import { SimulatedBus } from '../../simulator/bus.ts';
import { SimulatedClock } from '../../simulator/clock.ts';
import { simulatedKinds } from '../../simulator/devices/catalogue.ts';
import { SimulatedPort } from '../../simulator/link.ts';
import { seededRandom } from '../../simulator/random.ts';
import type { FuzzTarget } from './fuzz-target.ts';

/** Of the shortest input; more events than this for one byte would be a flood of its own making. */
const EVENTS_PER_BYTE = 8;
const EVENTS_FREE = 400;
/** Options with which one or another driver is content. */
const OPTIONS = [
  {},
  { address: 0 },
  { address: 1 },
  { address: 0, secureChannel: 'off' },
  { address: 1, acceptNoChecksum: true },
];

const WIRED = [...catalogue.values()].filter(({ link }) => link !== 'gatt');

/** @throws Error for a driver that is content with none of these options */
export async function driverTargets(): Promise<readonly FuzzTarget[]> {
  return Promise.all(WIRED.map(driverTarget));
}

export function optionsOf(entry: DriverEntry): unknown {
  for (const options of OPTIONS) {
    const read = entry.options.safeParse(options);
    if (read.success) return read.data;
  }
  return undefined;
}

/** A driver's machine, fed with what its simulated device said once, bent. */
async function driverTarget(entry: DriverEntry): Promise<FuzzTarget> {
  const options = optionsOf(entry);
  if (options === undefined) throw new Error(`no options of OPTIONS suit ${entry.name}`);
  const devices = [{ id: deviceId('dut'), options }];
  const build = (seed: number) =>
    entry.machine(devices, {
      baudRate: entry.defaultBaudRate,
      latencyMs: 0,
      echo: false,
      random: seededRandom(seed),
      secrets: new Map(),
    });
  return {
    name: entry.name,
    seeds: await recorded(entry, options, build(1)),
    run: (input) => feed(build(2), input),
  };
}

/** What a simulated device says to its driver within some seconds in which a hand does this and that. */
async function recorded(
  entry: DriverEntry,
  options: unknown,
  machine: Machine<unknown>,
): Promise<readonly Uint8Array[]> {
  const clock = new SimulatedClock();
  const random = seededRandom(3);
  const bus = new SimulatedBus({ name: 'bus', clock, random });
  const kind = simulatedKinds.get(entry.name);
  if (kind === undefined) return [Uint8Array.of(0)];
  const device = bus.attach('dut', (around) => kind.build('dut', options, around));
  const port = new SimulatedPort(bus, clock);
  const heard: Uint8Array[] = [];
  const stop = new AbortController();
  const running = await runMachine({
    machine,
    clock,
    signal: stop.signal,
    onEvent: () => {},
    port: {
      open: (listener, signal) =>
        port.open(
          {
            bytes: (bytes, at) => {
              heard.push(bytes);
              listener.bytes(bytes, at);
            },
            closed: (why) => listener.closed(why),
          },
          signal,
        ),
    },
  });
  for (const [verb, given] of HANDS) {
    try {
      device.verbs[verb]?.run(given);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error; // not of this device
    }
    await clock.advance(700);
  }
  stop.abort();
  await running.closed;
  const all = Buffer.concat(heard);
  return [all.subarray(0, 600), ...heard.slice(0, 40)];
}

const HANDS = [
  ['show', { fob: '1F00644BB6' }],
  ['remove', {}],
  ['show', { card: '1F00644BB6', text: '1F00644BB6', bits: '00000000000000000000000001' }],
  ['press', { keys: '123456#' }],
  ['stock', { slot: 1, fob: '1F00644BB6' }],
  ['force-door', { slot: 2 }],
] as const;

/** In pieces, with time passing between some of them, as a wire would bring it. */
function feed(machine: Machine<unknown>, input: Uint8Array): string {
  let now: Uptime = uptime(1000);
  let step: Step<unknown> = machine.begin(now);
  let events = step.events.length;
  const kinds = new Set<string>();
  const take = (next: Input) => {
    step = machine.step(step.state, next, now);
    events += step.events.length;
    for (const event of step.events) kinds.add(event.kind);
    if (step.send.length > 0 && next.kind !== 'sent') take({ kind: 'sent' });
  };
  take({ kind: 'link-up' });
  for (let at = 0, size = 1; at < input.length; at += size, size = (size * 7 + 3) % 23 || 1) {
    take({ kind: 'bytes', bytes: input.subarray(at, at + size) });
    if (size % 3 === 0 && step.wakeAt !== undefined) {
      now = uptime(Math.max(now + 1, step.wakeAt));
      take({ kind: 'wake' });
    }
  }
  take({ kind: 'link-down' });
  const told = [...machine.statistics(step.state).values()];
  if (events > EVENTS_FREE + EVENTS_PER_BYTE * input.length)
    throw new Error(`${events} events of ${input.length} bytes`);
  const counted = told.map(({ replies, checksumErrors, noiseBytes }) =>
    [replies, checksumErrors, noiseBytes].map((count) => Math.ceil(Math.log2(count + 1))).join('/'),
  );
  return `${[...kinds].sort()} ${counted}`;
}
