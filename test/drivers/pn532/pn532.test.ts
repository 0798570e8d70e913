import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { deviceId } from '../../../drivers/contract/device.ts';
import { pn532 } from '../../../drivers/pn532/driver.ts';
import {
  cardsIn,
  encodePn532,
  FIRMWARE,
  PN532_MOST,
  type Pn532Frame,
  SAM_CONFIGURATION,
  scanPn532,
} from '../../../drivers/pn532/frame.ts';
import { fromHex, joinBytes, toHex } from '../../../drivers/wire/hex.ts';
import { giveUp, NOTHING_HELD, receive } from '../../../drivers/wire/receive-buffer.ts';
import { simulatedPn532 } from '../../../simulator/devices/pn532.ts';
import { wiredBus } from '../wired-bus.ts';

const hex = (text: string) => toHex(fromHex(text));

function read(stream: Uint8Array, cut = stream.length): readonly Pn532Frame[] {
  let held = NOTHING_HELD;
  const frames: Pn532Frame[] = [];
  for (let at = 0; at < stream.length; at += Math.max(1, cut)) {
    const chunk = stream.subarray(at, at + Math.max(1, cut));
    const received = receive(held, chunk, scanPn532, PN532_MOST);
    held = received.held;
    frames.push(...received.frames);
  }
  return frames;
}

test('requests as libnfc sends them', () => {
  assert.equal(toHex(encodePn532(SAM_CONFIGURATION)), hex('00 00 FF 03 FD D4 14 01 17 00'));
  assert.equal(toHex(encodePn532(FIRMWARE)), hex('00 00 FF 02 FE D4 02 2A 00'));
  const fieldOn = Uint8Array.of(0x32, 0x01, 0x01);
  assert.equal(toHex(encodePn532(fieldOn)), hex('00 00 FF 04 FC D4 32 01 01 F8 00'));
  const list = Uint8Array.of(0x4a, 0x01, 0x00);
  assert.equal(toHex(encodePn532(list)), hex('00 00 FF 04 FC D4 4A 01 00 E1 00'));
  assert.equal(toHex(encodePn532(Uint8Array.of(0x44, 0))), hex('00 00 FF 03 FD D4 44 00 E8 00'));
});

test('published answers, several in one chunk and cut anywhere', () => {
  const texts = [
    '00 00 FF 00 FF 00',
    '00 00 FF 02 FE D5 15 16 00',
    '00 00 FF 06 FA D5 03 32 01 06 07 E8 00',
    '00 00 FF 01 FF 7F 81 00',
    '00 00 FF 0C F4 D5 4B 01 01 00 04 08 04 DE AD BE EF 96 00',
    '00 00 FF 0F F1 D5 4B 01 01 00 44 00 07 04 A1 B2 C3 D4 E5 F6 CA 00',
    '00 00 FF 03 FD D5 4B 00 E0 00',
    '00 00 FF 03 FD D5 45 00 E6 00',
  ];
  const stream = fromHex(texts.join(' '));
  for (let cut = 1; cut <= 30; cut += 1) {
    const frames = read(stream, cut);
    assert.deepEqual(
      frames.map((frame) => (frame.kind === 'answer' ? frame.code.toString(16) : frame.kind)),
      ['ack', '15', '3', 'error', '4b', '4b', '4b', '45'],
    );
    const cards = frames.flatMap((frame) =>
      frame.kind === 'answer' && frame.code === 0x4b ? (cardsIn(frame.data) ?? []) : [],
    );
    assert.deepEqual(cards.map(toHex), ['deadbeef', '04a1b2c3d4e5f6']);
  }
});

