import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { xor8 } from '../../../drivers/wire/checksum.ts';
import { expectEcho, noEcho, stripEcho } from '../../../drivers/wire/echo.ts';
import { fromHex, joinBytes, toHex } from '../../../drivers/wire/hex.ts';
import {
  giveUp,
  NOTHING_HELD,
  receive,
  type Scanned,
} from '../../../drivers/wire/receive-buffer.ts';

/** A small protocol to try the buffer on: 02, length, body, exclusive or of all before. */
function scan(bytes: Uint8Array): Scanned<string> {
  const [start, length = 0] = bytes;
  if (start !== 0x02) return { kind: 'noise', length: 1 };
  if (bytes.length < 2 || bytes.length < length + 3) return { kind: 'need-more' };
  const whole = bytes.subarray(0, length + 3);
  if (xor8(whole) !== 0) return { kind: 'noise', length: 1, checksum: true };
  return { kind: 'frame', length: whole.length, frame: toHex(whole.subarray(2, -1)) };
}

function encode(body: Uint8Array): Uint8Array {
  const open = joinBytes(Uint8Array.of(0x02, body.length), body);
  return joinBytes(open, Uint8Array.of(xor8(open)));
}

const bodies = fc.uint8Array({ maxLength: 12 });

test('frames come out whole and in order, wherever the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(bodies, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 9 })),
      (sent, cuts) => {
        const stream = joinBytes(...sent.map(encode));
        let held = NOTHING_HELD;
        const frames: string[] = [];
        let at = 0;
        for (const cut of [...cuts, stream.length]) {
          const received = receive(held, stream.subarray(at, at + cut), scan, 300);
          at += cut;
          held = received.held;
          frames.push(...received.frames);
          assert.equal(received.noiseBytes, 0);
        }
        assert.deepEqual(frames, sent.map(toHex));
        assert.equal(held.length, 0);
      },
    ),
    { numRuns: 100 },
  );
});

test('a beginning that never ends is given up, and the frame hidden behind it found', () => {
  const hidden = joinBytes(Uint8Array.of(0x02, 0xff), encode(fromHex('AB')));
  const waiting = receive(NOTHING_HELD, hidden, scan, 300);
  assert.deepEqual(waiting.frames, []);
  assert.deepEqual(giveUp(waiting.held, scan), {
    frames: ['ab'],
    held: NOTHING_HELD,
    noiseBytes: 2,
    checksumErrors: 0,
  });
  assert.deepEqual(
    receive(NOTHING_HELD, hidden, scan, 5).frames,
    ['ab'],
    'the bound does the same',
  );
});

test('the echo is taken off by content, and what follows it in the same chunk is kept', () => {
  const sent = fromHex('8A 01 01 11 9B');
  const reply = fromHex('8A 01 01 11 9B');
  for (const mode of ['sure', 'maybe'] as const) {
    for (let cut = 0; cut <= 10; cut += 1) {
      const stream = joinBytes(sent, reply);
      const first = stripEcho(expectEcho(noEcho(mode), sent), stream.subarray(0, cut));
      const second = stripEcho(first.echo, stream.subarray(cut));
      assert.deepEqual(joinBytes(first.rest, second.rest), reply, `cut at ${cut}`);
      assert.equal(second.echo.mode, 'sure');
    }
  }
});

test('where no echo comes, nothing is lost; where one was sure to come, it is a collision', () => {
  const sent = fromHex('02 00 30 03 35');
  const reply = fromHex('02 00 35 FF FF 02 00 03 3A');
  const maybe = stripEcho(expectEcho(noEcho('maybe'), sent), reply);
  assert.deepEqual(maybe.rest, reply);
  assert.equal(maybe.isMismatch, false);
  const sure = stripEcho(expectEcho(noEcho('sure'), sent), reply);
  assert.deepEqual(sure.rest, reply);
  assert.equal(sure.isMismatch, true);
  const noisy = stripEcho(expectEcho(noEcho('sure'), sent), joinBytes(fromHex('00 FF'), sent));
  assert.equal(noisy.isComplete, true);
  assert.deepEqual(stripEcho(noEcho('none'), reply).rest, reply);
});
