import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { classOf, ENTRY_TYPES } from '../../../daemon/access/entry.ts';
import { eventText, parcelOf } from '../../../daemon/cloud/event.ts';
import { LARGEST } from '../../../daemon/cloud/topics.ts';
import type { OutboxLine } from '../../../daemon/store/ports.ts';
import { instant } from '../../../drivers/contract/time.ts';

const EPOCH = '01970000-0000-7000-8000-000000000000';

const times = fc.oneof(
  fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2026, 0, 3) }),
  fc.integer({ min: -8.64e15, max: 8.64e15 }),
);
const texts = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('"', '\\', 'ö€😀'));
/** Up to three bytes a character, and now and then more than any message holds. */
const bodies = fc
  .tuple(texts, fc.constantFrom(1, 1, 40, 900, 3000))
  .map(([text, times]) => JSON.stringify({ text: text.slice(0, 8).repeat(times) }));
const line = fc.record({
  type: fc.constantFrom(...ENTRY_TYPES),
  at: times,
  body: bodies,
  text: texts,
});
const lines = fc.array(line, { minLength: 1, maxLength: 60 }).map((made) =>
  made.map(
    ({ type, at, text, body }, n): OutboxLine => ({
      type,
      seq: n + 1,
      id: `id-${n + 1}`,
      at: instant(at),
      members: `"clock":{"state":"trusted"},"boot":${JSON.stringify(text)},"mono":7,"body":${body}`,
      prev: '00',
      hash: '11',
    }),
  ),
);

function eventsIn(payload: Uint8Array): readonly { readonly seq: number }[] {
  const message = JSON.parse(Buffer.from(payload).toString());
  return message.batch ?? [message];
}

test('messages hold all events in their order, each as many of a class as it has room for', () => {
  fc.assert(
    fc.property(lines, (all) => {
      for (let at = 0; at < all.length; ) {
        const rest = all.slice(at);
        const parcel = parcelOf(rest, EPOCH);
        assert.ok(parcel !== undefined && parcel.payload.length <= LARGEST.events);
        const { seqs, payload, oversize, entryClass } = parcel;
        const mine = rest.slice(0, seqs.length);
        assert.deepEqual(
          seqs,
          mine.map(({ seq }) => seq),
        );
        assert.ok(mine.every(({ type }) => classOf(type) === entryClass));
        const whole = mine.filter(({ seq }) => !oversize.some(({ entry }) => entry.seq === seq));
        const events = eventsIn(payload).filter(({ seq }) =>
          whole.some((each) => each.seq === seq),
        );
        assert.deepEqual(
          events,
          whole.map((each) => JSON.parse(eventText(each, EPOCH))),
        );
        assert.equal(eventsIn(payload).length, seqs.length);
        for (const { entry, bytes } of oversize) {
          assert.equal(bytes, Buffer.byteLength(eventText(entry, EPOCH)));
          assert.ok(bytes > LARGEST.events);
        }
        const next = rest[seqs.length];
        if (next !== undefined && classOf(next.type) === entryClass) {
          const bytes = Buffer.byteLength(eventText(next, EPOCH));
          const isStub = bytes > LARGEST.events;
          const used =
            seqs.length === 1 ? payload.length + '{"v":1,"batch":[]}'.length : payload.length;
          assert.ok(isStub || used + 1 + bytes > LARGEST.events);
        }
        at += seqs.length;
      }
    }),
    { numRuns: 60 },
  );
});

test('an event says its time as Date does, whatever the day', () => {
  fc.assert(
    fc.property(fc.array(times, { minLength: 2, maxLength: 9 }), (all) => {
      const made = all.map((at, n) => ({
        seq: n + 1,
        id: `id-${n + 1}`,
        type: 'access.opened' as const,
        at: instant(at),
        members: '"body":{}',
        prev: '00',
        hash: '11',
      }));
      const { batch } = JSON.parse(Buffer.from(parcelOf(made, EPOCH)?.payload ?? []).toString());
      assert.deepEqual(
        batch.map(({ ts }: { ts: string }) => ts),
        all.map((at) => new Date(at).toISOString()),
      );
    }),
  );
});
