/** Thread entry of `runJobAside`. */
import { parentPort, workerData } from 'node:worker_threads';
import { giveWay } from './background.ts';
import { runJob } from './maintenance.ts';

giveWay();
parentPort?.postMessage(await runJob(workerData));
