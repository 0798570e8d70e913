/**
 * Keeps one bus open: opens its link, runs its machine on it, waits and opens again. Knows nothing of any other bus,
 * so that a dead one changes nothing for the rest (P11).
 */
import {
  type Actuation,
  type ActuationId,
  type DeviceEvent,
  type DeviceId,
  type DeviceStatistics,
  movesSomething,
  NO_STATISTICS,
} from '../../drivers/contract/device.ts';
import { LinkError } from '../../drivers/contract/errors.ts';
import type {
  Advertisement,
  ByteLink,
  ByteLinkOpener,
  GattLink,
  GattListener,
  LinkListener,
} from '../../drivers/contract/link.ts';
import type { Machine } from '../../drivers/contract/machine.ts';
import {
  type Clock,
  type Millis,
  pause,
  type Random,
  type Uptime,
} from '../../drivers/contract/time.ts';
import { type GattPort, runGattMachine } from '../../drivers/run-gatt-machine.ts';
import { type MachinePort, type RunningMachine, runMachine } from '../../drivers/run-machine.ts';
import { BackOff, LONGEST_WAIT, LONGEST_WAIT_FOR_PATH } from './back-off.ts';
import { DeviceState, type LinkState } from './device-state.ts';

/** Opens connections to one peripheral, as `ByteLinkOpener` does links to one bus. */
export interface GattLinkOpener {
  readonly kind: 'gatt';
  readonly name: string;
  open(listener: GattListener, signal: AbortSignal): Promise<GattLink>;
  /** Hears what the peripheral advertises, until the signal. */
  watch?(heard: (advertisement: Advertisement) => void, signal: AbortSignal): void;
}

/** On a bus of which nothing was heard for so long no other device answers either: it is the network that is away. */
const SILENT_FOR: Millis = 500;

export type BusOpener = ByteLinkOpener | GattLinkOpener;

export interface SupervisorParts {
  readonly bus: string;
  readonly devices: readonly DeviceId[];
  readonly machine: Machine<unknown>;
  readonly opener: BusOpener;
  readonly clock: Clock;
  readonly random: Random;
  /** Who was on this bus when it was last open, perhaps before the daemon's last start. */
  readonly knownIdentity?: string | undefined;
  onEvent(event: DeviceEvent, at: Uptime): void;
  /** Told when a bus is first opened or another device adopted, to be kept over restarts. */
  identified(bus: string, identity: string): void;
  /** A machine broke a promise of its own. Its bus goes on after a wait; the others never notice. */
  broken(bus: string, error: unknown): void;
}

export interface DeviceLinkStatus {
  readonly device: DeviceId;
  readonly link: LinkState;
  /** Why the port is not open, or which faults stand; empty when all is well. */
  readonly detail: string;
  /** Milliseconds since the device last proved that it is there; `undefined` if not since its link was opened. */
  readonly lastProof: Millis | undefined;
  readonly statistics: DeviceStatistics;
  /** Who is at the other end of the link; empty while it is not open. */
  readonly identity: string;
}

