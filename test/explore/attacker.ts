/** What somebody does who owns the broker: he sends again, keeps back, and signs with keys of his own. */
import { newSender } from '../../daemon/cloud/enrolment.ts';
import { Forge } from '../daemon/cloud/forge.ts';
import { BRIDGE } from '../site.ts';
import type { Life } from './life.ts';

/** What passed before comes again. */
export async function replays(life: Life): Promise<void> {
  const old = life.exchange.passed.filter(({ topic }) => topic.includes('/cmd/'));
  if (old.length === 0) return;
  const { topic, payload } = life.one(old);
  life.say(`the broker replays ${topic}`);
  await publish(life, topic, payload);
}

/** Commands that nobody who may sent, under the name of one who may. */
export async function forges(life: Life): Promise<void> {
  const slot = 1 + life.draw(16);
  life.say(`the broker forges an opening of ${slot}`);
  const { sealingKey } = life.sender;
  const { file } = newSender(life.sender.kid, { bridge: BRIDGE, root: 'latchkey', sealingKey });
  const forge = new Forge(file, life.site.clock, life.random);
  const nonces = life.cloud.client.state?.nonces ?? [];
  const { token, id } = forge.make('slot.open', { dev: 'box', slot }, nonces[0]);
  life.watcher.forged(id);
  await publish(life, `latchkey/1/${BRIDGE}/cmd/slot.open`, Buffer.from(token));
}

async function publish(life: Life, topic: string, payload: Uint8Array): Promise<void> {
  const end = new AbortController();
  const session = await life.exchange.connect(
    {
      clientId: 'evil',
      willDelaySeconds: 0,
      subscriptions: [],
      sessionExpirySeconds: 0,
      receiveMaximum: 1,
      keepAliveSeconds: 30,
      connectWithin: 1000,
    },
    { message: async () => {}, closed: () => {} },
    end.signal,
  );
  await session.publish({ topic, payload, qos: 1, retain: life.chance(0.2) });
  end.abort();
  await life.pass(life.draw(1500));
}
