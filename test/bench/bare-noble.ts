/**
 * noble by itself, in a process of its own as ours is: `node bare-noble.ts PORT ADDRESS`. At each message it connects
 * to a relay board and does what an unlock takes; it answers once the link is closed again.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { HciTcpSocket } from '../../daemon/platform/radio/hci-tcp-socket.ts';

/** As ours asks for them. */
const CONNECTION = {
  addressType: 'public',
  minInterval: 24,
  maxInterval: 40,
  latency: 0,
  timeout: 500,
  mtu: 517,
} as const;
const SERVICE = 'ffe0';
const LOGIN = Buffer.from('ypassword\r'); // 0x79 and what ends it
const PULSE = Buffer.from([0x20, 1, 1]);

async function bareNoble([port, address = '']: readonly string[]): Promise<void> {
  // The one thing that noble lacks: a way to a controller behind TCP.
  const sockets = createRequire(import.meta.url)('@stoprocent/bluetooth-hci-socket');
  const { loadDriver } = sockets;
  sockets.loadDriver = (name: string) => (name === 'tcp' ? HciTcpSocket : loadDriver(name));
  const { withBindings } = await import('@stoprocent/noble');
  const noble = withBindings('hci', {
    hciDriver: 'tcp',
    bindParams: { host: '127.0.0.1', port: Number(port) },
  });
  await noble.waitForPoweredOnAsync();
  const id = address.replaceAll(':', '');
  process.on('message', async () => {
    const peripheral = await noble.connectAsync(id, CONNECTION);
    if (peripheral.mtu === null) await once(peripheral, 'mtu');
    const found = await peripheral.discoverSomeServicesAndCharacteristicsAsync([SERVICE], []);
    const [serial] = found.characteristics;
    if (serial === undefined) throw new TypeError('the board has a serial characteristic');
    await serial.subscribeAsync();
    for (const bytes of [LOGIN, PULSE]) {
      const answered = once(serial, 'data');
      await serial.writeAsync(bytes, false);
      await answered;
    }
    await peripheral.disconnectAsync();
    process.send?.('over');
  });
  process.send?.('ready');
}

if (import.meta.main) await bareNoble(process.argv.slice(2));
