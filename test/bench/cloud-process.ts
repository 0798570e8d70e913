/**
 * The cloud's end of the wire in a process of its own, as it is on another machine, and as bare for ours as for the
 * floor: nothing of what it does is counted for the box. `node cloud-process.ts URL`; one question at a time over IPC,
 * answered by one number.
 */
import type { MqttClient } from 'mqtt';
import { z } from 'zod';
import { CloudClient } from '../../daemon/cloud/client.ts';
import {
  type ClientKey,
  type ClientKeyFile,
  clientKeySchema,
  keyInMemory,
  type PendingCommand,
} from '../../daemon/cloud/client-key.ts';
import { privateKeyOf } from '../../daemon/cloud/jose.ts';
import { signNow } from '../../daemon/cloud/jws.ts';
import { ACK_TYP, type Reply } from '../../daemon/cloud/messages.ts';
import { type Topics, topicsOf } from '../../daemon/cloud/topics.ts';
import { mqttBroker } from '../../daemon/platform/mqtt-broker.ts';
import { pause, uptime } from '../../drivers/contract/time.ts';
import { until } from '../real-time.ts';
import { clock, random } from './clocks.ts';
import { bareClient, inFlight } from './mqtt.ts';

const trips = { count: z.int().positive(), inFlight: z.int().positive(), restMs: z.number() };

export const question = z.discriminatedUnion('ask', [
  /** Bare round trips to whoever answers; milliseconds until the last was answered. */
  z.object({ ask: z.literal('bare'), bytes: z.int().positive(), ...trips }),
  /** A sender of commands goes to the site, which is online; 0. */
  z.object({ ask: z.literal('enter'), key: clientKeySchema }),
  /** Unlocks in turn, signed beforehand; milliseconds until the last final reply. */
  z.object({ ask: z.literal('unlock'), devices: z.array(z.string()), ...trips }),
  /** Takes what is published bare; 0. */
  z.object({ ask: z.literal('listen') }),
  /** How many have come since, once it is so many. */
  z.object({ ask: z.literal('heard'), count: z.int() }),
  /** Acknowledges the site's events, of which the first so many are old; 0. */
  z.object({ ask: z.literal('acknowledge'), key: clientKeySchema, old: z.int() }),
  /** When the event came that was not old, in milliseconds since 1970. */
  z.object({ ask: z.literal('live'), seq: z.int() }),
]);
export type Question = z.infer<typeof question>;

/**
 * As many events are acknowledged at once, or what came within this time, or all that the bridge said it has, as the
 * product's client does it.
 */
const ACK_EVENTS = 2500;
const ACK_MS = 50;
const REQUESTER = 'bench';

class CloudEnd {
  readonly #url: string;
  #asker: BareAsker | undefined;
  #sender: BareSender | undefined;
  #ear: MqttClient | undefined;
  #heard = 0;
  #follower: BareFollower | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  async answer(asked: Question): Promise<number> {
    switch (asked.ask) {
      case 'bare': {
        this.#asker ??= await BareAsker.open(this.#url);
        const asker = this.#asker;
        await pause(clock, asked.restMs);
        return inFlight(asked, () => asker.ask(asked.bytes));
      }
      case 'enter':
        this.#sender = await BareSender.open(this.#url, asked.key);
        return 0;
      case 'unlock':
        return this.#unlock(asked);
      case 'listen': {
        await this.#ear?.endAsync(true);
        this.#heard = 0;
        this.#ear = await bareClient(this.#url);
        this.#ear.on('message', () => {
          this.#heard += 1;
        });
        await this.#ear.subscribeAsync('bare/evt', { qos: 1 });
        return 0;
      }
      case 'heard':
        await until(() => this.#heard >= asked.count, 300_000);
        return this.#heard;
      case 'acknowledge':
        await this.#follower?.close();
        this.#follower = await BareFollower.open(this.#url, asked);
        return 0;
      case 'live':
        await until(() => this.#follower?.live.has(asked.seq) === true, 300_000);
        return this.#follower?.live.get(asked.seq) ?? Number.NaN;
      default:
        return asked satisfies never;
    }
  }

  async #unlock(asked: Extract<Question, { ask: 'unlock' }>): Promise<number> {
    const sender = this.#sender;
    if (sender === undefined) throw new TypeError('nobody has entered');
    const { count, devices } = asked;
    const made = await sender.make(
      Array.from({ length: count }, (_, n) => devices[n % devices.length] ?? ''),
    );
    await pause(clock, asked.restMs);
    return inFlight(asked, async (n) => {
      const command = made[n];
      if (command === undefined) return;
      const reply = await sender.send(command);
      if (reply.status !== 'ok') throw new Error(`refused: ${JSON.stringify(reply)}`);
    });
  }
}

/** Asks and is answered through the broker, QoS 1 both ways. */
class BareAsker {
  readonly #client: MqttClient;
  readonly #waiting = new Map<number, () => void>();
  #asked = 0;

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on('message', (_topic, payload) => {
      const n = payload.readUInt32BE(0);
      this.#waiting.get(n)?.();
      this.#waiting.delete(n);
    });
  }

  static async open(url: string): Promise<BareAsker> {
    const client = await bareClient(url);
    const asker = new BareAsker(client);
    await client.subscribeAsync('bare/res', { qos: 1 });
    return asker;
  }

  ask(bytes: number): Promise<void> {
    this.#asked += 1;
    const n = this.#asked;
    const payload = Buffer.alloc(bytes, 0x6c);
    payload.writeUInt32BE(n, 0);
    const answered = new Promise<void>((resolve) => this.#waiting.set(n, resolve));
    this.#client.publish('bare/cmd', payload, { qos: 1 });
    return answered;
  }
}

