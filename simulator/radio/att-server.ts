/** The ATT server of one link (Core Vol 3 Part F 3.4): answers requests, tells values, confirms one at a time. */
import { joinBytes } from '../../drivers/wire/hex.ts';
import {
  type Attribute,
  attributeTable,
  CHARACTERISTIC,
  CLIENT_CONFIGURATION,
  listReply,
  PRIMARY_SERVICE,
} from './attribute-table.ts';
import { readU16, u16, uuidBytes, uuidText } from './hci.ts';
import type { CharacteristicShape, ServiceShape } from './peripheral.ts';

const ERROR = {
  invalidHandle: 0x01,
  readNotPermitted: 0x02,
  writeNotPermitted: 0x03,
  notSupported: 0x06,
  notFound: 0x0a,
  invalidOffset: 0x07,
  queueFull: 0x09,
  invalidLength: 0x0d,
} as const;

const SMALLEST_MTU = 23;
/** What one client may prepare before it executes. */
const PREPARED_MAX = 4096;

/** What the server asks of the peripheral behind it. */
export interface AttHost {
  /** Largest MTU of the peripheral. */
  readonly mtu: number;
  readonly takesLongWrites: boolean;
  send(pdu: Uint8Array): void;
  read(characteristic: string): Uint8Array;
  written(characteristic: string, value: Uint8Array): number | undefined;
}

interface Prepared {
  readonly handle: number;
  readonly offset: number;
  readonly part: Uint8Array;
}

export class AttServer {
  readonly #table: readonly Attribute[];
  readonly #host: AttHost;
  /** Client configurations by their handle; they end with the link. */
  readonly #configurations = new Map<number, number>();
  readonly #indications: Uint8Array[] = [];
  #awaitsConfirmation = false;
  #prepared: Prepared[] = [];
  #mtu = SMALLEST_MTU;

  constructor(services: readonly ServiceShape[], host: AttHost) {
    this.#table = attributeTable(services);
    this.#host = host;
  }

  get mtu(): number {
    return this.#mtu;
  }

