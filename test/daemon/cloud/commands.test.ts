import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { NoReplyError } from '../../../daemon/cloud/client.ts';
import { newKeyPair, publicHalf } from '../../../daemon/cloud/jose.ts';
import { TrustStore } from '../../../daemon/cloud/trust-store.ts';
import { cloudAndBridge } from './cloud-and-bridge.ts';
import { Forge } from './forge.ts';

test('what a device did is told as it was: done, refused, failed or unknown', async () => {
  const { stack, bridge, cloud } = await cloudAndBridge();
  await using _ = stack;
  const open = () => cloud.send('slot.open', { dev: 'box', slot: 2 });
  const told = async () => {
    const { status, code, data } = await open();
    return [status, code, data['result'], data['reason']];
  };
  assert.deepEqual(await told(), ['ok', null, 'done', undefined]);
  bridge.doors.outcome = { result: 'failed', reason: 'jammed' };
  assert.deepEqual(await told(), ['error', 'jammed', 'failed', 'jammed']);
  bridge.doors.outcome = { result: 'unknown' };
  assert.deepEqual(await told(), ['error', 'unknown', 'unknown', undefined]);
  bridge.doors.outcome = { result: 'refused', reason: 'device-offline' };
  assert.deepEqual(await told(), ['error', 'device_offline', 'refused', 'device-offline']);
  bridge.doors.outcome = { result: 'refused', reason: 'lockdown' };
  assert.deepEqual(await told(), ['error', 'lockdown', 'refused', 'lockdown']);
  bridge.doors.outcome = { result: 'refused', reason: 'slot-disabled' };
  assert.deepEqual(await told(), ['error', 'denied', 'refused', 'slot-disabled']);
  for (const [code, reason] of [
    ['busy', 'busy'],
    ['clock_untrusted', 'clock-untrusted'],
    ['storage_full', 'storage-unsafe'],
    ['storage_full', 'storage-full'],
    ['unsupported', 'unsupported'],
  ] as const) {
    bridge.doors.outcome = { result: 'refused', reason };
    assert.deepEqual(await told(), ['error', code, 'refused', reason]);
  }
  bridge.doors.outcome = { result: 'unknown', reason: 'timeout' };
  assert.deepEqual(await told(), ['error', 'timeout', 'unknown', 'timeout']);
  bridge.doors.outcome = { result: 'failed' };
  assert.deepEqual(await told(), ['error', 'internal', 'failed', undefined]);
});

test('what takes its time is told to be accepted once, then answered once', async () => {
  const { stack, clock, bridge, cloud, exchange } = await cloudAndBridge();
  await using _ = stack;
  const gate = Promise.withResolvers<void>();
  bridge.doors.gate = gate.promise;
  let accepted = 0;
  const made = await cloud.make('unlock', { dev: 'door' });
  const reply = cloud.deliver(made, { within: 600_000, accepted: () => (accepted += 1) });
  await clock.advance(3_000);
  assert.equal(accepted, 1);
  // It may take longer than the command lives: its sender waits as long as it said it would.
  await clock.advance(300_000);
  gate.resolve();
  await clock.advance(5_000);
  assert.equal((await reply).status, 'ok');
  assert.equal(bridge.doors.pulses.get(made.id), 1);
  const replies = exchange.passed
    .filter(({ topic }) => topic.includes('/res/'))
    .map(({ payload }) => JSON.parse(Buffer.from(payload).toString()))
    .map(({ status, dup }) => [status, dup]);
  assert.deepEqual(replies, [
    ['accepted', false],
    ['ok', false],
    ['ok', true],
  ]);
});

