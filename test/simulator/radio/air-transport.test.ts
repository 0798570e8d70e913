/** The adapter without a stack keeps the contract of the real ones. */
import { realClock } from '../../../daemon/platform/clock.ts';
import { Air } from '../../../simulator/radio/air.ts';
import { AirTransport } from '../../../simulator/radio/air-transport.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { bleContract } from '../../contract/ble-transport.ts';
import { EchoPeripheral } from '../../contract/echo-peripheral.ts';

bleContract('simulated', async () => {
  const air = new Air(realClock(), seededRandom(3));
  const peripheral = new EchoPeripheral('c0:ff:ee:00:00:01');
  const other = new EchoPeripheral('c0:ff:ee:00:00:02');
  air.join(peripheral);
  air.join(other);
  const transport = new AirTransport(air);
  return {
    transport,
    peripheral,
    other,
    setFaults: ({ address }, faults) => air.setFaults(address, faults),
    [Symbol.asyncDispose]: () => transport.close(),
  };
});
