import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Actuator } from '../../daemon/devices/actuator.ts';
import { Inbox } from '../../daemon/inbox.ts';
import { type Happening, runPipeline } from '../../daemon/pipeline.ts';
import { Site } from '../../daemon/site/site.ts';
import { openJournal } from '../../daemon/store/journal-open.ts';
import type { Journal, JournalBatch } from '../../daemon/store/ports.ts';
import { movesSomething } from '../../drivers/contract/device.ts';
import { instant, type Millis, pause } from '../../drivers/contract/time.ts';
import { SimulatedClock } from '../../simulator/clock.ts';
import { seededRandom } from '../../simulator/random.ts';
import { DOOR_KEYPAD, DOOR_READER, grantOf, LOCK, World } from './access/world.ts';

/** A disk on which each commit takes so long. */
function onDisk(journal: Journal, clock: SimulatedClock, takes: Millis): Journal {
  const append = (batch: JournalBatch) => {
    const appended = journal.append(batch);
    return { ...appended, committed: appended.committed.then(() => pause(clock, takes)) };
  };
  return new Proxy(journal, {
    get(target, name) {
      const value: unknown = name === 'append' ? append : Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** A code is typed; what reached the wire of the lock, and how each opening ended. */
async function typed(takes: Millis, connects: Millis) {
  const clock = new SimulatedClock();
  const random = seededRandom(3);
  const options = { directory: ':memory:', clock, random, worker: false };
  const { journal } = await openJournal(options);
  await using _journal = journal;
  const world = new World({ at: clock.now() });
  world.put(grantOf({ targets: [{ kind: 'lock', id: LOCK }] }));
  const inbox = new Inbox<Happening>(64);
  const wire: string[] = [];
  const results: string[] = [];
  const actuator = new Actuator({
    clock,
    connects,
    beforeWire: () => true,
    hand: (actuation) => {
      if (!movesSomething(actuation)) return;
      const { id, device, kind } = actuation;
      wire.push(kind);
      const facts = { sent: true, acknowledged: true, observed: true };
      actuator.hear({ kind: 'actuation-result', device, actuation: id, result: 'done', ...facts });
    },
    takeBack: () => undefined,
    onResult: ({ result }) => results.push(result),
  });
  const stored = onDisk(journal, clock, takes);
  const site = new Site({
    facts: world.site,
    grants: world.lookup(),
    journal: stored,
    indexer: world.ports.indexer,
    clock,
    stamp: () => ({
      at: clock.now(),
      uptime: clock.uptime(),
      boot: 'boot-1',
      clock: { lo: clock.now(), hi: instant(clock.now() + 1), state: 'trusted' },
    }),
    tzdata: 'test',
  });
  const ended = runPipeline({
    ...{ inbox, site, journal: stored, clock },
    actuate: (actuation) => actuator.enqueue(actuation),
    heard: () => undefined,
    storageFailed: (error) => assert.fail(String(error)),
  });
  for (const device of [LOCK, DOOR_KEYPAD, DOOR_READER]) {
    inbox.put({ kind: 'device', event: { kind: 'online', device } });
  }
  const event = { kind: 'code-entered', device: DOOR_KEYPAD, digits: '123456' } as const;
  inbox.put({ kind: 'device', event });
  await clock.advance(20_000);
  inbox.close();
  await clock.advance(20_000);
  await ended;
  return { wire, results };
}

test('P6: a door opens for nobody who waited longer than two seconds for the disk', async () => {
  for (const connects of [0, 10_000]) {
    assert.deepEqual(await typed(1900, connects), { wire: ['unlock'], results: ['done'] });
    assert.deepEqual(await typed(2000, connects), { wire: [], results: ['refused'] });
  }
});