  /** One PDU of the client. One that is longer than was agreed is lost. */
  hear(pdu: Uint8Array): void {
    if (pdu.length > this.#mtu) return;
    const reply = this.#reply(pdu);
    if (reply !== undefined) this.#host.send(reply);
  }

  /** Notifies or indicates as the client has asked for; says nothing to a client that has not. */
  tell(uuid: string, value: Uint8Array): void {
    const at = this.#table.find(({ of, type }) => of?.uuid === uuid && type === uuid);
    if (at === undefined) throw new RangeError(`no characteristic ${uuid}`);
    const wanted = (this.#configurations.get(at.handle + 1) ?? 0) & offered(at.of);
    const body = joinBytes(u16(at.handle), value.subarray(0, this.#mtu - 3));
    if ((wanted & 1) !== 0) this.#host.send(joinBytes(Uint8Array.of(0x1b), body));
    else if ((wanted & 2) !== 0) {
      this.#indications.push(joinBytes(Uint8Array.of(0x1d), body));
      this.#indicate();
    }
  }

  #indicate(): void {
    if (this.#awaitsConfirmation) return;
    const next = this.#indications.shift();
    if (next === undefined) return;
    this.#awaitsConfirmation = true;
    this.#host.send(next);
  }

  #reply(pdu: Uint8Array): Uint8Array | undefined {
    const opcode = pdu[0] ?? 0;
    switch (opcode) {
      case 0x02:
        // The reply names the server's own size; the smaller of the two is in force (Vol 3 Part F 3.4.2).
        this.#mtu = Math.max(SMALLEST_MTU, Math.min(readU16(pdu, 1), this.#host.mtu));
        return joinBytes(Uint8Array.of(0x03), u16(this.#host.mtu));
      case 0x04:
        return this.#information(pdu);
      case 0x06:
        return this.#byTypeValue(pdu);
      case 0x08:
        return this.#byType(pdu);
      case 0x0a:
      case 0x0c:
        return this.#read(pdu);
      case 0x10:
        return this.#byGroup(pdu);
      case 0x12: {
        const error = this.#write(readU16(pdu, 1), pdu.subarray(3));
        return error === undefined ? Uint8Array.of(0x13) : failed(0x12, readU16(pdu, 1), error);
      }
      case 0x52:
        this.#write(readU16(pdu, 1), pdu.subarray(3));
        return undefined;
      case 0x16:
        return this.#prepare(pdu);
      case 0x18:
        return this.#execute(pdu[1] === 1);
      case 0x1e:
        this.#awaitsConfirmation = false;
        this.#indicate();
        return undefined;
      default:
        // Bit 6 marks commands, which are never answered.
        return (opcode & 0x40) !== 0 ? undefined : failed(opcode, 0, ERROR.notSupported);
    }
  }

  #within(pdu: Uint8Array): readonly Attribute[] {
    const [start, end] = [readU16(pdu, 1), readU16(pdu, 3)];
    return this.#table.filter(({ handle }) => handle >= start && handle <= end);
  }

  #information(pdu: Uint8Array): Uint8Array {
    const found = this.#within(pdu);
    const short = (found[0]?.type.length ?? 4) === 4;
    const entries = found
      .filter(({ type }) => (type.length === 4) === short)
      .map(({ handle, type }) => joinBytes(u16(handle), uuidBytes(type)));
    const list = listReply(0x05, entries, this.#mtu);
    if (list === undefined) return failed(0x04, readU16(pdu, 1), ERROR.notFound);
    list[1] = short ? 1 : 2; // here the second byte is a format, not a length
    return list;
  }

  #byTypeValue(pdu: Uint8Array): Uint8Array {
    const type = uuidText(pdu.subarray(5, 7));
    const wanted = uuidText(pdu.subarray(7));
    const found = this.#within(pdu)
      .filter((each) => each.type === type && uuidText(each.value) === wanted)
      .map(({ handle, end }) => joinBytes(u16(handle), u16(end)));
    if (found.length === 0) return failed(0x06, readU16(pdu, 1), ERROR.notFound);
    return joinBytes(Uint8Array.of(0x07), ...found.slice(0, Math.floor((this.#mtu - 1) / 4)));
  }

  #byType(pdu: Uint8Array): Uint8Array {
    const type = uuidText(pdu.subarray(5));
    const entries = this.#within(pdu)
      .filter((each) => each.type === type)
      .map((each) =>
        joinBytes(u16(each.handle), this.#valueOf(each).subarray(0, Math.min(253, this.#mtu - 4))),
      );
    return listReply(0x09, entries, this.#mtu) ?? failed(0x08, readU16(pdu, 1), ERROR.notFound);
  }

  #byGroup(pdu: Uint8Array): Uint8Array {
    const entries = this.#within(pdu)
      .filter(({ type }) => type === PRIMARY_SERVICE)
      .map(({ handle, end, value }) => joinBytes(u16(handle), u16(end), value));
    return listReply(0x11, entries, this.#mtu) ?? failed(0x10, readU16(pdu, 1), ERROR.notFound);
  }

  #read(pdu: Uint8Array): Uint8Array {
    const handle = readU16(pdu, 1);
    const opcode = pdu[0] ?? 0;
    const found = this.#table[handle - 1];
    if (found === undefined) return failed(opcode, handle, ERROR.invalidHandle);
    if (found.of !== undefined && found.type === found.of.uuid && !allows(found.of, 'read')) {
      return failed(opcode, handle, ERROR.readNotPermitted);
    }
    const value = this.#valueOf(found);
    const offset = opcode === 0x0c ? readU16(pdu, 3) : 0;
    if (offset > value.length) return failed(opcode, handle, ERROR.invalidOffset);
    return joinBytes(Uint8Array.of(opcode + 1), value.subarray(offset, offset + this.#mtu - 1));
  }

  #valueOf({ handle, type, of, value }: Attribute): Uint8Array {
    if (of === undefined || type === CHARACTERISTIC) return value;
    if (type === CLIENT_CONFIGURATION) return u16(this.#configurations.get(handle) ?? 0);
    return allows(of, 'read') ? this.#host.read(of.uuid) : value;
  }

  #write(handle: number, value: Uint8Array): number | undefined {
    const found = this.#table[handle - 1];
    if (found === undefined) return ERROR.invalidHandle;
    if (found.of === undefined) return ERROR.writeNotPermitted;
    if (found.type === CLIENT_CONFIGURATION) {
      if (value.length !== 2) return ERROR.invalidLength;
      this.#configurations.set(handle, readU16(value, 0));
      return undefined;
    }
    if (!allows(found.of, 'write') && !allows(found.of, 'write-without-response')) {
      return ERROR.writeNotPermitted;
    }
    return this.#host.written(found.of.uuid, value.slice());
  }

  #prepare(pdu: Uint8Array): Uint8Array {
    const handle = readU16(pdu, 1);
    if (!this.#host.takesLongWrites) return failed(0x16, handle, ERROR.notSupported);
    const held = this.#prepared.reduce((sum, { part }) => sum + part.length, 0);
    if (held + pdu.length > PREPARED_MAX) return failed(0x16, handle, ERROR.queueFull);
    this.#prepared.push({ handle, offset: readU16(pdu, 3), part: pdu.slice(5) });
    return joinBytes(Uint8Array.of(0x17), pdu.subarray(1));
  }

  /** One value, its parts in their order; what else a client may prepare nobody here does. */
  #execute(commits: boolean): Uint8Array {
    const [first] = this.#prepared;
    const parts = this.#prepared;
    this.#prepared = [];
    if (!commits || first === undefined) return Uint8Array.of(0x19);
    let length = 0;
    for (const { handle, offset, part } of parts) {
      if (handle !== first.handle || offset !== length) {
        return failed(0x18, handle, ERROR.invalidOffset);
      }
      length += part.length;
    }
    const error = this.#write(first.handle, joinBytes(...parts.map(({ part }) => part)));
    return error === undefined ? Uint8Array.of(0x19) : failed(0x18, first.handle, error);
  }
}

/** Bits of a configuration that mean something there. */
function offered(of: CharacteristicShape | undefined): number {
  const { properties = [] } = of ?? {};
  return (properties.includes('notify') ? 1 : 0) | (properties.includes('indicate') ? 2 : 0);
}

function allows(
  { properties }: CharacteristicShape,
  what: 'read' | 'write' | 'write-without-response',
): boolean {
  return properties.includes(what);
}

function failed(opcode: number, handle: number, code: number): Uint8Array {
  return joinBytes(Uint8Array.of(0x01, opcode), u16(handle), Uint8Array.of(code));
}
