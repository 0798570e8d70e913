import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DayWindow, Schedule, Weekday } from '../../../daemon/access/model.ts';
import { minuteOfDay, scheduleFaults, standing } from '../../../daemon/access/schedule.ts';
import { instant } from '../../../drivers/contract/time.ts';

const SITE = { zone: 'Europe/Stockholm', holidays: [] };
const DAY = 86_400_000;

function at(text: string): ReturnType<typeof instant> {
  return instant(Date.parse(text));
}

function weekly(
  days: readonly Weekday[],
  from: string,
  to: string,
  more: Partial<Schedule> = {},
): Schedule {
  return { zone: 'site', weekly: [{ days, from, to }], ...more };
}

/** Whether the schedule holds at that one moment. */
function holds(
  schedule: Schedule,
  text: string,
  holidays: readonly { date: string; windows: readonly DayWindow[] }[] = [],
): boolean {
  const now = at(text);
  const { certain, possible } = standing(schedule, { ...SITE, holidays }, now, instant(now + 1));
  assert.equal(certain, possible);
  return certain;
}

test('Mondays 10 to 12, half-open, in local time summer and winter', () => {
  const cleaner = weekly([1], '10:00', '12:00');
  for (const [text, isInside] of [
    ['2027-05-10T09:59:59+02:00', false],
    ['2027-05-10T10:00:00+02:00', true],
    ['2027-05-10T11:59:59.999+02:00', true],
    ['2027-05-10T12:00:00+02:00', false],
    ['2027-05-11T11:00:00+02:00', false],
    ['2027-12-06T10:00:00+01:00', true],
    ['2027-12-06T09:59:00+01:00', false],
  ] as const) {
    assert.equal(holds(cleaner, text), isInside, text);
  }
});

test('a window that crosses midnight belongs to the day it starts on', () => {
  const night = weekly([5], '22:00', '06:00');
  assert.ok(holds(night, '2027-05-14T22:00+02:00'));
  assert.ok(holds(night, '2027-05-15T05:59:59+02:00'));
  assert.ok(!holds(night, '2027-05-15T06:00+02:00'));
  assert.ok(!holds(night, '2027-05-15T22:00+02:00'));
  assert.ok(!holds(night, '2027-05-14T05:00+02:00'));
});

test('so does an exception', () => {
  const night = weekly([5, 6], '22:00', '06:00', {
    exceptions: [{ date: '2027-05-15', windows: [] }],
  });
  assert.ok(holds(night, '2027-05-15T05:00+02:00'));
  assert.ok(!holds(night, '2027-05-15T22:00+02:00'));
  assert.ok(!holds(night, '2027-05-16T05:00+02:00'));
});

test('24:00 is an end, 23:59 means 23:59:00', () => {
  assert.ok(holds(weekly([1], '20:00', '24:00'), '2027-05-10T23:59:59+02:00'));
  assert.ok(!holds(weekly([1], '20:00', '24:00'), '2027-05-11T00:00+02:00'));
  assert.ok(!holds(weekly([1], '20:00', '23:59'), '2027-05-10T23:59:00+02:00'));
  assert.ok(holds(weekly([1], '00:00', '24:00'), '2027-05-10T00:00+02:00'));
});

test('both passes of a repeated hour count, the missing hour never comes', () => {
  const autumn = weekly([7], '02:00', '03:00');
  assert.ok(holds(autumn, '2027-10-31T00:30Z'));
  assert.ok(holds(autumn, '2027-10-31T01:30Z'));
  assert.ok(!holds(autumn, '2027-10-31T02:00Z'));
  for (let minute = 0; minute < 24 * 60; minute++) {
    const moment = new Date(Date.parse('2027-03-27T23:00Z') + minute * 60_000).toISOString();
    assert.ok(!holds(autumn, moment), moment);
  }
});

test('a holiday closes, or has its own hours, where the schedule keeps holidays; an exception stands above it', () => {
  const holidays = [{ date: '2027-05-10', windows: [{ from: '14:00', to: '15:00' }] }];
  const open = weekly([1], '10:00', '12:00');
  assert.ok(holds(open, '2027-05-10T10:30+02:00', holidays));
  const keeps = { ...open, holidays: true };
  assert.ok(!holds(keeps, '2027-05-10T10:30+02:00', holidays));
  assert.ok(holds(keeps, '2027-05-10T14:30+02:00', holidays));
  const own = {
    ...keeps,
    exceptions: [{ date: '2027-05-10', windows: [{ from: '08:00', to: '09:00' }] }],
  };
  assert.ok(holds(own, '2027-05-10T08:30+02:00', holidays));
  assert.ok(!holds(own, '2027-05-10T14:30+02:00', holidays));
});

test('only a holiday in the way is told as one', () => {
  const holidays = [{ date: '2027-05-10', windows: [] }];
  const keeps = { ...weekly([1], '10:00', '12:00'), holidays: true };
  const told = (text: string) =>
    standing(keeps, { ...SITE, holidays }, at(text), instant(at(text) + 1)).holiday;
  assert.equal(told('2027-05-10T10:30+02:00'), true);
  assert.equal(told('2027-05-10T12:30+02:00'), false);
  assert.equal(told('2027-05-17T10:30+02:00'), false);
});

