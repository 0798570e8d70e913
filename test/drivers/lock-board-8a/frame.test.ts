import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { lockBoard8a } from '../../../drivers/lock-board-8a/driver.ts';
import {
  allRequest,
  channelBits,
  channelRequest,
  openRequest,
  readChannel,
  scan8a,
} from '../../../drivers/lock-board-8a/frame.ts';
import { fromHex, joinBytes, toHex } from '../../../drivers/wire/hex.ts';
import { giveUp, NOTHING_HELD, receive } from '../../../drivers/wire/receive-buffer.ts';
import { simulatedLockBoard8a } from '../../../simulator/devices/lock-board-8a.ts';
import { wiredBus } from '../wired-bus.ts';

const hex = (text: string) => toHex(fromHex(text));
const OPTIONS = { statusBytesLeast: 3, statusBytesMost: 7 };
const scan = (bytes: Uint8Array) => scan8a(bytes, OPTIONS);

test('requests of the published table', () => {
  assert.equal(toHex(openRequest(1, 1)), hex('8A 01 01 11 9B'));
  assert.equal(toHex(openRequest(2, 10)), hex('8A 02 0A 11 93'));
  assert.equal(toHex(openRequest(31, 24)), hex('8A 1F 18 11 9C'));
  assert.equal(toHex(openRequest(1, 1, 3)), hex('8A 01 01 11 03 98'));
  assert.equal(toHex(channelRequest(1, 1)), hex('80 01 01 33 B3'));
  assert.equal(toHex(allRequest(1)), hex('80 01 00 33 B2'));
});

test('no channel number reaches the code that opens everything', () => {
  for (const channel of [0, -1, 51, 256, 0.5]) {
    assert.throws(() => openRequest(1, channel), RangeError);
    assert.throws(() => channelRequest(1, channel), RangeError);
  }
  assert.throws(() => openRequest(0, 1), RangeError);
  assert.throws(() => openRequest(32, 1), RangeError);
  assert.throws(() => openRequest(1, 1, 0), RangeError);
  assert.throws(() => openRequest(1, 1, 10), RangeError);
});

test('replies of the published table', () => {
  const frame = (text: string) => {
    const found = scan(fromHex(text));
    assert.equal(found.kind, 'frame', text);
    return found.kind === 'frame' ? found.frame : undefined;
  };
  assert.deepEqual(frame('8A 01 01 00 8A'), { kind: 'opened', board: 1, channel: 1, isOn: false });
  assert.deepEqual(frame('8A 02 0A 00 82'), { kind: 'opened', board: 2, channel: 10, isOn: false });
  assert.deepEqual(frame('8A 01 01 11 9B'), { kind: 'opened', board: 1, channel: 1, isOn: true });
  assert.deepEqual(frame('82 01 01 11 93'), { kind: 'changed', board: 1, channel: 1, isOn: true });
  assert.deepEqual(readChannel(fromHex('80 01 01 11 91')), { board: 1, channel: 1, isOn: true });
  assert.deepEqual(readChannel(fromHex('80 01 01 00 80')), { board: 1, channel: 1, isOn: false });
  const bits = (text: string) => {
    const found = frame(text);
    assert.ok(found?.kind === 'all');
    return channelBits(found.status, 'last-first', 24);
  };
  assert.ok(bits('80 01 00 00 00 33 B2').every((bit) => bit === false));
  assert.deepEqual(
    bits('80 01 00 00 02 33 B0').flatMap((bit, index) => (bit ? [index + 1] : [])),
    [2],
  );
  assert.deepEqual(
    bits('80 01 FF FF FE 33 4C').flatMap((bit, index) => (bit ? [] : [index + 1])),
    [1],
  );
});

