/**
 * A Modbus relay board that answers at once, behind a pty, and tells of each coil it was asked to switch on. As a
 * process of its own (`node relay-board.ts PATH`) its work is not ours; it prints how many requests it answered when
 * it is asked to end.
 */
import { crc16Modbus } from '../../drivers/wire/crc16.ts';
import { type HostEnd, SimulatedBus } from '../../simulator/bus.ts';
import { servePty } from '../../simulator/pty.ts';
import { clock, random } from './clocks.ts';

/** A wire without any time of its own: what is written at one end is at the other in the same turn. */
export class DirectWire extends SimulatedBus {
  /** Hears what the host wrote. */
  heard: (bytes: Uint8Array) => void = () => {};
  #deliver: (bytes: Uint8Array) => void = () => {};

  constructor(name: string) {
    super({ name, clock, random });
  }

  override connect(deliver: (bytes: Uint8Array) => void): HostEnd {
    this.#deliver = deliver;
    return {
      hear: (bytes) => this.heard(bytes),
      lineSpeed: () => {},
      disconnect: () => {},
    };
  }

  say(bytes: Uint8Array): void {
    this.#deliver(bytes);
  }
}

const WRITE_COIL = 0x05;
const WRITE_COILS = 0x0f;
const READ_REGISTERS = 0x03;

export class RelayBoard {
  answered = 0;
  /** Called when a coil is switched on. */
  switched: () => void = () => {};
  readonly #wire: DirectWire;
  #bytes: Uint8Array = new Uint8Array();

  constructor(wire: DirectWire) {
    this.#wire = wire;
    wire.heard = (bytes) => this.#hear(bytes);
  }

  #hear(bytes: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const length = this.#bytes[1] === WRITE_COILS ? 9 + (this.#bytes[6] ?? 0) : 8;
      if (this.#bytes.length < length) return;
      const request = this.#bytes.subarray(0, length);
      this.#bytes = this.#bytes.subarray(length);
      this.#answer(request);
    }
  }

  #answer(request: Uint8Array): void {
    const [unit = 0, fn = 0] = request;
    this.answered += 1;
    if (fn === WRITE_COIL && request[4] !== undefined && (request[4] | (request[5] ?? 0)) !== 0) {
      this.switched();
    }
    if (fn > READ_REGISTERS) {
      this.#wire.say(sealed(request.subarray(0, 6)));
      return;
    }
    const count = (request[4] ?? 0) * 256 + (request[5] ?? 0);
    const length = fn === READ_REGISTERS ? 2 * count : Math.ceil(count / 8);
    this.#wire.say(sealed(Uint8Array.of(unit, fn, length, ...new Uint8Array(length))));
  }
}

function sealed(bytes: Uint8Array): Uint8Array {
  const crc = crc16Modbus(bytes);
  return Uint8Array.of(...bytes, crc & 0xff, crc >> 8);
}

async function board([path]: readonly string[]): Promise<void> {
  if (path === undefined) throw new TypeError('PATH');
  const wire = new DirectWire('board');
  const relays = new RelayBoard(wire);
  const port = await servePty(wire, { path });
  process.stdout.write('ready\n');
  process.on('message', () => process.send?.(relays.answered));
  process.on('disconnect', () => void port.close());
}

if (import.meta.main) await board(process.argv.slice(2));
