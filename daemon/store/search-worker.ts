/** Thread entry of `storeSearch`. */
import { parentPort } from 'node:worker_threads';
import { giveWay } from './background.ts';
import { storageError } from './database.ts';
import { type SearchOrder, type SearchReply, searchFile } from './search.ts';

const port = parentPort;
if (port === null) throw new TypeError('search-worker.ts is started as a thread');

giveWay();
port.on('message', (order: SearchOrder) => {
  port.postMessage(reply(order));
});

function reply(order: SearchOrder): SearchReply {
  try {
    return { kind: 'found', found: searchFile(order) };
  } catch (error) {
    const { code, message } = storageError(error);
    return { kind: 'failed', code, message };
  }
}
