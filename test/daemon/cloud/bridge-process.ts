/**
 * A bridge as a process of its own, to be killed: `node bridge-process.ts KEYS STORE BROKER PULSES`. Each pulse is a
 * line in the file PULSES, as a relay that counts for itself.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { identityOf, privateJwkIn } from '../../../daemon/cloud/enrolment.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { mqttBroker } from '../../../daemon/platform/mqtt-broker.ts';
import { realRandom } from '../../../daemon/platform/random.ts';
import { BRIDGE, openBridge } from './bridge.ts';

const [keys = '', directory = '', url = '', pulses = ''] = process.argv.slice(2);
const signing = privateJwkIn(join(keys, 'signing-key.json'), 'Ed25519');
const sealing = privateJwkIn(join(keys, 'sealing-key.json'), 'X25519');
const enrolment = {
  identity: identityOf(BRIDGE, signing, sealing),
  trustFile: join(keys, 'trust.json'),
  senders: [],
};
await openBridge(
  { enrolment },
  {
    clock: realClock(),
    random: realRandom(),
    broker: mqttBroker({ url }),
    directory,
    worker: true,
    pulsed: (command) => appendFileSync(pulses, `${command}\n`),
    options: { keepAliveSeconds: 2 },
  },
);
