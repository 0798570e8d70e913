import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceId } from '../../../drivers/contract/device.ts';
import { ConfigError } from '../../../drivers/contract/errors.ts';
import type { BusFacts } from '../../../drivers/contract/machine.ts';
import { osdp } from '../../../drivers/osdp/driver.ts';
import { osdpOptions } from '../../../drivers/osdp/options.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { hex } from './hex.ts';

const KEY = { key: 'credential:front' };
const parsed = (options: object) =>
  osdpOptions.parse({ address: 1, secureChannel: KEY, ...options });
const device = (name: string, options: object) => ({
  id: deviceId(name),
  options: parsed(options),
});

function bus(secret: Uint8Array | undefined): BusFacts {
  const secrets = new Map(secret === undefined ? [] : [['credential:front', secret] as const]);
  return { baudRate: 9600, latencyMs: 0, echo: false, random: seededRandom(1), secrets };
}

test('clear text has to be written down', () => {
  assert.equal(osdpOptions.safeParse({ address: 1 }).success, false);
  assert.equal(osdpOptions.safeParse({ address: 1, secureChannel: 'off' }).success, true);
  assert.equal(osdpOptions.safeParse({ address: 1, secureChannel: KEY }).success, true);
});

test('options that contradict each other are refused', () => {
  const wrong = [
    { address: 127 },
    { check: 'checksum' },
    { secureChannel: 'off', install: { until: '2026-01-01T00:00:00Z' } },
    { install: { until: '2026-01-01T00:00:00' } },
    {
      inputs: [
        { input: 0, as: 'other' },
        { input: 0, as: 'exit-button' },
      ],
    },
    {
      inputs: [
        { input: 0, as: 'door-contact' },
        { input: 1, as: 'door-contact' },
      ],
    },
    { secureChannel: { key: '303132333435363738393A3B3C3D3E3F' } },
    { colour: 'red' },
  ];
  for (const options of wrong) {
    const result = osdpOptions.safeParse({ address: 1, secureChannel: KEY, ...options });
    assert.equal(result.success, false, JSON.stringify(options));
  }
});

test('a key that is none never starts a bus, in clear or otherwise', () => {
  const wrong = [
    undefined,
    hex(''),
    hex('0011'),
    hex('303132333435363738393A3B3C3D3E3F'),
    new TextEncoder().encode('303132333435363738393A3B3C3D3E3F'),
    new Uint8Array(16),
  ];
  for (const secret of wrong) {
    assert.throws(() => osdp.machine([device('front', {})], bus(secret)), ConfigError);
  }
  const key = 'A0B1C2D3E4F5061728394A5B6C7D8E9F';
  for (const secret of [hex(key), new TextEncoder().encode(`${key}\n`)]) {
    assert.ok(osdp.machine([device('front', {})], bus(secret)));
  }
});

test('one address, one key and one move for each reader of a bus', () => {
  const install = { until: '2026-01-01T00:00:00Z', from: { address: 2 } };
  const own = (name: string) => ({ secureChannel: { key: `credential:${name}` } });
  const clash = (a: object, b: object) =>
    osdp.clashes?.([device('a', { ...own('a'), ...a }), device('b', { ...own('b'), ...b })]);
  assert.equal(clash({}, { address: 2 })?.length, 0);
  assert.equal(clash({}, {})?.length, 1);
  assert.equal(clash({}, { address: 2, ...own('a') })?.length, 1);
  assert.equal(clash({ install }, { address: 2 })?.length, 1);
  assert.equal(clash({ install }, { address: 3, install })?.length, 1);
});

test('what an access point may expect of it', () => {
  assert.equal(osdp.abilities(parsed({})).lock, false);
  const strike = osdp.abilities(parsed({ strike: { output: 0 } }));
  assert.deepEqual([strike.lock, strike.onPowerLoss], [true, 'fail-secure']);
  const magnet = osdp.abilities(parsed({ strike: { output: 0, energised: 'locks' } }));
  assert.equal(magnet.onPowerLoss, 'fail-safe');
});
