import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSeamHttpUnauthorizedError as isUnauthorized, SeamHttp } from '@seamapi/http';
import {
  isSeamActionAttemptError,
  isSeamHttpApiError,
  isSeamHttpInvalidInputError,
  isSeamHttpUnauthorizedError,
  Seam,
} from 'seam';
import { FLAT_KEY } from '../../../site.ts';
import { API_KEY, call, type DialectBench, dialectBench, settled } from './bench.ts';

const STAY = { starts_at: '2026-03-02T08:00:00Z', ends_at: '2026-03-05T10:00:00+01:00' } as const;

async function flatOf(bench: DialectBench): Promise<string> {
  const devices = await settled(bench, bench.first.devices.list());
  const flat = devices.find(({ display_name }) => display_name === 'Flat 3');
  assert.ok(flat);
  return flat.device_id;
}

test('a grant made with the official client opens the slot before the client has its answer, and none once deleted', async () => {
  for (const generation of ['first', 'second'] as const) {
    await using bench = await dialectBench();
    const { site } = bench;
    const { accessGrants, accessMethods } = bench[generation];
    const device_ids = [await flatOf(bench)];
    const grant = await settled(
      bench,
      accessGrants.create({
        user_identity: { full_name: 'Ada Guest', email_address: 'ada@example.se' },
        device_ids,
        requested_access_methods: [{ mode: 'code' }],
        name: 'Stay 17',
        access_grant_key: 'stay-17',
        ...STAY,
      }),
    );
    assert.equal(grant.ends_at, '2026-03-05T09:00:00.000Z');
    assert.equal(grant.display_name, 'Stay 17');
    const { access_grant_id } = grant;
    const [method] = await settled(bench, accessMethods.list({ access_grant_id }));
    assert.match(method?.code ?? '', /^\d{6}$/);
    assert.equal(method?.is_issued, true);
    await site.type(`${method?.code}#`);
    assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
    await site.takeKey(FLAT_KEY.slot);
    await site.show(FLAT_KEY.fob);
    await site.putKey(FLAT_KEY.slot, FLAT_KEY.fob);

    const read = await settled(bench, accessGrants.get({ access_grant_key: 'stay-17' }));
    assert.equal(read.access_grant_id, access_grant_id);
    await settled(
      bench,
      accessGrants.update({ access_grant_id, ends_at: '2026-03-06T10:00:00Z', name: 'Longer' }),
    );
    const longer = await settled(bench, accessGrants.get({ access_grant_id }));
    assert.deepEqual([longer.ends_at, longer.name], ['2026-03-06T10:00:00.000Z', 'Longer']);
    assert.equal(
      (await settled(bench, accessMethods.list({ access_grant_id })))[0]?.code,
      method?.code,
    );

    const pulses = site.pulseCount;
    await settled(bench, accessGrants.delete({ access_grant_id }));
    await site.type(`${method?.code}#`);
    assert.equal(site.pulseCount, pulses);
    assert.equal(site.last('access.denied').body['reason'], 'revoked');
    await assert.rejects(
      settled(bench, accessGrants.get({ access_grant_id })),
      (error: unknown) => {
        return isSeamHttpApiError(error)
          ? error.code === 'access_grant_not_found'
          : `${error}`.includes('no such access grant');
      },
    );
    const text = JSON.stringify(site.journal);
    assert.ok(
      !text.includes(method?.code ?? '-') && !text.includes('Ada'),
      'neither code nor name is written down',
    );
  }
});

test('a list goes on over pages with the same parameters only', async () => {
  await using bench = await dialectBench();
  const device_ids = [await flatOf(bench)];
  const made: string[] = [];
  for (let at = 0; at < 5; at += 1) {
    const grant = await settled(
      bench,
      bench.second.accessGrants.create({
        user_identity: { full_name: `Guest ${at}` },
        device_ids,
        requested_access_methods: [{ mode: 'code' }],
        ...STAY,
      }),
    );
    made.push(grant.access_grant_id);
  }
  const asked = { limit: 3, device_id: device_ids[0] ?? '' };
  const { first, second } = bench;
  const walks = [
    first.createPaginator(first.accessGrants.list(asked)),
    second.createPaginator(second.accessGrants.list(asked)),
  ];
  for (const pages of walks) {
    const all = await settled(bench, pages.flattenToArray());
    assert.deepEqual(
      all.map(({ access_grant_id }) => access_grant_id),
      made,
    );
    const page = await call(bench, '/access_grants/list', asked);
    const { has_next_page, next_page_cursor: nextPageCursor } = page.body.pagination;
    assert.deepEqual([page.body.access_grants.length, has_next_page], [3, true]);
    const other = await call(bench, '/access_grants/list', {
      limit: 2,
      page_cursor: nextPageCursor,
    });
    assert.deepEqual([other.status, other.body.error.type], [400, 'mismatched_page_parameters']);
  }
  const forged = await call(bench, '/access_grants/list', { page_cursor: 'AAAA' });
  assert.deepEqual([forged.status, forged.body.error.type], [400, 'invalid_page_cursor']);
});

