/**
 * The journal's thread: takes whatever is queued, writes it in one transaction, then acknowledges it. A card that
 * takes long to sync stalls this thread and no bus (performance.md 3).
 */
import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { storageError } from './database.ts';
import { JournalLoop, type ToWriter } from './journal-writer.ts';

const port = parentPort;
if (port === null) throw new TypeError('journal-worker.ts is started as a thread');

const loop = new JournalLoop((answer) => port.postMessage(answer));

port.on('message', (first: ToWriter) => {
  const messages = [first];
  for (;;) {
    const more = receiveMessageOnPort(port);
    if (more === undefined) break;
    messages.push(more.message);
  }
  try {
    loop.take(messages);
    if (loop.wantsRest) setImmediate(() => loop.rest());
  } catch (error) {
    port.postMessage({ kind: 'died', ...faultOf(error) });
  }
  if (loop.isClosed) port.close();
});

function faultOf(error: unknown): { code: string; message: string } {
  const { code, message } = storageError(error);
  return { code, message };
}
