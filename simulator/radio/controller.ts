/**
 * A virtual LE controller: what one host has at the other end of its HCI. Answers each command in order, scans and
 * connects on the shared air. The subset is what noble and other central-role hosts use (reference ble.md, 2).
 */

import { type Millis, type Timer, uptime } from '../../drivers/contract/time.ts';
import { joinBytes } from '../../drivers/wire/hex.ts';
import type { Air } from './air.ts';
import {
  addressBytes,
  addressText,
  commandComplete,
  commandStatus,
  eventPacket,
  H4,
  leEvent,
  OPCODE,
  readU16,
  STATUS,
  u16,
} from './hci.ts';
import type { Peripheral } from './peripheral.ts';
import { RadioLink } from './radio-link.ts';
import { extendedReport, legacyReport } from './reports.ts';
import { supportedCommands } from './supported-commands.ts';

export interface ControllerOptions {
  readonly address?: string;
  /** `legacy`: no optional LE feature; `extended`: data length extension and extended advertising. */
  readonly profile?: 'legacy' | 'extended';
  /** Longest ACL payload in both directions; 27 forces fragments. */
  readonly aclLength?: number;
  /** ACL packets the host may have under way. */
  readonly aclCount?: number;
}

/** What can be wrong with an adapter itself. */
export interface ControllerFaults {
  /** Hears and says nothing: hung firmware. */
  readonly dead?: boolean;
  /** Read RSSI is answered with a status alone, which ends a noble process. */
  readonly shortRssi?: boolean;
  /** Events of this code are cut to this many bytes of parameters: broken firmware. */
  readonly cutEvent?: { readonly code: number; readonly length: number };
  /** The opcode's answer is cut to this many bytes of parameters. */
  readonly short?: { readonly opcode: number; readonly length: number };
  /** This opcode is refused with this status. */
  readonly refuse?: { readonly opcode: number; readonly status: number };
}

const FIRST_HANDLE = 0x0040;
const FEATURES = { legacy: 0, extended: (1 << 5) | (1 << 12) } as const;
interface Wanted {
  readonly address: string;
  readonly addressType: 'public' | 'random';
  /** Supervision time of the link, as the host asked for it. */
  readonly supervision: Millis;
  timer: Timer | undefined;
}

/** Supervision times are told in these. */
const SUPERVISION_UNIT: Millis = 10;

export class VirtualController {
  readonly address: string;
  faults: ControllerFaults = {};
  /** Opcodes of all commands heard, for tests of what a host sends. */
  readonly heardOpcodes: number[] = [];
  readonly #air: Air;
  readonly #say: (packet: Uint8Array) => void;
  readonly #options: Required<ControllerOptions>;
  readonly #links = new Map<number, RadioLink>();
  readonly #advertisers = new Map<string, Timer>();
  readonly #stopListening: () => void;
  #scanning:
    | { readonly extended: boolean; readonly filters: boolean; readonly seen: Set<string> }
    | undefined;
  #wanted: Wanted | undefined;
  #nextHandle = FIRST_HANDLE;