test('codes at one device: made, found, changed, listed with those of grants, and taken back', async () => {
  await using bench = await dialectBench();
  const { site, first, second } = bench;
  const device_id = await flatOf(bench);
  const code = await settled(
    bench,
    first.accessCodes.create({ device_id, code: '471199', name: 'Plumber' }),
  );
  assert.deepEqual([code.type, code.status, code.code], ['ongoing', 'set', '471199']);
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  await site.takeKey(FLAT_KEY.slot);
  await site.show(FLAT_KEY.fob);
  await site.putKey(FLAT_KEY.slot, FLAT_KEY.fob);
  const { access_code_id } = code;
  await assert.rejects(
    settled(bench, second.accessCodes.create({ device_id, code: '471199' })),
    (error: unknown) =>
      Object(error).code === 'duplicate_access_code' && Object(error).statusCode === 409,
  );
  await settled(bench, first.accessCodes.update({ access_code_id, code: '582200', ...STAY }));
  await settled(bench, second.accessCodes.update({ access_code_id, name: 'Painter' }));
  const changed = await settled(bench, second.accessCodes.get({ device_id, code: '582200' }));
  assert.deepEqual(
    [changed.name, changed.type, changed.ends_at],
    ['Painter', 'time_bound', '2026-03-05T09:00:00.000Z'],
  );
  await settled(
    bench,
    second.accessGrants.create({
      user_identity: { full_name: 'Bo' },
      device_ids: [device_id],
      requested_access_methods: [{ mode: 'code', code: '9911' }],
    }),
  );
  const all = await settled(bench, second.accessCodes.list({ device_id }));
  assert.deepEqual(all.map((each) => each.code).sort(), ['582200', '9911']);
  const derived = all.find((each) => each.code === '9911');
  assert.equal(
    (
      await settled(
        bench,
        second.accessMethods.list({ access_code_id: derived?.access_code_id ?? '' }),
      )
    )[0]?.code,
    '9911',
  );
  const pulses = site.pulseCount;
  await site.type('471199#');
  assert.equal(site.pulseCount, pulses, 'the former code opens nothing');
  await settled(bench, first.accessCodes.delete({ access_code_id }));
  await site.type('582200#');
  assert.equal(site.pulseCount, pulses);
  const drawn = await settled(bench, second.accessCodes.generateCode({ device_id }));
  assert.match(drawn.code ?? '', /^\d{6}$/);
});

test('an unlock is waited for until its attempt ends, and fails with the reason', async () => {
  await using bench = await dialectBench();
  const { site, first, second } = bench;
  const device_id = await flatOf(bench);
  for (const client of [first, second]) {
    const attempt = await settled(
      bench,
      client.locks.unlockDoor(
        { device_id },
        { waitForActionAttempt: { timeout: 5000, pollingInterval: 20 } },
      ),
    );
    assert.equal(attempt.status, 'success');
    const closing = site.openSlots();
    assert.deepEqual(closing, [FLAT_KEY.slot]);
    await site.advance(1500);
    site.hand('box', 'close-door', { slot: FLAT_KEY.slot });
    await site.advance(2500);
    const again = await settled(
      bench,
      client.actionAttempts.get({ action_attempt_id: attempt.action_attempt_id }),
    );
    assert.equal(again.status, 'success');
  }
  const waiting = { waitForActionAttempt: { pollingInterval: 20 } };
  await settled(bench, first.locks.unlockDoor({ device_id }, waiting));
  await site.takeKey(FLAT_KEY.slot);
  await assert.rejects(
    settled(bench, first.locks.unlockDoor({ device_id }, waiting)),
    (error: unknown) => isSeamActionAttemptError(error) && Object(error).code === 'key_not_here',
  );
});

