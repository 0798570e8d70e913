import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { uptime } from '../../../drivers/contract/time.ts';
import {
  burst8Bits,
  keyOf4Bits,
  keyOf8Bits,
  USUAL_KEYS,
} from '../../../drivers/wire/keypad-burst.ts';
import {
  discardPin,
  expirePin,
  NO_ENTRY,
  type PinEvent,
  pinDeadline,
  pressKey,
} from '../../../drivers/wire/pin-entry.ts';
import { pinRules } from '../../../drivers/wire/pin-rules.ts';

const BURSTS: Readonly<Record<string, number>> = {
  '0': 0xf0,
  '1': 0xe1,
  '2': 0xd2,
  '3': 0xc3,
  '4': 0xb4,
  '5': 0xa5,
  '6': 0x96,
  '7': 0x87,
  '8': 0x78,
  '9': 0x69,
  '*': 0x5a,
  '#': 0x4b,
};

test('8-bit bursts of the published table, in both directions', () => {
  for (const [key, byte] of Object.entries(BURSTS)) {
    assert.deepEqual(keyOf8Bits(byte), { kind: 'key', key });
    assert.equal(burst8Bits(key), byte);
  }
  const keys = new Set(Object.values(BURSTS));
  for (let byte = 0; byte < 256; byte += 1) {
    assert.equal(keyOf8Bits(byte).kind === 'key', keys.has(byte), byte.toString(16));
  }
});

test('of a keypad with exchanged wires 1, 2, 3 and 0 betray it, 4 to 9 read as other keys', () => {
  for (const key of ['1', '2', '3', '0']) {
    assert.deepEqual(keyOf8Bits(~(BURSTS[key] ?? 0) & 0xff), { kind: 'swapped' });
  }
  const mistaken = { '4': '#', '5': '*', '6': '9', '7': '8', '8': '7', '9': '6' };
  for (const [pressed, read] of Object.entries(mistaken)) {
    assert.deepEqual(keyOf8Bits(~(BURSTS[pressed] ?? 0) & 0xff), { kind: 'key', key: read });
  }
});

test('4-bit bursts: digits, and what is above by a map', () => {
  assert.deepEqual(keyOf4Bits(7, USUAL_KEYS), { kind: 'key', key: '7' });
  assert.deepEqual(keyOf4Bits(10, USUAL_KEYS), { kind: 'key', key: '*' });
  assert.deepEqual(keyOf4Bits(11, { B: '*', A: '#' }), { kind: 'key', key: '*' });
  assert.deepEqual(keyOf4Bits(12, USUAL_KEYS), { kind: 'invalid' });
});

/** Types keys with `gap` ms between; says what came of it. */
function typed(keys: string, options: object = {}, gap = 500): readonly PinEvent[] {
  const rules = pinRules.parse(options);
  let entry = NO_ENTRY;
  const events: PinEvent[] = [];
  let now = 1000;
  for (const key of keys) {
    const step = pressKey(entry, key, uptime(now), rules);
    entry = step.entry;
    events.push(...step.events);
    now += gap;
  }
  events.push(...expirePin(entry, uptime(now + 60_000), rules).events);
  return events;
}
const codes = (events: readonly PinEvent[]) =>
  events.flatMap((event) => (event.kind === 'code-entered' ? [event.digits] : []));
const notices = (events: readonly PinEvent[]) =>
  events.flatMap((event) => (event.kind === 'keypad' ? [event.notice] : []));

test('a code ends with its key, or at its length, or not at all', () => {
  assert.deepEqual(codes(typed('1234#')), ['1234']);
  assert.deepEqual(codes(typed('0011#')), ['0011'], 'leading zeros and equal digits stay');
  assert.deepEqual(codes(typed('1234', { length: 4 })), ['1234']);
  assert.deepEqual(codes(typed('1234#5678', { length: 4 })), ['1234', '5678'], '# means nothing');
  assert.deepEqual(codes(typed('12#', { length: 4 })), [], 'too short');
  assert.deepEqual(codes(typed('12#1234', { length: 4, end: '#' })), ['12', '1234']);
  assert.deepEqual(codes(typed('1234')), []);
  assert.deepEqual(notices(typed('1234')).at(-1), 'timed-out');
  assert.deepEqual(typed('#'), []);
});

test('never a sliding window: too many digits are discarded whole', () => {
  const events = typed(`${'9'.repeat(17)}1234#55#`);
  assert.deepEqual(codes(events), ['55']);
  assert.equal(notices(events).includes('overlong'), true);
  assert.deepEqual(codes(typed('12345678901234567', { length: 8 })), ['12345678', '90123456']);
});

test('* clears, and what was typed before it is gone', () => {
  assert.deepEqual(codes(typed('12*34#')), ['34']);
  assert.deepEqual(notices(typed('12*')), ['key', 'key', 'cleared']);
});

test('an entry dies of a long pause, or of taking too long as a whole', () => {
  assert.deepEqual(codes(typed('12#', {}, 4999)), ['12']);
  assert.deepEqual(codes(typed('12#', {}, 5000)), []);
  assert.deepEqual(codes(typed('12345678#', {}, 4000)), [], '8 keys at 4 s are 32 s');
  const rules = pinRules.parse({});
  const { entry } = pressKey(NO_ENTRY, '1', uptime(1000), rules);
  assert.equal(pinDeadline(entry, rules), 6000);
  assert.equal(pinDeadline(NO_ENTRY, rules), undefined);
  assert.deepEqual(discardPin(entry, 'fault'), {
    entry: NO_ENTRY,
    events: [{ kind: 'keypad', notice: 'fault' }],
  });
});

test('equal keys are both taken unless the keypad is known to bounce', () => {
  assert.deepEqual(codes(typed('1122#', {}, 60)), ['1122']);
  assert.deepEqual(codes(typed('1122#', { sameKeyMs: 100 }, 60)), ['12']);
});

test('rules that contradict themselves are refused', () => {
  assert.equal(pinRules.safeParse({ end: '*' }).success, false);
  assert.equal(pinRules.safeParse({ length: 3 }).success, false);
  assert.equal(pinRules.safeParse({ lenght: 4 }).success, false);
});

test('whatever is pressed, a code has only digits that were typed in one run, at most the maximum', () => {
  const press = fc.record({
    key: fc.constantFrom(...'0123456789*#'),
    after: fc.integer({ min: 0, max: 8000 }),
  });
  fc.assert(
    fc.property(fc.array(press, { maxLength: 60 }), (presses) => {
      const rules = pinRules.parse({});
      let entry = NO_ENTRY;
      let now = 0;
      let run = '';
      for (const { key, after } of presses) {
        now += after;
        if (after >= rules.interDigitMs) run = '';
        const step = pressKey(entry, key, uptime(now), rules);
        entry = step.entry;
        for (const digits of codes(step.events)) {
          assert.match(digits, /^[0-9]{1,16}$/);
          assert.ok(run.endsWith(digits), `${digits} was not typed`);
        }
        run = key === '#' || key === '*' ? '' : run + key;
      }
    }),
    { numRuns: 200 },
  );
});