test('a holiday is told as one over a long stretch too', () => {
  const exceptions = [{ date: '2027-05-10', windows: [] }];
  const closed = weekly([1], '12:30', '13:00', { exceptions });
  const over = standing(closed, SITE, at('2027-05-10T06:00+02:00'), at('2027-05-10T18:00+02:00'));
  assert.deepEqual([over.possible, over.holiday], [false, true]);
});

test('its own zone, when it names one', () => {
  const tokyo = weekly([1], '10:00', '12:00', { zone: 'Asia/Tokyo' });
  assert.ok(holds(tokyo, '2027-05-10T10:30+09:00'));
  assert.ok(!holds(tokyo, '2027-05-10T10:30+02:00'));
});

test('over a stretch of time: certain, possible, neither', () => {
  const open = weekly([1], '10:00', '12:00');
  const over = (from: string, to: string) => {
    const { certain, possible } = standing(open, SITE, at(from), at(to));
    return certain ? 'certain' : possible ? 'possible' : 'never';
  };
  assert.equal(over('2027-05-10T10:00+02:00', '2027-05-10T12:00+02:00'), 'certain');
  assert.equal(over('2027-05-10T10:00+02:00', '2027-05-10T12:00:00.001+02:00'), 'possible');
  assert.equal(over('2027-05-10T09:59:59.999+02:00', '2027-05-10T12:00+02:00'), 'possible');
  assert.equal(over('2027-05-10T09:00+02:00', '2027-05-10T13:00+02:00'), 'possible');
  assert.equal(over('2027-05-10T12:00+02:00', '2027-05-10T23:00+02:00'), 'never');
  assert.equal(over('2027-05-10T09:59:59.9+02:00', '2027-05-10T10:00:00.1+02:00'), 'possible');
  assert.equal(over('2027-05-11T00:00+02:00', '2027-05-17T10:00+02:00'), 'never');
  assert.equal(over('2027-05-11T00:00+02:00', '2027-05-17T10:00:00.001+02:00'), 'possible');
});

test('a stretch without end is certain only for a week that is open all through, without exceptions', () => {
  const always = weekly([1, 2, 3, 4, 5, 6, 7], '00:00', '24:00');
  const from = at('2027-05-10T10:00Z');
  const never = instant(Number.POSITIVE_INFINITY);
  assert.deepEqual(standing(always, SITE, from, never), {
    certain: true,
    possible: true,
    holiday: false,
  });
  assert.equal(standing({ ...always, holidays: true }, SITE, from, never).certain, false);
  assert.equal(standing(weekly([1], '00:00', '24:00'), SITE, from, never).certain, false);
  assert.equal(standing(weekly([7], '23:00', '24:00'), SITE, from, never).possible, true);
  assert.equal(standing(weekly([], '23:00', '24:00'), SITE, from, never).possible, false);
});

test('a night that lasts through a change of the clocks has no hole', () => {
  const night = weekly([6], '22:00', '06:00');
  const over = standing(night, SITE, at('2027-03-27T22:00+01:00'), at('2027-03-28T06:00+02:00'));
  assert.equal(over.certain, true);
  const autumn = standing(
    weekly([6], '22:00', '02:30'),
    SITE,
    at('2027-10-30T22:00+02:00'),
    at('2027-10-31T02:30+01:00'),
  );
  // The first pass of 02:30 is outside, the second pass of 02:00 is inside again.
  assert.deepEqual([autumn.certain, autumn.possible], [false, true]);
});

test('faults are told, and a window that is none never holds', () => {
  assert.deepEqual(scheduleFaults(weekly([1], '10:00', '12:00')), []);
  assert.deepEqual(scheduleFaults(weekly([1], '10:00', '10:00')), ['window 10:00-10:00']);
  assert.deepEqual(scheduleFaults(weekly([1], '24:00', '10:00')), ['window 24:00-10:00']);
  assert.deepEqual(scheduleFaults(weekly([1], '25:00', '10:00')), ['window 25:00-10:00']);
  assert.deepEqual(scheduleFaults(weekly([1], '10:00', '12:00', { zone: 'Nowhere' })), [
    'zone Nowhere',
  ]);
  const bad = weekly([1], '10:00', '12:00', {
    exceptions: [{ date: '5 May', windows: [{ from: 'x', to: '10:00' }] }],
  });
  assert.deepEqual(scheduleFaults(bad), ['window x-10:00', 'date 5 May']);
  for (const [from, to] of [
    ['10:00', '10:00'],
    ['x', '24:00'],
    ['00:00', 'x'],
  ] as const) {
    assert.equal(
      standing(
        weekly([1, 2], from, to),
        SITE,
        at('2027-05-10T00:00Z'),
        instant(at('2027-05-10T00:00Z') + DAY),
      ).possible,
      false,
    );
  }
});

test('a time of day', () => {
  assert.equal(minuteOfDay('00:00'), 0);
  assert.equal(minuteOfDay('23:59'), 1439);
  assert.equal(minuteOfDay('24:00'), 1440);
  for (const text of ['24:01', '7:00', '07:60', '07:00:00', ''])
    assert.equal(minuteOfDay(text), undefined);
});
