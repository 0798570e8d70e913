/** Mosquitto, the cloud on the other side of it, and bare clients of `mqtt`: what a message costs that nobody signs, checks or keeps. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { Mosquitto } from '../daemon/cloud/mosquitto.ts';
import type { Question } from './cloud-process.ts';
import type { Sides, Skipped } from './measure.ts';

const BINARIES = ['/usr/sbin/mosquitto', '/usr/bin/mosquitto', '/usr/local/sbin/mosquitto'];

/** What a metric needs that goes through a broker. `parts` are put away after the metric, in reverse. */
export interface Wired {
  readonly url: string;
  readonly cloud: CloudProcess;
  readonly parts: AsyncDisposableStack;
}

/** Prepares a metric with Mosquitto and a cloud behind it; skipped where that is not installed. */
export async function withBroker(
  prepare: (wired: Wired) => Promise<Omit<Sides, typeof Symbol.asyncDispose>>,
): Promise<Sides | Skipped> {
  const binary = BINARIES.find((path) => existsSync(path));
  if (binary === undefined) return { skipped: 'mosquitto is not installed' };
  await using parts = new AsyncDisposableStack();
  const { url } = parts.use(await Mosquitto.start(binary));
  const cloud = parts.use(await CloudProcess.start(url));
  const sides = await prepare({ url, cloud, parts });
  const owned = parts.move();
  return { ...sides, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The process of `cloud-process.ts`. */
class CloudProcess implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(url: string): Promise<CloudProcess> {
    const child = fork(join(import.meta.dirname, 'cloud-process.ts'), [url]);
    await answered(child);
    return new CloudProcess(child);
  }

  ask(question: Question): Promise<number> {
    this.#child.send(question);
    return answered(this.#child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill();
    await gone;
  }
}

/** Rejects where the process ends before. */
async function answered(child: ChildProcess): Promise<number> {
  const over = new AbortController();
  const ended = once(child, 'exit', over).then(() => {
    throw new Error('the process of the cloud ended');
  });
  ended.catch(() => {});
  try {
    const [found] = await Promise.race([once(child, 'message', over), ended]);
    return Number(found);
  } finally {
    over.abort();
  }
}

/** As many messages unacknowledged as anybody likes, and no Nagle on our end either. */
export async function bareClient(url: string): Promise<MqttClient> {
  const client = await connectAsync(url, {
    protocolVersion: 5,
    reconnectPeriod: 0,
    properties: { receiveMaximum: 65_535 },
  });
  const { stream } = client;
  if ('setNoDelay' in stream && typeof stream.setNoDelay === 'function') stream.setNoDelay(true);
  return client;
}

/** Answers what the cloud asks bare; `work` is done before. */
export async function bareAnswerer(
  url: string,
  work: () => Promise<void> | undefined,
): Promise<AsyncDisposable> {
  const client = await bareClient(url);
  client.on('message', (_topic, payload) => {
    const answer = () => void client.publish('bare/res', payload, { qos: 1 });
    const done = work();
    if (done === undefined) answer();
    else void done.then(answer);
  });
  await client.subscribeAsync('bare/cmd', { qos: 1 });
  return { [Symbol.asyncDispose]: () => client.endAsync(true) };
}

/** `count` in all, so many under way at any time; milliseconds. */
export async function inFlight(
  asked: { readonly count: number; readonly inFlight: number },
  act: (n: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const before = performance.now();
  const lane = async () => {
    while (next < asked.count) {
      next += 1;
      await act(next - 1);
    }
  };
  await Promise.all(Array.from({ length: asked.inFlight }, lane));
  return performance.now() - before;
}
