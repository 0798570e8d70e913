import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  encode,
  FRAME_MAX,
  type Frame,
  hasMac,
  type Scan,
  scan,
} from '../../../drivers/osdp/frame.ts';
import { crc16Osdp } from '../../../drivers/wire/crc16.ts';
import { hex, toHex } from './hex.ts';

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

const frames: fc.Arbitrary<Frame> = fc
  .record({
    address: fc.integer({ min: 0, max: 0x7f }),
    from: fc.constantFrom('cp' as const, 'pd' as const),
    sequence: fc.integer({ min: 0, max: 3 }),
    check: fc.constantFrom('crc' as const, 'checksum' as const),
    security: fc.option(
      fc.record(
        { type: fc.integer({ min: 0x11, max: 0x18 }), data: fc.uint8Array({ maxLength: 2 }) },
        { noNullPrototype: true },
      ),
      { nil: undefined },
    ),
    code: fc.integer({ min: 0, max: 255 }),
    data: fc.uint8Array({ maxLength: 80 }),
    mac: octets(4),
  })
  .map((frame) => ({ ...frame, mac: hasMac(frame.security) ? frame.mac : undefined }));

/** All frames in a stream, as a reader of the wire would take them off. */
function framesIn(bytes: Uint8Array): { frames: Frame[]; rest: number } {
  const found: Frame[] = [];
  let at = 0;
  for (;;) {
    const result: Scan = scan(bytes.subarray(at));
    if (result.kind === 'need-more') return { frames: found, rest: bytes.length - at };
    assert.ok(result.length > 0, 'scanning goes on');
    at += result.length;
    if (result.kind === 'frame') found.push(result.frame);
  }
}

test('the CRC is that of the standard', () => {
  assert.equal(crc16Osdp(new TextEncoder().encode('123456789')), 0xe5cc);
});

test('a frame survives the wire, and no beginning of it is taken for the whole', () => {
  fc.assert(
    fc.property(frames, (frame) => {
      const bytes = encode(frame);
      assert.deepEqual(scan(bytes), { kind: 'frame', length: bytes.length, frame });
      for (let cut = 0; cut < bytes.length; cut++) {
        assert.equal(scan(bytes.subarray(0, cut)).kind, 'need-more');
      }
    }),
  );
});

test('a changed byte never gives a frame with a CRC another content', () => {
  fc.assert(
    fc.property(frames, fc.nat(), fc.integer({ min: 1, max: 255 }), (frame, place, mask) => {
      const bytes = encode({ ...frame, check: 'crc' });
      const at = place % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ mask;
      const result = scan(bytes);
      // The one way out is the CTRL bit that says "checksum": then the frame is shorter in what it trusts.
      if (result.kind === 'frame') assert.equal(at, 4);
    }),
    { numRuns: 500 },
  );
});

test('frames between noise are all found, cut anywhere', () => {
  const noise = fc.uint8Array({ maxLength: 12 }).map((bytes) => bytes.filter((b) => b !== 0x53));
  fc.assert(
    fc.property(fc.array(fc.tuple(noise, frames), { maxLength: 6 }), (parts) => {
      const stream = parts.flatMap(([before, frame]) => [...before, ...encode(frame)]);
      assert.deepEqual(
        framesIn(Uint8Array.from(stream)).frames,
        parts.map(([, frame]) => frame),
      );
    }),
  );
});

test('any bytes at all are read to an end, and what is held back is bounded', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      assert.ok(framesIn(bytes).rest <= FRAME_MAX);
    }),
    { numRuns: 300 },
  );
});

test('a true frame may follow a false beginning', () => {
  const { frames: found } = framesIn(hex('00 FF FF 53 53 01 08 00 06 60 D8 66'));
  assert.equal(found.length, 1);
  assert.equal(found[0]?.code, 0x60);
  assert.equal(found[0]?.sequence, 2);
});

test('mark bytes are told from stray ones', () => {
  assert.deepEqual(scan(hex('FF FF 53')), { kind: 'noise', length: 2, fault: 'mark' });
  assert.deepEqual(scan(hex('00 00 07 53')), { kind: 'noise', length: 3, fault: 'stray' });
  assert.deepEqual(scan(hex('53 01 06 00 06')), { kind: 'noise', length: 1, fault: 'length' });
  assert.deepEqual(scan(hex('53 01 A1 05 06')), { kind: 'noise', length: 1, fault: 'length' });
});

test('a wrong CRC is dropped', () => {
  assert.deepEqual(scan(hex('53 01 08 00 06 60 D8 67')), {
    kind: 'noise',
    length: 1,
    fault: 'check',
  });
});

test('a security block that overruns its frame is no frame', () => {
  const good = encode({
    address: 1,
    from: 'cp',
    sequence: 0,
    check: 'checksum',
    security: undefined,
    code: 0x60,
    data: hex('00 00'),
    mac: undefined,
  });
  const wrong = good.slice();
  wrong[4] = 0x08; // now CODE 60 is read as the length of a security block
  wrong[wrong.length - 1] = (good[good.length - 1] ?? 0) - 0x08;
  assert.deepEqual(scan(wrong), { kind: 'noise', length: 1, fault: 'length' });
  assert.equal(toHex(good).slice(0, 2), '53');
});
