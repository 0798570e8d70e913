import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { lineReader, stxEtxLrc } from '../../../drivers/ascii-reader/line-reader.ts';
import { TEXT_MOST, textFrameScan } from '../../../drivers/ascii-reader/text-frame.ts';
import { fromHex, joinBytes, toHex } from '../../../drivers/wire/hex.ts';
import type { Token } from '../../../drivers/wire/reader-token.ts';
import { giveUp, NOTHING_HELD, receive } from '../../../drivers/wire/receive-buffer.ts';
import { cardOfText } from '../../../drivers/wire/text-card.ts';
import { textCardOptions } from '../../../drivers/wire/text-card-options.ts';
import { numberOf } from '../../../drivers/wire/wiegand.ts';
import { simulatedLineReader, simulatedStxEtxLrc } from '../../../simulator/devices/text-reader.ts';
import { wiredBus } from '../wired-bus.ts';

const lrc = textFrameScan({
  framing: 'lrc',
  prefix: '',
  suffix: '',
  cards: [textCardOptions.parse({}), textCardOptions.parse({ digits: 8, bits: 24 })],
});

function read(stream: Uint8Array, cut: number, scan = lrc): readonly Token[] {
  let held = NOTHING_HELD;
  const tokens: Token[] = [];
  for (let at = 0; at < stream.length; at += cut) {
    const received = receive(held, stream.subarray(at, at + cut), (b) => scan(b, false), TEXT_MOST);
    held = received.held;
    tokens.push(...received.frames);
  }
  return [...tokens, ...giveUp(held, (b) => scan(b, true)).frames];
}

const numbers = (tokens: readonly Token[]) =>
  tokens.flatMap((token) =>
    token.kind === 'card' ? [numberOf(token.card.bits, token.card.bitCount)] : [],
  );

test('published frames with a check, wherever they are cut; the check may be 02 or 03', () => {
  for (const [frame, number] of [
    ['02 30 30 31 32 33 34 35 36 37 38 03 09', 12345678n],
    ['02 31 32 33 34 35 36 37 38 03 09', 12345678n],
    ['02 30 30 30 30 30 30 30 30 30 31 03 00', 1n],
    ['02 30 30 30 37 36 34 37 36 03 05', 76476n],
    ['02 34 32 39 34 39 36 37 32 39 35 03 0C', 4294967295n],
  ] as const) {
    const bytes = fromHex(frame);
    for (let cut = 1; cut <= bytes.length; cut += 1) {
      assert.deepEqual(numbers(read(bytes, cut)), [number], frame);
    }
    assert.deepEqual(numbers(read(joinBytes(bytes, bytes), 5)), [number, number]);
  }
  for (const digits of ['0000000003', '0000000013', '1111111111']) {
    const body = new TextEncoder().encode(`\x02${digits}\x03`);
    const check = body.reduce((sum, byte) => sum ^ byte, 0);
    assert.deepEqual(numbers(read(joinBytes(body, Uint8Array.of(check)), 3)), [BigInt(digits)]);
  }
});

test('frames come out of any stream with garbage between, and one changed bit gives no other card', () => {
  const cards = fc.integer({ min: 0, max: 99_999_999 }).map((value) => {
    const body = new TextEncoder().encode(`\x02${String(value).padStart(10, '0')}\x03`);
    const check = body.reduce((sum, byte) => sum ^ byte, 0);
    return { value: BigInt(value), frame: joinBytes(body, Uint8Array.of(check)) };
  });
  const garbage = fc.uint8Array({ maxLength: 6 }).map((bytes) => bytes.filter((b) => b > 0x80));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(garbage, cards), { maxLength: 4 }),
      fc.integer({ min: 1, max: 9 }),
      (said, cut) => {
        const stream = joinBytes(...said.flatMap(([noise, { frame }]) => [noise, frame]));
        assert.deepEqual(
          numbers(read(stream, cut)),
          said.map(([, { value }]) => value),
        );
      },
    ),
    { numRuns: 150 },
  );
  fc.assert(
    fc.property(cards, fc.nat(13 * 8 - 1), ({ value, frame }, bit) => {
      frame[bit >> 3] = (frame[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      for (const found of numbers(read(frame, 4))) assert.equal(found, value);
    }),
    { numRuns: 300 },
  );
});

test('whatever arrives in whatever framing, reading it ends', () => {
  const framings = fc.constantFrom('line', 'stx-etx', 'lrc', 'idle');
  fc.assert(
    fc.property(framings, fc.uint8Array({ maxLength: 80 }), (framing, bytes) => {
      const options = { framing, prefix: 'A', suffix: '', cards: [textCardOptions.parse({})] };
      read(bytes, 7, textFrameScan(options));
    }),
    { numRuns: 300 },
  );
});

test('an IDTECK reader: a card once, another card at once, a wrong check never', async () => {
  const wired = await wiredBus(stxEtxLrc, { desk: { options: {}, build: simulatedStxEtxLrc } });
  await wired.clock.advance(200);
  wired.hand('desk', 'show', { card: '0000076476' });
  await wired.clock.advance(500);
  wired.hand('desk', 'show', { card: '00076476' });
  await wired.clock.advance(500);
  wired.hand('desk', 'garble');
  wired.hand('desk', 'show', { card: '0000000005' });
  await wired.clock.advance(500);
  assert.deepEqual(
    wired.of('card-read').map(({ bits, bitCount }) => [toHex(bits), bitCount]),
    [
      ['00012abc', 32],
      ['012abc', 24],
    ],
  );
  assert.equal(wired.statisticsOf('desk').checksumErrors, 1);
});

test('a line reader with text around its digits, also where nothing but silence ends a card', async () => {
  for (const framing of ['line', 'stx-etx', 'lrc', 'idle']) {
    const options = { framing, prefix: 'ID=', suffix: ';', card: { base: 16, digits: 8 } };
    const wired = await wiredBus(lineReader, { desk: { options, build: simulatedLineReader } });
    await wired.clock.advance(200);
    wired.hand('desk', 'show', { card: '00012abc' });
    await wired.clock.advance(3000);
    wired.hand('desk', 'show', { card: '012abc' });
    await wired.clock.advance(500);
    assert.deepEqual(
      wired.of('card-read').map(({ bits }) => toHex(bits)),
      ['00012abc'],
    );
    assert.equal(wired.of('card-malformed').length, 1, 'six digits are no card of eight');
  }
});

test('facility and card number become the 26 bits that they were', () => {
  const options = textCardOptions.parse({ base: 'fc,cn' });
  const token = cardOfText('123,04567', options);
  assert.ok(token.kind === 'card');
  assert.deepEqual([toHex(token.card.bits), token.card.bitCount], ['bd88eb80', 26]);
  assert.equal(cardOfText('256,1', options).kind, 'malformed');
  assert.equal(cardOfText('1,65536', options).kind, 'malformed');
  assert.equal(cardOfText('1', options).kind, 'malformed');
});

test('a card that is none, repeated for as long as it lies there, is told once', async () => {
  const options = { card: { base: 16, digits: 8 } };
  const wired = await wiredBus(lineReader, { desk: { options, build: simulatedLineReader } });
  await wired.clock.advance(200);
  for (let time = 0; time < 40; time += 1) {
    wired.hand('desk', 'show', { card: '012abc' });
    await wired.clock.advance(50);
  }
  assert.equal(wired.of('card-malformed').length, 1);
});
