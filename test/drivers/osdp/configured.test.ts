/** A reader built from the same lines of config by daemon and simulator: they understand each other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalogue } from '../../../drivers/catalogue.ts';
import { osdpOptions } from '../../../drivers/osdp/options.ts';
import { ArgumentError } from '../../../simulator/arguments.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { simulatedKinds } from '../../../simulator/devices/catalogue.ts';
import { simulatedOsdpKey, simulatedOsdpPd } from '../../../simulator/devices/osdp-pd.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { bench } from './bench.ts';

const CONFIG = {
  address: 0,
  secureChannel: { key: 'credential:reader-0' },
  strike: { output: 5 },
  inputs: [{ input: 7, as: 'door-contact' }],
};

test('both catalogues have it', () => {
  assert.equal(catalogue.get('osdp')?.defaultBaudRate, 9600);
  assert.ok(simulatedKinds.get('osdp'));
});

test('the simulated reader holds the key that is told for its credential, and has what is wired', async () => {
  const key = simulatedOsdpKey('credential:reader-0');
  assert.match(key, /^[0-9a-f]{32}$/);
  assert.notEqual(key, simulatedOsdpKey('credential:reader-1'));
  await using site = await bench([{ pd: { key, inputs: 8, outputs: 6 }, options: CONFIG }]);
  await site.online();
  assert.equal(site.seen(0, 'session'), 'secure');

  const around = { clock: new SimulatedClock(), random: seededRandom(1), say: () => {} };
  const look = Object(simulatedOsdpPd('reader-0', osdpOptions.parse(CONFIG), around).look());
  assert.deepEqual([look.inputs.length, look.outputs.length], [8, 6]);
});

test('a hand that does what cannot be done is told so', () => {
  const around = { clock: new SimulatedClock(), random: seededRandom(1), say: () => {} };
  const { verbs } = simulatedOsdpPd('reader-0', osdpOptions.parse(CONFIG), around);
  for (const [name, args] of [
    ['press', { keys: '12A' }],
    ['show', { card: 'red' }],
    ['show', { card: '1,2', format: 'none' }],
    ['input', { input: 8, closed: true }],
    ['set-key', { key: '00' }],
    ['tamper', {}],
  ] as const) {
    assert.throws(() => verbs[name]?.run(args), ArgumentError, name);
  }
});
