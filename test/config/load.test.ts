import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { configJsonSchema } from '../../config/json-schema.ts';
import { loadConfig, parseConfig } from '../../config/load.ts';
import { readYaml } from '../../config/yaml.ts';
import { ConfigError } from '../../drivers/contract/errors.ts';

const FOLDER = join(import.meta.dirname, '../../config');
const SMALLEST = 'site: { id: s, zone: UTC }\nstore: { directory: /var/lib/latchkey }\n';

function faultsOf(text: string, variables?: ReadonlyMap<string, string>) {
  try {
    parseConfig(text, variables === undefined ? {} : { variables });
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

test('the example and the demo are right', () => {
  const example = loadConfig(join(FOLDER, 'example.yaml'));
  assert.equal(example.accessPoints['lobby']?.box, 'box');
  const demo = loadConfig(join(FOLDER, 'demo.yaml'), {
    variables: new Map([
      ['LATCHKEY_DIRECTORY', '/run/demo'],
      ['LOBBY_PORT', '4711'],
    ]),
  });
  assert.equal(demo.store.directory, '/run/demo/store');
  assert.equal(demo.buses['lobby-bus']?.tcp, '127.0.0.1:4711');
  assert.equal(demo.cloud?.mqtt.drainPerSecond, Number.POSITIVE_INFINITY);
  assert.equal(demo.cloud?.mqtt.connectSpread, 0);
});

test('a site of two lines starts with nothing connected, and with every default', () => {
  const config = parseConfig(SMALLEST);
  assert.deepEqual(config.devices, {});
  assert.equal(config.cloud, undefined);
  assert.equal(config.api.listen, '127.0.0.1:4180');
  assert.deepEqual(config.site.policies.lockout, {
    freeFailures: 5,
    firstWait: 60_000,
    longestWait: 3_600_000,
    decayEvery: 3_600_000,
  });
});

test('options of a device are those of its driver, with its defaults', () => {
  const config = parseConfig(
    `${SMALLEST}buses: { a: { serial: /dev/ttyUSB0 } }\ndevices: { box: { driver: kerong-cu16, bus: a, address: 3 } }\n`,
  );
  const { driver, bus, options } = config.devices['box'] ?? {};
  assert.equal(driver, 'kerong-cu16');
  assert.equal(bus, 'a');
  assert.equal(Reflect.get(Object(options), 'address'), 3);
  assert.equal(Reflect.get(Object(options), 'slots'), 16);
});

test('all faults come at once, in the order of the file, each with its line', () => {
  const faults = faultsOf(
    'site: { id: s, zone: Mars }\nstore: { directory: here }\nbuses:\n  a: { serial: /dev/a, baud: 1 }\n',
  );
  assert.deepEqual(
    faults.map(({ path, line }) => [path, line]),
    [
      ['site.zone', 1],
      ['store.directory', 2],
      ['buses.a.baud', 4],
    ],
  );
});

test('a number in a variable is a number only where it stands alone and unquoted', () => {
  const variables = new Map([['N', '19200']]);
  assert.deepEqual(readYaml(`a: \${N}\nb: "\${N}"\nc: x\${N}\nd: \${M:-7}`, variables).value, {
    a: 19200,
    b: '19200',
    c: 'x19200',
    d: 7,
  });
});

test('nothing is taken from the environment', () => {
  process.env['LATCHKEY_TEST_VALUE'] = '/tmp';
  const faults = faultsOf(`${SMALLEST}buses: { a: { serial: "\${LATCHKEY_TEST_VALUE}" } }`);
  delete process.env['LATCHKEY_TEST_VALUE'];
  assert.equal(faults.length, 1);
});

test('a small text cannot unfold to a huge one', () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg']) {
    bomb.push(`${to}: &${to} [${Array.from({ length: 10 }, () => `*${from}`).join(', ')}]`);
  }
  const [fault] = faultsOf(bomb.join('\n'));
  assert.equal(fault?.found, 'too many aliases');
});

