import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { newKeyPair, publicHalf } from '../../../daemon/cloud/jose.ts';
import {
  powerOf,
  type TrustedKey,
  TrustStore,
  trustFileText,
} from '../../../daemon/cloud/trust-store.ts';
import { StorageError } from '../../../daemon/store/ports.ts';
import { ConfigError } from '../../../drivers/contract/errors.ts';
import { instant } from '../../../drivers/contract/time.ts';
import { Home } from './bridge.ts';

const clock = { lo: instant(1_000), hi: instant(1_000), state: 'trusted' } as const;

function key(kid: string): TrustedKey {
  return { kid, jwk: { ...publicHalf(newKeyPair('Ed25519')), crv: 'Ed25519' } };
}

test('a kid says what its key may do, and anything else may nothing', () => {
  assert.equal(powerOf('cc-2026a'), 'cc');
  assert.equal(powerOf('ops-1'), 'ops');
  assert.equal(powerOf('rec-1'), 'rec');
  for (const kid of ['cc', 'cc-', 'CC-1', 'admin-1', 'cc-1\n', 'xcc-1']) {
    assert.equal(powerOf(kid), undefined, JSON.stringify(kid));
  }
});

test('a trust store that is missing or wrong keeps the daemon from starting, with a remedy', () => {
  using home = new Home();
  const path = join(home.directory, 'trust.json');
  const twice = key('cc-a');
  const wrong = [
    undefined,
    'no JSON',
    '{}',
    JSON.stringify({ v: 2, rev: 1, keys: [] }),
    JSON.stringify({ v: 1, rev: 1, keys: [{ kid: 'cc-a' }] }),
    JSON.stringify({ v: 1, rev: 1, keys: [{ ...key('admin-a') }] }),
    JSON.stringify({ v: 1, rev: 1, keys: [twice, { ...key('cc-a') }] }),
  ];
  for (const text of wrong) {
    if (text !== undefined) writeFileSync(path, text);
    assert.throws(
      () => TrustStore.open(path),
      (problem) =>
        problem instanceof ConfigError &&
        problem.faults[0]?.remedy.includes('latchkey init') === true,
      text,
    );
  }
});

test('a rotation is on the disk before it counts, whole or not at all, and only its owner reads the file', () => {
  using home = new Home();
  const path = join(home.directory, 'trust.json');
  writeFileSync(path, trustFileText([key('cc-a'), key('rec-a')]));
  const store = TrustStore.open(path);
  assert.deepEqual(store.rotate('cc-a', { add: key('cc-b') }, clock), { kind: 'rotated', rev: 2 });
  assert.deepEqual(TrustStore.open(path).kids, ['cc-a', 'rec-a', 'cc-b']);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.ok(!existsSync(`${path}.new`));
  // The same kid with another key is a clash, not a change.
  assert.deepEqual(store.rotate('cc-a', { add: key('cc-b') }, clock), {
    kind: 'refused',
    why: 'known',
  });
  assert.deepEqual(store.rotate('rec-a', { retire: 'cc-x' }, clock), {
    kind: 'refused',
    why: 'not-found',
  });
  assert.equal(JSON.parse(readFileSync(path, 'utf8')).rev, 2);
});

test('two keys that retire each other leave one that goes on, and without a known time none is retired by its equal', () => {
  using home = new Home();
  const path = join(home.directory, 'trust.json');
  writeFileSync(path, trustFileText([key('cc-a'), key('cc-b'), key('rec-a')]));
  const store = TrustStore.open(path);
  const dark = {
    lo: instant(1_000),
    hi: instant(Number.POSITIVE_INFINITY),
    state: 'floor',
  } as const;
  const refused = (why: string) => ({ kind: 'refused', why });
  assert.deepEqual(store.rotate('cc-a', { retire: 'cc-b' }, dark), refused('clock'));
  assert.equal(store.rotate('cc-a', { retire: 'cc-b' }, clock).kind, 'rotated');
  assert.deepEqual(store.rotate('cc-b', { retire: 'cc-a' }, clock), refused('last'));
  const nextWeek = { ...clock, lo: instant(7 * 86_400_000) };
  assert.deepEqual(store.rotate('rec-a', { retire: 'cc-a' }, nextWeek), refused('last'));
  const other = { add: key('cc-c'), retire: 'cc-a' };
  assert.equal(store.rotate('rec-a', other, dark).kind, 'rotated');
  assert.deepEqual(TrustStore.open(path).kids, ['cc-b', 'rec-a', 'cc-c']);
});

test('a trust store that cannot be written stays as it was, and says so', () => {
  using home = new Home();
  const path = join(home.directory, 'trust.json');
  writeFileSync(path, trustFileText([key('cc-a')]));
  const store = TrustStore.open(path);
  mkdirSync(`${path}.new`);
  assert.throws(
    () => store.rotate('cc-a', { add: key('cc-b') }, clock),
    (problem) => problem instanceof StorageError && problem.code === 'broken',
  );
  assert.deepEqual([store.kids, store.rev], [['cc-a'], 1]);
});
