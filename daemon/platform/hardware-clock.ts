/** What the clock with the battery says, where the machine has one, as Linux tells it: seconds since 1970, in UTC. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Instant, instant } from '../../drivers/contract/time.ts';

const CLOCKS = '/sys/class/rtc';
const MACHINE = '/etc/machine-id';

export interface HardwareClockReading {
  /** Of this clock in this machine, and of no other; it tells nobody which machine that is. */
  readonly name: string;
  readonly at: Instant;
}

/** The one that the system's clock was set from (`hctosys`), else the first; `undefined` where none can be read. */
export function readHardwareClock(
  clocks = CLOCKS,
  machine = MACHINE,
): HardwareClockReading | undefined {
  const found = named(clocks)
    .map((name) => join(clocks, name))
    .toSorted((one, other) => hasSet(other) - hasSet(one));
  const [first] = found;
  // A battery that ran out makes its driver answer with an error instead of a time.
  const seconds = first === undefined ? undefined : read(join(first, 'since_epoch'));
  if (first === undefined || seconds === undefined || !/^\d{1,11}$/.test(seconds)) return undefined;
  const which = `${read(machine) ?? ''}/${read(join(first, 'name')) ?? ''}`;
  const name = createHash('sha256').update(which).digest('hex').slice(0, 16);
  return { name, at: instant(Number(seconds) * 1000) };
}

function named(clocks: string): readonly string[] {
  try {
    return readdirSync(clocks).toSorted();
  } catch {
    return []; // no such clock, or none that this service may see
  }
}

function hasSet(clock: string): number {
  return read(join(clock, 'hctosys')) === '1' ? 1 : 0;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