test('a file that is missing, a directory, or no text is told as such', () => {
  for (const [file, words] of [
    ['/nowhere/config.yaml', /no such file/],
    ['/tmp', /a directory/],
    [process.execPath, /bytes/],
  ] as const) {
    assert.throws(() => loadConfig(file), words);
  }
});

test('the schema for editors takes what the daemon takes, and refuses what it refuses', () => {
  const schema = configJsonSchema();
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  const fits = ajv.compile(schema);
  for (const file of ['example.yaml', 'demo.yaml']) {
    const { value } = readYaml(readFileSync(join(FOLDER, file), 'utf8'), new Map());
    assert.ok(fits(value), JSON.stringify(fits.errors));
  }
  for (const text of [
    'site: { id: s, zonne: UTC }',
    `${SMALLEST}nonsense: 1`,
    `${SMALLEST}devices: { box: { driver: kerong-cu16, bus: a, address: 12 } }`,
    `${SMALLEST}devices: { box: { driver: abacus, bus: a } }`,
  ]) {
    assert.ok(!fits(readYaml(text, new Map()).value), text);
  }
});

test('every setting has bounds, and says what it is', () => {
  const bare: string[] = [];
  const walk = (schema: unknown, path: string): void => {
    if (typeof schema !== 'object' || schema === null) return;
    const { type, properties, items, additionalProperties } = Object(schema);
    if (
      type === 'string' &&
      !('pattern' in schema) &&
      !('enum' in schema) &&
      !('const' in schema)
    ) {
      if (!('maxLength' in schema) && !('format' in schema) && !path.endsWith('.driver')) {
        bare.push(path);
      }
    }
    for (const [name, each] of Object.entries(properties ?? {})) walk(each, `${path}.${name}`);
    walk(items, `${path}[]`);
    walk(additionalProperties, `${path}.*`);
  };
  walk(configJsonSchema(new Map()), '');
  // Zones are checked against the time zone data, which no pattern holds.
  assert.deepEqual(bare, ['.site.zone', '.site.zoneBefore']);
});

test('no text whatever makes it fail in another way', () => {
  const words = fc.constantFrom(
    'site:',
    'store:',
    'buses:',
    'devices:',
    '{',
    '}',
    '[',
    ']',
    ':',
    '&a',
    '*a',
    '- ',
    '\n',
    '  ',
    '"',
    `\${X}`,
    'driver: kerong-cu16',
    'bus: a',
    'keys:',
    '!!binary',
    'null',
    '__proto__:',
    'constructor:',
    '|',
    '#',
    '9e999',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ maxLength: 200 }),
        fc.array(words, { maxLength: 30 }).map((all) => all.join('')),
      ),
      (text) => {
        assert.ok(faultsOf(text).length > 0);
      },
    ),
    { numRuns: 300 },
  );
});

test('a value of any kind at any place is a fault, not a failure', () => {
  const { value } = readYaml(readFileSync(join(FOLDER, 'example.yaml'), 'utf8'), new Map());
  const places: (readonly string[])[] = [];
  const collect = (node: unknown, path: readonly string[]) => {
    places.push(path);
    if (typeof node !== 'object' || node === null) return;
    for (const [name, inner] of Object.entries(node)) collect(inner, [...path, name]);
  };
  collect(value, []);
  fc.assert(
    fc.property(
      fc.constantFrom(...places.slice(1)),
      fc.oneof(
        fc.constant(null),
        fc.integer(),
        fc.string(),
        fc.constant([]),
        fc.constant({}),
        fc.boolean(),
        fc.constant([[1]]),
      ),
      (path, other) => {
        const copy: unknown = structuredClone(value);
        const parent = path
          .slice(0, -1)
          .reduce<unknown>((node, part) => Reflect.get(Object(node), part), copy);
        Reflect.set(Object(parent), path.at(-1) ?? '', other);
        for (const fault of faultsOf(JSON.stringify(copy))) {
          assert.ok(fault.remedy.length > 0 && fault.found.length > 0, JSON.stringify(fault));
        }
      },
    ),
    { numRuns: 300 },
  );
});
