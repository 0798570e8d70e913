import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { wireSchemas } from '../../../daemon/cloud/asyncapi.ts';
import { COMMAND_BODIES, COMMAND_TYPES } from '../../../daemon/cloud/commands.ts';
import {
  ACK_EXAMPLE,
  CHECKPOINT_EXAMPLE,
  COMMAND_EXAMPLES,
  DEVICE_EXAMPLE,
  EVENT_EXAMPLE,
  LOG_EXAMPLE,
  REPLY_EXAMPLES,
  STATE_EXAMPLE,
  STATUS_EXAMPLE,
} from '../../../daemon/cloud/examples.ts';
import {
  ackSchema,
  checkpointSchema,
  deviceStateSchema,
  envelopeSchema,
  eventsSchema,
  logLineSchema,
  readCommand,
  replySchema,
  stateSchema,
  statusSchema,
} from '../../../daemon/cloud/messages.ts';
import { schemaFiles } from '../../../daemon/cloud/write-schema.ts';

const FOLDER = resolve(import.meta.dirname, '../../../daemon/cloud/schema');

test('the documents in daemon/cloud/schema are what the code would write', () => {
  const files = schemaFiles();
  assert.deepEqual(readdirSync(FOLDER).sort(), [...files.keys()].sort());
  for (const [name, text] of files) {
    assert.ok(
      readFileSync(join(FOLDER, name), 'utf8') === text,
      `${name} is out of date: node daemon/cloud/write-schema.ts`,
    );
  }
});

const document = JSON.parse(readFileSync(join(FOLDER, 'asyncapi.json'), 'utf8'));

test('every reference in the AsyncAPI document leads somewhere', () => {
  const lookUp = (path: string) =>
    path
      .slice(2)
      .split('/')
      .reduce((at, part) => at?.[part.replaceAll('~1', '/').replaceAll('~0', '~')], document);
  let count = 0;
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, inner] of Object.entries(value)) {
      if (name === '$ref' && typeof inner === 'string') {
        assert.ok(inner.startsWith('#/') && lookUp(inner) !== undefined, inner);
        count += 1;
      } else walk(inner);
    }
  };
  walk(document);
  assert.ok(count > 60, `${count} references`);
  assert.equal(document.asyncapi, '3.1.0');
  for (const { action, channel } of Object.values<{ action: string; channel: { $ref: string } }>(
    document.operations,
  )) {
    assert.match(action, /^(send|receive)$/);
    assert.match(channel.$ref, /^#\/channels\//);
  }
});

test('the AsyncAPI document is valid by the schema that AsyncAPI publishes for 3.1, bindings too', () => {
  const published = import.meta.resolve('@asyncapi/specs/schemas/3.1.0-without-$id.json');
  const draft7 = new Ajv({ strict: false, logger: false });
  addFormats.default(draft7);
  const schema: object = JSON.parse(readFileSync(fileURLToPath(published), 'utf8'));
  const validate = draft7.compile<unknown>(schema);
  const isValid: (value: unknown) => boolean = (value) => validate(value);
  assert.ok(isValid(document), JSON.stringify(validate.errors));
  const broken = JSON.parse(JSON.stringify(document));
  broken.operations['send.log'].bindings.mqtt.qos = 7;
  assert.ok(!isValid(broken), 'it would tell');
  // What the schema cannot say: the parameters of an address are those that are described.
  for (const { address, parameters } of Object.values<{ address: string; parameters: object }>(
    document.channels,
  )) {
    const named = [...address.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    assert.deepEqual(named.toSorted(), Object.keys(parameters).toSorted(), address);
  }
});

const ajv = new Ajv2020({ strict: false });
addFormats.default(ajv);
const validators = Object.fromEntries(
  Object.entries(wireSchemas()).map(([name, schema]) => [name, ajv.compile(schema as object)]),
);

function valid(name: string, value: unknown): void {
  const validate = validators[name];
  assert.ok(validate, name);
  assert.ok(validate(JSON.parse(JSON.stringify(value))), JSON.stringify(validate.errors));
}

for (const type of COMMAND_TYPES) {
  test(`the example of ${type} is valid in the schema and for the code`, () => {
    valid(`body.${type}`, COMMAND_EXAMPLES[type]);
    COMMAND_BODIES[type].parse(COMMAND_EXAMPLES[type]);
    const envelope = {
      ...{ v: 1, id: '01a200cb-7018-7ca5-8be3-fe9fc6e38376', type, aud: 'kb-7f3a91' },
      ...{ iat: 1, exp: 2, ctr: 4711, requester: 'cc', body: COMMAND_EXAMPLES[type] },
    };
    valid('envelope', envelope);
    assert.equal(readCommand(envelopeSchema.parse(envelope)).kind, 'command');
  });
}

test('the examples of everything that a bridge sends are valid in the schema and for the code', () => {
  for (const reply of REPLY_EXAMPLES) {
    valid('reply', reply);
    replySchema.parse(reply);
  }
  for (const events of [EVENT_EXAMPLE, { v: 1, batch: [EVENT_EXAMPLE] }]) {
    valid('events', events);
    eventsSchema.parse(events);
  }
  valid('status', statusSchema.parse(STATUS_EXAMPLE));
  valid('state', stateSchema.parse(STATE_EXAMPLE));
  valid('device', deviceStateSchema.parse(DEVICE_EXAMPLE));
  valid('log', logLineSchema.parse(LOG_EXAMPLE));
  valid('ack', ackSchema.parse(ACK_EXAMPLE));
  valid('checkpoint', checkpointSchema.parse(CHECKPOINT_EXAMPLE));
});
