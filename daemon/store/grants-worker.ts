/** Thread entry of `grantsThread`: writes a file of grants, or builds one from a snapshot. */
import { parentPort } from 'node:worker_threads';
import { storageError } from './database.ts';
import { GrantsLoop, type Reply, type Request } from './grants-writer.ts';

const loop = new GrantsLoop();

parentPort?.on('message', ({ call, request }: { call: number; request: Request }) => {
  let reply: Reply;
  try {
    reply = { call, answer: loop.serve(request) };
  } catch (error) {
    const { code, message } = storageError(error);
    reply = { call, code, message };
  }
  parentPort?.postMessage(reply);
});
