/** Looking for devices on real wires: each kind is found, and nothing of it moves or is written to. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { findOnBus, findReader } from '../../../daemon/commission/find.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { realRandom } from '../../../daemon/platform/random.ts';
import { tcpOpener } from '../../../daemon/platform/tcp-link.ts';
import { catalogue } from '../../../drivers/catalogue.ts';
import { simulatedKinds } from '../../../simulator/devices/catalogue.ts';
import { startSimulator } from '../../../simulator/simulator.ts';

async function bus(devices: Readonly<Record<string, Record<string, unknown>>>) {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-find-'));
  const described = Object.entries(devices).map(([name, { driver, ...options }]) => {
    const entry = catalogue.get(String(driver));
    assert.ok(entry);
    return [name, { driver: entry.name, bus: 'a', options: entry.options.parse(options) }] as const;
  });
  const simulator = await startSimulator({
    description: { buses: { a: { tcp: '127.0.0.1:0' } }, devices: Object.fromEntries(described) },
    directory,
    kinds: simulatedKinds,
    controlPort: 0,
  });
  const clock = realClock();
  const port = Number(simulator.addresses['a']?.split(':')[1]);
  return {
    simulator,
    parts: {
      catalogue,
      opener: tcpOpener({ host: '127.0.0.1', port, clock }),
      baudRate: undefined,
      latencyMs: 0,
      clock,
      random: realRandom(),
      signal: new AbortController().signal,
      say: () => {},
    },
    async [Symbol.asyncDispose]() {
      await simulator[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    },
  };
}

const BOARDS = [
  { driver: 'kerong-cu16', address: 1 },
  { driver: 'kerong-cu48', address: 0 },
  { driver: 'kerong-cu48b', address: 2 },
  { driver: 'modbus-relay', address: 1 },
] as const;

describe('find', { concurrency: true }, () => {
  for (const { driver, address } of BOARDS) {
    test(`${driver} is found by a reading request alone`, async () => {
      await using at = await bus({ box: { driver, address } });
      // A relay in linkage mode would be disarmed by the driver's second request.
      if (driver === 'modbus-relay')
        await at.simulator.hardware.handle('box', 'set-mode', { relay: 1, mode: 1 });
      const before = JSON.stringify(Object(at.simulator.hardware.device('box')?.look()).slots);
      const found = await findOnBus(at.parts);
      assert.deepEqual(
        found.map((each) => [each.driver, each.options]),
        [[driver, { address }]],
      );
      const look = Object(at.simulator.hardware.device('box')?.look());
      assert.equal(JSON.stringify(look.slots), before);
      if (driver === 'modbus-relay') assert.equal(look.modes[0], 1);
    });
  }

  test('several readers on one bus are all found', async () => {
    const reader = { driver: 'osdp', secureChannel: 'off' };
    await using at = await bus({ a: { ...reader, address: 0 }, b: { ...reader, address: 5 } });
    const found = await findOnBus(at.parts);
    assert.deepEqual(
      found.map(({ options }) => options['address']),
      [0, 5],
    );
  });

  test('a reader that only speaks is known by what it says of a fob', async () => {
    for (const driver of ['rdm6300', 'id-20la']) {
      await using at = await bus({ fobs: { driver } });
      const looking = findReader(at.parts, 5000);
      await at.simulator.hardware.handle('fobs', 'show', { fob: '0F00012ABC' });
      assert.equal((await looking)?.driver, 'rdm6300');
    }
  });
});