test('a status survives the wire with any cut and stray bytes before it', () => {
  const status = fc
    .integer({ min: 3, max: 7 })
    .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 31 }),
      status,
      fc.uint8Array({ maxLength: 4 }).map((b) => b.filter((x) => x < 0x80 || x > 0x9b)),
      fc.integer({ min: 1, max: 5 }),
      (board, bytes, stray, cut) => {
        const body = joinBytes(Uint8Array.of(0x80, board), bytes, Uint8Array.of(0x33));
        const frame = joinBytes(body, Uint8Array.of(body.reduce((check, byte) => check ^ byte, 0)));
        const options = { statusBytesLeast: bytes.length, statusBytesMost: bytes.length };
        const stream = joinBytes(stray, frame);
        let held = NOTHING_HELD;
        const found = [];
        for (let at = 0; at < stream.length; at += cut) {
          const chunk = stream.subarray(at, at + cut);
          const received = receive(held, chunk, (b) => scan8a(b, options), 11);
          held = received.held;
          found.push(...received.frames);
        }
        assert.deepEqual(found, [{ kind: 'all', board, status: bytes }]);
      },
    ),
    { numRuns: 300 },
  );
});

test('one changed bit never gives another status, and any bytes at all end in an answer', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 3, maxLength: 3 }), fc.nat(55), (bytes, bit) => {
      const body = joinBytes(Uint8Array.of(0x80, 1), bytes, Uint8Array.of(0x33));
      const frame = joinBytes(body, Uint8Array.of(body.reduce((check, byte) => check ^ byte, 0)));
      frame[bit >> 3] = (frame[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const only3 = { statusBytesLeast: 3, statusBytesMost: 3 };
      for (const each of giveUp(frame, (b) => scan8a(b, only3)).frames) {
        assert.notEqual(each.kind, 'all');
      }
    }),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      assert.equal(giveUp(bytes, scan).held.length, 0);
    }),
    { numRuns: 300 },
  );
});

test('what begins like a request may be a status; only silence makes it a request', () => {
  const request = fromHex('80 01 00 33 B2');
  assert.equal(scan(request).kind, 'need-more');
  assert.deepEqual(scan8a(request, OPTIONS, true), {
    kind: 'frame',
    length: 5,
    frame: { kind: 'request', board: 1 },
  });
});

test('a board that speaks by itself is heard at once, but believed only with a second reading', async () => {
  const wired = await wiredBus(lockBoard8a, {
    box: { options: { address: 1, slots: 8, pollMs: 5000 }, build: simulatedLockBoard8a },
  });
  await wired.clock.advance(6000);
  wired.hand('box', 'speak-up');
  wired.events.length = 0;
  const begun = wired.clock.uptime();
  wired.hand('box', 'force-door', { slot: 4 });
  await wired.clock.runUntil(() => wired.of('slot-door').length > 0, 4000);
  assert.deepEqual(
    wired.of('slot-door').map(({ slot, isOpen, first }) => [slot, isOpen, first]),
    [[4, true, false]],
  );
  assert.ok(wired.clock.uptime() - begun < 300);
});

test('boards of 8 and of 50 channels, and those with the other byte order, are read', async () => {
  for (const options of [
    { slots: 8 },
    { slots: 50 },
    { slots: 24, statusOrder: 'first-first' },
    { slots: 12, timedOpen: true },
  ]) {
    const wired = await wiredBus(lockBoard8a, {
      box: { options: { ...options, address: 31 }, build: simulatedLockBoard8a },
    });
    await wired.clock.advance(2000);
    assert.equal(wired.of('slot-door').length, options.slots);
    const result = await wired.result(wired.openSlot('box', options.slots));
    assert.equal(result.result, 'done');
    assert.deepEqual(
      wired.of('slot-door').flatMap(({ slot, first }) => (first ? [] : [slot])),
      [options.slots],
    );
  }
});

test('a board that is told how long: the supply powers one coil at a time, and its late answer still tells the outcome', async () => {
  const options = { address: 1, timedOpen: true };
  const wired = await wiredBus(lockBoard8a, { box: { options, build: simulatedLockBoard8a } });
  await wired.clock.advance(1000);
  const [first, second] = [3, 4].map((slot) => wired.openSlot('box', slot, 20_000, 5000));
  await wired.clock.advance(12_000);
  const results = [first, second].map((id = '') => wired.resultsOf(id)[0]);
  assert.deepEqual(
    results.map((each) => [each?.result, each?.acknowledged]),
    [
      ['done', true],
      ['done', true],
    ],
  );
  assert.match(JSON.stringify(wired.bus.devices.get('box')?.look()), /"mostPulsingAtOnce":1/);
});
