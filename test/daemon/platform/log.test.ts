import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LogFields, openLog } from '../../../daemon/platform/log.ts';

function logged(fields: LogFields, level: 'info' | 'debug' = 'info') {
  const lines: string[] = [];
  const log = openLog('info', { write: (line: string) => lines.push(line) });
  log.with({ bus: 'box-bus' })[level]('bus.offline', fields);
  return lines;
}

test('a line is one JSON object with a fixed event name, a time and its fields', () => {
  const [line = ''] = logged({ device: 'box', why: 'unplugged' });
  const { at, ...rest } = JSON.parse(line);
  assert.match(at, /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual(rest, {
    level: 'info',
    bus: 'box-bus',
    device: 'box',
    why: 'unplugged',
    event: 'bus.offline',
  });
});

test('what is below the level is not written', () => {
  assert.deepEqual(logged({ device: 'box' }, 'debug'), []);
});

test('no secret reaches a line, however deep it lies (P10)', () => {
  const [line = ''] = logged({
    digits: '471147',
    request: { token: 'canary-1', headers: { authorization: 'Bearer canary-2' } },
    card: { bits: 'canary-3' },
    device: 'box',
  });
  assert.doesNotMatch(line, /471147|canary/);
  assert.match(line, /"device":"box"/);
});

test('an error is told with its cause and stack', () => {
  const error = new Error('the card is gone', { cause: new Error('EIO') });
  const [line = ''] = logged({ error });
  const { error: told } = JSON.parse(line);
  assert.equal(told.message, 'the card is gone');
  assert.equal(told.cause, 'EIO');
  assert.match(told.stack, /log\.test\.ts/);
});