  constructor(air: Air, say: (packet: Uint8Array) => void, options: ControllerOptions = {}) {
    this.#air = air;
    this.#options = {
      address: '00:00:00:00:00:02',
      profile: 'legacy',
      aclLength: 251,
      aclCount: 8,
      ...options,
    };
    this.address = this.#options.address;
    this.#say = (packet) => {
      const { dead, cutEvent } = this.faults;
      if (dead === true) return;
      const isCut = packet[0] === H4.event && packet[1] === cutEvent?.code;
      say(
        isCut ? eventPacket(packet[1] ?? 0, packet.slice(3, 3 + (cutEvent?.length ?? 0))) : packet,
      );
    };
    this.#stopListening = air.listen({
      peopled: () => {
        this.#watchAdvertisers();
        this.#tryConnect();
      },
      lost: (peripheral) => {
        for (const link of this.#links.values()) {
          if (link.peripheral === peripheral) link.disconnect(STATUS.timeout);
        }
      },
    });
  }

  /** One whole H4 packet of the host. */
  hear(packet: Uint8Array): void {
    if (this.faults.dead === true) return;
    if (packet[0] === H4.acl) {
      this.#links.get(readU16(packet, 1) & 0x0fff)?.hear(packet);
      return;
    }
    if (packet[0] !== H4.command) return;
    const opcode = readU16(packet, 1);
    this.heardOpcodes.push(opcode);
    if (this.heardOpcodes.length > 10_000) this.heardOpcodes.shift();
    this.#command(opcode, packet.subarray(4));
  }

  /** The host is gone, or the adapter is pulled out: all links end. */
  close(): void {
    this.#reset();
    this.#stopListening();
  }

  get links(): readonly RadioLink[] {
    return [...this.#links.values()];
  }

  #command(opcode: number, parameters: Uint8Array): void {
    const { refuse, short, shortRssi } = this.faults;
    if (refuse?.opcode === opcode) {
      this.#complete(opcode, Uint8Array.of(refuse.status));
      return;
    }
    if (short?.opcode === opcode) {
      this.#complete(opcode, new Uint8Array(short.length));
      return;
    }
    if (shortRssi === true && opcode === OPCODE.readRssi) {
      this.#complete(opcode, Uint8Array.of(STATUS.ok));
      return;
    }
    switch (opcode) {
      case OPCODE.disconnect:
        this.#disconnect(readU16(parameters, 0));
        return;
      case OPCODE.leCreateConnection:
        this.#create(
          opcode,
          parameters[5] ?? 0,
          parameters.subarray(6, 12),
          readU16(parameters, 19),
        );
        return;
      case OPCODE.leExtendedCreateConnection:
        this.#create(
          opcode,
          parameters[2] ?? 0,
          parameters.subarray(3, 9),
          readU16(parameters, 20),
        );
        return;
      case OPCODE.leCancelConnection:
        this.#cancel();
        return;
      case OPCODE.leConnectionUpdate:
        this.#update(opcode, parameters);
        return;
      case OPCODE.leReadRemoteFeatures:
        this.#say(commandStatus(opcode, STATUS.ok));
        this.#say(
          leEvent(0x04, Uint8Array.of(STATUS.ok), parameters.subarray(0, 2), this.#features()),
        );
        return;
      case OPCODE.readRemoteVersion:
        this.#say(commandStatus(opcode, STATUS.ok));
        this.#say(
          eventPacket(
            0x0c,
            Uint8Array.of(STATUS.ok),
            parameters.subarray(0, 2),
            Uint8Array.of(9, 0xff, 0xff, 0, 0),
          ),
        );
        return;
      case OPCODE.leStartEncryption:
        // Peripherals here hold no keys: the link is as if the key were missing on the other side.
        this.#say(commandStatus(opcode, STATUS.ok));
        this.#say(
          eventPacket(0x08, Uint8Array.of(0x06), parameters.subarray(0, 2), Uint8Array.of(0)),
        );
        return;
      default:
        this.#complete(opcode, this.#returned(opcode, parameters));
    }
  }

  #complete(opcode: number, returned: Uint8Array): void {
    this.#say(commandComplete(opcode, returned));
  }

  /** Return parameters of a command that is answered by Command Complete, its status first. */
  #returned(opcode: number, parameters: Uint8Array): Uint8Array {
    const ok = Uint8Array.of(STATUS.ok);
    const { aclLength, aclCount, profile } = this.#options;
    switch (opcode) {
      case OPCODE.reset:
        this.#reset();
        return ok;
      case OPCODE.readLocalVersion:
        return Uint8Array.of(0, 0x09, 0, 0, 0x09, 0xf1, 0x05, 0, 0);
      case OPCODE.readSupportedCommands:
        return joinBytes(ok, supportedCommands());
      case OPCODE.readLocalFeatures:
        // BR/EDR not supported, LE supported (octet 4, bits 5 and 6).
        return Uint8Array.of(0, 0, 0, 0, 0, 0x60, 0, 0, 0);
      case OPCODE.readBufferSize:
        return joinBytes(ok, u16(aclLength), Uint8Array.of(0), u16(aclCount), u16(0));
      case OPCODE.readAddress:
        return joinBytes(ok, addressBytes(this.address));
      case OPCODE.readLeHostSupport:
        return Uint8Array.of(0, 1, 0);
      case OPCODE.readRssi: {
        const link = this.#links.get(readU16(parameters, 0));
        const rssi = link === undefined ? 127 : this.#air.rssi(link.peripheral.address);
        const status = link === undefined ? STATUS.unknownConnection : STATUS.ok;
        return joinBytes(Uint8Array.of(status), parameters.subarray(0, 2), Uint8Array.of(rssi));
      }
      case OPCODE.leReadBufferSize:
        return joinBytes(ok, u16(aclLength), Uint8Array.of(aclCount));
      case OPCODE.leReadFeatures:
        return joinBytes(ok, this.#features());
      case OPCODE.leReadStates:
        return joinBytes(ok, new Uint8Array(8).fill(0xff));
      case OPCODE.leReadMaxDataLength:
        return Uint8Array.of(0, 0xfb, 0, 0x48, 0x08, 0xfb, 0, 0x48, 0x08);
      case OPCODE.leSetDataLength:
        return joinBytes(ok, parameters.subarray(0, 2));
      case OPCODE.leSetScanEnable:
        return this.#scan(parameters[0] === 1, parameters[1] === 1, false);
      case OPCODE.leSetExtendedScanEnable:
        if (profile === 'legacy') return Uint8Array.of(STATUS.unknownCommand);
        return this.#scan(parameters[0] === 1, parameters[1] === 1, true);
      case OPCODE.leSetExtendedScanParameters:
        return profile === 'legacy' ? Uint8Array.of(STATUS.unknownCommand) : ok;
      case OPCODE.setEventMask:
      case OPCODE.leSetEventMask:
      case OPCODE.writeLeHostSupport:
      case OPCODE.leSetRandomAddress:
      case OPCODE.leSetScanParameters:
        return ok;
      default:
        // Long enough for a host that reads return parameters without looking at the status.
        return joinBytes(Uint8Array.of(STATUS.unknownCommand), new Uint8Array(8));
    }
  }

  #features(): Uint8Array {
    const bits = FEATURES[this.#options.profile];
    return joinBytes(u16(bits), new Uint8Array(6));
  }

  /** Stops scanning, forgets the pending connection, drops links without a word; the address stays. */
  #reset(): void {
    this.#scanning = undefined;
    this.#watchAdvertisers();
    this.#wanted?.timer?.cancel();
    this.#wanted = undefined;
    for (const link of [...this.#links.values()]) {
      this.#links.delete(link.handle);
      link.disconnect(STATUS.hostClosed);
    }
  }

  #scan(on: boolean, filters: boolean, extended: boolean): Uint8Array {
    this.#scanning = on ? { extended, filters, seen: new Set() } : undefined;
    this.#watchAdvertisers();
    return Uint8Array.of(STATUS.ok);
  }

  /** One timer for each peripheral that is on the air while scanning. */
  #watchAdvertisers(): void {
    const { clock, random, peripherals } = this.#air;
    const heard = this.#scanning === undefined ? [] : peripherals;
    const wanted = new Set(heard.map(({ address }) => address));
    for (const [address, timer] of this.#advertisers) {
      if (wanted.has(address)) continue;
      timer.cancel();
      this.#advertisers.delete(address);
    }
    for (const peripheral of heard) {
      if (this.#advertisers.has(peripheral.address)) continue;
      const arm = (after: number) => {
        this.#advertisers.set(
          peripheral.address,
          clock.wakeAt(uptime(clock.uptime() + after), () => {
            this.#report(peripheral);
            arm(peripheral.advertising()?.every ?? 100);
          }),
        );
      };
      arm(random.fraction() * (peripheral.advertising()?.every ?? 100));
    }
  }

  #report(peripheral: Peripheral): void {
    const scan = this.#scanning;
    const said = peripheral.advertising();
    const { away, loss = 0 } = this.#air.faults(peripheral.address);
    if (scan === undefined || said === undefined || away === true || this.#air.isBusy(peripheral))
      return;
    if (loss > 0 && this.#air.random.fraction() < loss) return;
    if (scan.filters && scan.seen.has(peripheral.address)) return;
    scan.seen.add(peripheral.address);
    const { scanResponse } = said;
    const report = scan.extended ? extendedReport : legacyReport;
    this.#say(report(this.#air, peripheral, said.data, false));
    if (scanResponse !== undefined) this.#say(report(this.#air, peripheral, scanResponse, true));
  }

  #update(opcode: number, parameters: Uint8Array): void {
    this.#say(commandStatus(opcode, STATUS.ok));
    const link = this.#links.get(readU16(parameters, 0));
    if (link !== undefined) link.supervision = readU16(parameters, 8) * SUPERVISION_UNIT;
    this.#say(
      leEvent(
        0x03,
        Uint8Array.of(STATUS.ok),
        parameters.subarray(0, 2),
        parameters.subarray(4, 6),
        parameters.subarray(6, 8),
        parameters.subarray(8, 10),
      ),
    );
  }

  /** `timeout`: in tens of milliseconds, as it stands in the command. */
  #create(opcode: number, type: number, address: Uint8Array, timeout: number): void {
    const wanted = addressText(address);
    const { refuseStatus } = this.#air.faults(wanted);
    if (this.links.some(({ peripheral }) => peripheral.address === wanted)) {
      this.#say(commandStatus(opcode, STATUS.alreadyConnected));
      return;
    }
    if (this.#wanted !== undefined || this.#scanning !== undefined || refuseStatus !== undefined) {
      this.#say(commandStatus(opcode, refuseStatus ?? STATUS.disallowed));
      return;
    }
    this.#say(commandStatus(opcode, STATUS.ok));
    const addressType = type === 1 || type === 3 ? 'random' : 'public';
    const supervision = timeout * SUPERVISION_UNIT;
    this.#wanted = { address: wanted, addressType, supervision, timer: undefined };
    this.#tryConnect();
  }

  /** A connection is made at the peripheral's next advertisement. */
  #tryConnect(): void {
    const wanted = this.#wanted;
    if (wanted === undefined || wanted.timer !== undefined) return;
    const peripheral = this.#air.connectable(wanted.address, wanted.addressType);
    if (peripheral === undefined) return;
    const { clock, random } = this.#air;
    const { connectDelay = 0 } = this.#air.faults(wanted.address);
    const every = peripheral.advertising()?.every ?? 0;
    const at = uptime(clock.uptime() + connectDelay + random.fraction() * every);
    wanted.timer = clock.wakeAt(at, () => {
      wanted.timer = undefined;
      const still = this.#air.connectable(wanted.address, wanted.addressType);
      if (this.#wanted === wanted && still !== undefined) this.#connected(still, wanted);
    });
  }

  #connected(peripheral: Peripheral, { supervision }: Wanted): void {
    this.#wanted = undefined;
    const { connectStatus, dropAtOnce } = this.#air.faults(peripheral.address);
    if (connectStatus !== undefined) {
      this.#completeConnection(connectStatus, 0, peripheral, supervision);
      return;
    }
    const handle = this.#nextHandle;
    this.#nextHandle = handle >= 0x0e00 ? FIRST_HANDLE : handle + 1;
    const link = new RadioLink(handle, peripheral, this.#air, {
      address: this.address,
      aclLength: this.#options.aclLength,
      supervision,
      say: (packet) => this.#say(packet),
      ended: (ended, reason) => this.#ended(ended, reason),
    });
    this.#links.set(handle, link);
    this.#air.hold(peripheral, 1);
    this.#completeConnection(STATUS.ok, handle, peripheral, supervision);
    peripheral.connected(link);
    if (dropAtOnce !== undefined) link.disconnect(dropAtOnce);
  }

  #completeConnection(
    status: number,
    handle: number,
    peripheral: Peripheral,
    supervision: Millis,
  ): void {
    const isRandom = peripheral.addressType === 'random' ? 1 : 0;
    this.#say(
      leEvent(
        0x01,
        Uint8Array.of(status),
        u16(handle),
        Uint8Array.of(0, isRandom),
        addressBytes(peripheral.address),
        Uint8Array.of(0x18, 0, 0, 0),
        u16(supervision / SUPERVISION_UNIT),
        Uint8Array.of(0),
      ),
    );
  }

  #cancel(): void {
    const wanted = this.#wanted;
    this.#complete(
      OPCODE.leCancelConnection,
      Uint8Array.of(wanted === undefined ? STATUS.disallowed : STATUS.ok),
    );
    if (wanted === undefined) return;
    wanted.timer?.cancel();
    this.#wanted = undefined;
    this.#say(leEvent(0x01, Uint8Array.of(STATUS.unknownConnection), new Uint8Array(17)));
  }

  #disconnect(handle: number): void {
    const link = this.#links.get(handle);
    const status = link === undefined ? STATUS.unknownConnection : STATUS.ok;
    this.#say(commandStatus(OPCODE.disconnect, status));
    link?.hangUp();
  }

  /** A link that a Reset dropped has left the table already: its host is told nothing. */
  #ended(link: RadioLink, reason: number): void {
    this.#air.hold(link.peripheral, -1);
    if (!this.#links.delete(link.handle)) return;
    this.#say(eventPacket(0x05, Uint8Array.of(STATUS.ok), u16(link.handle), Uint8Array.of(reason)));
  }
}
