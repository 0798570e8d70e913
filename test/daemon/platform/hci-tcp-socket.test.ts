import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { HciTcpSocket } from '../../../daemon/platform/radio/hci-tcp-socket.ts';
import { fromHex, toHex } from '../../../drivers/wire/hex.ts';
import { until } from '../../real-time.ts';

test('what is no packet of a controller is skipped, and whole packets are told one by one, however they are cut', async () => {
  const packets = ['040e0401030c00', '02402005000100040013', '040e04010c2000'];
  // A command, an unknown type and noise stand between them.
  const stream = fromHex(`01${packets[0]}ff00${packets[1]}05${packets[2]}`);
  const server = createServer((socket) => {
    for (const byte of stream) socket.write(Uint8Array.of(byte));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const socket = new HciTcpSocket();
  const heard: string[] = [];
  socket.on('data', (packet: Buffer) => heard.push(toHex(packet)));
  socket.bindRaw(0, { host: '127.0.0.1', port: address.port });
  socket.start();
  await until(() => heard.includes(packets[2] ?? ''));
  assert.deepEqual(heard, packets);
  socket.stop();
  server.close();
});
