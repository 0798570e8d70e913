import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { em4100Scan, encodeEm4100 } from '../../../drivers/ascii-reader/em4100.ts';
import { id20la, rdm6300 } from '../../../drivers/ascii-reader/rdm6300.ts';
import { fromHex, joinBytes, toHex } from '../../../drivers/wire/hex.ts';
import type { Token } from '../../../drivers/wire/reader-token.ts';
import { giveUp, NOTHING_HELD, receive } from '../../../drivers/wire/receive-buffer.ts';
import {
  simulatedEm4100Reader,
  simulatedId20la,
} from '../../../simulator/devices/em4100-reader.ts';
import { wiredBus } from '../wired-bus.ts';

const scan = em4100Scan(40);

function read(stream: Uint8Array, cuts: readonly number[] = []) {
  let held = NOTHING_HELD;
  const tokens: Token[] = [];
  let checksumErrors = 0;
  let at = 0;
  for (const cut of [...cuts, stream.length]) {
    const received = receive(held, stream.subarray(at, at + cut), (b) => scan(b, false), 16);
    at += cut;
    held = received.held;
    tokens.push(...received.frames);
    checksumErrors += received.checksumErrors;
  }
  const over = giveUp(held, (b) => scan(b, true));
  tokens.push(...over.frames);
  const tags = tokens.flatMap((token) => (token.kind === 'card' ? [toHex(token.card.bits)] : []));
  return { tags, tokens, checksumErrors };
}

/** Frame, tag, variant: the published ones. */
const VECTORS = [
  ['02 30 35 30 30 32 30 37 42 33 32 36 43 0D 0A 03', '0500207b32', 'id-20la'],
  ['02 30 31 31 34 41 45 33 42 42 43 3C 03', '0114ae3bbc', 'raw-check'],
  ['02 30 44 30 30 33 31 39 43 44 30 37 30 03', '0d00319cd0', 'rdm6300'],
  ['02 31 46 30 30 36 34 34 42 42 36 38 36 03', '1f00644bb6', 'rdm6300'],
  ['02 30 46 30 30 30 31 32 41 42 43 39 38 03', '0f00012abc', 'rdm6300'],
  ['02 36 32 45 33 30 38 36 43 45 44 30 38 03', '62e3086ced', 'rdm6300'],
] as const;

test('published frames, byte for byte in both directions and wherever they are cut', () => {
  for (const [frame, tag, variant] of VECTORS) {
    const bytes = fromHex(frame);
    assert.deepEqual(encodeEm4100(fromHex(tag), variant), bytes);
    for (let cut = 0; cut <= bytes.length; cut += 1)
      assert.deepEqual(read(bytes, [cut]).tags, [tag]);
  }
});

test('an empty coil, noise with a check that holds, and a wrong check are no fobs', () => {
  assert.deepEqual(read(fromHex(`02 ${'46'.repeat(10)} 46 46 03`)).tags, []);
  assert.deepEqual(read(fromHex(`02 ${'46'.repeat(10)} 30 30 03`)).tags, []);
  assert.deepEqual(read(fromHex(`02 ${'30'.repeat(12)} 03`)).tags, []);
  const wrong = read(fromHex('02 30 46 30 30 30 31 32 41 42 43 39 39 03'));
  assert.deepEqual(wrong.tags, []);
  assert.equal(wrong.checksumErrors, 1);
});

test('lower-case digits are digits', () => {
  const bytes = fromHex('02 30 46 30 30 30 31 32 61 62 63 39 38 03');
  assert.deepEqual(read(bytes).tags, ['0f00012abc']);
});

const tags = fc
  .uint8Array({ minLength: 5, maxLength: 5 })
  .filter((tag) => tag.some((b) => b !== 0) && tag.some((b) => b !== 0xff));
const variants = fc.constantFrom('rdm6300', 'id-20la', 'raw-check');

