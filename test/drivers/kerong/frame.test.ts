import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  type Dialect,
  KERONG_MOST,
  type KerongFrame,
  locksOf,
  scanKerong,
  statusReply,
  statusRequest,
  unlockRequest,
} from '../../../drivers/kerong/frame.ts';
import { fromHex, joinBytes, toHex } from '../../../drivers/wire/hex.ts';
import { giveUp, NOTHING_HELD, receive } from '../../../drivers/wire/receive-buffer.ts';

const hex = (text: string) => toHex(fromHex(text));

/** Bits of slots, such as `1-7,47`; all others are off. */
function bits(count: number, on: string): boolean[] {
  const set = on
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
  return Array.from({ length: count }, (_, index) => set.includes(index + 1));
}

test('requests of the published tables', () => {
  assert.equal(toHex(statusRequest('cu16', 0)), hex('02 00 30 03 35'));
  assert.equal(toHex(statusRequest('cu16', 1)), hex('02 10 30 03 45'));
  assert.equal(toHex(unlockRequest('cu16', 0, 1)), hex('02 00 31 03 36'));
  assert.equal(toHex(unlockRequest('cu16', 0, 2)), hex('02 01 31 03 37'));
  assert.equal(toHex(unlockRequest('cu16', 0, 16)), hex('02 0F 31 03 45'));
  assert.equal(toHex(unlockRequest('cu16', 1, 3)), hex('02 12 31 03 48'));
  assert.equal(toHex(statusRequest('cu48', 0)), hex('02 00 00 50 03 55'));
  assert.equal(toHex(unlockRequest('cu48', 0, 1)), hex('02 00 00 51 03 56'));
  assert.equal(toHex(unlockRequest('cu48', 0, 48)), hex('02 00 2F 51 03 85'));
  assert.equal(toHex(unlockRequest('cu48', 3, 18)), hex('02 03 11 51 03 6A'));
  assert.equal(toHex(statusRequest('cu48b', 0)), hex('02 00 00 60 03 65'));
  assert.equal(toHex(unlockRequest('cu48b', 0, 5)), hex('02 00 04 61 03 6A'));
});

test('no slot number reaches a code that opens everything', () => {
  for (const dialect of ['cu16', 'cu48', 'cu48b'] as const) {
    for (const lock of [0, -1, locksOf(dialect) + 1, 0x30 + 1, 256, 1.5, Number.NaN]) {
      assert.throws(() => unlockRequest(dialect, 0, lock), RangeError);
    }
    for (const board of [-1, 0x0a, 0x0f, 16]) {
      assert.throws(() => unlockRequest(dialect, board, 1), RangeError);
      assert.throws(() => statusRequest(dialect, board), RangeError);
    }
    for (let board = 0; board < 10; board += 1) {
      for (let lock = 1; lock <= locksOf(dialect); lock += 1) {
        const bytes = unlockRequest(dialect, board, lock);
        if (dialect === 'cu16') assert.ok(bytes[2] === 0x31 && (bytes[1] ?? 0) < 0xa0);
        else assert.ok((bytes[1] ?? 0) < 0x0a && (bytes[2] ?? 0) < 0x30);
      }
    }
  }
});

/** Dialect, reply, board, latched slots, occupied slots: the published ones. */
const REPLIES: readonly (readonly [Dialect, string, number, string, string])[] = [
  ['cu16', '02 00 35 FF FF 02 00 03 3A', 0, '1-16', '2'],
  ['cu16', '02 00 35 FD FF 02 00 03 38', 0, '1,3-16', '2'],
  ['cu16', '02 00 35 FD 7F 02 00 03 B8', 0, '1,3-15', '2'],
  ['cu16', '02 00 35 7F 00 01 00 03 BA', 0, '1-7', '1'],
  ['cu16', '02 10 35 FF FF 00 00 03 48', 1, '1-16', ''],
  ['cu48', '02 00 00 65 07 00 00 00 00 C0 03 31', 0, '1-3,47-48', ''],
  ['cu48', '02 01 00 65 00 00 80 00 00 00 03 EB', 1, '24', ''],
  ['cu48b', '02 00 00 75 FB FF FF FF FF FF 01 00 00 00 00 00 03 71', 0, '1-2,4-48', '1'],
];

