import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collisionEntry, collisionsOf } from '../../../daemon/access/collision.ts';
import type { StoredGrant } from '../../../daemon/access/lookup.ts';
import { type Grant, holderId } from '../../../daemon/access/model.ts';
import { resolveWindow } from '../../../daemon/access/window.ts';
import { instant } from '../../../drivers/contract/time.ts';
import { card, grantOf, POLICIES, pin } from './world.ts';

function stored(more: Partial<Grant>, revoked?: StoredGrant['revoked']): StoredGrant {
  const grant = grantOf(more);
  const window = resolveWindow(grant.window, 'UTC');
  if (typeof window === 'string') throw new RangeError(window);
  return { grant, window, revoked };
}

const bo = { holder: holderId('bo'), targets: [{ kind: 'key', id: 'k2' }] } as const;
const during = (start: number, end: number) =>
  ({ kind: 'instants', start: instant(start), end: instant(end) }) as const;

test('two vendors bring the same PIN: reported, with the moment from which it matters', () => {
  const mine = stored({ window: during(10, 30) });
  const other = stored({
    ...bo,
    window: during(20, 40),
    source: { vendor: 'seam', ref: 'x', version: '1' },
  });
  const [found, ...rest] = collisionsOf(mine, [mine, other], POLICIES);
  assert.equal(rest.length, 0);
  assert.ok(found?.isAmbiguous && found.from === 20);
  const { type, body } = collisionEntry(found);
  assert.equal(type, 'grant.pin_collision');
  assert.deepEqual(body['sources'], ['cloud', 'seam']);
  assert.equal(body['alarm'], true);
  assert.equal(JSON.stringify(body).includes(found.credential.index), false);
});

test('the same holder, or the same thing, is a collision but not ambiguous', () => {
  const mine = stored({});
  for (const other of [stored({ targets: bo.targets }), stored({ holder: bo.holder })]) {
    const [found] = collisionsOf(mine, [other], POLICIES);
    assert.ok(found !== undefined && !found.isAmbiguous);
    assert.equal(collisionEntry(found).body['alarm'], undefined);
  }
});

test('no collision: at other times, revoked, superseded, a second factor, a card, another code', () => {
  const mine = stored({ window: during(10, 30) });
  const others = [
    stored({ ...bo, window: during(30, 40) }),
    stored({ ...bo, window: during(1, 10) }),
    stored({ ...bo }, { rev: 1, at: instant(1) }),
    stored({ ...bo, state: 'superseded' }),
    stored({ ...bo, credentials: [pin('123456', { combineWith: 'card' })] }),
    stored({ ...bo, credentials: [pin('654321'), card('0f00012abc')] }),
  ];
  assert.deepEqual(collisionsOf(mine, others, POLICIES), []);
  const revoked = stored({}, { rev: 1, at: instant(1) });
  assert.deepEqual(collisionsOf(revoked, [stored(bo)], POLICIES), []);
  const paired = stored({ credentials: [pin('123456', { combineWith: 'card' })] });
  assert.deepEqual(collisionsOf(paired, [stored(bo)], POLICIES), []);
  const carded = stored({ credentials: [card('0f00012abc')] });
  assert.deepEqual(
    collisionsOf(carded, [stored({ ...bo, credentials: [card('0f00012abc')] })], POLICIES),
    [],
  );
});

test('a window without start collides from the other’s start', () => {
  const [found] = collisionsOf(stored({}), [stored({ ...bo, window: during(20, 40) })], POLICIES);
  assert.equal(found?.from, 20);
  const [back] = collisionsOf(
    stored({ window: during(25, 26) }),
    [stored({ ...bo, window: during(20, 40) })],
    POLICIES,
  );
  assert.equal(back?.from, 25);
});