test('fobs come out of any stream with garbage between, and nothing else does', () => {
  const garbage = fc.uint8Array({ maxLength: 8 }).map((bytes) => bytes.filter((b) => b < 0x30));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(garbage, tags, variants), { maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 20 }),
      (said, cuts) => {
        const stream = joinBytes(
          ...said.flatMap(([noise, tag, variant]) => [noise, encodeEm4100(tag, variant)]),
        );
        assert.deepEqual(
          read(stream, cuts).tags,
          said.map(([, tag]) => toHex(tag)),
        );
      },
    ),
    { numRuns: 200 },
  );
});

test('a frame with any one bit changed is never another fob', () => {
  fc.assert(
    fc.property(tags, variants, fc.integer({ min: 0, max: 13 * 8 - 1 }), (tag, variant, flip) => {
      const bytes = encodeEm4100(tag, variant);
      bytes[flip >> 3] = (bytes[flip >> 3] ?? 0) ^ (1 << (flip & 7));
      for (const found of read(bytes).tags) assert.equal(found, toHex(tag));
    }),
    { numRuns: 500 },
  );
});

test('a fob held to the reader is one presentation, shown again it is another', async () => {
  const wired = await wiredBus(rdm6300, { fobs: { options: {}, build: simulatedEm4100Reader } });
  assert.equal(wired.of('online').length, 1);
  wired.hand('fobs', 'show', { fob: '0F00012ABC' });
  await wired.clock.advance(10_000);
  assert.deepEqual(
    wired
      .of('card-read')
      .map(({ bits, bitCount, technology }) => [toHex(bits), bitCount, technology]),
    [['0f00012abc', 40, 'em4100']],
  );
  wired.hand('fobs', 'remove');
  await wired.clock.advance(2000);
  wired.hand('fobs', 'show', { fob: '0F00012ABC' });
  await wired.clock.advance(200);
  assert.equal(wired.of('card-read').length, 2);
  wired.hand('fobs', 'show', { fob: '0114AE3BBC' });
  await wired.clock.advance(200);
  assert.equal(wired.of('card-read').length, 3, 'another fob is told at once');
});

test('a slot reader asked for its state says again what lies in its field, or that nothing does', async () => {
  const wired = await wiredBus(id20la, {
    fobs: { options: { bits: 32 }, build: simulatedId20la },
  });
  wired.hand('fobs', 'show', { fob: '0F00012ABC' });
  await wired.clock.advance(3000);
  const there = wired.actuate({
    kind: 'read-state',
    device: wired.of('online')[0]?.device ?? assert.fail(),
  });
  assert.equal((await wired.result(there)).observed, true);
  assert.deepEqual(
    wired.of('card-read').map(({ bits }) => toHex(bits)),
    ['00012abc', '00012abc'],
  );
  wired.hand('fobs', 'remove');
  await wired.clock.advance(3000);
  const gone = wired.actuate({
    kind: 'read-state',
    device: wired.of('online')[0]?.device ?? assert.fail(),
  });
  const result = await wired.result(gone);
  assert.deepEqual([result.result, result.observed], ['done', false]);
  assert.equal(wired.of('card-read').length, 2);
});

test('a reader that only says nonsense is reported, and cleared by the first fob', async () => {
  const wired = await wiredBus(rdm6300, { fobs: { options: {}, build: simulatedEm4100Reader } });
  wired.hand('fobs', 'garble');
  wired.hand('fobs', 'show', { fob: '0F00012ABC' });
  await wired.clock.advance(3000);
  assert.deepEqual(
    wired.of('fault').map(({ fault, state }) => [fault, state]),
    [['garbage', 'raised']],
  );
  assert.ok(wired.statisticsOf('fobs').checksumErrors > 10);
  wired.hand('fobs', 'garble', { on: false });
  await wired.clock.advance(300);
  assert.deepEqual(wired.of('fault').at(-1)?.state, 'cleared');
  assert.equal(wired.of('card-read').length, 1);
});
