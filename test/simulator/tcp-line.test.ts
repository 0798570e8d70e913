import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { TcpLine } from '../../simulator/tcp-line.ts';

async function echo() {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.dispose]: () => server.close() };
}

function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.once('data', (bytes) => {
      socket.destroy();
      resolve(bytes.toString());
    });
    socket.once('error', reject);
  });
}

test('a line carries bytes, carries none while it is cut, and carries them again under the same port', async () => {
  using far = await echo();
  await using line = await TcpLine.lay({ to: { host: '127.0.0.1', port: far.port } });
  assert.equal(await ask(line.port, 'one'), 'one');

  const { port } = line;
  const open = connect(port, '127.0.0.1');
  await new Promise<void>((connected) => open.once('connect', () => connected()));
  const broken = new Promise<void>((closed) => open.once('close', () => closed()));
  open.on('error', () => {});
  await line.cut();
  await broken;
  await assert.rejects(ask(port, 'two'), { code: 'ECONNREFUSED' });

  await line.mend();
  assert.equal(line.port, port);
  assert.equal(await ask(port, 'three'), 'three');
});
