/** One LE connection: ACL fragments, L2CAP frames, and the ATT server at its end. */

import { type Millis, type Timer, type Uptime, uptime } from '../../drivers/contract/time.ts';
import { joinBytes } from '../../drivers/wire/hex.ts';
import type { Air } from './air.ts';
import { AttServer } from './att-server.ts';
import { eventPacket, H4, readU16, STATUS, u16 } from './hci.ts';
import type { Central, Peripheral } from './peripheral.ts';

const CID = { att: 0x0004, signalling: 0x0005, security: 0x0006 } as const;
/** Pairing Failed, "pairing not supported". */
const NO_PAIRING = Uint8Array.of(0x05, 0x05);
const USUAL_MTU = 247;

export interface LinkHost {
  /** Address of the host's controller. */
  readonly address: string;
  /** Longest ACL payload towards the host. */
  readonly aclLength: number;
  /** How long a link is kept on which nothing is heard. */
  readonly supervision: Millis;
  say(packet: Uint8Array): void;
  /** The link is over; the host is told with this reason. */
  ended(link: RadioLink, reason: number): void;
}

export class RadioLink implements Central {
  readonly handle: number;
  readonly peripheral: Peripheral;
  supervision: Millis;
  readonly #air: Air;
  readonly #host: LinkHost;
  readonly #server: AttServer;
  #held: Uint8Array = new Uint8Array(0);
  #heard = 0;
  #requests = 0;
  #open = true;
  #sendsUntil: Uptime;
  /** Runs once nothing is heard any more. */
  #fading: Timer | undefined;

  constructor(handle: number, peripheral: Peripheral, air: Air, host: LinkHost) {
    this.handle = handle;
    this.peripheral = peripheral;
    this.#air = air;
    this.#host = host;
    this.supervision = host.supervision;
    this.#sendsUntil = air.clock.uptime();
    const agreed = () => air.faults(peripheral.address).mtuReply ?? peripheral.mtu ?? USUAL_MTU;
    this.#server = new AttServer(peripheral.services, {
      get mtu() {
        return agreed();
      },
      takesLongWrites: peripheral.takesLongWrites ?? true,
      send: (pdu) => this.#sendAtt(pdu),
      read: (characteristic) => peripheral.read(this, characteristic),
      written: (characteristic, value) => {
        const { writeError } = air.faults(peripheral.address);
        return writeError ?? peripheral.written(this, characteristic, value);
      },
    });
  }

  get address(): string {
    return this.#host.address;
  }

  get mtu(): number {
    return this.#server.mtu;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  tell(characteristic: string, value: Uint8Array): void {
    if (this.#open) this.#server.tell(characteristic, value);
  }

  disconnect(reason: number): void {
    if (!this.#open) return;
    this.#open = false;
    this.#fading?.cancel();
    this.peripheral.disconnected(this);
    this.#host.ended(this, reason);
  }

  /** The host ends it: at once where the peripheral hears that. */
  hangUp(): void {
    if (!this.#isUnheardAt(this.#heard)) this.disconnect(STATUS.hostClosed);
  }

  /** One ACL packet of the host. Its buffer is given back at once unless a fault keeps it. */
  hear(packet: Uint8Array): void {
    if (this.#isUnheardAt(this.#heard)) return;
    if (this.#air.faults(this.peripheral.address).keepBuffers !== true) {
      this.#host.say(eventPacket(0x13, Uint8Array.of(1), u16(this.handle), u16(1)));
    }
    const continues = ((packet[2] ?? 0) & 0x30) === 0x10;
    const payload = packet.subarray(5);
    this.#held = continues ? joinBytes(this.#held, payload) : payload.slice();
    if (this.#held.length < 4) return;
    const length = readU16(this.#held, 0);
    if (this.#held.length < 4 + length) return;
    const [cid, body] = [readU16(this.#held, 2), this.#held.subarray(4, 4 + length)];
    this.#held = new Uint8Array(0);
    if (cid === CID.att) this.#hearAtt(body);
    else if (cid === CID.security && body[0] === 0x01) this.#send(CID.security, NO_PAIRING);
  }

  /** Whether the n-th packet is lost, and with it all that come after. */
  #isUnheardAt(packet: number): boolean {
    if (this.#fading !== undefined) return true;
    const { unheardFrom } = this.#air.faults(this.peripheral.address);
    if (unheardFrom === undefined || packet < unheardFrom) return false;
    const { clock } = this.#air;
    this.#fading = clock.wakeAt(uptime(clock.uptime() + this.supervision), () => {
      this.disconnect(STATUS.timeout);
    });
    return true;
  }

  #hearAtt(pdu: Uint8Array): void {
    const { cutAt, silentFrom } = this.#air.faults(this.peripheral.address);
    const packet = this.#heard;
    this.#heard += 1;
    const isCut = cutAt?.packet === packet;
    if (isCut && !cutAt.taken) {
      this.disconnect(cutAt.reason ?? STATUS.timeout);
      return;
    }
    const isRequest = pdu[0] !== 0x1e && ((pdu[0] ?? 0) & 0x40) === 0;
    if (isRequest) this.#requests += 1;
    if (silentFrom !== undefined && isRequest && this.#requests > silentFrom) return;
    this.#server.hear(pdu);
    if (isCut) this.disconnect(cutAt.reason ?? STATUS.timeout);
  }

  #sendAtt(pdu: Uint8Array): void {
    const { replyDelay, duplicate, cutAt } = this.#air.faults(this.peripheral.address);
    // The host never hears what was answered to the packet the link is cut at.
    if (cutAt !== undefined && cutAt.packet === this.#heard - 1) return;
    const isTold = pdu[0] === 0x1b || pdu[0] === 0x1d;
    this.#later(replyDelay ?? 0, () => {
      this.#send(CID.att, pdu);
      if (duplicate === true && isTold) this.#send(CID.att, pdu);
    });
  }

  /** In order, also when the delay becomes shorter meanwhile. */
  #later(delay: Millis, act: () => void): void {
    const { clock } = this.#air;
    const at = uptime(Math.max(this.#sendsUntil, clock.uptime() + delay));
    if (at <= clock.uptime()) {
      act();
      return;
    }
    this.#sendsUntil = at;
    clock.wakeAt(at, act);
  }

  #send(cid: number, body: Uint8Array): void {
    if (!this.#open || this.#isUnheardAt(this.#heard - 1)) return;
    const frame = joinBytes(u16(body.length), u16(cid), body);
    const { aclLength } = this.#host;
    for (let at = 0; at < frame.length; at += aclLength) {
      const part = frame.subarray(at, at + aclLength);
      // PB 10b begins, 01b goes on; a host ignores 00b from a controller.
      const flags = at === 0 ? 0x2000 : 0x1000;
      this.#host.say(
        joinBytes(Uint8Array.of(H4.acl), u16(this.handle | flags), u16(part.length), part),
      );
    }
  }
}
