/** A simulated site and the installer who commissions it: reads what is asked, and does it with the hands. */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Sheet, sheetSchema } from '../../../daemon/commission/sheet.ts';
import type { Arguments } from '../../../simulator/arguments.ts';
import { simulatedKinds } from '../../../simulator/devices/catalogue.ts';
import { type Simulator, startSimulator } from '../../../simulator/simulator.ts';
import { readHardware } from '../../../simulator/site/hardware-file.ts';
import { start } from './process.ts';

export interface Commissioning {
  readonly status: number | null;
  readonly output: string;
  readonly sheet: Sheet;
}

export type Hand = (text: string) => void;

export interface CommissionSite extends AsyncDisposable {
  readonly directory: string;
  readonly config: string;
  readonly out: string;
  readonly simulator: Simulator;
  /** Until the end; `hands` are given each line that is printed. */
  run(args: readonly string[], ...hands: readonly Hand[]): Promise<Commissioning>;
  begin(args: readonly string[], ...hands: readonly Hand[]): ChildProcess;
  do(device: string, verb: string, given?: Arguments): void;
}

/** `wires`: the buses and devices; `real`: those of the config where it differs from what is wired. */
export async function commissionSite(wires: string, real = wires): Promise<CommissionSite> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-commission-'));
  const store = join(directory, 'store');
  const hardware = join(directory, 'hardware');
  mkdirSync(store);
  const file = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(
      path,
      `site: { id: hut-1, name: Hut, zone: Europe/Stockholm }\nstore: { directory: ${store} }\n${text}`,
    );
    return path;
  };
  const described = readHardware(file('wired.yaml', wires.replaceAll('@', hardware)), new Map());
  const simulator = await startSimulator({
    ...described,
    directory: hardware,
    kinds: simulatedKinds,
    controlPort: 0,
  });
  const addressed = Object.entries(simulator.addresses).reduce(
    (text, [bus, address]) => text.replaceAll(`tcp-of-${bus}`, address),
    real.replaceAll('@', hardware),
  );
  const config = file(
    'config.yaml',
    addressed.replaceAll('127.0.0.1:0', simulator.addresses['lobby'] ?? '127.0.0.1:0'),
  );
  const out = join(directory, 'out');
  const children: ChildProcess[] = [];
  const begin = (args: readonly string[], ...hands: readonly Hand[]) => {
    const child = start(['commission', '--config', config, '--out', out, ...args]);
    children.push(child);
    let rest = '';
    child.stdout?.on('data', (chunk) => {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) for (const hand of hands) hand(line);
    });
    return child;
  };
  return {
    directory,
    config,
    out,
    simulator,
    begin,
    do(device, verb, given) {
      void tryUntilDone(() => simulator.hardware.handle(device, verb, given));
    },
    run(args, ...hands) {
      const child = begin(args, ...hands);
      child.stdin?.end();
      return commissioned(child, out);
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill('SIGKILL');
      await simulator[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    },
  };
}

export function commissioned(child: ChildProcess, out: string): Promise<Commissioning> {
  let output = '';
  const hear = (chunk: Buffer) => {
    output += chunk;
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  return new Promise((resolve, reject) => {
    child.on('close', (status) => {
      try {
        const { sheet } = JSON.parse(readFileSync(join(out, 'acceptance.json'), 'utf8'));
        resolve({ status, output, sheet: sheetSchema.parse(sheet) });
      } catch (error) {
        reject(new Error(`no sheet, status ${status}: ${output}`, { cause: error }));
      }
    });
  });
}

/** A hook that its solenoid still holds cannot be shut: a person pushes again. */
export async function tryUntilDone(act: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      await act();
      return;
    } catch {
      await new Promise((again) => setTimeout(again, 20));
    }
  }
}
