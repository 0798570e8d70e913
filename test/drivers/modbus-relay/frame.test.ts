import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  dataBits,
  dataWords,
  MODBUS_MOST,
  READ_COILS,
  READ_INPUTS,
  readRequest,
  scanModbus,
  WRITE_COIL,
  writeCoilsRequest,
  writeRequest,
} from '../../../drivers/modbus-relay/frame.ts';
import { crc16Modbus } from '../../../drivers/wire/crc16.ts';
import { fromHex, joinBytes, toHex } from '../../../drivers/wire/hex.ts';
import { giveUp, NOTHING_HELD, receive } from '../../../drivers/wire/receive-buffer.ts';

const hex = (text: string) => toHex(fromHex(text));
const units = new Set([1]);
const scan = (bytes: Uint8Array) => scanModbus(bytes, units);
const on = (...relays: number[]) => Array.from({ length: 8 }, (_, i) => relays.includes(i + 1));

test('requests of the published table', () => {
  assert.equal(toHex(writeRequest(1, WRITE_COIL, 0, 0xff00)), hex('01 05 00 00 FF 00 8C 3A'));
  assert.equal(toHex(writeRequest(1, WRITE_COIL, 0, 0)), hex('01 05 00 00 00 00 CD CA'));
  assert.equal(toHex(writeRequest(1, WRITE_COIL, 2, 0xff00)), hex('01 05 00 02 FF 00 2D FA'));
  assert.equal(toHex(writeRequest(1, WRITE_COIL, 0x200, 7)), hex('01 05 02 00 00 07 8D B0'));
  assert.equal(toHex(writeRequest(1, WRITE_COIL, 0x201, 8)), hex('01 05 02 01 00 08 9C 74'));
  assert.equal(toHex(writeRequest(1, WRITE_COIL, 0x200, 5)), hex('01 05 02 00 00 05 0C 71'));
  assert.equal(toHex(writeRequest(1, WRITE_COIL, 0xff, 0)), hex('01 05 00 FF 00 00 FD FA'));
  assert.equal(toHex(readRequest(1, READ_COILS, 0, 8)), hex('01 01 00 00 00 08 3D CC'));
  assert.equal(toHex(readRequest(1, READ_INPUTS, 0, 8)), hex('01 02 00 00 00 08 79 CC'));
  assert.equal(toHex(readRequest(1, READ_COILS, 0x27, 1)), hex('01 01 00 27 00 01 4D C1'));
  assert.equal(toHex(writeCoilsRequest(1, 0, on(1, 3, 4))), hex('01 0F 00 00 00 08 01 0D 3F 50'));
});

test('replies of the published table', () => {
  const frame = (text: string) => {
    const bytes = fromHex(text);
    const found = scan(bytes);
    assert.ok(found.kind === 'frame' && found.length === bytes.length, text);
    return found.frame;
  };
  const coils = frame('01 01 01 0D 90 4D');
  assert.ok(coils.kind === 'data');
  assert.deepEqual(dataBits(coils.data, 8), on(1, 3, 4));
  const inputs = frame('01 02 01 85 60 2B');
  assert.ok(inputs.kind === 'data');
  assert.deepEqual(dataBits(inputs.data, 8), on(1, 3, 8));
  assert.deepEqual(frame('01 05 02 00 00 07 8D B0'), {
    kind: 'written',
    unit: 1,
    fn: 5,
    address: 0x200,
    value: 7,
  });
  assert.deepEqual(frame('01 0F 00 00 00 08 54 0D'), {
    kind: 'written',
    unit: 1,
    fn: 15,
    address: 0,
    value: 8,
  });
  assert.deepEqual(frame('01 81 02 C1 91'), { kind: 'exception', unit: 1, fn: 1, code: 2 });
  assert.deepEqual(frame('01 85 02 C3 51'), { kind: 'exception', unit: 1, fn: 5, code: 2 });
  assert.deepEqual(frame('01 02 00 00 00 08 79 CC'), { kind: 'request', unit: 1 });
});

const replies = fc
  .oneof(
    fc
      .tuple(fc.constantFrom(1, 2, 3), fc.uint8Array({ minLength: 1, maxLength: 16 }))
      .map(([fn, data]) => joinBytes(Uint8Array.of(1, fn, data.length), data)),
    fc
      .tuple(fc.constantFrom(5, 6, 15), fc.uint8Array({ minLength: 4, maxLength: 4 }))
      .map(([fn, data]) => joinBytes(Uint8Array.of(1, fn), data)),
    fc.constantFrom(1, 2, 3, 5, 6).map((fn) => Uint8Array.of(1, fn + 0x80, 2)),
  )
  .map((body) => {
    const crc = crc16Modbus(body);
    return joinBytes(body, Uint8Array.of(crc & 0xff, crc >> 8));
  });

test('replies come out of any stream, wherever it is cut and whatever stands between', () => {
  const garbage = fc.uint8Array({ maxLength: 5 }).map((bytes) => bytes.filter((b) => b !== 1));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(garbage, replies), { maxLength: 5 }),
      fc.integer({ min: 1, max: 9 }),
      (said, cut) => {
        const stream = joinBytes(...said.flat());
        let held = NOTHING_HELD;
        let count = 0;
        for (let at = 0; at < stream.length; at += cut) {
          const received = receive(held, stream.subarray(at, at + cut), scan, MODBUS_MOST);
          held = received.held;
          count += received.frames.length;
        }
        count += giveUp(held, scan).frames.length;
        assert.equal(count, said.length);
      },
    ),
    { numRuns: 200 },
  );
});

test('up to three changed bits never give another frame, and any bytes at all end in an answer', () => {
  fc.assert(
    fc.property(replies, fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), (frame, flips) => {
      const changed = frame.slice();
      for (const flip of new Set(flips.map((each) => each % (frame.length * 8)))) {
        changed[flip >> 3] = (changed[flip >> 3] ?? 0) ^ (1 << (flip & 7));
      }
      const found = scan(changed);
      assert.ok(found.kind !== 'frame' || found.length !== frame.length);
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      assert.equal(giveUp(bytes, scan).held.length, 0);
    }),
    { numRuns: 200 },
  );
});

test('register values are big-endian words', () => {
  assert.deepEqual(dataWords(fromHex('0001 1000')), [1, 0x1000]);
  assert.throws(() => writeRequest(1, WRITE_COIL, 0x10000, 0), RangeError);
});
