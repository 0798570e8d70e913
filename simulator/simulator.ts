/** The hardware of a site with the control that lends it hands: for `npm run simulate`, `npm start` and tests. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Random } from '../drivers/contract/time.ts';
import type { Arguments } from './arguments.ts';
import { type Control, type SiteControl, serveControl } from './control.ts';
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
  readonly site?: SiteControl;
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
  const claimed = claim(directory);
  starting.defer(() => rmSync(claimed, { force: true }));
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
      ...(options.site === undefined ? {} : { site: options.site }),
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

export class DirectoryTaken extends Error {
  override readonly name = 'DirectoryTaken';
}

/** Two simulators in one directory would take each other's ports away. Answers the file that says whose it is. */
function claim(directory: string): string {
  const file = join(directory, 'simulator.pid');
  mkdirSync(directory, { recursive: true });
  const holder = holderOf(file);
  if (holder !== undefined) {
    throw new DirectoryTaken(
      `process ${holder} simulates hardware in ${directory}: stop it, or name another directory`,
    );
  }
  writeFileSync(file, `${process.pid}\n`);
  return file;
}

/** `undefined` where the one who wrote it is gone. */
function holderOf(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    if (!Number.isInteger(pid) || pid < 1) return undefined;
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
