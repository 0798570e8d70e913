import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedBus } from '../../../simulator/bus.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import {
  type SimulatedEm4100Reader,
  simulatedEm4100Reader,
} from '../../../simulator/devices/em4100-reader.ts';
import { simulatedKerongCu16 } from '../../../simulator/devices/kerong-cu16.ts';
import type { SimulatedLockBoard } from '../../../simulator/devices/lock-board.ts';
import { buildIntoSlot } from '../../../simulator/devices/slot-reader.ts';
import { simulatedWiegandKeypad } from '../../../simulator/devices/wiegand-keypad.ts';
import { seededRandom } from '../../../simulator/random.ts';

function builtIn(slot: number): {
  board: SimulatedLockBoard;
  reader: SimulatedEm4100Reader;
  clock: SimulatedClock;
} {
  const clock = new SimulatedClock();
  const around = { clock, random: seededRandom(1), say: () => {} };
  const board = simulatedKerongCu16('box', { address: 0 }, around);
  const reader = simulatedEm4100Reader('slot-7', {}, around);
  buildIntoSlot(reader, board, slot);
  return { board, reader, clock };
}

test('a reader in a slot hears the fob that lies there, and no other', async () => {
  const { board, reader } = builtIn(7);
  assert.equal(reader.showing, undefined);
  board.verbs['stock']?.run({ slot: 8, fob: '0000000008' });
  assert.equal(reader.showing, undefined);
  board.verbs['stock']?.run({ slot: 7, fob: '0000000007' });
  assert.equal(reader.showing, '0000000007');
  board.verbs['force-door']?.run({ slot: 7 });
  assert.deepEqual(board.verbs['take-key']?.run({ slot: 7 }), { fob: '0000000007' });
  assert.equal(reader.showing, undefined);
});

test('two fobs in one field drown each other', () => {
  const { board, reader } = builtIn(7);
  board.verbs['force-door']?.run({ slot: 7 });
  board.verbs['put-key']?.run({ slot: 7, fob: '0000000001' });
  board.verbs['put-key']?.run({ slot: 7, fob: '0000000002' });
  assert.equal(reader.showing, undefined);
  board.verbs['take-key']?.run({ slot: 7, fob: '0000000002' });
  assert.equal(reader.showing, '0000000001');
});

test('hands cannot do what a box does not let them', async () => {
  const { board, clock } = builtIn(7);
  const hand = (verb: string, slot = 1) => board.verbs[verb]?.run({ slot });
  assert.throws(() => hand('take-key'), RangeError, 'locked');
  assert.throws(() => hand('put-key'), RangeError, 'locked');
  assert.throws(() => hand('open-door'), RangeError, 'locked');
  assert.throws(() => hand('jam', 17), RangeError, 'no such slot');
  board.pulse(1);
  await clock.advance(100);
  assert.throws(() => hand('close-door'), RangeError, 'the solenoid is still powered');
  await clock.advance(500);
  hand('open-door');
  assert.throws(() => hand('take-key'), RangeError, 'empty');
  hand('put-key');
  hand('close-door');
  assert.equal(board.box.isLatched(1), true);
  assert.throws(() => board.verbs['put-key']?.run({ slot: 1, fob: 'x' }), RangeError);
});

test('without power a board neither hears nor pulses, and its doors stay as they are', async () => {
  const clock = new SimulatedClock();
  const bus = new SimulatedBus({ name: 'bus', clock, random: seededRandom(1) });
  const board = bus.attach('box', (around) => simulatedKerongCu16('box', { address: 0 }, around));
  const heard: Uint8Array[] = [];
  const host = bus.connect((bytes) => heard.push(bytes));
  board.power(false);
  host.hear(Uint8Array.of(0x02, 0x00, 0x30, 0x03, 0x35));
  host.hear(Uint8Array.of(0x02, 0x00, 0x31, 0x03, 0x36));
  await clock.advance(1000);
  assert.deepEqual(heard, []);
  board.power(true);
  host.hear(Uint8Array.of(0x02, 0x00, 0x30, 0x03, 0x35));
  await clock.advance(100);
  assert.deepEqual([...(heard[0] ?? [])].slice(0, 5), [0x02, 0x00, 0x35, 0xff, 0xff]);
});

test('a board answers what its vendor says, wrong sums not at all, and all boards in turn', async () => {
  const clock = new SimulatedClock();
  const bus = new SimulatedBus({ name: 'bus', clock, random: seededRandom(1) });
  for (const address of [0, 1]) {
    bus.attach(`box${address}`, (around) => simulatedKerongCu16('box', { address }, around));
  }
  const heard: string[] = [];
  const host = bus.connect((bytes) => heard.push(Buffer.from(bytes).toString('hex')));
  const say = async (hex: string) => {
    host.hear(Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex')));
    await clock.advance(200);
    return heard.splice(0);
  };
  assert.deepEqual(await say('02 10 30 03 3E'), [], 'a wrong sum of a public app');
  assert.deepEqual(await say('02 0F 31 03 49'), []);
  assert.deepEqual(await say('02 F0 32 03 27'), ['020036ffff00000339', '021036ffff00000349']);
});

test('only a reader of fobs fits into a slot', () => {
  const clock = new SimulatedClock();
  const around = { clock, random: seededRandom(1), say: () => {} };
  const keypad = simulatedWiegandKeypad('pad', {}, around);
  const board = simulatedKerongCu16('box', { address: 0 }, around);
  assert.throws(() => buildIntoSlot(keypad, board, 1), RangeError);
});
