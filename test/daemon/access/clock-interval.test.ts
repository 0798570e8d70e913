import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  beginClock,
  bestGuess,
  type ClockInput,
  type ClockMarks,
  type ClockOptions,
  type ClockStep,
  intervalAt,
  stepClock,
} from '../../../daemon/access/clock-interval.ts';
import type { RtcReading } from '../../../daemon/access/hardware-clock.ts';
import { type Instant, instant, uptime } from '../../../drivers/contract/time.ts';
import { DAY, HOUR, MINUTE, typesOf } from './world.ts';

const TRUE = Date.UTC(2027, 4, 10, 10);
/** The holes of a clock are rare acts, one after the other. */
const RUNS = process.env['LATCHKEY_LONG'] === '1' ? 200_000 : 3000;
const GRACE: ClockOptions = { policy: 'grace', graceHours: 12 };

/** A machine whose wall clock may be wrong, on a true time that the tests know. */
class Machine {
  readonly options: ClockOptions;
  true = TRUE;
  up = 3_000;
  boot = 'b1';
  /** What the wall clock is off by. */
  off = 0;
  contact: Instant | undefined;
  /** What the clock with the battery is off by, where there is one. */
  rtcOff: number | undefined;
  /** The crystal is too fast by this part, and both clocks with it. */
  drift = 0;
  marks: ClockMarks | undefined;
  step: ClockStep;
  readonly seen: string[] = [];

  constructor(options: ClockOptions = GRACE, marks?: ClockMarks) {
    this.options = options;
    this.marks = marks;
    this.step = this.begin();
  }

  /** What the clock with the battery says; undefined: there is none, or it does not answer. */
  get rtc(): RtcReading | undefined {
    const { rtcOff } = this;
    return rtcOff === undefined ? undefined : { name: 'rtc', at: instant(this.true + rtcOff) };
  }

  begin(): ClockStep {
    return this.keep(
      beginClock({
        boot: this.boot,
        uptime: uptime(this.up),
        wall: instant(this.true + this.off),
        marks: this.marks,
        floors: [instant(Date.UTC(2026, 0, 1))],
        rtc: this.rtc,
      }),
    );
  }

  keep(step: ClockStep): ClockStep {
    this.step = step;
    if (step.marks) this.marks = step.marks;
    this.seen.push(...typesOf(step.entries));
    return step;
  }

  input(input: ClockInput): string[] {
    return typesOf(this.keep(stepClock(this.step.state, input, uptime(this.up))).entries);
  }

  elapse(length: number): void {
    this.true += length;
    this.up += length * (1 + this.drift);
    this.off += length * this.drift;
  }

  /** Time passes, the OS is looked at each minute. */
  pass(length: number, isSynced = false): string[] {
    const found: string[] = [];
    for (let left = length; left > 0; left -= MINUTE) {
      this.elapse(Math.min(left, MINUTE));
      if (isSynced) this.agree();
      found.push(...this.look());
    }
    return found;
  }

  /** With a time server, right or not. */
  agree(): void {
    this.contact = instant(this.true + this.off);
  }

  look(): string[] {
    const { contact, rtc } = this;
    return this.input({ kind: 'look', wall: instant(this.true + this.off), contact, rtc });
  }

  get interval() {
    return intervalAt(this.step.state, uptime(this.up), this.options);
  }

  reboot(sleep: number, isDaemonOnly = false): void {
    if (isDaemonOnly) {
      this.elapse(sleep);
    } else {
      this.true += sleep;
      this.boot = `b${Number(this.boot.slice(1)) + 1}`;
      this.up = 3_000;
      this.contact = undefined;
    }
    this.begin();
    this.look();
  }
}