test('events tell what was granted, opened and taken back, each once, between two moments', async () => {
  await using bench = await dialectBench();
  const { site, first, second } = bench;
  const device_id = await flatOf(bench);
  const since = new Date(site.clock.now() - 1).toISOString();
  const grant = await settled(
    bench,
    first.accessGrants.create({
      user_identity: { full_name: 'Ada' },
      device_ids: [device_id],
      requested_access_methods: [{ mode: 'code', code: '471199' }],
    }),
  );
  await site.type('471199#');
  await site.takeKey(FLAT_KEY.slot);
  await site.type('000000#');
  const { access_grant_id } = grant;
  await settled(bench, second.accessGrants.delete({ access_grant_id }));
  const events = await settled(bench, first.events.list({ since }));
  assert.deepEqual(
    events.map(({ event_type }) => event_type),
    [
      'access_grant.created',
      'access_method.created',
      'access_method.issued',
      'lock.unlocked',
      'lock.access_denied',
      'access_grant.deleted',
      'access_method.deleted',
    ],
  );
  assert.equal(new Set(events.map(({ event_id }) => event_id)).size, events.length);
  const unlocked = events.find(({ event_type }) => event_type === 'lock.unlocked');
  assert.deepEqual([Object(unlocked).device_id, Object(unlocked).method], [device_id, 'keycode']);
  const one = await settled(bench, second.events.get({ event_id: events[0]?.event_id ?? '' }));
  assert.deepEqual(one, events[0]);
  const later = events[0]?.created_at ?? '';
  const rest = await settled(bench, second.events.list({ since: later, access_grant_id }));
  assert.deepEqual(
    rest.map(({ event_type }) => event_type),
    ['access_grant.deleted', 'access_method.deleted'],
  );
  const both = await call(bench, '/events/list', { since, between: [since, later] });
  assert.equal(both.status, 400);
});

test('what is wrong is told with its field, so that the clients raise their own error', async () => {
  await using bench = await dialectBench();
  const device_id = await flatOf(bench);
  const good = {
    user_identity: { full_name: 'Ada' },
    device_ids: [device_id],
    requested_access_methods: [{ mode: 'code' }],
  };
  await assert.rejects(
    settled(bench, bench.first.accessCodes.create({ device_id, code: '12' })),
    (error: unknown) =>
      isSeamHttpInvalidInputError(error) &&
      error.getValidationErrorMessages('code').includes('at least 4 digits'),
  );
  const cases: readonly (readonly [string, object, string])[] = [
    ['/access_grants/create', { ...good, user_identity_id: device_id }, 'user_identity'],
    [
      '/access_grants/create',
      { ...good, requested_access_methods: [{ mode: 'word' }] },
      'requested_access_methods',
    ],
    [
      '/access_grants/create',
      { ...good, requested_access_methods: undefined },
      'requested_access_methods',
    ],
    [
      '/access_grants/create',
      { ...good, requested_access_methods: [{ mode: 'code', code: '1234567890' }] },
      'requested_access_methods',
    ],
    ['/access_grants/create', { ...good, device_ids: [] }, 'device_ids'],
    ['/access_grants/create', { ...good, device_ids: ['front'] }, 'device_ids'],
    ['/access_grants/create', { ...good, starts_at: '2026-03-04' }, 'starts_at'],
    ['/access_grants/create', { ...good, ends_at: '2026-03-01T00:00:00Z' }, 'ends_at'],
    [
      '/access_grants/create',
      { ...good, starts_at: '2026-03-09T00:00:00Z', ends_at: '2026-03-08T00:00:00Z' },
      'ends_at',
    ],
    [
      '/access_grants/create',
      { ...good, user_identity: { phone_number: '0701' } },
      'user_identity',
    ],
    ['/access_codes/create', { device_id, starts_at: STAY.starts_at }, 'ends_at'],
    ['/access_codes/create', { device_id, is_offline_access_code: true }, 'is_offline_access_code'],
    ['/access_methods/list', {}, 'access_grant_id'],
  ];
  for (const [path, body, field] of cases) {
    const answer = await call(bench, path, body);
    assert.equal(answer.status, 400, `${path} ${field}`);
    assert.equal(answer.body.ok, false);
    assert.equal(answer.body.error.type, 'invalid_input');
    assert.ok(
      field in answer.body.error.validation_errors,
      `${path}: ${JSON.stringify(answer.body)}`,
    );
  }
  const unknown = '11111111-1111-4111-8111-111111111111';
  const missing: readonly (readonly [string, object, string])[] = [
    ['/access_grants/create', { ...good, device_ids: [unknown] }, 'device_not_found'],
    ['/access_grants/create', { ...good, space_keys: ['none'] }, 'space_not_found'],
    ['/access_codes/get', { access_code_id: unknown }, 'access_code_not_found'],
    ['/access_methods/get', { access_method_id: unknown }, 'access_method_not_found'],
    ['/locks/unlock_door', { device_id: unknown }, 'device_not_found'],
    ['/action_attempts/get', { action_attempt_id: unknown }, 'action_attempt_not_found'],
    ['/thermostats/list', {}, 'not_found'],
  ];
  for (const [path, body, type] of missing) {
    const answer = await call(bench, path, body);
    assert.deepEqual([answer.status, answer.body.error.type], [404, type]);
  }
  assert.equal(bench.site.daemon.desk.grants.count('seam'), 0, 'nothing was made');
});