test('copies of a command that is under way wait for the one answer, and get it once more between them', async () => {
  const { stack, home, clock, random, bridge, cloud, exchange } = await cloudAndBridge();
  await using _ = stack;
  const gate = Promise.withResolvers<void>();
  bridge.doors.gate = gate.promise;
  const made = new Forge(home.sender('cc-test'), clock, random).make(
    'unlock',
    { dev: 'door' },
    cloud.state?.nonces[0],
  );
  const attacker = await exchange.connect(
    {
      ...{ clientId: 'x', willDelaySeconds: 0, subscriptions: [], sessionExpirySeconds: 0 },
      ...{ receiveMaximum: 1, keepAliveSeconds: 1, connectWithin: 1 },
    },
    { message: async () => {}, closed: () => {} },
    new AbortController().signal,
  );
  const topic = bridge.topics.command('unlock');
  for (let n = 0; n < 3; n += 1) {
    await attacker.publish({ topic, payload: Buffer.from(made.token), qos: 1, retain: false });
  }
  await clock.settle(); // all three are there
  gate.resolve();
  await clock.settle();
  const replies = exchange.passed
    .filter(({ topic: each }) => each.endsWith('/res/cc'))
    .map(({ payload }) => JSON.parse(Buffer.from(payload).toString()));
  assert.deepEqual(replies.map(({ dup }) => dup).sort(), [false, true]);
  assert.equal(bridge.doors.pulses.get(made.id), 1);
});

test('a lockdown is named by its command, and only its name ends it', async () => {
  const { stack, cloud } = await cloudAndBridge();
  await using _ = stack;
  const lockdown = await cloud.send('lockdown', {
    scope: 'site',
    level: 'deny_entry',
    allowStaff: true,
  });
  assert.equal(lockdown.status, 'ok');
  assert.equal((await cloud.send('release', { lockdownId: 'another' })).code, 'not_found');
  assert.equal((await cloud.send('release', { lockdownId: lockdown.id })).status, 'ok');
});

test('ops keys configure and look, and open nothing; cc keys grant and open, and configure nothing', async () => {
  const { stack, bridge, cloud, client } = await cloudAndBridge();
  await using _ = stack;
  const ops = await client('ops-test');
  assert.equal((await ops.send('config', { version: 2, set: {} })).status, 'ok');
  assert.equal((await ops.send('diag.get', {})).data['doors'], 2);
  assert.equal((await ops.send('time', { unixMs: 1_795_305_600_000, errMs: 9 })).status, 'ok');
  // In microseconds: a clock that was led there would never come back.
  const later = await ops.send('time', { unixMs: 1_795_305_600_000_000, errMs: 9 });
  assert.deepEqual([later.code, later.msg?.startsWith('body.unixMs')], ['bad_request', true]);
  assert.equal((await ops.send('unlock', { dev: 'door' })).code, 'denied');
  assert.equal((await ops.send('grant.revoke', { id: 'x', rev: 1 })).code, 'denied');
  assert.equal((await cloud.send('config', { version: 3, set: {} })).code, 'denied');
  assert.equal((await cloud.send('update.start', { settings: {} })).code, 'denied');
  assert.equal((await ops.send('update.start', { settings: {} })).code, 'unsupported');
  assert.equal(bridge.doors.pulseCount, 0);
});

test('keys are exchanged with an overlap, or at once by the recovery key, and never beyond their power', async () => {
  const { stack, home, clock, bridge, cloud, client } = await cloudAndBridge();
  await using _ = stack;
  const ops = await client('ops-test');
  const rec = await client('rec-test');
  const jwk = { ...publicHalf(newKeyPair('Ed25519')), crv: 'Ed25519' as const };
  const add = (kid: string) => ({ add: { kid, jwk } });
  assert.equal((await ops.send('key.rotate', add('cc-stolen'))).code, 'denied');
  assert.equal((await cloud.send('key.rotate', add('ops-new'))).code, 'denied');
  assert.equal((await cloud.send('key.rotate', { retire: 'cc-test' })).code, 'conflict'); // the last one
  assert.equal((await cloud.send('key.rotate', add('cc-new'))).status, 'ok');
  assert.equal((await cloud.send('key.rotate', { retire: 'cc-new' })).status, 'ok');
  const kept = TrustStore.open(home.enrolment.trustFile);
  assert.deepEqual(kept.kids.toSorted(), bridge.trust.kids.toSorted());
  // Retired by its equal it counts for another day, in which its owner can object.
  const known = () => bridge.trust.key('cc-new', bridge.stamp().clock) !== undefined;
  assert.ok(known());
  await clock.advance(24 * 3_600_000 + 1_000);
  assert.ok(!known());
  assert.equal((await rec.send('unlock', { dev: 'door' })).code, 'denied');
  assert.equal((await rec.send('key.rotate', add('cc-2027'))).status, 'ok');
  assert.equal((await rec.send('key.rotate', { retire: 'cc-test' })).status, 'ok');
  const silence = assert.rejects(cloud.send('ping', {}, { within: 100 }), NoReplyError);
  await clock.advance(1_000);
  await silence;
  const rotations = bridge.journal.read({ types: ['security.key_rotated'], limit: 10 });
  assert.equal(rotations.length, 4);
});