test('trusted after a contact, holdover an hour after the last, growing 8.6 seconds a day', () => {
  const machine = new Machine();
  assert.equal(machine.interval.state, 'floor');
  assert.deepEqual(machine.pass(MINUTE, true), ['system.clock_corrected', 'system.clock_state']);
  assert.equal(machine.interval.state, 'trusted');
  assert.deepEqual(
    [machine.interval.lo, machine.interval.hi],
    [machine.true - 100, machine.true + 100],
  );
  assert.deepEqual(machine.pass(HOUR), []);
  assert.deepEqual(machine.pass(MINUTE), ['system.clock_state']);
  assert.equal(machine.interval.state, 'holdover');
  machine.pass(DAY - HOUR - MINUTE);
  assert.ok(Math.abs((machine.interval.hi - machine.interval.lo) / 2 - 8_740) < 20);
  machine.pass(MINUTE, true);
  assert.equal(machine.interval.state, 'trusted');
  assert.equal(machine.interval.hi - machine.interval.lo, 200);
});

test('floor: lo is what certainly passed, hi by policy', () => {
  const marks = { highWater: instant(TRUE - HOUR), boot: 'b0', uptime: uptime(1), graceUsed: 0 };
  const grace = new Machine(GRACE, marks).interval;
  assert.deepEqual([grace.lo, grace.hi, grace.state], [TRUE - HOUR, TRUE + 11 * HOUR, 'floor']);
  assert.equal(grace.graceLeft, 12 * HOUR - 15 * MINUTE);
  const deny = new Machine({ policy: 'deny', graceHours: 12 }, marks).interval;
  assert.equal(deny.hi, Number.POSITIVE_INFINITY);
  const fresh = new Machine(GRACE).interval;
  assert.equal(fresh.lo, Date.UTC(2026, 0, 1));
});

test('a boot in 1970 is broken, keeps the high-water mark, and goes on counting', () => {
  const marks = { highWater: instant(TRUE), boot: 'b0', uptime: uptime(1), graceUsed: 0 };
  const machine = new Machine(GRACE, marks);
  machine.off = -TRUE;
  machine.reboot(0);
  assert.equal(machine.interval.state, 'broken');
  assert.ok(machine.seen.includes('security.clock_jump'));
  machine.pass(HOUR);
  assert.ok(machine.interval.lo > TRUE + HOUR - MINUTE && machine.interval.lo <= machine.true);
  machine.off = 0;
  machine.pass(MINUTE, true);
  assert.equal(machine.interval.state, 'trusted');
});

test('a wall clock a little behind what certainly passed is no alarm; two minutes behind is', () => {
  const marks = { highWater: instant(TRUE), boot: 'b0', uptime: uptime(1), graceUsed: 0 };
  for (const [behind, state] of [
    [2 * MINUTE, 'floor'],
    [2 * MINUTE + 1, 'broken'],
  ] as const) {
    const machine = new Machine(GRACE, marks);
    machine.off = -behind;
    machine.reboot(0);
    assert.equal(machine.interval.state, state);
  }
});

test('the high-water mark is written every minute in every state, and never goes back', () => {
  for (const prepare of [
    () => {},
    (machine: Machine) => machine.pass(MINUTE, true),
    (machine: Machine) => {
      machine.pass(MINUTE, true);
      machine.off = 10 * HOUR;
      machine.pass(MINUTE);
    },
  ]) {
    const machine = new Machine(GRACE, {
      highWater: instant(TRUE),
      boot: 'b0',
      uptime: uptime(1),
      graceUsed: 0,
    });
    prepare(machine);
    let last = machine.marks?.highWater ?? 0;
    for (let n = 0; n < 30; n++) {
      machine.pass(MINUTE);
      const mark = machine.marks?.highWater ?? 0;
      assert.ok(mark >= last && mark % MINUTE === 0);
      assert.ok(mark <= machine.true);
      last = mark;
    }
    assert.ok(last >= TRUE + 28 * MINUTE, machine.interval.state);
  }
});

test('a wall clock that leaps is not believed, in either direction, until it is right again', () => {
  for (const leap of [6 * MINUTE, 400 * DAY, -6 * MINUTE, -400 * DAY]) {
    const machine = new Machine();
    machine.pass(2 * MINUTE, true);
    machine.off = leap;
    const found = machine.pass(MINUTE, true);
    assert.deepEqual(found, ['security.clock_jump', 'system.clock_state'], String(leap));
    assert.equal(machine.interval.state, 'broken');
    assert.ok(machine.interval.lo <= machine.true && machine.interval.lo > machine.true - MINUTE);
    machine.off = 0;
    machine.pass(MINUTE, true);
    assert.equal(machine.interval.state, 'trusted', String(leap));
  }
  const small = new Machine();
  small.pass(MINUTE, true);
  small.off = 4 * MINUTE;
  assert.deepEqual(small.pass(MINUTE), []);
  assert.ok(small.interval.hi < small.true + 200);
});

