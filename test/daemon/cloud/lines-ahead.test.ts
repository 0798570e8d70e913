import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LinesAhead } from '../../../daemon/cloud/lines-ahead.ts';
import type { OutboxLine } from '../../../daemon/store/ports.ts';

/** A journal of so many entries, whose pages say how many erasures there were when they were read. */
class Erasable {
  erasures = 0;
  reads = 0;
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  outbox(after: number, upTo: number, limit: number): readonly OutboxLine[] {
    this.reads += 1;
    const page = Buffer.from(String(this.erasures));
    const last = Math.min(this.#count, upTo, after + limit);
    return Array.from({ length: Math.max(0, last - after) }, (_, n) => {
      return { seq: after + 1 + n, type: 'access.opened', page, from: 0, to: page.length };
    });
  }
}

const steps = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('read' as const),
      after: fc.nat(2000),
      many: fc.integer({ min: 1, max: 800 }),
    }),
    fc.record({ do: fc.constant('on' as const), by: fc.integer({ min: 1, max: 80 }) }),
    fc.record({ do: fc.constant('fill' as const) }),
    fc.record({ do: fc.constant('erase' as const) }),
  ),
  { maxLength: 60 },
);

test('what is read ahead is what the disk has, none of it from before an erasure, and never more than 512', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), steps, (count, all) => {
      const journal = new Erasable(count);
      const ahead = new LinesAhead(journal);
      let cursor = 0;
      const look = (after: number, upTo: number) => {
        const lines = ahead.read(after, upTo);
        assert.ok(lines.length <= 512);
        assert.equal(lines.length > 0, after < Math.min(count, upTo));
        for (const [n, { seq, page }] of lines.entries()) {
          assert.equal(seq, after + 1 + n);
          assert.ok(seq <= Math.min(count, upTo));
          assert.equal(page.toString(), String(journal.erasures));
        }
      };
      for (const step of all) {
        switch (step.do) {
          case 'read':
            look(step.after, step.after + step.many);
            break;
          case 'on':
            cursor = Math.min(count, cursor + step.by);
            look(cursor, count);
            break;
          case 'fill':
            ahead.fill(cursor, count);
            break;
          case 'erase':
            journal.erasures += 1;
            break;
          default:
            step satisfies never;
        }
      }
    }),
  );
});

test('a backlog is read once, and while nothing can be sent', () => {
  const journal = new Erasable(2_560);
  const ahead = new LinesAhead(journal);
  for (let cursor = 0; cursor < 2_560; cursor += 20) {
    assert.ok(ahead.read(cursor, 2_560).length >= 20);
    if (cursor === 0) assert.equal(journal.reads, 1);
    const before = journal.reads;
    ahead.fill(cursor, 2_560);
    ahead.fill(cursor, 2_560);
    assert.ok(journal.reads <= before + 1);
  }
  assert.equal(journal.reads, 10);
});