test('a disk that takes no file of keys is an answer, and the bridge goes on', async () => {
  const { stack, home, cloud } = await cloudAndBridge();
  await using _ = stack;
  mkdirSync(`${home.enrolment.trustFile}.new`);
  const jwk = { ...publicHalf(newKeyPair('Ed25519')), crv: 'Ed25519' as const };
  const refused = await cloud.send('key.rotate', { add: { kid: 'cc-new', jwk } });
  assert.equal(refused.code, 'storage_full');
  assert.equal((await cloud.send('ping', {})).status, 'ok');
});

test('P10: no PIN, fob number or card number is in clear on any topic, in the journal, or on the disk', async () => {
  const canaries = ['86021744', '0f00c0ffee', '7410258963'];
  const { stack, home, bridge, cloud, exchange } = await cloudAndBridge();
  await using _ = stack;
  const [pin = '', fob = '', wrong = ''] = canaries;
  const mine = newKeyPair('X25519');
  const grant = {
    ...{ id: 'g', rev: 1, holder: 'p', window: { kind: 'ongoing' as const } },
    targets: [{ kind: 'lock' as const, id: 'door' }],
    operations: ['unlock' as const],
    credentials: [
      { id: 'p', kind: 'pin' as const, sealed: await cloud.seal(pin) },
      { id: 'f', kind: 'fob' as const, sealed: await cloud.seal(fob) },
      { id: 'd', kind: 'pin' as const },
    ],
  };
  const replyKey = { ...publicHalf(mine), crv: 'X25519' as const };
  const reply = await cloud.send('grant.put', { grant, replyKey });
  assert.equal(reply.status, 'ok', JSON.stringify(reply));
  await cloud.send('key.put', {
    key: { id: 'k', rev: 1, name: 'Flat', sealedFob: await cloud.seal(fob) },
  });
  // Also where it is refused: the answer and the journal must not repeat what was wrong.
  const bad = {
    ...grant,
    id: 'h',
    credentials: [{ id: 'x', kind: 'fob', sealed: await cloud.seal(`number ${wrong}`) }],
  };
  const refused = await cloud.send('grant.put', { grant: bad } as never);
  assert.equal(refused.code, 'bad_request');
  const pins = reply.data['pins'];
  assert.ok(Array.isArray(pins) && pins.length === 1);
  const everything = [
    ...exchange.passed.map(({ payload }) => Buffer.from(payload).toString()),
    ...exchange.passed.flatMap(({ payload }) =>
      Buffer.from(payload)
        .toString()
        .split(/[."]/)
        .map((part) => Buffer.from(part, 'base64url').toString('latin1')),
    ),
    JSON.stringify(bridge.journal.read({ limit: 5000 })),
    JSON.stringify(bridge.grants.list({ limit: 100 })),
    JSON.stringify(bridge.grants.keys()),
    JSON.stringify(bridge.log),
    readFileSync(home.enrolment.trustFile, 'utf8'),
  ].join('\n');
  assert.ok(everything.length > 5_000);
  for (const canary of canaries) {
    assert.ok(!everything.toLowerCase().includes(canary), `${canary} is in clear`);
  }
});
