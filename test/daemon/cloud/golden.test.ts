import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import type { RecordedEntry } from '../../../daemon/access/entry.ts';
import { COMMAND_TYPES, RULES } from '../../../daemon/cloud/commands.ts';
import { eventOf, isGenuine, parcelOf } from '../../../daemon/cloud/event.ts';
import { EventFollower } from '../../../daemon/cloud/event-follower.ts';
import {
  privateJwkSchema,
  privateKeyOf,
  publicHalf,
  publicKeyOf,
  unseal,
} from '../../../daemon/cloud/jose.ts';
import { parseJson, signNow, verifyCompact } from '../../../daemon/cloud/jws.ts';
import {
  ACK_TYP,
  ackSchema,
  CHECKPOINT_TYP,
  COMMAND_TYP,
  checkpointSchema,
  deviceStateSchema,
  envelopeSchema,
  eventsSchema,
  readCommand,
  replySchema,
  stateSchema,
  statusSchema,
  type WireEvent,
} from '../../../daemon/cloud/messages.ts';
import { powerOf } from '../../../daemon/cloud/trust-store.ts';
import { readerOf } from '../store/known.ts';

/** Messages of wire v1 as released. When one of these fails the code is wrong, not the file. */
function golden<T>(name: string): T {
  const path = resolve(import.meta.dirname, '../../golden/wire-v1', `${name}.json`);
  return JSON.parse(readFileSync(path, 'utf8'));
}

const keys = golden<{ signing: unknown; sealing: unknown }>('keys');
const signing = privateJwkSchema.parse(keys.signing);
const sealing = privateKeyOf(privateJwkSchema.parse(keys.sealing));
const trusted = publicKeyOf(publicHalf(signing));

interface GoldenCommand {
  readonly kid: string;
  readonly envelope: { readonly type: string; readonly body: object };
  readonly token: string;
}

const commands = golden<GoldenCommand[]>('commands');

test('every kind of command of wire v1 is there', () => {
  for (const { envelope } of commands) {
    assert.ok(
      (COMMAND_TYPES as readonly string[]).includes(envelope.type),
      `${envelope.type} is gone`,
    );
  }
});

for (const { kid, envelope, token } of commands) {
  test(`a released ${envelope.type} is still signed, read and allowed as it was`, () => {
    const verified = verifyCompact(token, COMMAND_TYP, () => trusted);
    assert.equal(verified.kind, 'verified');
    if (verified.kind !== 'verified') return;
    assert.equal(verified.kid, kid);
    const read = readCommand(envelopeSchema.parse(parseJson(verified.payload)));
    assert.equal(read.kind, 'command');
    if (read.kind !== 'command') return;
    const { command } = read;
    assert.deepEqual(command.body, withDefaults(envelope.body));
    const rule = RULES[command.type];
    assert.ok(command.exp - command.iat <= rule.life);
    const power = powerOf(kid);
    assert.ok(power !== undefined && rule.powers.includes(power));
    assert.equal(signNow(envelope, COMMAND_TYP, { kid, key: privateKeyOf(signing) }), token);
  });
}

/** `key.put` fills in what its sender may leave out. */
function withDefaults(body: object): object {
  if (!('key' in body) || typeof body.key !== 'object') return body;
  return { key: { virtual: false, roaming: false, ...body.key } };
}

test('released secrets are still opened', async () => {
  const put = commands.find(({ envelope }) => envelope.type === 'grant.put');
  assert.ok(put);
  const { grant } = put.envelope.body as { grant: { credentials: { sealed: string }[] } };
  const opened = await Promise.all(grant.credentials.map(({ sealed }) => unseal(sealed, sealing)));
  assert.deepEqual(opened, ['471113', 'em4100:40:0f00012abc']);
});

test('released acknowledgements and checkpoints are still read', () => {
  for (const [name, typ, schema] of [
    ['ack', ACK_TYP, ackSchema],
    ['checkpoint', CHECKPOINT_TYP, checkpointSchema],
  ] as const) {
    const { payload, token } = golden<{ payload: object; token: string }>(name);
    const verified = verifyCompact(token, typ, () => trusted);
    assert.ok(verified.kind === 'verified');
    assert.deepEqual(schema.parse(parseJson(verified.payload)), payload);
  }
});

test('released entries still travel as the same bytes, and hold together', () => {
  const pairs = golden<{ entry: RecordedEntry; event: WireEvent }[]>('events');
  const follower = new EventFollower();
  const reader = readerOf(pairs.map(({ entry }) => entry));
  const lines = reader.outbox.read(0, pairs.length, pairs.length);
  assert.deepEqual(
    lines.map((line) => eventOf(line).toString()),
    pairs.map(({ event }) => JSON.stringify(event)),
  );
  for (const { event } of pairs) {
    eventsSchema.parse(event);
    assert.ok(isGenuine(event));
    assert.deepEqual(follower.take(event), { kind: 'new', genuine: true });
  }
  const parcel = parcelOf(lines);
  assert.deepEqual(parcel?.seqs, [1, 2]);
  const batch = { v: 1, batch: pairs.slice(0, 2).map(({ event }) => event) };
  assert.equal(Buffer.from(parcel?.payload ?? []).toString(), JSON.stringify(batch));
});

test('released replies and states are still understood, field for field', () => {
  for (const reply of golden<object[]>('replies'))
    assert.deepEqual(replySchema.parse(reply), reply);
  for (const [name, schema] of [
    ['status', statusSchema],
    ['state', stateSchema],
    ['device', deviceStateSchema],
  ] as const) {
    const message = golden<object>(name);
    assert.deepEqual(schema.parse(message), message);
  }
});
