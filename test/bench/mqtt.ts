/** Mosquitto, and bare clients of `mqtt` on it: what a message costs that nobody signs, checks or keeps. */
import { existsSync } from 'node:fs';
import { connectAsync, type MqttClient } from 'mqtt';
import { Mosquitto } from '../daemon/cloud/mosquitto.ts';

const BINARIES = ['/usr/sbin/mosquitto', '/usr/bin/mosquitto', '/usr/local/sbin/mosquitto'];
export const NO_BROKER = { skipped: 'mosquitto is not installed' };

/** Undefined where it is not installed. */
export async function broker(): Promise<Mosquitto | undefined> {
  const binary = BINARIES.find((path) => existsSync(path));
  return binary === undefined ? undefined : Mosquitto.start(binary);
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

/** Asks and is answered through the broker, QoS 1 both ways; `work` is done before the answer. */
export class BareRoundTrip implements AsyncDisposable {
  readonly #asker: MqttClient;
  readonly #answerer: MqttClient;
  readonly #waiting = new Map<number, () => void>();
  #asked = 0;

  private constructor(asker: MqttClient, answerer: MqttClient) {
    this.#asker = asker;
    this.#answerer = answerer;
  }

  static async open(url: string, work: () => Promise<void> | undefined): Promise<BareRoundTrip> {
    const [asker, answerer] = await Promise.all([bareClient(url), bareClient(url)]);
    const trip = new BareRoundTrip(asker, answerer);
    answerer.on('message', (_topic, payload) => {
      const answer = () => void answerer.publish('bare/res', payload, { qos: 1 });
      const done = work();
      if (done === undefined) answer();
      else void done.then(answer);
    });
    asker.on('message', (_topic, payload) => {
      const n = payload.readUInt32BE(0);
      trip.#waiting.get(n)?.();
      trip.#waiting.delete(n);
    });
    await answerer.subscribeAsync('bare/cmd', { qos: 1 });
    await asker.subscribeAsync('bare/res', { qos: 1 });
    return trip;
  }

  /** One trip with a payload of so many bytes. */
  ask(bytes: number): Promise<void> {
    this.#asked += 1;
    const n = this.#asked;
    const payload = Buffer.alloc(bytes, 0x6c);
    payload.writeUInt32BE(n, 0);
    const answered = new Promise<void>((resolve) => this.#waiting.set(n, resolve));
    this.#asker.publish('bare/cmd', payload, { qos: 1 });
    return answered;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#asker.endAsync(true), this.#answerer.endAsync(true)]);
  }
}
