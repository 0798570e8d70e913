import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planCodes, type WantedCode } from '../../../drivers/nuki/code-plan.ts';
import {
  entryName,
  entryTag,
  holds,
  unfitDigits,
  windowBytes,
} from '../../../drivers/nuki/keypad-code.ts';
import { toHex } from '../../../drivers/wire/hex.ts';
import { NukiKeypad } from '../../../simulator/devices/nuki-keypad.ts';
import { nukiBench } from './bench.ts';

const HOUR = 3_600_000;
const START = Date.parse('2026-03-02T12:00:00Z');
const put = (over: Partial<{ entry: string; digits: string; from: number; until: number }> = {}) =>
  ({
    kind: 'put-code',
    entry: 'grant-1',
    digits: '345678',
    from: START,
    until: START + 24 * HOUR,
    name: 'Guest 42',
    ...over,
  }) as const;

test('a code is in the keypad once it was read back, and opens in its window only', async () => {
  await using at = await nukiBench({ at: '2026-03-02T09:00:00Z' });
  await at.settled();
  const result = await at.do(put(), 60_000);
  assert.deepEqual([result.result, result.sent, result.observed], ['done', true, true]);
  assert.deepEqual(
    at.of('code-memory').map(({ entry, state }) => `${entry} ${state}`),
    ['grant-1 present'],
  );
  assert.equal(at.lock.enterCode('345678'), 'refused', 'before its start');
  await at.clock.advance(3 * HOUR);
  assert.equal(at.lock.enterCode('345678'), 'opens');
  await at.clock.advance(HOUR);
  const opened = at
    .of('device-log')
    .filter(({ detail, action }) => /keypad/.test(detail) && action === 'unlock');
  assert.equal(opened.at(-1)?.by, `code ${entryTag('grant-1')}`);
  await at.clock.advance(23 * HOUR);
  assert.equal(at.lock.enterCode('345678'), 'refused', 'after its end');
  assert.ok(!JSON.stringify(at.events).includes('345678'), 'the digits are in no event');
});

test('putting the same code again writes nothing', async () => {
  await using at = await nukiBench();
  await at.do(put(), 60_000);
  const writes = () =>
    at.lock.heard.filter((command) => command === 0x41 || command === 0x46).length;
  assert.equal(writes(), 1);
  const again = await at.do(put(), 60_000);
  assert.deepEqual([again.result, again.sent, writes()], ['done', false, 1]);
});

test('new digits are there before the old ones go; a new window changes in place', async () => {
  await using at = await nukiBench();
  await at.do(put(), 60_000);
  at.lock.heard.length = 0;
  await at.do(put({ digits: '987654' }), 60_000);
  const order = at.lock.heard.filter((command) => [0x41, 0x43, 0x46, 0x47].includes(command));
  assert.deepEqual(order, [0x43, 0x41, 0x43, 0x47, 0x43], 'read, add, read, remove, read');
  assert.deepEqual(
    [...at.lock.keypad.codes.values()].map(({ code }) => code),
    [987_654],
  );
  at.lock.heard.length = 0;
  await at.do(put({ digits: '987654', until: START + 48 * HOUR }), 60_000);
  assert.deepEqual(
    at.lock.heard.filter((command) => [0x41, 0x46, 0x47].includes(command)),
    [0x46],
  );
  assert.equal(at.lock.keypad.codes.size, 1);
});

test('a revoked code is proven gone; revoking it again is done without a write', async () => {
  await using at = await nukiBench();
  await at.do(put({ from: START - 5 * HOUR }), 60_000);
  assert.equal(at.lock.enterCode('345678'), 'opens');
  const gone = await at.do({ kind: 'remove-code', entry: 'grant-1' }, 60_000);
  assert.deepEqual([gone.result, gone.observed], ['done', true]);
  assert.equal(at.lock.enterCode('345678'), 'refused');
  assert.equal(at.of('code-memory').at(-1)?.state, 'absent');
  const again = await at.do({ kind: 'remove-code', entry: 'grant-1' }, 60_000);
  assert.deepEqual([again.result, again.sent], ['done', false]);
});

test('a code revoked while the lock is away is pending, and removed when it returns', async () => {
  await using at = await nukiBench();
  await at.do(put({ from: START - 5 * HOUR }), 60_000);
  at.air.setFaults(at.lock.address, { away: true });
  const id = at.ask({ kind: 'remove-code', entry: 'grant-1' }, 24 * HOUR);
  await at.clock.advance(2 * HOUR);
  assert.equal(at.resultsOf(id).length, 0, 'neither done nor given up');
  assert.equal(at.of('offline').length, 1);
  at.air.setFaults(at.lock.address, {});
  const result = await at.result(id, 10 * 60_000);
  assert.equal(result.result, 'done');
  assert.equal(at.lock.keypad.codes.size, 0);
});

