import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  instantOf,
  isWallTime,
  resolveWindow,
  windowRemedy,
} from '../../../daemon/access/window.ts';
import { instant } from '../../../drivers/contract/time.ts';

const STOCKHOLM = 'Europe/Stockholm';
const at = (text: string) => instant(Date.parse(text));

test('a start or end in a gap is the first instant after the gap', () => {
  for (const wall of ['2027-03-28T02:00', '2027-03-28T02:30', '2027-03-28T02:59:59']) {
    assert.equal(instantOf(wall, STOCKHOLM, 'start'), at('2027-03-28T01:00Z'), wall);
    assert.equal(instantOf(wall, STOCKHOLM, 'end'), at('2027-03-28T01:00Z'), wall);
  }
  assert.equal(instantOf('2027-03-28T01:59:59', STOCKHOLM, 'end'), at('2027-03-28T00:59:59Z'));
  assert.equal(instantOf('2027-03-28T03:00', STOCKHOLM, 'end'), at('2027-03-28T01:00Z'));
});

test('an ambiguous start is the earlier, an ambiguous end the later', () => {
  const wall = '2027-10-31T02:30';
  assert.equal(instantOf(wall, STOCKHOLM, 'start'), at('2027-10-31T00:30Z'));
  assert.equal(instantOf(wall, STOCKHOLM, 'end'), at('2027-10-31T01:30Z'));
});

test('gaps that are not an hour: Lord Howe by half an hour, a day that never was in Apia, midnight in Santiago', () => {
  assert.equal(
    instantOf('2027-10-03T02:15', 'Australia/Lord_Howe', 'start'),
    at('2027-10-02T15:30Z'),
  );
  assert.equal(instantOf('2011-12-30T12:00', 'Pacific/Apia', 'start'), at('2011-12-30T10:00Z'));
  assert.equal(instantOf('2026-09-06T00:30', 'America/Santiago', 'end'), at('2026-09-06T04:00Z'));
});

test('four kinds of window', () => {
  assert.deepEqual(resolveWindow({ kind: 'ongoing' }, STOCKHOLM), {
    start: undefined,
    end: undefined,
  });
  const instants = { kind: 'instants', start: instant(5) } as const;
  assert.deepEqual(resolveWindow(instants, STOCKHOLM), { start: 5, end: undefined });
  const stay = { start: '2027-05-10T15:00', end: '2027-05-12T11:00' };
  assert.deepEqual(resolveWindow({ kind: 'wall', ...stay, zone: 'America/New_York' }, STOCKHOLM), {
    start: at('2027-05-10T19:00Z'),
    end: at('2027-05-12T15:00Z'),
  });
  assert.deepEqual(resolveWindow({ kind: 'floating', ...stay }, STOCKHOLM), {
    start: at('2027-05-10T13:00Z'),
    end: at('2027-05-12T09:00Z'),
  });
});

test('whoever asks for an hour that the clocks skip is told that, and not of an end before a start', () => {
  const told = (start: string, end: string) =>
    windowRemedy('window-empty', { kind: 'wall', start, end, zone: STOCKHOLM });
  assert.equal(
    told('2027-03-28T02:10', '2027-03-28T02:50'),
    'the clocks are put forward past all of it',
  );
  assert.equal(told('2027-03-28T02:50', '2027-03-28T02:10'), 'it ends before it begins');
  assert.equal(told('2027-05-10T15:00', '2027-05-10T15:00:00'), 'it ends before it begins');
  assert.equal(windowRemedy('zone', { kind: 'ongoing' }), 'an IANA time zone');
});

test('a window that resolves to nothing is refused', () => {
  const floating = (start: string, end: string) =>
    resolveWindow({ kind: 'floating', start, end }, STOCKHOLM);
  assert.equal(floating('2027-05-10T15:00', '2027-05-10T15:00'), 'window-empty');
  assert.equal(floating('2027-05-10T15:00', '2027-05-10T14:00'), 'window-empty');
  assert.equal(floating('2027-03-28T02:10', '2027-03-28T02:50'), 'window-empty');
  assert.equal(
    resolveWindow({ kind: 'instants', start: instant(5), end: instant(5) }, STOCKHOLM),
    'window-empty',
  );
  assert.notEqual(floating('2027-10-31T02:30', '2027-10-31T02:30'), 'window-empty');
});

test('what is no wall time or zone is refused', () => {
  const stay = { start: '2027-05-10T15:00', end: '2027-05-12T11:00' };
  assert.equal(resolveWindow({ kind: 'wall', ...stay, zone: 'Mars/Olympus' }, STOCKHOLM), 'zone');
  assert.equal(resolveWindow({ kind: 'wall', ...stay, zone: '' }, STOCKHOLM), 'zone');
  assert.equal(
    resolveWindow({ kind: 'floating', ...stay, end: '2027-05-12' }, STOCKHOLM),
    'wall-time',
  );
  for (const text of [
    '2027-02-28T23:59:59',
    '2028-02-29T00:00',
    '2000-02-29T00:00',
    '2027-12-31T00:00',
    '2027-01-01T00:00',
  ]) {
    assert.ok(isWallTime(text), text);
  }
  for (const text of [
    '2027-02-29T00:00',
    '1900-02-29T00:00',
    '2027-13-01T00:00',
    '2027-00-01T00:00',
    '2027-01-00T00:00',
    '2027-01-32T00:00',
    '2027-04-31T10:00',
    '2027-01-01T24:00',
    '2027-01-01T10:60',
    '2027-01-01T10:00:60',
    '2027-01-01T10:00Z',
    '2027-01-01 10:00',
    '2027-1-1T10:00',
    '',
  ]) {
    assert.equal(isWallTime(text), false, text);
  }
});
