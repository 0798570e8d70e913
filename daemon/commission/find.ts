/** Looks for devices on a bus: each driver's reading request at the usual speeds and addresses, never anything that moves. */
import { deviceId } from '../../drivers/contract/device.ts';
import type { ByteLink, ByteLinkOpener, LinkListener } from '../../drivers/contract/link.ts';
import type { DriverEntry } from '../../drivers/contract/machine.ts';
import { type Clock, type Millis, type Random, uptime } from '../../drivers/contract/time.ts';
import { runMachine } from '../../drivers/run-machine.ts';
import { answers, type ProbeLink } from './probe.ts';

export interface Found {
  readonly driver: string;
  readonly baudRate: number;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface FindParts {
  readonly catalogue: ReadonlyMap<string, DriverEntry>;
  readonly opener: ByteLinkOpener;
  /** What the config says of the line, tried first. */
  readonly baudRate: number | undefined;
  readonly latencyMs: Millis;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** What is being tried, for the eyes. */
  say(text: string): void;
}

interface Kind {
  readonly driver: string;
  readonly speeds: readonly number[];
  readonly addresses: readonly number[];
  readonly options?: Readonly<Record<string, unknown>>;
}

const upTo = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

/**
 * Factory speed and address first. A CU12 speaks as a CU16 does; of the CU48s the later dialect is asked first
 * (serial-hardware 4.2). Winnsen boards have no check in their frames, so nothing is concluded from theirs.
 */
const KINDS: readonly Kind[] = [
  { driver: 'kerong-cu16', speeds: [19_200, 9600, 115_200], addresses: upTo(0, 9) },
  { driver: 'kerong-cu48b', speeds: [19_200, 9600, 115_200], addresses: upTo(0, 9) },
  { driver: 'kerong-cu48', speeds: [19_200, 9600, 115_200], addresses: upTo(0, 9) },
  { driver: 'lock-board-8a', speeds: [9600], addresses: upTo(1, 31) },
  { driver: 'modbus-relay', speeds: [9600, 19_200, 115_200], addresses: upTo(1, 16) },
  {
    driver: 'osdp',
    speeds: [9600, 38_400, 115_200, 19_200, 57_600],
    addresses: upTo(0, 15),
    options: { secureChannel: 'off' },
  },
];

/** All that answer; a bus speaks one protocol, so the first that is found is the only one looked for from there on. */
export async function findOnBus(parts: FindParts): Promise<readonly Found[]> {
  const { opener, signal } = parts;
  let hear: ((bytes: Uint8Array) => void) | undefined;
  const link = await opener.open({ bytes: (bytes) => hear?.(bytes), closed: () => {} }, signal);
  const listen: ProbeLink['listen'] = (heard) => {
    hear = heard;
  };
  try {
    const search = new Search(parts, { link, listen });
    return await search.run();
  } finally {
    await link.close();
  }
}

class Search {
  readonly #parts: FindParts;
  readonly #link: ProbeLink;
  #speed = 0;

  constructor(parts: FindParts, link: ProbeLink) {
    this.#parts = parts;
    this.#link = link;
  }

  async run(): Promise<readonly Found[]> {
    const seen = new Set<string>();
    // As delivered first: most boards are, and it takes a few seconds only.
    for (const isFirst of [true, false]) {
      for (const kind of KINDS) {
        const all = isFirst ? kind.addresses.slice(0, 4) : kind.addresses;
        const speeds = this.#speedsOf(kind);
        for (const speed of isFirst ? speeds.slice(0, 1) : speeds) {
          for (const address of all) {
            const key = `${kind.driver} ${speed} ${address}`;
            if (seen.has(key)) continue;
            seen.add(key);
            if (await this.#isThere(kind, speed, address)) return this.#rest(kind, speed, address);
          }
        }
      }
    }
    return [];
  }

  /** The other addresses of the kind that was found. */
  async #rest(kind: Kind, speed: number, first: number): Promise<readonly Found[]> {
    const found = [asFound(kind, speed, first)];
    for (const address of kind.addresses) {
      if (address === first) continue;
      if (await this.#isThere(kind, speed, address)) found.push(asFound(kind, speed, address));
    }
    return found.toSorted((a, b) => Number(a.options['address']) - Number(b.options['address']));
  }

  /** A gateway has one speed, which is set on the gateway. */
  #speedsOf({ speeds }: Kind): readonly number[] {
    const { opener, baudRate } = this.#parts;
    if (opener.kind !== 'serial') return [baudRate ?? speeds[0] ?? 9600];
    return baudRate === undefined ? speeds : [...new Set([baudRate, ...speeds])];
  }

  async #isThere(kind: Kind, baudRate: number, address: number): Promise<boolean> {
    const { catalogue, clock, random, latencyMs, opener, say, signal } = this.#parts;
    const driver = catalogue.get(kind.driver);
    if (driver === undefined || signal.aborted) return false;
    say(`${kind.driver} at ${baudRate} baud, address ${address}`);
    if (opener.kind === 'serial' && this.#speed !== baudRate) {
      await this.#link.link.setBaudRate(baudRate);
      this.#speed = baudRate;
    }
    const options = asFound(kind, baudRate, address).options;
    return answers({ driver, options, baudRate, latencyMs }, this.#link, clock, random);
  }
}

function asFound(kind: Kind, baudRate: number, address: number): Found {
  return { driver: kind.driver, baudRate, options: { address, ...kind.options } };
}

/**
 * Readers that only speak when something is shown to them, the strictest frame first. The driver of the RDM6300 reads
 * an ID-20LA as well.
 */
const LISTENED: readonly string[] = ['rdm6300', 'stx-etx-lrc', 'wiegand-serial'];

/** Which kind of reader makes sense of what comes once a fob is held to it. All listen to one link; none speaks. */
export async function findReader(
  parts: Omit<FindParts, 'say'>,
  within: Millis,
): Promise<Found | undefined> {
  const { catalogue, clock, random, latencyMs, opener } = parts;
  const baudRate = parts.baudRate ?? 9600;
  const listeners = new Set<LinkListener>();
  const heard = Promise.withResolvers<string | undefined>();
  const over = new AbortController();
  const link = await opener.open(
    {
      bytes: (bytes, at) => {
        for (const each of listeners) each.bytes(bytes, at);
      },
      closed: () => heard.resolve(undefined),
    },
    parts.signal,
  );
  const mute: ByteLink = {
    identity: link.identity,
    send: async () => clock.uptime(),
    setBaudRate: async () => {},
    close: async () => {},
  };
  const timer = clock.wakeAt(uptime(clock.uptime() + within), () => heard.resolve(undefined));
  const stop = () => heard.resolve(undefined);
  parts.signal.addEventListener('abort', stop, { once: true });
  try {
    for (const name of LISTENED) {
      const driver = catalogue.get(name);
      if (driver === undefined) continue;
      const device = { id: deviceId('probe'), options: driver.options.parse({}) };
      const facts = { baudRate, latencyMs, echo: false, random, secrets: new Map() };
      await runMachine({
        machine: driver.machine([device], facts),
        port: {
          open: async (listener) => {
            listeners.add(listener);
            return mute;
          },
        },
        clock,
        onEvent: ({ kind }) => {
          if (kind === 'card-read' || kind === 'code-entered') heard.resolve(name);
        },
        signal: over.signal,
      });
    }
    const driver = await heard.promise;
    return driver === undefined ? undefined : { driver, baudRate, options: {} };
  } finally {
    timer.cancel();
    parts.signal.removeEventListener('abort', stop);
    over.abort();
    await link.close();
  }
}