test('another key is told nothing, a wrong method is refused, and a device that is asked too often waits', async () => {
  await using bench = await dialectBench();
  const device_id = await flatOf(bench);
  const wrong = await call(bench, '/devices/list', {}, 'seam_other');
  assert.deepEqual([wrong.status, wrong.body.error.type], [401, 'unauthorized']);
  assert.match(wrong.headers.get('seam-request-id') ?? '', /^[0-9a-f-]{36}$/);
  const get = await bench.server.ask('/seam/access_grants/create', {
    headers: { authorization: `Bearer ${API_KEY}` },
  });
  assert.deepEqual([get.status, get.body.error.type], [405, 'method_not_allowed']);
  const statuses: number[] = [];
  for (let at = 0; at < 16; at += 1) {
    const answer = await call(bench, '/locks/lock_door', { device_id });
    statuses.push(answer.status);
    if (answer.status === 429) {
      assert.equal(answer.body.error.type, 'rate_limit_exceeded');
      assert.ok(Number(answer.headers.get('retry-after')) >= 1);
    }
  }
  assert.deepEqual(statuses, [...Array(15).fill(200), 429]);
  await bench.site.advance(60_000);
  assert.equal((await call(bench, '/locks/lock_door', { device_id })).status, 200);
});

test('a create that is asked again with its key is the same grant; another under that key is refused', async () => {
  await using bench = await dialectBench();
  const body = {
    user_identity: { full_name: 'Ada', email_address: 'ada@example.se' },
    device_ids: [await flatOf(bench)],
    requested_access_methods: [{ mode: 'code' }, { mode: 'mobile_key' }],
    access_grant_key: 'stay-1',
  };
  const one = await call(bench, '/access_grants/create', body);
  const again = await call(bench, '/access_grants/create', body);
  assert.deepEqual(again.body, one.body);
  const other = await call(bench, '/access_grants/create', { ...body, name: 'Other' });
  assert.deepEqual([other.status, other.body.error.type], [409, 'duplicate_access_grant_key']);
  assert.equal(bench.site.daemon.desk.grants.count('seam'), 1);
  // A mobile key cannot be issued here: it waits where a person sees it.
  const waiting = [...bench.sync.records()].filter(([, { state }]) => state === 'to-send');
  assert.equal(waiting.length, 1);
  assert.ok(bench.site.journal.some(({ type }) => type === 'grant.vendor_pending'));
});

test('both clients raise their own error for a wrong key, and for a device that is asked too often', async () => {
  await using bench = await dialectBench();
  const { endpoint, first, second } = bench;
  const device_id = await flatOf(bench);
  const strangers = [
    new Seam({ apiKey: 'seam_other', endpoint }),
    SeamHttp.fromApiKey('seam_other', { endpoint }),
  ];
  for (const stranger of strangers) {
    await assert.rejects(
      settled(bench, stranger.devices.list()),
      (error: unknown) => isSeamHttpUnauthorizedError(error) || isUnauthorized(error),
    );
  }
  for (const [client, code] of [
    [first, '471199'],
    [second, '582200'],
  ] as const) {
    const asked = { device_id, code };
    const { access_code_id } = await settled(bench, client.accessCodes.create(asked));
    const ask = () =>
      settled(bench, client.locks.lockDoor({ device_id }, { waitForActionAttempt: false }));
    const outcomes: unknown[] = [];
    for (let at = 0; at < 16; at += 1) {
      outcomes.push(
        await ask().then(
          ({ status }) => status,
          (error: unknown) => error,
        ),
      );
    }
    const [last] = outcomes.slice(-1);
    assert.deepEqual([Object(last).statusCode, Object(last).code], [429, 'rate_limit_exceeded']);
    await settled(bench, client.accessCodes.delete({ access_code_id }));
    await bench.site.advance(60_000);
  }
});
