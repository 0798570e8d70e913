/** Grants into a simulated Nuki keypad, over everything between them that can go wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodeCache, type CodeWanted } from '../../../daemon/lock-codes/code-cache.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { DOOR, type NukiBench, nukiBench } from '../../drivers/nuki/bench.ts';

const HOUR = 3_600_000;

/** A cache on a bench: the grants are a map that a test changes. */
function cacheOn(bench: NukiBench, entriesMax = 10) {
  const grants = new Map<string, CodeWanted>();
  const saved = new Map<string, string>();
  const cannot: string[] = [];
  let next = 1;
  const make = () =>
    new CodeCache({
      clock: bench.clock,
      locks: [{ device: DOOR, entriesMax, writesPerDay: 50 }],
      wanted: () => [...grants.values()],
      ask: (actuation) => bench.actuate(actuation),
      nextId: () => `c${next++}`,
      save: (_lock, held) => {
        saved.clear();
        for (const [entry, fingerprint] of held) saved.set(entry, fingerprint);
      },
      load: () => new Map(saved),
      fingerprint: ({ digits, from, until }) => `${digits} ${from} ${until}`,
      onCannot: (_lock, { entry, why }) => cannot.push(`${entry}: ${why}`),
    });
  let cache = make();
  bench.follow((event) => cache.hear(event));
  return {
    grants,
    cannot,
    get cache() {
      return cache;
    },
    grant(entry: string, digits: string, over: Partial<CodeWanted> = {}) {
      const whole = { from: undefined, until: undefined, inexpressible: [], name: entry, ...over };
      grants.set(entry, { entry, digits, ...whole });
      cache.refresh();
    },
    revoke(entry: string) {
      grants.delete(entry);
      cache.refresh();
    },
    /** As after a start: what is not saved is forgotten. */
    restart() {
      cache[Symbol.dispose]();
      cache = make();
      cache.refresh();
    },
    codes: () => [...bench.lock.keypad.codes.values()].map(({ code }) => String(code)).toSorted(),
    [Symbol.dispose]: () => cache[Symbol.dispose](),
  };
}

test('grants come into the keypad, change there, and go', async () => {
  await using at = await nukiBench({ watch: false });
  using keypad = cacheOn(at);
  keypad.grant('a', '345678');
  keypad.grant('b', '456789');
  await at.clock.advance(60_000);
  assert.deepEqual(keypad.codes(), ['345678', '456789']);
  keypad.grant('a', '987654');
  await at.clock.advance(60_000);
  assert.deepEqual(keypad.codes(), ['456789', '987654']);
  keypad.revoke('b');
  await at.clock.advance(60_000);
  assert.deepEqual(keypad.codes(), ['987654']);
  assert.deepEqual(keypad.cannot, []);
});

test('a code revoked while the lock is away is pending, also over a restart, and removed when it returns', async () => {
  await using at = await nukiBench({ watch: false });
  using keypad = cacheOn(at);
  keypad.grant('a', '345678');
  await at.clock.advance(60_000);
  at.air.setFaults(at.lock.address, { away: true });
  keypad.revoke('a');
  assert.deepEqual(keypad.cache.stillAt('a'), [DOOR], 'shown as pending at once');
  await at.clock.advance(HOUR);
  keypad.restart();
  assert.deepEqual(keypad.cache.stillAt('a'), [DOOR]);
  at.air.setFaults(at.lock.address, {});
  await at.clock.advance(HOUR);
  assert.deepEqual(keypad.codes(), []);
  assert.deepEqual(keypad.cache.stillAt('a'), []);
});

test('what the keypad cannot hold is told once, and days ahead', async () => {
  await using at = await nukiBench({ watch: false });
  using keypad = cacheOn(at, 2);
  const start = at.clock.now() + 5 * 24 * HOUR;
  keypad.grant('a', '345678');
  keypad.grant('b', '456789', { from: start });
  keypad.grant('c', '567891', { from: start + HOUR });
  keypad.grant('d', '120456');
  keypad.grant('e', '678912', { inexpressible: ['its weekly schedule'] });
  await at.clock.advance(60_000);
  keypad.cache.refresh();
  assert.deepEqual(keypad.cannot.toSorted(), [
    'c: the keypad is full when it begins',
    'd: the keypad takes six digits from 1 to 9',
    'e: the keypad cannot hold its weekly schedule',
  ]);
  assert.deepEqual(keypad.codes(), ['345678', '456789']);
});

test('two grants that change digits with each other end right', async () => {
  await using at = await nukiBench({ watch: false });
  using keypad = cacheOn(at);
  keypad.grant('a', '345678');
  keypad.grant('b', '456789');
  await at.clock.advance(60_000);
  const [a, b] = [keypad.grants.get('a'), keypad.grants.get('b')];
  assert.ok(a && b);
  keypad.grants.set('a', { ...a, digits: '456789' });
  keypad.grants.set('b', { ...b, digits: '345678' });
  keypad.cache.refresh();
  await at.clock.advance(2 * HOUR);
  const held = [...at.lock.keypad.codes.values()].map(
    ({ code, name }) => `${new TextDecoder().decode(name).slice(11, 12)} ${code}`,
  );
  assert.deepEqual(held.toSorted(), ['a 456789', 'b 345678']);
});

test('a grant that is over goes by itself', async () => {
  await using at = await nukiBench({ watch: false });
  using keypad = cacheOn(at);
  keypad.grant('a', '345678', { until: at.clock.now() + 2 * HOUR });
  await at.clock.advance(HOUR);
  assert.deepEqual(keypad.codes(), ['345678']);
  await at.clock.advance(3 * HOUR);
  assert.deepEqual(keypad.codes(), []);
});

test('any changes, with the lock coming and going and the daemon starting anew: in the end they are equal', async () => {
  const runs = process.env['LATCHKEY_LONG'] === '1' ? 60 : 6;
  for (let seed = 1; seed <= runs; seed += 1) {
    const random = seededRandom(seed);
    const chance = (of: number) => random.fraction() < of;
    await using at = await nukiBench({ seed, watch: false });
    using keypad = cacheOn(at, 4);
    const digits = ['345678', '456789', '567891', '678912', '789123', '891234'];
    for (let turn = 0; turn < 12; turn += 1) {
      const entry = `g${Math.floor(random.fraction() * 4)}`;
      const free = digits.filter(
        (each) => ![...keypad.grants.values()].some((other) => other.digits === each),
      );
      if (chance(0.4)) keypad.revoke(entry);
      else keypad.grant(entry, free[0] ?? '999999');
      at.air.setFaults(at.lock.address, {
        away: chance(0.2),
        ...(chance(0.4) && {
          cutAt: { packet: Math.floor(random.fraction() * 12), taken: chance(0.5) },
        }),
      });
      if (chance(0.2)) keypad.restart();
      await at.clock.advance(Math.floor(random.fraction() * 40_000));
    }
    at.air.setFaults(at.lock.address, {});
    await at.clock.advance(4 * HOUR);
    const wanted = [...keypad.grants.values()].map((each) => each.digits).toSorted();
    assert.deepEqual(keypad.codes(), wanted, `seed ${seed}`);
  }
});
