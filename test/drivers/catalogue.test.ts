import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { catalogue } from '../../drivers/catalogue.ts';
import { deviceId } from '../../drivers/contract/device.ts';
import { uptime } from '../../drivers/contract/time.ts';
import { drivers } from '../../drivers/drivers.ts';
import { simulatedKinds } from '../../simulator/devices/catalogue.ts';
import { seededRandom } from '../../simulator/random.ts';

/** The least that a device of each driver needs in the config; drivers left out need nothing. */
const LEAST: Readonly<Record<string, object>> = {
  'kerong-cu12': { address: 0 },
  'kerong-cu16': { address: 0 },
  'kerong-cu48': { address: 0 },
  'kerong-cu48b': { address: 0 },
  'lock-board-8a': { address: 1 },
  winnsen: { acceptNoChecksum: true },
};

/** Drivers of byte streams that need no secret; the others have suites of their own. */
const plain = [...catalogue.values()].filter(
  ({ link, name }) => link !== 'gatt' && name !== 'osdp',
);

test('names are sorted, so that two hands do not add a line in one place', () => {
  const names = [...catalogue.keys()];
  assert.deepEqual(names, names.toSorted());
  assert.deepEqual([...simulatedKinds.keys()], [...simulatedKinds.keys()].toSorted());
});

test('what can be configured can be run', () => {
  assert.deepEqual([...drivers.keys()], [...catalogue.keys()]);
});

test('every driver on a wire has a device to try it on', () => {
  const missing = plain.filter(({ name }) => !simulatedKinds.has(name));
  assert.deepEqual(missing, []);
});

test('settings are described for editors, and unknown ones refused', () => {
  for (const { name, options, title } of plain) {
    assert.ok(title.length > 0 && title.length <= 80, name);
    const schema = z.toJSONSchema(options, { io: 'input', unrepresentable: 'any' });
    assert.equal(schema.type, 'object', name);
    for (const [setting, of] of Object.entries(schema.properties ?? {})) {
      const described = typeof of === 'object' && ('description' in of || 'properties' in of);
      assert.ok(described, `${name}.${setting} has no description`);
    }
    assert.ok(options.safeParse(LEAST[name] ?? {}).success, name);
    assert.equal(options.safeParse({ ...LEAST[name], adress: 1 }).success, false, name);
  }
});

test('two devices that cannot share a bus are told so, by their names', () => {
  for (const { name, options, clashes } of plain) {
    const parsed = options.parse(LEAST[name] ?? {});
    const twice = ['left', 'right'].map((id) => ({ id: deviceId(id), options: parsed }));
    const [fault] = clashes?.(twice) ?? [];
    assert.match(fault ?? '', /left, right/, name);
    assert.deepEqual(clashes?.(twice.slice(0, 1)), [], name);
  }
});

test('boxes know their slots, and a machine opened and closed at once says nothing', () => {
  for (const { name, options, abilities, slots, machine, defaultBaudRate } of plain) {
    const parsed = options.parse(LEAST[name] ?? {});
    assert.equal((slots?.(parsed) ?? []).length > 0, abilities(parsed).slots, name);
    const built = machine([{ id: deviceId('one'), options: parsed }], {
      baudRate: defaultBaudRate,
      latencyMs: 0,
      echo: false,
      random: seededRandom(1),
      secrets: new Map(),
    });
    const now = uptime(1000);
    const step = built.step(built.begin(now).state, { kind: 'link-down' }, now);
    assert.deepEqual([step.send, step.events], [[], []], name);
    assert.equal(built.statistics(step.state).get(deviceId('one'))?.polls, 0);
  }
});
