/**
 * Asks one address whether a device of one driver is there. The driver's own machine says what it would ask first and
 * judges what comes back; of all that it says only this first request, a reading one, is ever put on the wire.
 */
import { type DeviceEvent, deviceId } from '../../drivers/contract/device.ts';
import type { ByteLink } from '../../drivers/contract/link.ts';
import type { DriverEntry, Input, Machine, Step } from '../../drivers/contract/machine.ts';
import { type Clock, type Millis, pause, type Random } from '../../drivers/contract/time.ts';

/** No reply comes later than this, whatever the machine would wait for. */
const REPLY_MOST: Millis = 500;
/** A machine that says nothing for so long waits for somebody to speak first. */
const SPEAKS_WITHIN: Millis = 300;
/** Silence between two probes, so that a late reply meets nobody. */
const QUIET: Millis = 20;

export interface ProbeLink {
  readonly link: ByteLink;
  /** Called with all that comes; `undefined` ends it. */
  listen(heard: ((bytes: Uint8Array) => void) | undefined): void;
}

export interface Probed {
  readonly driver: DriverEntry;
  /** As the config would have them. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly baudRate: number;
  readonly latencyMs: Millis;
}

export async function answers(
  { driver, options, baudRate, latencyMs }: Probed,
  { link, listen }: ProbeLink,
  clock: Clock,
  random: Random,
): Promise<boolean> {
  const id = deviceId('probe');
  const machine = driver.machine([{ id, options: driver.options.parse(options) }], {
    baudRate,
    latencyMs,
    echo: false,
    random,
    secrets: new Map(),
  });
  const talk = new Talk(machine, clock);
  talk.take({ kind: 'link-up' });
  const end = clock.uptime() + SPEAKS_WITHIN;
  while (talk.request === undefined && talk.wakeAt !== undefined && talk.wakeAt <= end) {
    await pause(clock, Math.max(0, talk.wakeAt - clock.uptime()));
    talk.take({ kind: 'wake' });
  }
  const { request } = talk;
  if (request === undefined) return false;
  let heard = new AbortController();
  listen((bytes) => {
    talk.take({ kind: 'bytes', bytes });
    heard.abort();
  });
  try {
    const left = await link.send(request);
    await pause(clock, Math.max(0, left - clock.uptime()));
    talk.take({ kind: 'sent' });
    const over = clock.uptime() + REPLY_MOST + latencyMs;
    // It may want to be woken after the reply too: what it asks next has to keep its distance.
    while (!talk.isOver && clock.uptime() < over) {
      const until = Math.min(over, talk.wakeAt ?? over);
      heard = new AbortController();
      await pause(clock, Math.max(0, until - clock.uptime()), heard.signal);
      if (talk.wakeAt !== undefined && talk.wakeAt <= clock.uptime()) talk.take({ kind: 'wake' });
    }
    return talk.isAnswered;
  } finally {
    listen(undefined);
    await pause(clock, QUIET);
  }
}

/** A machine whose words are held back after the first. */
class Talk {
  request: Uint8Array | undefined;
  isAnswered = false;
  /** Answered, or asked again for want of an answer. */
  isOver = false;
  readonly #machine: Machine<unknown>;
  readonly #clock: Clock;
  #step: Step<unknown>;

  constructor(machine: Machine<unknown>, clock: Clock) {
    this.#machine = machine;
    this.#clock = clock;
    this.#step = machine.begin(clock.uptime());
    this.#judge();
  }

  get wakeAt() {
    return this.#step.wakeAt;
  }

  take(input: Input): void {
    if (this.isOver) return;
    this.#step = this.#machine.step(this.#step.state, input, this.#clock.uptime());
    this.#judge();
  }

  /** It is satisfied when it says so, or when it goes on to another request. */
  #judge(): void {
    for (const send of this.#step.send) {
      if (send.kind !== 'bytes') continue;
      if (this.request === undefined) {
        this.request = send.bytes;
        continue;
      }
      this.isOver = true;
      if (Buffer.compare(this.request, send.bytes) !== 0) this.isAnswered = true;
    }
    if (this.#step.events.some(isProof)) this.isAnswered = true;
    if (this.isAnswered) this.isOver = true;
  }
}

function isProof({ kind }: DeviceEvent): boolean {
  return kind === 'online' || kind === 'identity';
}
