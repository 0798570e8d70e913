/** Thread entry of `runJobAside`. */
import { parentPort, workerData } from 'node:worker_threads';
import { runJob } from './maintenance.ts';

parentPort?.postMessage(await runJob(workerData));