/** Sends signed commands as the bare one asks, and waits for their final replies. */
class BareSender {
  readonly #url: string;
  readonly #client: MqttClient;
  readonly #topics: Topics;
  readonly #key: ClientKey;
  readonly #waiting = new Map<string, (reply: Reply) => void>();

  private constructor(url: string, client: MqttClient, file: ClientKeyFile) {
    this.#url = url;
    this.#client = client;
    this.#topics = topicsOf(file.root, file.bridge);
    this.#key = keyInMemory(file);
    client.on('message', (_topic, payload) => {
      const reply: Reply = JSON.parse(payload.toString());
      if (reply.status === 'accepted') return;
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
  }

  static async open(url: string, file: ClientKeyFile): Promise<BareSender> {
    const sender = new BareSender(url, await bareClient(url), file);
    await sender.#client.subscribeAsync(sender.#topics.reply(REQUESTER), { qos: 1 });
    await sender.make([]);
    return sender;
  }

  /** By the product's own client, which is gone when they are sent: it would hear their replies too. */
  async make(devices: readonly string[]): Promise<readonly PendingCommand[]> {
    await using client = await CloudClient.connect({
      broker: mqttBroker({ url: this.#url }),
      topics: this.#topics,
      key: this.#key,
      requester: REQUESTER,
      clock,
      random,
    });
    await client.until(({ status }) => status?.online === true, 10_000);
    const made: PendingCommand[] = [];
    for (const dev of devices) made.push(await client.make('unlock', { dev, ms: 100 }));
    return made;
  }

  send({ id, type, token }: PendingCommand): Promise<Reply> {
    const replied = new Promise<Reply>((resolve) => this.#waiting.set(id, resolve));
    this.#client.publish(this.#topics.command(type), token, { qos: 1 });
    return replied;
  }
}

/**
 * A cloud that believes what it is told, and only says how far it has come: what a real one does with an event is its
 * own time. Messages of one site come in order; only what happens now comes before what is old.
 */
class BareFollower {
  /** When what was not old came. */
  readonly live = new Map<number, number>();
  readonly #client: MqttClient;
  readonly #asked: Extract<Question, { ask: 'acknowledge' }>;
  readonly #key;
  #epoch = '';
  #seq = 0;
  #acknowledged = 0;
  #isDue = false;

  private constructor(client: MqttClient, asked: Extract<Question, { ask: 'acknowledge' }>) {
    this.#client = client;
    this.#asked = asked;
    this.#key = { kid: asked.key.kid, key: privateKeyOf(asked.key.jwk) };
    client.on('message', (_topic, payload) => this.#take(payload));
  }

  static async open(
    url: string,
    asked: Extract<Question, { ask: 'acknowledge' }>,
  ): Promise<BareFollower> {
    const client = await bareClient(url);
    const follower = new BareFollower(client, asked);
    await client.subscribeAsync(`${topicsOf(asked.key.root, asked.key.bridge).base}/evt/+`, {
      qos: 1,
    });
    return follower;
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }

  #take(payload: Buffer): void {
    this.#epoch ||= word(payload, '"epoch":"', payload.indexOf('"epoch":"'), '"');
    const seq = Number(word(payload, '"seq":', payload.lastIndexOf('"seq":'), ','));
    if (seq <= this.#asked.old) this.#seq = Math.max(this.#seq, seq);
    else this.live.set(seq, performance.timeOrigin + performance.now());
    const { old } = this.#asked;
    const isWhole = this.#seq === old && this.#acknowledged < old;
    if (this.#seq >= this.#acknowledged + ACK_EVENTS || isWhole) this.#acknowledge();
    if (this.#isDue || this.#seq === this.#acknowledged) return;
    this.#isDue = true;
    clock.wakeAt(uptime(clock.uptime() + ACK_MS), () => {
      this.#isDue = false;
      if (this.#seq > this.#acknowledged) this.#acknowledge();
    });
  }

  #acknowledge(): void {
    const { bridge, root } = this.#asked.key;
    const iat = Math.floor(clock.now() / 1000);
    const ack = { v: 1, aud: bridge, iat, epoch: this.#epoch, seq: this.#seq };
    this.#acknowledged = this.#seq;
    this.#client.publish(topicsOf(root, bridge).ack, signNow(ack, ACK_TYP, this.#key), { qos: 1 });
  }
}

function word(payload: Buffer, before: string, at: number, after: string): string {
  const from = at + before.length;
  return at < 0 ? '' : payload.toString('latin1', from, payload.indexOf(after, from));
}

async function serve([url]: readonly string[]): Promise<void> {
  if (url === undefined) throw new TypeError('URL');
  const end = new CloudEnd(url);
  process.on('message', (asked) => {
    void end.answer(question.parse(asked)).then((found) => process.send?.(found));
  });
  process.on('disconnect', () => process.exit());
  process.send?.(0);
}

if (import.meta.main) await serve(process.argv.slice(2));
