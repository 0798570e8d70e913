/**
 * A gateway in a thread of its own: tells its port, then that somebody has connected; what it had kept is handed over a
 * little later, and what it is told to say when it is told.
 */
import { createServer } from 'node:net';
import { parentPort } from 'node:worker_threads';

const HANDED_OVER_AFTER = 20;

const server = createServer((socket) => {
  socket.on('error', () => undefined);
  setTimeout(() => socket.write('kept'), HANDED_OVER_AFTER);
  parentPort?.on('message', (text: string) => socket.write(text));
  parentPort?.postMessage('connected');
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  parentPort?.postMessage(typeof address === 'object' ? address?.port : undefined);
});
