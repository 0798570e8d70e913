/** An unlock over the air. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { openDevices } from '../../../daemon/devices/devices.ts';
import { gattPeripheral } from '../../../daemon/platform/ble-link.ts';
import { bleTransport } from '../../../daemon/platform/ble-transport.ts';
import { catalogue } from '../../../drivers/catalogue.ts';
import { actuationId, deviceId } from '../../../drivers/contract/device.ts';
import { pause, uptime } from '../../../drivers/contract/time.ts';
import { gattRelayOptions } from '../../../drivers/gatt-relay/options.ts';
import { Air } from '../../../simulator/radio/air.ts';
import type { Central } from '../../../simulator/radio/peripheral.ts';
import { RelayBoard } from '../../../simulator/radio/relay-board.ts';
import { serveRadio } from '../../../simulator/radio/serve.ts';
import { until } from '../../real-time.ts';
import { clock, random } from '../clocks.ts';
import type { Metric } from '../measure.ts';

const BARE = resolve(import.meta.dirname, '../bare-noble.ts');
const PASSWORD = 'credential:relay';
/** The link is let go so long after an unlock, and then has to be made again, as for the first guest of a day. */
const IDLE_MS = 50;

export const ble: Metric = {
  name: 'ble',
  unit: 'ms',
  what: 'unlock at a BLE relay board on a virtual controller, from the actuation until the relay has it; beside unmodified noble that connects and writes the same',
  goal: { ratio: 1.1, direction: 'at-most' },
  async prepare({ quick }) {
    await using parts = new AsyncDisposableStack();
    const air = new Air(clock, random);
    const radio = await serveRadio(air);
    parts.defer(() => radio.close());
    const [mine, theirs] = ['00:15:85:00:00:01', '00:15:85:00:00:02'].map(
      (address) => new Board(address),
    );
    if (mine === undefined || theirs === undefined) throw new TypeError('there are two boards');
    air.join(mine);
    air.join(theirs);
    const bare = parts.use(await bareNoble(radio.port, theirs.address));
    const lock = parts.use(await supervised(radio.port, mine.address));
    const owned = parts.move();
    const timed = async (board: Board, act: () => void) => {
      const energised = board.nextPulse();
      const before = performance.now();
      act();
      await energised;
      return performance.now() - before;
    };
    return {
      perRound: quick ? 2 : 8,
      turns: 'each',
      n: 1,
      floor: async () => {
        const over = bare.over();
        const spent = await timed(theirs, () => bare.go());
        await over;
        return spent;
      },
      ours: async (n) => {
        const spent = await timed(mine, () => lock.unlock(n));
        await until(() => !mine.isConnected, 10_000);
        await pause(clock, 100);
        return spent;
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};

/** Tells of each pulse it is asked for, and whether somebody is connected. */
class Board extends RelayBoard {
  isConnected = false;
  #pulsed = () => {};

  constructor(address: string) {
    super({ dialect: 'bt004ble', clock, address });
  }

  nextPulse(): Promise<void> {
    return new Promise((done) => {
      this.#pulsed = done;
    });
  }

  /** So often that the wait for the next one, which is chance, hides nothing. */
  override advertising() {
    return { ...super.advertising(), every: 5 };
  }

  override connected(): void {
    this.isConnected = true;
  }

  override disconnected(central: Central): void {
    super.disconnected(central);
    this.isConnected = false;
  }

  override written(central: Central, characteristic: string, value: Uint8Array): undefined {
    const before = this.periods(1).length;
    super.written(central, characteristic, value);
    if (this.periods(1).length > before) this.#pulsed();
  }
}

async function supervised(port: number, address: string) {
  const transport = bleTransport({
    name: 'bench',
    backend: { kind: 'tcp', host: '127.0.0.1', port },
    clock,
  });
  const device = deviceId('door');
  let isOnline = false;
  const options = {
    ...gattRelayOptions.parse({ address, dialect: 'bt004ble', password: PASSWORD }),
    idleMs: IDLE_MS, // less than the options allow, to be done sooner
  };
  const devices = openDevices({
    buses: [{ name: 'air' }],
    devices: [{ id: device, driver: 'gatt-relay', bus: 'air', options }],
    catalogue,
    openers: new Map([['air', gattPeripheral({ transport, address, addressType: 'public' })]]),
    clock,
    random,
    secrets: new Map([[PASSWORD, Buffer.from('password')]]),
    onEvent: ({ kind }) => {
      if (kind === 'online') isOnline = true;
    },
    beforeWire: () => true,
  });
  const stop = new AbortController();
  const running = devices.run(stop.signal);
  await until(() => isOnline, 20_000);
  return {
    unlock: (n: number) =>
      devices.actuate({
        id: actuationId(`a-${n}`),
        device,
        kind: 'unlock',
        hold: 100,
        expiresAt: uptime(clock.uptime() + 10_000),
      }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await transport.close();
    },
  };
}

async function bareNoble(port: number, address: string) {
  const child = fork(BARE, [String(port), address], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return {
    go: () => void child.send('go'),
    over: () => once(child, 'message'),
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL'); // noble keeps SIGINT and SIGTERM for itself
      await gone;
    },
  };
}