test('a time server that lies forward is not believed, in one leap or in many steps, until somebody else says the same', () => {
  const machine = new Machine();
  machine.pass(2 * MINUTE, true);
  machine.off = 60 * HOUR;
  machine.agree();
  assert.deepEqual(machine.look(), ['security.clock_jump', 'system.clock_state']);
  for (let n = 0; n < 20; n++) {
    machine.agree(); // it goes on vouching for it
    assert.deepEqual(machine.pass(HOUR), []);
    const { lo, hi, state, graceLeft } = machine.interval;
    assert.equal(state, 'broken');
    assert.ok(lo <= machine.true && hi >= machine.true && hi - lo < 20_000, 'by its own count');
    assert.equal(graceLeft, 12 * HOUR, 'no grace is spent: time is bounded');
  }
  // The same lie after a restart of the machine, which knows nothing of the time between.
  machine.reboot(HOUR);
  machine.agree();
  assert.ok(machine.look().includes('security.clock_jump'));
  assert.equal(machine.interval.state, 'floor');
  machine.true += 1;
  machine.agree();
  assert.deepEqual(machine.look(), [], 'told once');
  machine.input({ kind: 'stated', at: instant(machine.true), error: MINUTE });
  assert.equal(machine.interval.state, 'holdover');
  machine.true += 1;
  machine.agree();
  machine.look();
  assert.equal(machine.interval.state, 'broken', 'and it is no more believed than before');
  machine.off = 0;
  machine.pass(MINUTE, true);
  assert.equal(machine.interval.state, 'trusted', 'the truth needs no witness');

  const steps = new Machine();
  steps.pass(MINUTE, true);
  let believed = 0;
  for (let n = 0; n < 20; n++) {
    steps.off += 2 * MINUTE;
    steps.pass(MINUTE, true);
    if (steps.interval.state === 'trusted') believed = steps.off;
  }
  assert.equal(steps.interval.state, 'broken');
  assert.ok(believed <= 6 * MINUTE, `led forward by ${believed} ms`);
});

test('after a start a time server is believed as far ahead as a box may have lain dark; the first of all without bound', () => {
  const fresh = new Machine();
  fresh.reboot(0);
  fresh.pass(MINUTE, true);
  assert.equal(fresh.interval.state, 'trusted', 'ten months after it was built');
  fresh.reboot(29 * DAY);
  fresh.pass(MINUTE, true);
  assert.equal(fresh.interval.state, 'trusted');
  fresh.reboot(31 * DAY);
  assert.ok(fresh.pass(MINUTE, true).includes('security.clock_jump'));
  assert.equal(fresh.interval.state, 'floor');
  fresh.input({ kind: 'tls-date', at: instant(fresh.true), roundTrip: 100 });
  fresh.pass(MINUTE, true);
  assert.equal(fresh.interval.state, 'trusted', 'a witness said the same');
});

test('grace is one durable budget since time was known; each start costs a quarter of an hour', () => {
  const machine = new Machine();
  machine.pass(MINUTE, true);
  for (let start = 1; start <= 4; start++) {
    machine.reboot(HOUR);
    machine.pass(HOUR);
    const used = 12 * HOUR - (machine.interval.graceLeft ?? 0);
    assert.equal(used, start * (HOUR + 15 * MINUTE));
  }
  for (let start = 0; start < 60; start++) machine.reboot(0);
  assert.equal(machine.interval.graceLeft, 0);
  machine.pass(MINUTE, true);
  machine.reboot(0);
  assert.equal(machine.interval.graceLeft, 12 * HOUR - 15 * MINUTE);
});

test('a restart of the daemon alone loses nothing of what the boot counted', () => {
  const machine = new Machine();
  machine.pass(90 * MINUTE, true);
  machine.reboot(30 * MINUTE, true);
  assert.ok(machine.interval.lo > machine.true - 3 * MINUTE);
});

