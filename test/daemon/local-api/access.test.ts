import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  includes,
  readTokens,
  storedToken,
  Tokens,
  writeTokens,
} from '../../../daemon/local-api/tokens.ts';
import { instant } from '../../../drivers/contract/time.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { ApiBench } from './bench.ts';

const OPEN = ['/healthz', '/readyz', '/api/v1/openapi.json', '/api/v1/setup', '/api/v1/login'];

test('without a right token nothing is told but health and the description of the API', async () => {
  await using bench = await ApiBench.open();
  for (const { method, path, scope } of bench.endpoints) {
    const url = path.replaceAll(/\{\w+\}/g, '1');
    if (OPEN.includes(path)) {
      assert.equal(scope, undefined);
      const { status } = await bench.call(method, url, { as: 'nobody', body: {} });
      assert.equal(status, method === 'POST' ? 400 : 200, path);
      continue;
    }
    for (const as of ['nobody', 'stranger'] as const) {
      const { status, body } = await bench.call(method, url, { as });
      assert.equal(status, 401, `${method} ${path}`);
      assert.equal(body.error.code, 'unauthorized');
    }
  }
  const failures = bench.site.journal.filter(({ type }) => type === 'security.login_failed');
  assert.equal(failures.length, 1, 'a flood of them is one entry a minute');
});

test('a scope is needed and enough: reading opens nothing, operating grants nothing', async () => {
  await using bench = await ApiBench.open();
  const refused: string[] = [];
  for (const { method, path, scope } of bench.endpoints) {
    if (scope === undefined) continue;
    const url = path.replaceAll(/\{\w+\}/g, '1');
    for (const as of ['read', 'operate'] as const) {
      const { status } = await bench.call(method, url, {
        as,
        body: {},
        signal: AbortSignal.abort(),
      });
      assert.equal(status === 403, !includes(as, scope), `${as} ${method} ${path}`);
      if (status === 403) refused.push(`${as} ${method} ${path}`);
    }
  }
  assert.ok(refused.includes('read POST /api/v1/devices/{device}/unlock'));
  assert.ok(refused.includes('operate PUT /api/v1/grants/{grant}'));
  assert.equal(bench.site.pulseCount, 0);
});

test('what is not understood is refused with the field that is meant', async () => {
  await using bench = await ApiBench.open();
  const grant = { holder: 'anna', targets: [{ kind: 'key', id: 'flat-3' }] };
  const never = { weekly: [{ days: [1], from: '10:00', to: '10:00' }] };
  const nowhere = { weekly: [], zone: 'Europe/Atlantis' };
  const calls: readonly (readonly [
    Parameters<ApiBench['call']>,
    number,
    string,
    string | undefined,
  ])[] = [
    [['GET', '/api/v1/journal?limit=0'], 400, 'bad_request', 'limit'],
    [['GET', '/api/v1/journal?colour=red'], 400, 'bad_request', 'colour'],
    [['GET', '/api/v1/journal/99999'], 404, 'not_found', 'seq'],
    [['GET', '/api/v1/keys/none'], 404, 'not_found', 'key'],
    [['GET', '/api/v1/devices/none'], 404, 'not_found', 'device'],
    [
      ['PUT', '/api/v1/grants/g', { body: { ...grant, schedule: never } }],
      400,
      'bad_request',
      'schedule',
    ],
    [
      ['PUT', '/api/v1/grants/g', { body: { ...grant, schedule: nowhere } }],
      400,
      'bad_request',
      'schedule',
    ],
    [['POST', '/api/v1/access-points/lobby/slots/99/open', { body: {} }], 404, 'not_found', 'slot'],
    [
      ['POST', '/api/v1/access-points/lobby/slots/3/open', { body: { holdMs: 60_000 } }],
      400,
      'bad_request',
      'holdMs',
    ],
    [
      [
        'POST',
        '/api/v1/access-points/lobby/slots/3/open',
        { body: {}, headers: { 'idempotency-key': 'x' } },
      ],
      400,
      'bad_request',
      'Idempotency-Key',
    ],
    [['POST', '/api/v1/devices/box/unlock', { body: {} }], 400, 'bad_request', 'device'],
    [['POST', '/api/v1/devices/fobs/keypad-reset', { body: {} }], 400, 'bad_request', 'device'],
    [
      [
        'PUT',
        '/api/v1/grants/g',
        { body: { ...grant, credentials: [{ kind: 'pin', pin: '12' }] } },
      ],
      400,
      'bad_request',
      'credentials[0].pin',
    ],
    [
      [
        'PUT',
        '/api/v1/grants/g',
        { body: { ...grant, credentials: [{ kind: 'fob', number: 'nonsense' }] } },
      ],
      400,
      'bad_request',
      'credentials[0].number',
    ],
    [
      ['PUT', '/api/v1/grants/g', { body: { ...grant, credentials: [{ kind: 'fob' }] } }],
      400,
      'bad_request',
      'credentials[0].number',
    ],
    [
      [
        'PUT',
        '/api/v1/grants/g',
        {
          body: {
            ...grant,
            window: { kind: 'floating', start: '2026-05-02T10:00', end: '2026-05-01T10:00' },
          },
        },
      ],
      400,
      'bad_request',
      'window',
    ],
    [['PUT', '/api/v1/keys/flat-9/fob', { body: { fob: '1' } }], 404, 'not_found', 'key'],
    [['DELETE', '/api/v1/lockdowns/none'], 404, 'not_found', 'lockdown'],
  ];
  for (const [call, status, code, field] of calls) {
    const answer = await bench.call(...call);
    assert.deepEqual(
      [answer.status, answer.body.error?.code, answer.body.error?.field],
      [status, code, field],
      call.slice(0, 2).join(' '),
    );
  }
  assert.deepEqual(bench.broken, []);
});

test('a token made on the disk counts at once, and one taken back no longer than a second', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-tokens-'));
  try {
    const clock = new SimulatedClock();
    const tokens = new Tokens([], directory, clock);
    assert.equal(tokens.principal('Bearer abc'), undefined);
    writeTokens(directory, [storedToken('panel', 'operate', 'abc', instant(1))]);
    assert.equal(statSync(join(directory, 'api-tokens.json')).mode & 0o777, 0o600);
    assert.deepEqual(tokens.principal('Bearer abc'), {
      name: 'panel',
      by: 'api:panel',
      scope: 'operate',
    });
    for (const other of ['Bearer abd', 'bearer abc', 'Basic abc', 'abc', 'Bearer ', undefined]) {
      assert.equal(tokens.principal(other), undefined);
    }
    assert.doesNotMatch(JSON.stringify(readTokens(directory)), /abc/, 'only a hash is kept');
    writeTokens(directory, []);
    await clock.advance(1001);
    assert.equal(tokens.principal('Bearer abc'), undefined);
    writeFileSync(join(directory, 'api-tokens.json'), '{"v":1,"tokens":[{"name":"x"}]}');
    assert.throws(() => readTokens(directory));
    const told: string[] = [];
    const fixed = [{ name: 'local', scope: 'admin', token: 'own' }] as const;
    const beside = new Tokens(fixed, directory, clock, (_, where) => told.push(where));
    for (const _again of [1, 2]) {
      assert.equal(beside.principal('Bearer abc'), undefined);
      assert.equal(beside.principal('Bearer own')?.name, 'local', 'a damaged file takes no other');
      await clock.advance(1001);
    }
    assert.deepEqual(told, ['api-tokens.json']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
