/** Thread entry of `grantsThread`: writes a file of grants, or builds one from a snapshot. */
import { parentPort } from 'node:worker_threads';
import { giveWay } from './background.ts';
import { storageError } from './database.ts';
import { GrantsLoop, type Reply, type Request } from './grants-writer.ts';

const loop = new GrantsLoop();

parentPort?.on('message', (request: Request) => {
  // What is built is waited for by a sender; what is written, by a revocation.
  if (request.name === 'build') giveWay();
  let reply: Reply;
  try {
    reply = { answer: loop.serve(request) };
  } catch (error) {
    const { code, message } = storageError(error);
    reply = { code, message };
  }
  parentPort?.postMessage(reply);
});
