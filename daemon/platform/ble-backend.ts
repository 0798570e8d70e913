/** From what the config says of an adapter to the stack that drives it, and one transport for each adapter. */
import { existsSync } from 'node:fs';
import type { Clock } from '../../drivers/contract/time.ts';
import { type BleRadio, bleTransport, type RadioNews } from './ble-transport.ts';
import type { RadioBackend } from './radio/messages.ts';

const UART_BAUD = 1_000_000;

/**
 * `hci0`, `tcp:HOST:PORT` or the path of a UART dongle. Of a kernel adapter `via` chooses: BlueZ, where nothing is
 * said; or HCI, and then the user channel, since beside a bluetoothd raw HCI and the kernel fight over the adapter.
 *
 * @throws RangeError for anything else
 */
export function radioBackend(adapter: string, via?: 'bluez' | 'hci'): RadioBackend {
  const kernel = /^hci(\d{1,2})$/.exec(adapter)?.[1];
  if (kernel !== undefined) {
    if (via !== 'hci') return { kind: 'bluez', adapter };
    return { kind: 'hci', adapter: Number(kernel), userChannel: true };
  }
  const [, host, port] = /^tcp:(.+):(\d{1,5})$/.exec(adapter) ?? [];
  if (host !== undefined && port !== undefined) return { kind: 'tcp', host, port: Number(port) };
  if (adapter.startsWith('/')) return { kind: 'uart', path: adapter, baudRate: UART_BAUD };
  throw new RangeError(`no adapter: ${adapter}; give hci0, tcp:HOST:PORT or a path`);
}

/** Why the adapter cannot even be tried; a stack would only be silent about it. */
export function missingAdapter(backend: RadioBackend): string | undefined {
  switch (backend.kind) {
    case 'uart':
      return existsSync(backend.path) ? undefined : `there is no ${backend.path}`;
    case 'hci': {
      const path = `/sys/class/bluetooth/hci${backend.adapter}`;
      return existsSync(path) ? undefined : `there is no adapter hci${backend.adapter}`;
    }
    case 'bluez':
    case 'tcp':
      return undefined;
  }
}

/** The adapters of a site: asked for by each peripheral, opened once. */
export class Radios implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #news: (adapter: string, news: RadioNews) => void;
  readonly #open = new Map<string, BleRadio>();

  constructor(clock: Clock, news: (adapter: string, news: RadioNews) => void) {
    this.#clock = clock;
    this.#news = news;
  }

  get(adapter: string, via?: 'bluez' | 'hci'): BleRadio {
    const opened = this.#open.get(adapter);
    if (opened !== undefined) return opened;
    const radio = bleTransport({
      name: adapter,
      backend: radioBackend(adapter, via),
      clock: this.#clock,
      news: (news) => this.#news(adapter, news),
    });
    this.#open.set(adapter, radio);
    return radio;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open.values()].map((radio) => radio.close()));
  }
}