test('a signed time sets the interval where time is not known, else only raises lo', () => {
  const machine = new Machine();
  const at = (error: number): ClockInput => ({
    kind: 'signed-time',
    at: instant(machine.true),
    error,
  });
  assert.deepEqual(machine.input(at(500)), ['system.clock_corrected', 'system.clock_state']);
  assert.deepEqual(
    [machine.interval.lo, machine.interval.hi, machine.interval.state],
    [machine.true - 500, machine.true + 500, 'holdover'],
  );
  machine.input(at(200));
  assert.deepEqual(
    [machine.interval.lo, machine.interval.hi],
    [machine.true - 200, machine.true + 500],
  );
  machine.input(at(400));
  assert.equal(machine.interval.lo, machine.true - 200);
  const late: ClockInput = { kind: 'signed-time', at: instant(machine.true - HOUR), error: 500 };
  assert.deepEqual(machine.input(late), ['security.clock_jump']);
  const early: ClockInput = { kind: 'signed-time', at: instant(machine.true + HOUR), error: 500 };
  assert.deepEqual(machine.input(early), ['security.clock_jump', 'system.clock_state']);
  assert.equal(machine.interval.state, 'broken');
});

test('a TLS date is good to two seconds and its round trip', () => {
  const machine = new Machine();
  machine.input({ kind: 'tls-date', at: instant(machine.true), roundTrip: 300 });
  assert.deepEqual(
    [machine.interval.lo, machine.interval.hi],
    [machine.true - 2_300, machine.true + 2_300],
  );
});

/** It agreed with a time server, and was right after a night without power. */
function proven(): Machine {
  const machine = new Machine();
  machine.rtcOff = 700;
  machine.pass(MINUTE, true);
  machine.reboot(8 * HOUR);
  assert.equal(machine.interval.state, 'floor', 'agreeing alone proves no battery');
  machine.pass(MINUTE, true);
  assert.equal(machine.marks?.rtc?.kept, true);
  return machine;
}

test('a battery clock that time servers proved is trusted at start, with the drift of its time alone', () => {
  const machine = proven();
  machine.reboot(10 * DAY);
  assert.equal(machine.interval.state, 'trusted');
  const half = (machine.interval.hi - machine.interval.lo) / 2;
  assert.ok(Math.abs(half - (2_000 + 86_400)) < 20, `${half}: two seconds and 100 ppm`);
  assert.ok(machine.interval.lo <= machine.true && machine.interval.hi >= machine.true);
  assert.equal(machine.marks?.graceUsed, 0);
  machine.pass(HOUR + MINUTE);
  assert.equal(machine.interval.state, 'holdover', 'an hour later it is as old as any contact');
  machine.pass(MINUTE, true);
  assert.equal(machine.interval.hi - machine.interval.lo, 200);
});

const BEFALLS: readonly (readonly [what: string, how: (machine: Machine) => void])[] = [
  ['it lost its time', (machine) => Object.assign(machine, { rtcOff: -TRUE })],
  ['it stood still without power', (machine) => Object.assign(machine, { rtcOff: -2 * DAY })],
  ['it does not answer', (machine) => Object.assign(machine, { rtcOff: undefined })],
  ['the system says otherwise', (machine) => Object.assign(machine, { off: 3 * MINUTE })],
  [
    'it is farther ahead than a time server may be',
    (machine) => Object.assign(machine, { true: machine.true + 31 * DAY }),
  ],
  [
    'it was set by a time server that lied',
    (machine) => {
      Object.assign(machine, { off: 2 * DAY, rtcOff: 2 * DAY, contact: machine.true + 2 * DAY });
      assert.ok(machine.look().includes('security.clock_jump'));
      machine.look();
    },
  ],
  [
    'it is the one of the unit before',
    (machine) => {
      const { marks } = machine;
      assert.ok(marks?.rtc !== undefined);
      machine.marks = { ...marks, rtc: { ...marks.rtc, name: 'of another machine' } };
    },
  ],
];