export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #states: ReadonlyMap<DeviceId, DeviceState>;
  readonly #backOff: BackOff;
  #running: RunningMachine | undefined;
  /** Ends this opening, not the supervisor. */
  #session = new AbortController();
  /** Ends a wait. */
  #hurry = new AbortController();
  #identity: string | undefined;
  #stranger: string | undefined;
  /** When something that moves was first asked since the last word on the bus. */
  #unheardSince: Uptime | undefined;
  #closedBecause = new LinkError('missing', 'not opened yet');

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#states = new Map(parts.devices.map((device) => [device, new DeviceState(device)]));
    this.#backOff = new BackOff(parts.random);
    this.#identity = parts.knownIdentity;
  }

  /** Until the signal; resolves once the link is closed. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      const began = clock.uptime();
      const ended = await this.#once(signal);
      this.#closedBecause = ended;
      if (signal.aborted) return; // we went, not the devices
      this.#lost(ended);
      this.#backOff.lived(clock.uptime() - began);
      const { kind } = this.#parts.opener;
      const looksForPath = ended.code === 'missing' && kind !== 'tcp' && kind !== 'gatt';
      const longest = looksForPath ? LONGEST_WAIT_FOR_PATH : LONGEST_WAIT;
      await this.#wait(this.#backOff.wait(longest), signal);
    }
  }

  /** What a machine that is not running cannot do is refused at once: nothing waits for a link (no late unlock). */
  actuate(actuation: Actuation): void {
    if (this.#running !== undefined) {
      if (movesSomething(actuation)) this.#unheardSince ??= this.#parts.clock.uptime();
      this.#running.actuate(actuation);
    } else if (actuation.kind !== 'feedback') {
      this.#parts.onEvent(
        {
          kind: 'actuation-result',
          device: actuation.device,
          actuation: actuation.id,
          result: 'refused',
          sent: false,
          acknowledged: false,
          observed: false,
          detail: `offline: ${this.#closedBecause.message}`,
        },
        this.#parts.clock.uptime(),
      );
    }
  }

  withdraw(id: ActuationId): void {
    this.#running?.withdraw(id);
  }

  /** An installer says that the other device found on this bus is the right one from now on. */
  adopt(): void {
    if (this.#stranger === undefined) return;
    this.#know(this.#stranger);
    this.#hurry.abort();
  }

  status(): readonly DeviceLinkStatus[] {
    const statistics = this.#running?.statistics();
    const now = this.#parts.clock.uptime();
    return [...this.#states].map(([device, state]) => {
      const counted = statistics?.get(device) ?? NO_STATISTICS;
      const { lastSeen } = counted;
      return {
        device,
        ...(this.#running === undefined
          ? { link: this.#closedState(), detail: this.#closedBecause.message }
          : { link: state.linkState(counted), detail: state.faults.join(', ') }),
        lastProof: lastSeen === undefined ? undefined : now - lastSeen,
        statistics: counted,
        identity: this.#running?.identity ?? '',
      };
    });
  }

  #closedState(): LinkState {
    return this.#closedBecause.code === 'other-device' ? 'other-device' : 'port-missing';
  }

  /** One opening of the link, from trying to its end. */
  async #once(signal: AbortSignal): Promise<LinkError> {
    const { machine, clock } = this.#parts;
    this.#session = new AbortController();
    try {
      const run = {
        machine,
        clock,
        onEvent: (event: DeviceEvent, at: Uptime) => this.#heard(event, at),
        signal: AbortSignal.any([signal, this.#session.signal]),
      };
      const { opener } = this.#parts;
      this.#running =
        opener.kind === 'gatt'
          ? await runGattMachine({ ...run, port: this.#peripheral(opener) })
          : await runMachine({ ...run, port: this.#wire(opener) });
      const why = await this.#running.closed;
      return why ?? new LinkError('closed', `${this.#parts.opener.name} was closed`);
    } catch (error) {
      if (error instanceof LinkError) return error;
      this.#parts.broken(this.#parts.bus, error);
      return new LinkError('failed', `the driver of bus ${this.#parts.bus} broke`, {
        cause: error,
      });
    } finally {
      this.#running = undefined;
      this.#session.abort(); // whoever watched the air for it stops
    }
  }

  /** The opener, but for a device that is not the one we know: it hears nothing from us. */
  #wire(opener: ByteLinkOpener): MachinePort {
    return {
      open: async (listener, signal) => {
        this.#unheardSince = undefined;
        const gate = new Gate({
          bytes: (chunk, at) => {
            this.#unheardSince = undefined;
            listener.bytes(chunk, at);
          },
          closed: (why) => listener.closed(why),
        });
        const link = await this.#recognised(await opener.open(gate, signal));
        gate.pass();
        return link;
      },
    };
  }

  /** Connected only while there is something to say; the same care for who answers. */
  #peripheral(opener: GattLinkOpener): GattPort {
    return {
      kind: 'gatt',
      open: async (listener, signal) => this.#recognised(await opener.open(listener, signal)),
      ...(opener.watch === undefined
        ? {}
        : { watch: (heard, signal) => opener.watch?.(heard, signal) }),
    };
  }

  async #recognised<Link extends ByteLink | GattLink>(link: Link): Promise<Link> {
    const { identity } = link;
    if (this.#identity === undefined || this.#identity === identity) {
      this.#stranger = undefined;
      if (this.#identity === undefined) this.#know(identity);
      this.#identityFault('cleared', identity);
      return link;
    }
    this.#stranger = identity;
    await link.close();
    const detail = `found ${identity}, expected ${this.#identity}`;
    this.#identityFault('raised', detail);
    throw new LinkError('other-device', `another device on ${this.#parts.opener.name}: ${detail}`);
  }

  #know(identity: string): void {
    this.#identity = identity;
    this.#parts.identified(this.#parts.bus, identity);
  }

  #identityFault(state: 'raised' | 'cleared', detail: string): void {
    const at = this.#parts.clock.uptime();
    for (const device of this.#states.keys()) {
      this.#heard({ kind: 'fault', device, fault: 'identity-changed', state, detail }, at);
    }
  }

  #heard(event: DeviceEvent, at: Uptime): void {
    const state = this.#states.get(event.device);
    if (state === undefined) return; // a machine speaks of its own devices only
    const wasOnline = state.isOnline === true;
    const counted = () => this.#running?.statistics().get(event.device) ?? NO_STATISTICS;
    for (const news of state.news(event, counted)) this.#parts.onEvent(news, at);
    if (event.kind === 'offline' && wasOnline && this.#isDeserted) this.#reset();
    if (event.kind === 'actuation-result' && event.result === 'unknown' && this.#isUnheard) {
      this.#reset();
    }
  }

  get #isDeserted(): boolean {
    return [...this.#states.values()].every(({ isOnline }) => isOnline === false);
  }

  get #isUnheard(): boolean {
    const since = this.#unheardSince;
    return since !== undefined && this.#parts.clock.uptime() - since >= SILENT_FOR;
  }

  /**
   * A network that went away keeps what was sent and delivers it when it comes back, an opening as well. Once nobody
   * behind a gateway answers any more, the connection is reset, which drops that, and made anew.
   */
  #reset(): void {
    if (this.#parts.opener.kind !== 'tcp') return;
    this.#backOff.reset();
    this.#session.abort();
  }

  #lost(why: LinkError): void {
    const at = this.#parts.clock.uptime();
    for (const state of this.#states.values()) {
      for (const event of state.linkLost(why.message)) this.#parts.onEvent(event, at);
    }
  }

  async #wait(length: Millis, signal: AbortSignal): Promise<void> {
    this.#hurry = new AbortController();
    await pause(this.#parts.clock, length, AbortSignal.any([signal, this.#hurry.signal]));
  }
}

/** Chunks kept until it is known who speaks, which is at once; what comes beyond is as if it were lost on the wire. */
const HELD_MOST = 256;

/** Holds back what a link says until it is known who is speaking. A stranger's words are dropped with the gate. */
class Gate implements LinkListener {
  readonly #listener: LinkListener;
  readonly #held: { readonly chunk: Uint8Array; readonly at: Uptime }[] = [];
  #passes = false;
  #closed: LinkError | undefined;

  constructor(listener: LinkListener) {
    this.#listener = listener;
  }

  bytes(chunk: Uint8Array, at: Uptime): void {
    if (this.#passes) this.#listener.bytes(chunk, at);
    else if (this.#held.length < HELD_MOST) this.#held.push({ chunk, at });
  }

  closed(why: LinkError): void {
    if (this.#passes) this.#listener.closed(why);
    else this.#closed = why;
  }

  pass(): void {
    this.#passes = true;
    for (const { chunk, at } of this.#held) this.#listener.bytes(chunk, at);
    if (this.#closed !== undefined) this.#listener.closed(this.#closed);
  }
}