test('answers come out of any noise, and one changed bit gives no other answer', () => {
  const answers = fc.uint8Array({ minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(answers, fc.uint8Array({ maxLength: 8 }), fc.nat(), (command, noise, flip) => {
      const frame = encodePn532(command, 'chip');
      const stream = joinBytes(
        noise.filter((byte) => byte !== 0xff),
        frame,
      );
      const [found] = read(stream, 3).filter(({ kind }) => kind === 'answer');
      assert.ok(found?.kind === 'answer');
      assert.equal(toHex(found.data), toHex(command.slice(1)));
      const bit = flip % (frame.length * 8);
      frame[bit >> 3] = (frame[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      for (const each of read(frame)) {
        if (each.kind === 'answer') assert.equal(toHex(each.data), toHex(command.slice(1)));
      }
    }),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      giveUp(bytes, scanPn532);
      cardsIn(bytes);
    }),
    { numRuns: 200 },
  );
});

test('it is woken, says who it is, and tells each card once while it stays', async () => {
  const wired = await wiredBus(pn532, { nfc: { options: {}, build: simulatedPn532 } });
  await wired.clock.advance(1000);
  assert.equal(wired.of('online').length, 1);
  assert.equal(wired.of('identity')[0]?.firmware, '1.6');
  wired.hand('nfc', 'show', { uid: 'DEADBEEF' });
  await wired.clock.advance(5000);
  wired.hand('nfc', 'show', { uid: '04A1B2C3D4E5F6' });
  await wired.clock.advance(1000);
  wired.hand('nfc', 'remove');
  await wired.clock.advance(2000);
  wired.hand('nfc', 'show', { uid: 'DEADBEEF' });
  await wired.clock.advance(1000);
  assert.deepEqual(
    wired.of('card-read').map(({ bits, bitCount }) => [toHex(bits), bitCount]),
    [
      ['deadbeef', 32],
      ['04a1b2c3d4e5f6', 56],
      ['deadbeef', 32],
    ],
  );
});

test('the random number of a phone is nobody', async () => {
  const wired = await wiredBus(pn532, { nfc: { options: {}, build: simulatedPn532 } });
  await wired.clock.advance(1000);
  // Another one at each look, for as long as it lies there.
  for (let look = 0; look < 10; look += 1) {
    wired.hand('nfc', 'show', { uid: `0812345${look}` });
    await wired.clock.advance(250);
  }
  assert.deepEqual(wired.of('card-read'), []);
  assert.equal(wired.of('card-malformed').length, 1);
});

test('asked for its state, it tells again what lies there, or that nothing does', async () => {
  const wired = await wiredBus(pn532, { nfc: { options: {}, build: simulatedPn532 } });
  wired.hand('nfc', 'show', { uid: 'DEADBEEF' });
  await wired.clock.advance(3000);
  const device = deviceId('nfc');
  const there = await wired.result(wired.actuate({ kind: 'read-state', device }));
  assert.deepEqual([there.result, there.observed], ['done', true]);
  assert.equal(wired.of('card-read').length, 2);
  wired.hand('nfc', 'remove');
  await wired.clock.advance(500);
  const gone = await wired.result(wired.actuate({ kind: 'read-state', device }));
  assert.deepEqual([gone.result, gone.observed], ['done', false]);
});

test('a dip of its supply costs a moment; a reader that stays silent is offline and comes back', async () => {
  const wired = await wiredBus(pn532, { nfc: { options: {}, build: simulatedPn532 } });
  await wired.clock.advance(1000);
  wired.hand('nfc', 'sleep');
  await wired.clock.advance(3000);
  wired.hand('nfc', 'show', { uid: 'DEADBEEF' });
  await wired.clock.advance(1000);
  assert.equal(wired.of('card-read').length, 1);
  assert.deepEqual(wired.of('offline'), []);
  wired.hand('nfc', 'mute');
  await wired.clock.advance(10_000);
  assert.equal(wired.of('offline').length, 1);
  wired.hand('nfc', 'mute', { on: false });
  await wired.clock.advance(3000);
  assert.deepEqual(
    wired.of('fault').map(({ fault, state }) => [fault, state]),
    [
      ['silent', 'raised'],
      ['silent', 'cleared'],
    ],
  );
});

test('noise on its line loses no card for good', async () => {
  const wired = await wiredBus(pn532, { nfc: { options: {}, build: simulatedPn532 } }, { seed: 7 });
  wired.bus.setFaults({ garble: 0.02, lose: 0.01, noise: 0.05, split: 1 });
  for (let count = 0; count < 50; count += 1) {
    const uid = `01${String(count).padStart(6, '0')}`;
    wired.events.length = 0;
    wired.hand('nfc', 'show', { uid });
    await wired.clock.advance(6000);
    assert.deepEqual(new Set(wired.of('card-read').map(({ bits }) => toHex(bits))), new Set([uid]));
  }
});