test('a lock that does not keep what it is given is never believed, and a failed revocation is loud', async () => {
  await using at = await nukiBench();
  await at.do(put(), 60_000);
  at.lock.faults.forgetCodes = true;
  const failed = await at.do({ kind: 'remove-code', entry: 'grant-1' }, 60_000);
  assert.deepEqual([failed.result, failed.sent], ['failed', true]);
  assert.match(at.of('fault').at(-1)?.detail ?? '', /revoked code may still be/);
  const notKept = await at.do(put({ entry: 'grant-2', digits: '777777' }), 60_000);
  assert.equal(notKept.result, 'failed');
  at.lock.faults.forgetCodes = false;
  assert.equal((await at.do({ kind: 'remove-code', entry: 'grant-1' }, 60_000)).result, 'done');
  assert.equal(at.of('fault').at(-1)?.state, 'cleared');
});

test('what the keypad cannot hold is said before anything is written', async () => {
  await using at = await nukiBench({ options: { codesMax: 2 } });
  await at.settled();
  for (const digits of ['12345', '120456', '123456', '12', '1111111', '34567a']) {
    const result = await at.do(put({ digits }));
    assert.equal(result.result, 'refused', digits);
    assert.match(result.detail ?? '', /^cannot: /);
  }
  for (const [index, digits] of ['345671', '345672'].entries()) {
    assert.equal((await at.do(put({ entry: `g${index}`, digits }), 60_000)).result, 'done');
  }
  assert.match(
    (await at.do(put({ entry: 'g3', digits: '345673' }), 60_000)).detail ?? '',
    /entries are taken/,
  );
  assert.match(
    (await at.do(put({ entry: 'g4', digits: '345671' }), 60_000)).detail ?? '',
    /another name/,
  );
  assert.equal(at.lock.keypad.codes.size, 2);
});

test("the day's writes are bounded, removals never", async () => {
  await using at = await nukiBench({ options: { codeWritesPerDay: 3 } });
  await at.settled();
  const results = [];
  for (let index = 1; index <= 5; index += 1) {
    results.push(
      (await at.do(put({ entry: `g${index}`, digits: `34567${index}` }), 60_000)).result,
    );
  }
  assert.deepEqual(results, ['done', 'done', 'done', 'refused', 'refused']);
  assert.equal((await at.do({ kind: 'remove-code', entry: 'g1' }, 60_000)).result, 'done');
});

test('codes that are not ours are neither counted nor touched', async () => {
  await using at = await nukiBench();
  for (let index = 1; index <= 9; index += 1) {
    at.lock.keypad.add(
      Uint8Array.of(...[0x4e + index, 0x46, 0x05, 0x00], ...new Uint8Array(40)),
      0,
    );
  }
  const own = at.lock.keypad.codes.size;
  assert.ok(own > 0);
  await at.do(put(), 60_000);
  await at.do({ kind: 'remove-code', entry: 'grant-1' }, 60_000);
  assert.equal(at.lock.keypad.codes.size, own);
});

test('a memory of more than one page is read to its end, with or without a last Status', async () => {
  for (const finalStatus of [true, false]) {
    await using at = await nukiBench({ options: { codesMax: 200 } });
    at.lock.faults.finalStatus = finalStatus;
    let added = 0;
    for (let code = 311_111; added < 150; code += 1) {
      if (/0/.test(String(code))) continue;
      const bytes = [code & 0xff, (code >> 8) & 0xff, (code >> 16) & 0xff, 0];
      if ('id' in Object(at.lock.keypad.add(Uint8Array.of(...bytes, ...new Uint8Array(40)), 0)))
        added += 1;
    }
    assert.equal((await at.do(put({ digits: '987654' }), 60_000)).result, 'done');
    assert.equal(at.lock.keypad.codes.size, 151);
    assert.equal(
      (await at.do({ kind: 'unlock', hold: 1000 })).result,
      'done',
      'a stray Status opens nothing',
    );
    assert.equal(at.lock.motor.runs.unlock, 1);
  }
});

test('the link is cut at every step of writing and removing a code: in the end it is right, or said to be not', async () => {
  for (let packet = 0; packet < 16; packet += 1) {
    for (const taken of [false, true]) {
      await using at = await nukiBench({ seed: packet + 1 });
      await at.settled();
      at.air.setFaults(at.lock.address, { cutAt: { packet, taken } });
      const id = at.ask(put(), 300_000);
      await at.clock.advance(1000);
      at.air.setFaults(at.lock.address, {});
      assert.equal((await at.result(id, 300_000)).result, 'done', `put, step ${packet}`);
      assert.equal(at.lock.keypad.codes.size, 1, `step ${packet} ${taken}`);
      await at.clock.advance(20_000);
      at.air.setFaults(at.lock.address, { cutAt: { packet, taken } });
      const gone = at.ask({ kind: 'remove-code', entry: 'grant-1' }, 300_000);
      await at.clock.advance(1000);
      at.air.setFaults(at.lock.address, {});
      assert.equal((await at.result(gone, 300_000)).result, 'done', `remove, step ${packet}`);
      assert.equal(at.lock.keypad.codes.size, 0);
    }
  }
});

