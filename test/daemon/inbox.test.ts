import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Inbox } from '../../daemon/inbox.ts';

test('whatever was taken comes out in its order, and the reader ends when the inbox is closed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(), { maxLength: 50 }), fc.nat(60), async (items, before) => {
      const inbox = new Inbox<number>(100);
      for (const item of items.slice(0, before)) inbox.put(item);
      const seen: number[] = [];
      const reading = (async () => {
        for await (const item of inbox) seen.push(item);
      })();
      for (const item of items.slice(before)) {
        inbox.put(item);
        await Promise.resolve();
      }
      inbox.close();
      await reading;
      assert.deepEqual(seen, items);
    }),
  );
});

test('what does not fit is refused and counted, and nothing that waits is lost', async () => {
  const inbox = new Inbox<string>(2);
  assert.deepEqual([inbox.put('a'), inbox.put('b'), inbox.put('c')], [true, true, false]);
  assert.equal(inbox.refused, 1);
  inbox.close();
  assert.equal(inbox.put('late'), false);
  const seen: string[] = [];
  for await (const item of inbox) seen.push(item);
  assert.deepEqual(seen, ['a', 'b']);
});
