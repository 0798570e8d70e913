/** The air around a site as one of its buses: any host may connect over TCP, each to a controller of its own. */
import type { BusPort } from '../link.ts';
import type { Air } from './air.ts';
import { type RadioPort, serveRadio } from './serve.ts';

export async function openRadioPort(air: Air, port: number): Promise<BusPort> {
  const opened = new AirPort(air, port);
  await opened.plug();
  return opened;
}

class AirPort implements BusPort {
  readonly #air: Air;
  #port: number;
  #served: RadioPort | undefined;

  constructor(air: Air, port: number) {
    this.#air = air;
    this.#port = port;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get isPlugged(): boolean {
    return this.#served !== undefined;
  }

  async plug(): Promise<void> {
    if (this.#served !== undefined) return;
    this.#served = await serveRadio(this.#air, { port: this.#port });
    this.#port = this.#served.port;
  }

  async unplug(): Promise<void> {
    const served = this.#served;
    this.#served = undefined;
    await served?.close();
  }

  close(): Promise<void> {
    return this.unplug();
  }
}
