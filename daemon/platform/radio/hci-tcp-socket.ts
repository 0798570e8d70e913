/** An HCI socket on H4 over TCP, with the members that noble's HCI layer calls. */
import { EventEmitter } from 'node:events';
import { connect, type Socket } from 'node:net';

interface Target {
  readonly host: string;
  readonly port: number;
}

/** Commands written before the connection is up; noble sends about a dozen. */
const QUEUE_MAX = 256;

export class HciTcpSocket extends EventEmitter {
  #target: Target | undefined;
  #socket: Socket | undefined;
  #isUp = false;
  #queue: Buffer[] = [];
  #held: Buffer = Buffer.alloc(0);

  bindRaw(_device: number, parameters: unknown): number {
    this.#target = target(parameters);
    return 0;
  }

  bindUser(device: number, parameters: unknown): number {
    return this.bindRaw(device, parameters);
  }

  start(): void {
    const { host, port } = this.#target ?? { host: '127.0.0.1', port: 0 };
    const socket = connect({ host, port, noDelay: true });
    this.#socket = socket;
    socket.on('connect', () => {
      this.#isUp = true;
      for (const packet of this.#queue.splice(0)) socket.write(packet);
      this.emit('state');
    });
    socket.on('data', (chunk: Buffer) => this.#hear(chunk));
    socket.on('error', (error) => this.emit('error', error));
    socket.on('close', () => {
      this.#isUp = false;
      this.emit('state');
    });
  }

  /** Polled by noble; false means powered off. */
  isDevUp(): boolean {
    return this.#isUp;
  }

  write(packet: Buffer): void {
    if (this.#isUp) this.#socket?.write(packet);
    else if (this.#queue.length < QUEUE_MAX) this.#queue.push(Buffer.from(packet));
  }

  setFilter(): void {}

  reset(): void {}

  getDeviceList(): readonly never[] {
    return [];
  }

  stop(): void {
    this.#socket?.destroy();
    this.#isUp = false;
  }

  /** noble wants exactly one whole packet an event. */
  #hear(chunk: Buffer): void {
    this.#held = Buffer.concat([this.#held, chunk]);
    for (;;) {
      const length = packetLength(this.#held);
      if (length === undefined || this.#held.length < length) return;
      const packet = this.#held.subarray(0, length);
      this.#held = this.#held.subarray(length);
      // noble reads fixed offsets of whatever it is given: one stray byte would end the process.
      if (isOfController(packet)) this.emit('data', packet);
    }
  }
}

function isOfController([type]: Buffer): boolean {
  return type === 0x04 || type === 0x02;
}

/** Bytes of the H4 packet that begins here; `undefined` while its header is not whole. */
function packetLength(bytes: Buffer): number | undefined {
  if (bytes[0] === 0x04) return bytes.length < 3 ? undefined : 3 + bytes.readUInt8(2);
  if (bytes[0] === 0x02) return bytes.length < 5 ? undefined : 5 + bytes.readUInt16LE(3);
  return bytes.length === 0 ? undefined : 1; // no packet of a controller: skipped
}

function target(parameters: unknown): Target {
  if (
    typeof parameters === 'object' &&
    parameters !== null &&
    'host' in parameters &&
    'port' in parameters &&
    typeof parameters.host === 'string' &&
    typeof parameters.port === 'number'
  ) {
    return { host: parameters.host, port: parameters.port };
  }
  throw new TypeError('H4 over TCP needs a host and a port');
}
