import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { classOf, ENTRY_TYPES } from '../../../daemon/access/entry.ts';
import { eventOf, parcelOf } from '../../../daemon/cloud/event.ts';
import { LARGEST } from '../../../daemon/cloud/topics.ts';
import type { OutboxLine } from '../../../daemon/store/ports.ts';

const texts = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('"', '\\', 'ö€😀'));
/** Up to three bytes a character, and now and then more than any message holds. */
const bodies = fc
  .tuple(texts, fc.constantFrom(1, 1, 40, 900, 3000))
  .map(([text, times]) => ({ text: text.slice(0, 8).repeat(times) }));
const event = fc.record({ type: fc.constantFrom(...ENTRY_TYPES), body: bodies });
/** Some of them beside one another in a page, with none or one that is not sent between them. */
const lines = fc
  .array(fc.tuple(fc.array(event, { minLength: 1, maxLength: 30 }), fc.boolean()), {
    minLength: 1,
    maxLength: 4,
  })
  .map((pages) => {
    let seq = 0;
    return pages.flatMap(([events, isThinned]) => {
      const made = events.map(({ type, body }) => {
        seq += 1;
        return {
          seq,
          type,
          text: JSON.stringify({ v: 1, seq, type, body, prev: '00', hash: '11' }),
        };
      });
      const page = Buffer.from(made.map(({ text }) => text).join(','));
      let from = 0;
      const all = made.map(({ seq, type, text }): OutboxLine => {
        const line = { seq, type, page, from, to: from + Buffer.byteLength(text) };
        from = line.to + 1;
        return line;
      });
      return isThinned ? all.filter((_, n) => n % 3 !== 1) : all;
    });
  });

function eventsIn(payload: Uint8Array): readonly { readonly seq: number }[] {
  const message = JSON.parse(Buffer.from(payload).toString());
  return message.batch ?? [message];
}

test('messages hold all events in their order, each as many of a class as it has room for', () => {
  fc.assert(
    fc.property(lines, (all) => {
      for (let at = 0; at < all.length; ) {
        const rest = all.slice(at);
        const parcel = parcelOf(rest);
        assert.ok(parcel !== undefined && parcel.payload.length <= LARGEST.events);
        const { seqs, payload, oversize, entryClass } = parcel;
        const mine = rest.slice(0, seqs.length);
        assert.deepEqual(
          seqs,
          mine.map(({ seq }) => seq),
        );
        assert.ok(mine.every(({ type }) => classOf(type) === entryClass));
        const whole = mine.filter((line) => !oversize.includes(line));
        const sent = eventsIn(payload);
        assert.equal(sent.length, seqs.length);
        assert.deepEqual(
          sent.filter(({ seq }) => whole.some((each) => each.seq === seq)),
          whole.map((line) => JSON.parse(eventOf(line).toString())),
        );
        for (const line of oversize) {
          const { length } = eventOf(line);
          assert.ok(length > LARGEST.events);
          const { body: _, ...skeleton } = JSON.parse(eventOf(line).toString());
          const body = { quarantined: true, bytes: length };
          assert.deepEqual(sent[seqs.indexOf(line.seq)], { ...skeleton, body });
        }
        const next = rest[seqs.length];
        if (next !== undefined && classOf(next.type) === entryClass) {
          const { length } = eventOf(next);
          const isStub = length > LARGEST.events;
          const used =
            seqs.length === 1 ? payload.length + '{"v":1,"batch":[]}'.length : payload.length;
          assert.ok(isStub || used + 1 + length > LARGEST.events);
        }
        at += seqs.length;
      }
    }),
    { numRuns: 60 },
  );
});
