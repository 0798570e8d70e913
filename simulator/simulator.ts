/** The hardware of a site with the control that lends it hands: for `npm run simulate`, `npm start` and tests. */
import type { Clock, Random } from '../drivers/contract/time.ts';
import type { Arguments } from './arguments.ts';
import { type Control, serveControl } from './control.ts';
import type { SimulatedKind } from './device.ts';
import { type Hardware, type HardwareDescription, openHardware } from './hardware.ts';
import { seededRandom } from './random.ts';
import { realClock } from './real-clock.ts';

/** Something done by hand before anybody looks: which key with which fob hangs in which slot. */
export interface Move {
  readonly device: string;
  readonly verb: string;
  readonly arguments?: Arguments;
}

export interface SimulatorOptions {
  readonly description: HardwareDescription;
  /** Names of the ports are put in here; made where it is missing. */
  readonly directory: string;
  readonly kinds: ReadonlyMap<string, SimulatedKind>;
  /** Done in this order at the start. */
  readonly contents?: readonly Move[];
  /** Port of the control; another one where it is taken. */
  readonly controlPort?: number;
  readonly title?: string;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface Simulator extends AsyncDisposable {
  readonly hardware: Hardware;
  /** Address of the control, `http://127.0.0.1:…`. */
  readonly url: string;
  /** Bus name -> path or `host:port`, as a config names them. */
  readonly addresses: Readonly<Record<string, string>>;
}

const CONTROL_PORT = 4100;

export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { description, directory, kinds, clock = realClock() } = options;
  await using starting = new AsyncDisposableStack();
  const random = options.random ?? seededRandom(clock.now());
  const hardware = starting.use(
    await openHardware({ description, directory, kinds, clock, random }),
  );
  for (const move of options.contents ?? []) {
    await hardware.handle(move.device, move.verb, move.arguments);
  }
  const control: Control = starting.use(
    await serveControl(hardware, {
      port: options.controlPort ?? CONTROL_PORT,
      title: options.title ?? 'Simulated hardware',
    }),
  );
  const parts = starting.move();
  return {
    hardware,
    url: control.url,
    addresses: Object.fromEntries(
      hardware.busNames.map((name) => [name, hardware.address(name) ?? '']),
    ),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
