/** Who is to be reached over the network: the broker, with how long a message takes, and clouds of vendors. */
import type { Config } from '../../config/schema.ts';
import type { Clock } from '../../drivers/contract/time.ts';
import { type Broker, BrokerError } from '../cloud/broker.ts';
import { topicsOf } from '../cloud/topics.ts';
import type { HttpClient } from '../vendors/http.ts';
import { advice, codeOf, type Finding, fault, well } from './finding.ts';

const CONNECT_WITHIN = 10_000;
const ROUNDS = 7;
/** performance.md 9: Nagle at the broker costs 44 ms, and nothing else in a local network costs half of it. */
const ROUND_TRIP_MOST = 20;

/** Connects beside the daemon, under a name of its own, so that the daemon's session stays. */
export async function brokerFindings(
  config: Config,
  broker: Broker | undefined,
  clock: Clock,
): Promise<readonly Finding[]> {
  const mqtt = config.cloud?.mqtt;
  if (mqtt === undefined || broker === undefined) return [];
  const stop = new AbortController();
  try {
    const session = await broker.connect(
      {
        clientId: `${mqtt.bridgeId}-doctor`,
        willDelaySeconds: 0,
        subscriptions: [],
        sessionExpirySeconds: 0,
        receiveMaximum: 1,
        keepAliveSeconds: 45,
        connectWithin: CONNECT_WITHIN,
      },
      { message: async () => {}, closed: () => {} },
      stop.signal,
    );
    const trips: number[] = [];
    // A branch that ACLs let a bridge write to; empty and not retained: nobody has such a device.
    const topic = topicsOf(mqtt.root, mqtt.bridgeId).device('doctor');
    for (let round = 0; round < ROUNDS; round += 1) {
      const begun = clock.uptime();
      await session
        .publish({ topic, payload: Buffer.alloc(0), qos: 1, retain: false })
        .catch((error: unknown) => {
          // "You may not publish there" is an answer too, and took as long.
          if (!(error instanceof BrokerError) || error.code !== 'not-authorised') throw error;
        });
      trips.push(clock.uptime() - begun);
    }
    await session.close();
    const middle = trips.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
    const told = `${broker.name} acknowledges a message in ${middle.toFixed(1)} ms (${session.facts.protocol})`;
    return middle > ROUND_TRIP_MOST
      ? [advice('broker', told, 'set_tcp_nodelay true in mosquitto.conf; or it is far away')]
      : [well('broker', told)];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (error instanceof BrokerError && error.code === 'not-authorised') {
      const remedy = `name, password or certificate of cloud.mqtt; or the broker lets in ${mqtt.bridgeId} only, and then the daemon’s own state counts`;
      return [advice('broker', `${broker.name} does not let us in: ${why}`, remedy)];
    }
    const remedy = 'address and port in cloud.mqtt.url, the network, the broker itself';
    return [fault('broker', `${broker.name}: ${why}`, remedy)];
  } finally {
    stop.abort();
  }
}

/** Any answer at all says that the way there is open. */
export async function vendorFindings(
  config: Config,
  http: HttpClient,
): Promise<readonly Finding[]> {
  const found = await Promise.all(
    Object.entries(config.vendors).map(async ([name, vendor]): Promise<readonly Finding[]> => {
      if (vendor === undefined || !vendor.connect) return [];
      const { baseUrl: url } = vendor;
      try {
        const signal = AbortSignal.timeout(CONNECT_WITHIN);
        const { status } = await http.send({ method: 'GET', url, headers: {}, signal });
        return [
          status >= 500
            ? advice(
                'vendors',
                `${name}: ${url} answers with ${status}`,
                'it is their trouble; wait',
              )
            : well('vendors', `${name}: ${url} answers`),
        ];
      } catch (error) {
        const remedy = 'name servers, gateway and firewall of this network; vendors.*.baseUrl';
        return [fault('vendors', `${name}: ${url}: ${codeOf(error)}`, remedy)];
      }
    }),
  );
  return found.flat();
}
