/** Controllers behind the ports a host opens: TCP (one controller a connection) and, through a bus, a pty. */
import { createServer, type Server, type Socket } from 'node:net';
import type { DeviceSurroundings, SimulatedDevice } from '../device.ts';
import { listen } from '../tcp.ts';
import type { Air } from './air.ts';
import { type ControllerOptions, VirtualController } from './controller.ts';
import { H4Stream } from './hci.ts';

/** H4 over TCP: each connection is another adapter with its own controller. */
export interface RadioPort {
  readonly host: string;
  readonly port: number;
  /** Controllers of the hosts that are connected now, oldest first. */
  readonly controllers: readonly VirtualController[];
  /** As pulling the adapter out does: every host is cut off; new ones may connect. */
  unplug(): void;
  close(): Promise<void>;
}

/** `fresh` is called for each new controller, so that a test may put faults on it before its first command. */
export async function serveRadio(
  air: Air,
  options: ControllerOptions & {
    readonly port?: number;
    readonly fresh?: (controller: VirtualController) => void;
  } = {},
): Promise<RadioPort> {
  const { port: wanted = 0, fresh, ...controllerOptions } = options;
  const hosts = new Map<Socket, VirtualController>();
  const server: Server = createServer({ noDelay: true }, (socket) => {
    const controller = new VirtualController(
      air,
      (packet) => socket.write(packet),
      controllerOptions,
    );
    const stream = new H4Stream();
    hosts.set(socket, controller);
    fresh?.(controller);
    socket.on('error', () => undefined); // a host that goes away is no matter of ours
    socket.on('data', (chunk: Buffer) => {
      for (const packet of stream.take(new Uint8Array(chunk))) controller.hear(packet);
    });
    socket.on('close', () => {
      hosts.delete(socket);
      controller.close();
    });
  });
  const port = await listen(server, '127.0.0.1', wanted);
  const unplug = () => {
    for (const socket of hosts.keys()) socket.resetAndDestroy();
  };
  return {
    host: '127.0.0.1',
    port,
    get controllers() {
      return [...hosts.values()];
    },
    unplug,
    close: () => {
      unplug();
      return new Promise((closed) => server.close(() => closed()));
    },
  };
}

/** The same controller as a device of a simulated bus, for `servePty` and `serveTcp`: a UART dongle. */
export function radioDongle(
  name: string,
  air: Air,
  around: DeviceSurroundings,
  options: ControllerOptions = {},
): SimulatedDevice & { readonly controller: VirtualController } {
  const stream = new H4Stream();
  const controller = new VirtualController(air, (packet) => around.say(packet), options);
  let isPowered = true;
  return {
    name,
    kind: 'bluetooth-hci',
    controller,
    hear(bytes) {
      if (!isPowered) return;
      for (const packet of stream.take(bytes)) controller.hear(packet);
    },
    power(on) {
      isPowered = on;
      controller.faults = { ...controller.faults, dead: !on };
    },
    verbs: {},
    look: () => ({ powered: isPowered, links: controller.links.length }),
  };
}