test('replies of the published tables, in both directions', () => {
  for (const [dialect, text, board, latched, occupied] of REPLIES) {
    const bytes = fromHex(text);
    const count = locksOf(dialect);
    const hooks = bits(count, latched);
    const sensors = dialect === 'cu48' ? [] : bits(count, occupied);
    assert.deepEqual(scanKerong(dialect, bytes), {
      kind: 'frame',
      length: bytes.length,
      frame: { kind: 'status', board, hooks, sensors },
    });
    assert.equal(toHex(statusReply(dialect, board, hooks, sensors)), hex(text));
  }
  for (const [board, text] of [
    [0, '02 00 36 00 00 00 00 03 3B'],
    [1, '02 10 36 00 00 00 00 03 4B'],
  ] as const) {
    const found = scanKerong('cu16', fromHex(text));
    assert.ok(found.kind === 'frame' && found.frame.kind === 'status');
    assert.equal(found.frame.board, board);
  }
});

test('our own echo and another master are requests, never replies; wrong sums are noise', () => {
  for (const text of ['02 00 30 03 35', '02 0F 31 03 45', '02 F0 32 03 27', '02 00 33 03 38']) {
    const found = scanKerong('cu16', fromHex(text));
    assert.ok(found.kind === 'frame' && found.frame.kind === 'request', text);
  }
  for (const text of ['02 10 30 03 3E', '02 0F 31 03 49']) {
    assert.deepEqual(scanKerong('cu16', fromHex(text)), {
      kind: 'noise',
      length: 1,
      checksum: true,
    });
  }
});

const frames = fc
  .record({
    dialect: fc.constantFrom<Dialect>('cu16', 'cu48', 'cu48b'),
    board: fc.integer({ min: 0, max: 9 }),
    hooks: fc.array(fc.boolean(), { minLength: 48, maxLength: 48 }),
    sensors: fc.array(fc.boolean(), { minLength: 48, maxLength: 48 }),
  })
  .map(({ dialect, board, hooks, sensors }) => ({
    dialect,
    board,
    hooks: hooks.slice(0, locksOf(dialect)),
    sensors: dialect === 'cu48' ? [] : sensors.slice(0, locksOf(dialect)),
  }));

test('a status survives the wire, and no beginning of its frame is taken for the whole', () => {
  fc.assert(
    fc.property(frames, ({ dialect, board, hooks, sensors }) => {
      const frame = statusReply(dialect, board, hooks, sensors);
      assert.deepEqual(scanKerong(dialect, frame), {
        kind: 'frame',
        length: frame.length,
        frame: { kind: 'status', board, hooks, sensors },
      });
      for (let cut = 0; cut < frame.length; cut += 1) {
        assert.notEqual(scanKerong(dialect, frame.subarray(0, cut)).kind, 'frame');
      }
    }),
    { numRuns: 100 },
  );
});

test('any cut, garbage between: every frame is found again, and none that was not sent', () => {
  const garbage = fc.uint8Array({ maxLength: 6 }).map((bytes) => bytes.filter((b) => b !== 0x02));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(garbage, frames), { maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 30 }),
      (said, cuts) => {
        const ours = said.filter(([, { dialect }]) => dialect === 'cu48b');
        const stream = joinBytes(
          ...ours.flatMap(([noise, f]) => [
            noise,
            statusReply(f.dialect, f.board, f.hooks, f.sensors),
          ]),
        );
        let held = NOTHING_HELD;
        const found: KerongFrame[] = [];
        let at = 0;
        for (const cut of [...cuts, stream.length]) {
          const chunk = stream.subarray(at, at + cut);
          const received = receive(held, chunk, (b) => scanKerong('cu48b', b), KERONG_MOST);
          at += cut;
          held = received.held;
          found.push(...received.frames);
        }
        found.push(...giveUp(held, (b) => scanKerong('cu48b', b)).frames);
        const status = found.filter((frame) => frame.kind === 'status');
        assert.deepEqual(
          status,
          ours.map(([, f]) => ({
            kind: 'status',
            board: f.board,
            hooks: f.hooks,
            sensors: f.sensors,
          })),
        );
      },
    ),
    { numRuns: 150 },
  );
});

test('one changed bit is never another status, and any bytes at all end in an answer', () => {
  fc.assert(
    fc.property(frames, fc.nat(), (f, place) => {
      const frame = statusReply(f.dialect, f.board, f.hooks, f.sensors);
      const bit = place % (frame.length * 8);
      frame[bit >> 3] = (frame[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.notEqual(scanKerong(f.dialect, frame).kind, 'frame');
    }),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      for (const dialect of ['cu16', 'cu48', 'cu48b'] as const) {
        const over = giveUp(bytes, (b) => scanKerong(dialect, b));
        assert.equal(over.held.length, 0);
      }
    }),
    { numRuns: 300 },
  );
});
