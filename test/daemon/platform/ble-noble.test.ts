/** noble as it is shipped, in its own process, against the virtual controller over TCP. */
import { after } from 'node:test';
import { type BleRadio, bleTransport } from '../../../daemon/platform/ble-transport.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { Air } from '../../../simulator/radio/air.ts';
import { type RadioPort, serveRadio } from '../../../simulator/radio/serve.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { type BleBench, bleContract } from '../../contract/ble-transport.ts';
import { EchoPeripheral } from '../../contract/echo-peripheral.ts';

const clock = realClock();
const air = new Air(clock, seededRandom(7));
let shared: { readonly port: RadioPort; readonly transport: BleRadio } | undefined;

after(async () => {
  await shared?.transport.close();
  await shared?.port.close();
});

/** One radio process for the whole suite: what one test leaves behind, the next would stumble over. */
async function bench(): Promise<BleBench> {
  if (shared === undefined) {
    const port = await serveRadio(air);
    const transport = bleTransport({
      name: 'tcp',
      backend: { kind: 'tcp', host: port.host, port: port.port },
      clock,
    });
    shared = { port, transport };
  }
  const peripheral = new EchoPeripheral('c0:ff:ee:00:00:01');
  const other = new EchoPeripheral('c0:ff:ee:00:00:02');
  air.join(peripheral);
  air.join(other);
  return {
    transport: shared.transport,
    peripheral,
    other,
    setFaults: ({ address }, faults) => air.setFaults(address, faults),
    [Symbol.asyncDispose]: async () => {
      for (const { address } of [peripheral, other]) {
        air.setFaults(address, {});
        air.leave(address);
      }
    },
  };
}

bleContract('noble', bench);
