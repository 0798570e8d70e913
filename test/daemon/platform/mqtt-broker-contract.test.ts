import { mqttBroker } from '../../../daemon/platform/mqtt-broker.ts';
import { EmbeddedBroker } from '../../../simulator/broker.ts';
import { brokerContract } from '../../contract/broker.ts';
import { Mosquitto, mosquittoFor } from '../cloud/mosquitto.ts';

brokerContract('Mosquitto', async (t) => {
  const binary = mosquittoFor(t);
  if (binary === undefined) return undefined;
  const broker = await Mosquitto.start(binary);
  return {
    port: () => mqttBroker({ url: broker.url }),
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
});

brokerContract('the embedded broker', async () => {
  const broker = await EmbeddedBroker.start();
  return {
    port: () => mqttBroker({ url: broker.url }),
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
});
