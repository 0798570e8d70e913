/** What every way to a broker is held to, whatever broker stands at the other end. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type Broker,
  BrokerError,
  type BrokerMessage,
  type ReceivedMessage,
  type SessionOptions,
} from '../../daemon/cloud/broker.ts';
import { until } from '../real-time.ts';

export interface BrokerUnderTest extends AsyncDisposable {
  /** A fresh port to the same broker. */
  port(): Broker;
}

const OPTIONS = {
  willDelaySeconds: 0,
  subscriptions: [],
  sessionExpirySeconds: 0,
  receiveMaximum: 8,
  keepAliveSeconds: 30,
  connectWithin: 5_000,
} as const;

/** One client, and what it is told. */
async function join(port: Broker, options: Partial<SessionOptions> & { clientId: string }) {
  const heard: ReceivedMessage[] = [];
  const closings: BrokerError[] = [];
  const ending = new AbortController();
  const session = await port.connect(
    { ...OPTIONS, ...options },
    { message: async (message) => void heard.push(message), closed: (why) => closings.push(why) },
    ending.signal,
  );
  return { session, heard, closings, vanish: () => ending.abort() };
}

function saying(topic: string, text: string, retain = false): BrokerMessage {
  return { topic, payload: Buffer.from(text), qos: 1, retain };
}

const texts = (heard: readonly ReceivedMessage[]) =>
  heard.map(({ payload }) => Buffer.from(payload).toString());

export function brokerContract(
  name: string,
  open: (t: TestContext) => Promise<BrokerUnderTest | undefined>,
): void {
  const check = (what: string, run: (under: BrokerUnderTest) => Promise<void>) =>
    test(`${name}: ${what}`, async (t) => {
      const under = await open(t);
      if (under === undefined) return;
      await using _ = under;
      await run(under);
    });

  check('what is published arrives once, in order, as it was', async (under) => {
    const ear = await join(under.port(), { clientId: 'ear', subscriptions: ['a/+'] });
    const mouth = await join(under.port(), { clientId: 'mouth' });
    const said = Array.from({ length: 50 }, (_, n) => `${n} – é`);
    await Promise.all(said.map((text) => mouth.session.publish(saying('a/b', text))));
    await mouth.session.publish(saying('other/b', 'not for us'));
    await until(() => ear.heard.length >= said.length);
    assert.deepEqual(texts(ear.heard), said);
    assert.ok(ear.heard.every(({ topic, retain }) => topic === 'a/b' && !retain));
    await Promise.all([ear.session.close(), mouth.session.close()]);
  });

  check('retained messages are told to who asks for them', async (under) => {
    const mouth = await join(under.port(), { clientId: 'mouth' });
    await mouth.session.publish(saying('state/x', 'old', true));
    await mouth.session.publish(saying('state/x', 'now', true));
    const ear = await join(under.port(), { clientId: 'ear', retainedSubscriptions: ['state/x'] });
    await until(() => ear.heard.length > 0);
    assert.deepEqual(texts(ear.heard), ['now']);
    assert.equal(ear.heard[0]?.retain, true);
    await Promise.all([ear.session.close(), mouth.session.close()]);
  });

  check('whoever vanishes leaves a will, whoever says goodbye leaves none', async (under) => {
    const ear = await join(under.port(), { clientId: 'ear', subscriptions: ['will/+'] });
    const will = (text: string) => saying('will/x', text);
    const polite = await join(under.port(), { clientId: 'one', will: will('polite') });
    await polite.session.close();
    const lost = await join(under.port(), { clientId: 'two', will: will('lost') });
    lost.vanish();
    await until(() => ear.heard.length > 0);
    assert.deepEqual(texts(ear.heard), ['lost']);
    await ear.session.close();
  });

  check('a message that is not done with comes again in the next session', async (under) => {
    const options = { clientId: 'slow', subscriptions: ['slow/+'], sessionExpirySeconds: 600 };
    const ending = new AbortController();
    const first = Promise.withResolvers<void>();
    const stuck = () => {
      first.resolve();
      return new Promise<void>(() => {});
    };
    await under
      .port()
      .connect({ ...OPTIONS, ...options }, { message: stuck, closed: () => {} }, ending.signal);
    const mouth = await join(under.port(), { clientId: 'mouth' });
    await mouth.session.publish(saying('slow/x', 'once'));
    await first.promise;
    ending.abort();
    const again = await join(under.port(), options);
    await until(() => again.heard.length > 0);
    assert.deepEqual(texts(again.heard), ['once']);
    await Promise.all([again.session.close(), mouth.session.close()]);
  });

  check('a session closes once, and nothing is published in it afterwards', async (under) => {
    const client = await join(under.port(), { clientId: 'client' });
    await client.session.close();
    client.vanish();
    await until(() => client.closings.length > 0);
    await assert.rejects(client.session.publish(saying('a/b', 'late')), BrokerError);
    assert.equal(client.closings.length, 1);
  });
}