for (const [what, befalls] of BEFALLS) {
  test(`a battery clock that was proven is not believed where ${what}`, () => {
    const machine = proven();
    befalls(machine);
    machine.boot = 'b9';
    machine.contact = undefined;
    machine.true += DAY;
    machine.begin();
    assert.notEqual(machine.interval.state, 'trusted');
    assert.ok(machine.interval.lo <= machine.true);
  });
}

test('a battery clock that was wrong at a start is believed no more, until it was right at another', () => {
  const machine = proven();
  machine.rtcOff = -2 * HOUR; // its battery is empty
  machine.reboot(DAY);
  machine.rtcOff = 300; // the kernel has set it
  machine.pass(MINUTE, true);
  assert.equal(machine.marks?.rtc?.kept, false);
  machine.reboot(DAY);
  assert.equal(machine.interval.state, 'floor');
  machine.pass(MINUTE, true);
  machine.reboot(DAY);
  assert.equal(machine.interval.state, 'trusted');
});

test('a start that followed at once on the last proves nothing of a battery', () => {
  const machine = new Machine();
  machine.rtcOff = 0;
  machine.pass(MINUTE, true);
  machine.reboot(5 * MINUTE);
  machine.pass(MINUTE, true);
  assert.equal(machine.marks?.rtc?.kept, false);
});

test('the correction tells how far entries of this boot were dated too early', () => {
  const marks = {
    highWater: instant(TRUE - 3 * HOUR),
    boot: 'b0',
    uptime: uptime(1),
    graceUsed: 0,
  };
  const machine = new Machine(GRACE, marks);
  assert.equal(bestGuess(machine.step.state, uptime(machine.up)), TRUE - 3 * HOUR);
  machine.pass(MINUTE, true);
  const corrected = machine.step.entries.find(({ type }) => type === 'system.clock_corrected');
  assert.equal(corrected?.body['boot'], 'b1');
  assert.ok(Math.abs(Number(corrected?.body['offsetMs']) - 3 * HOUR) < 100);
});

test('whatever happens, true time is not before lo, nor after hi where it is known', () => {
  const act = fc.oneof(
    fc.record({
      do: fc.constant('pass' as const),
      by: fc.integer({ min: 1, max: 3 * HOUR }),
      synced: fc.boolean(),
    }),
    fc.record({
      do: fc.constant('reboot' as const),
      by: fc.integer({ min: 0, max: 5 * DAY }),
      daemon: fc.boolean(),
    }),
    fc.record({ do: fc.constant('leap' as const), by: fc.integer({ min: -DAY, max: DAY }) }),
    fc.record({ do: fc.constant('right' as const) }),
    fc.record({ do: fc.constant('signed' as const), error: fc.integer({ min: 0, max: 5_000 }) }),
  );
  fc.assert(
    fc.property(
      fc.array(act, { maxLength: 25 }),
      fc.integer({ min: -90, max: 90 }),
      (acts, ppm) => {
        const machine = new Machine();
        machine.drift = ppm / 1e6;
        let lowest = 0;
        for (const each of acts) {
          if (each.do === 'pass') {
            // The OS only has contact with a right server; a leap in between is somebody's hand.
            if (!each.synced) machine.pass(each.by);
            for (let left = each.synced ? each.by : 0; left > 0; left -= MINUTE) {
              machine.off = 0;
              machine.pass(Math.min(left, MINUTE), true);
            }
          } else if (each.do === 'reboot') machine.reboot(each.by, each.daemon);
          else if (each.do === 'leap') {
            // Marks are written each minute: no hand is quicker.
            machine.pass(MINUTE);
            machine.off = each.by;
          } else if (each.do === 'right') machine.off = 0;
          else machine.input({ kind: 'signed-time', at: instant(machine.true), error: each.error });
          const { lo, hi, state } = machine.interval;
          assert.ok(lo <= machine.true + 1, `lo ${lo - machine.true} ahead in ${state}`);
          if (state === 'trusted' || state === 'holdover') assert.ok(hi >= machine.true - 1);
          assert.ok((machine.marks?.highWater ?? 0) >= lowest);
          lowest = machine.marks?.highWater ?? 0;
        }
      },
    ),
    { numRuns: RUNS },
  );
});
