import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Grant, grantId } from '../../../daemon/access/model.ts';
import { DOOR_KEYPAD, grantOf, HOUR, LOCK, MINUTE, World } from './world.ts';

const ID = grantId('g');
const door = { kind: 'lock', id: LOCK } as const;
const WORDS: readonly string[] = ['a', 'b', 'c', 'd'];

const act = fc.oneof(
  { arbitrary: fc.constant({ do: 'use' as const }), weight: 5 },
  {
    arbitrary: fc.record({
      do: fc.constant('edit' as const),
      max: fc.integer({ min: 0, max: 3 }),
      staff: fc.boolean(),
    }),
    weight: 2,
  },
  { arbitrary: fc.constant({ do: 'reset' as const }), weight: 1 },
  {
    arbitrary: fc.record({ do: fc.constant('restore' as const), version: fc.nat({ max: 30 }) }),
    weight: 2,
  },
  { arbitrary: fc.constant({ do: 'forget' as const }), weight: 1 },
  { arbitrary: fc.constant({ do: 'restart' as const }), weight: 1 },
);

test('no sequence of edits, restores of an older store, removals and restarts gives more uses than were given', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 50 }), (acts) => {
      const world = new World();
      let now: Grant = grantOf({ id: ID, targets: [door], uses: { max: 1, reset: 'a' } });
      const versions = [now];
      /** The most that one word ever gave. */
      const given = new Map([['a', 1]]);
      world.put(now);
      let opened = 0;
      for (const it of acts) {
        if (it.do === 'use') {
          if (world.code('123456', DOOR_KEYPAD)[0]?.type === 'access.granted') opened += 1;
        } else if (it.do === 'edit' || it.do === 'reset') {
          const word = now.uses?.reset ?? 'a';
          const next = it.do === 'reset' ? WORDS[WORDS.indexOf(word) + 1] : word;
          const reset = next ?? word;
          const max = it.do === 'edit' ? it.max : (now.uses?.max ?? 0);
          now = { ...now, rev: now.rev + 1, uses: { max, reset } };
          given.set(reset, Math.max(given.get(reset) ?? 0, max));
          versions.push(now);
          world.put(now);
        } else if (it.do === 'restore') {
          world.put(versions[it.version % versions.length] ?? now);
        } else if (it.do === 'forget') {
          world.grants.delete(ID);
        } else world.restart(HOUR);
      }
      const most = [...given.values()].reduce((sum, max) => sum + max, 0);
      assert.ok(opened <= most, `${opened} opened, ${most} given`);
    }),
    { numRuns: process.env['LATCHKEY_LONG'] === '1' ? 20_000 : 300 },
  );
});

const limit = fc.constantFrom<Partial<Grant>>(
  { unsupported: ['new-limit'] },
  { window: { kind: 'floating', start: '2027-05-10T12:00', end: '2027-05-10T13:00' } },
  { schedule: { zone: 'site', weekly: [{ days: [1], from: '11:00', to: '13:00' }] } },
  {
    schedule: {
      zone: 'site',
      weekly: [{ days: [1], from: '12:00', to: '14:00' }],
      exceptions: [{ date: '2027-05-10', windows: [] }],
    },
  },
  { uses: { max: 1 } },
  { operations: ['pickup'] },
  { targets: [] },
  { state: 'superseded' },
  { state: 'pending' },
);

test('a limit added to a grant never opens what it did not open before, at any time of the day', () => {
  fc.assert(
    fc.property(
      fc.array(limit, { maxLength: 3 }),
      limit,
      fc.nat({ max: 24 * 60 }),
      (limits, more, minute) => {
        const opens = (all: readonly Partial<Grant>[]) => {
          const world = new World({ at: Date.UTC(2027, 4, 10) + minute * MINUTE });
          world.put(Object.assign(grantOf({ targets: [door] }), ...all));
          return world.code('123456', DOOR_KEYPAD)[0]?.type === 'access.granted';
        };
        const kinds = Object.keys(more);
        const isNew = limits.every((each) =>
          Object.keys(each).every((kind) => !kinds.includes(kind)),
        );
        if (isNew && opens([...limits, more])) assert.ok(opens(limits));
      },
    ),
    { numRuns: 500 },
  );
});