test('a window in the lock never lets in before or after the grant', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2037, 0) }),
      fc.integer({ min: 2000, max: 400 * 24 * HOUR }),
      (from, length) => {
        const keypad = new NukiKeypad();
        const until = from + length;
        const body = Uint8Array.of(
          0x4e,
          0x46,
          0x05,
          0,
          ...entryName('g', 'n'),
          ...windowBytes(from, until, 0),
        );
        keypad.add(body, 0);
        for (const edge of [from, until]) {
          for (const by of [-1000, -1, 0, 1, 999, 1000]) {
            const now = edge + by;
            if (keypad.judge('345678', now) !== undefined) assert.ok(now >= from && now < until);
          }
        }
        assert.ok(
          keypad.judge('345678', Math.ceil(from / 1000) * 1000) !== undefined || length < 3000,
        );
      },
    ),
  );
});

test('an entry is known again by its name, which fits and tells nothing of the grant', () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ unit: 'grapheme' }), (entry, name) => {
      const bytes = entryName(entry, name);
      assert.equal(bytes.length, 20);
      const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      assert.ok(text.startsWith(entryTag(entry)));
    }),
  );
  assert.equal(unfitDigits('999999'), undefined);
  assert.equal(toHex(windowBytes(undefined, undefined, 0)), '00'.repeat(20));
  const wish = { entry: 'a', digits: '345678', from: undefined, until: undefined, name: '' };
  const held = { id: 1, hash: 'x', tag: undefined, enabled: false, window: new Uint8Array(20) };
  assert.equal(holds(held, wish, new Uint8Array(32), 0), false);
});

const wanted = fc.record({
  entry: fc.uuid(),
  digits: fc.constantFrom('345678', '987654', '123456', '340567'),
  from: fc.option(fc.integer({ min: 0, max: 1000 }), { nil: undefined }),
  until: fc.option(fc.integer({ min: 1, max: 1500 }), { nil: undefined }),
  inexpressible: fc.constantFrom([], [], [], ['its weekly schedule']),
});

test('a plan never overfills the keypad, keeps the earliest, and says of every code what becomes of it', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(wanted, { selector: ({ entry }) => entry, maxLength: 30 }),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 0, max: 8 }),
      fc.array(fc.nat(29), { maxLength: 10 }),
      (codes: readonly WantedCode[], entriesMax, writesLeft, heldAt) => {
        const now = 500;
        const held = new Set(heldAt.flatMap((index) => codes[index]?.entry ?? []));
        const plan = planCodes(codes, held, { entriesMax, writesLeft, leadMs: 50 }, now);
        assert.ok(plan.put.length <= writesLeft);
        const live = codes.filter(({ until }) => until === undefined || until > now);
        const told = [
          ...plan.put,
          ...plan.later.map(({ entry }) => entry),
          ...plan.cannot.map(({ entry }) => entry),
        ];
        assert.equal(new Set(told).size, told.length, 'each is told once');
        for (const { entry } of live) {
          const stays = held.has(entry) && !plan.remove.includes(entry);
          assert.ok(stays || told.includes(entry), 'nothing is left unsaid');
        }
        const staying = [...held].filter((entry) => !plan.remove.includes(entry));
        assert.ok(staying.length + plan.put.length <= entriesMax, 'it fits at every moment');
        for (const { entry, inexpressible } of live) {
          if (inexpressible.length > 0) assert.ok(!plan.put.includes(entry), 'never wider (P5)');
        }
        for (const entry of held)
          if (!live.some((code) => code.entry === entry)) assert.ok(plan.remove.includes(entry));
      },
    ),
    { numRuns: 1000 },
  );
});

test('a full keypad is told as soon as the grant is made, days before it begins', () => {
  const day = 24 * HOUR;
  const codes = [1, 2, 3].map((index) => ({
    entry: `g${index}`,
    digits: `34567${index}`,
    from: index * day,
    until: 20 * day,
    inexpressible: [],
  }));
  const plan = planCodes(codes, new Set(), { entriesMax: 2, writesLeft: 9, leadMs: day }, 0);
  assert.deepEqual(plan.put, ['g1', 'g2']);
  assert.deepEqual(plan.cannot, [{ entry: 'g3', why: 'the keypad is full when it begins' }]);
});
