/** How far each device's own log was read, kept over restarts: what it repeats then is not told twice. */
import type { DeviceEvent } from '../../drivers/contract/device.ts';
import { isObject, numberIn } from '../access/body.ts';
import type { Json, Stamp } from '../access/entry.ts';
import type { Journal } from '../store/ports.ts';

const MARK = 'devices.logs';

/** Both, since a device that was reset counts from one again, but its time goes on. */
type Last = { readonly index: number; readonly at: number };

export class KnownLogEntries {
  readonly #journal: Journal;
  readonly #stamp: () => Stamp;
  readonly #failed: (error: unknown) => void;
  readonly #read: Map<string, Last>;

  constructor(journal: Journal, stamp: () => Stamp, failed: (error: unknown) => void) {
    this.#journal = journal;
    this.#stamp = stamp;
    this.#failed = failed;
    this.#read = new Map(lastIn(journal.mark(MARK)));
  }

  /** Whether the event is an entry of a log that was told before; a new one is noted. */
  knows(event: DeviceEvent): boolean {
    if (event.kind !== 'device-log') return false;
    const { device, index, at } = event;
    const last = this.#read.get(device);
    if (last !== undefined && index <= last.index && at <= last.at) return true;
    this.#read.set(device, { index, at });
    const value = Object.fromEntries(this.#read);
    this.#journal
      .append({ stamp: this.#stamp(), entries: [], rows: [{ table: 'mark', name: MARK, value }] })
      .committed.catch(this.#failed);
    return false;
  }
}

function lastIn(stored: Json | undefined): readonly (readonly [device: string, last: Last])[] {
  if (!isObject(stored)) return [];
  return Object.entries(stored).flatMap(([device, last]) => {
    if (!isObject(last)) return [];
    const index = numberIn(last, 'index');
    const at = numberIn(last, 'at');
    return index === undefined || at === undefined ? [] : [[device, { index, at }] as const];
  });
}
