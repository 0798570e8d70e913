import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAT_KEY, STORE_KEY } from '../../site.ts';
import { ApiBench } from './bench.ts';

test('the site at a glance: clock, store, devices and where every key is', async () => {
  await using bench = await ApiBench.open();
  const { body: status } = await bench.call('GET', '/api/v1/status', { as: 'read' });
  assert.equal(status.site, 'harbour-12');
  assert.equal(status.storage, 'ok');
  assert.deepEqual(status.devices, { all: 4, online: 4 });
  assert.deepEqual(status.keys, { all: 3, out: 0, overdue: 0, unknown: 0 });
  const { body: places } = await bench.call('GET', '/api/v1/access-points');
  const slots: { slot: number; keys: { id: string }[] }[] = places.accessPoints[0].box.slots;
  const hanging = slots
    .filter(({ keys }) => keys.length > 0)
    .map(({ slot, keys }) => [slot, keys[0]?.id]);
  assert.deepEqual(hanging, [
    [3, 'flat-3'],
    [7, 'flat-7'],
    [12, 'store-room'],
  ]);
  for (const path of [
    '/api/v1/site',
    '/api/v1/devices',
    '/api/v1/devices/box',
    '/api/v1/access-points/lobby',
    '/api/v1/keys',
    '/api/v1/keys/flat-3',
    '/api/v1/grants',
    '/api/v1/journal',
    '/api/v1/journal/1',
    '/api/v1/health',
  ]) {
    assert.equal((await bench.call('GET', path, { as: 'read' })).status, 200, path);
  }
});

test('a PIN is drawn for a grant, told once to its maker, opens the slot, and is told to nobody else', async () => {
  await using bench = await ApiBench.open();
  const { site } = bench;
  const body = {
    holder: 'anna',
    credentials: [{ kind: 'pin' }],
    targets: [{ kind: 'key', id: FLAT_KEY.key }],
    window: { kind: 'floating', start: '2026-01-01T00:00', end: '2026-12-31T00:00' },
  };
  const made = await bench.call('PUT', '/api/v1/grants/g-anna', { body });
  assert.equal(made.status, 200, JSON.stringify(made.body));
  const [{ digits }] = made.body.pins;
  assert.match(digits, /^\d{6}$/);
  await site.advance(100);
  const again = await bench.call('PUT', '/api/v1/grants/g-anna', { body: { ...body, rev: 1 } });
  assert.equal(again.body.pins?.[0]?.digits, digits, 'a repeated call gets the same PIN');
  assert.equal(again.body.outcome, 'same');

  await site.type(`${digits}#`);
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  assert.equal(site.last('access.granted').sub, 'anna');
  for (const path of [
    '/api/v1/grants',
    '/api/v1/grants/g-anna',
    '/api/v1/journal',
    '/api/v1/status',
    '/metrics',
  ]) {
    const text = JSON.stringify((await bench.call('GET', path)).body);
    assert.ok(!text.includes(digits), `${path} does not tell the PIN`);
    assert.doesNotMatch(text, /sealed|"index"|duress/, path);
  }

  await site.takeKey(FLAT_KEY.slot);
  const { body: key } = await bench.call('GET', '/api/v1/keys/flat-3');
  assert.deepEqual(
    [key.place.kind, key.place.holder, key.place.grant],
    ['holder', 'anna', 'g-anna'],
  );
});

test('a revoked grant opens nothing, stays revoked, and is made anew only on purpose', async () => {
  await using bench = await ApiBench.open();
  const { site } = bench;
  const body = {
    holder: 'anna',
    credentials: [{ kind: 'pin', pin: '246813' }],
    targets: [{ kind: 'key', id: 'flat-3' }],
  };
  await bench.call('PUT', '/api/v1/grants/g', { body });
  const gone = await bench.call('DELETE', '/api/v1/grants/g');
  assert.equal(gone.status, 200, JSON.stringify(gone.body));
  await site.type('246813#');
  assert.equal(site.pulseCount, 0);
  const back = await bench.call('PUT', '/api/v1/grants/g', { body });
  assert.deepEqual(
    [back.status, back.body.error.code, back.body.error.field],
    [409, 'conflict', 'rev'],
  );
  const anew = await bench.call('PUT', '/api/v1/grants/g', { body: { ...body, rev: 2 } });
  assert.equal(anew.status, 200, JSON.stringify(anew.body));
  await site.type('246813#');
  assert.equal(site.pulseCount, 1);
});

test('what a cloud keeps is changed there, and may be revoked here', async () => {
  await using bench = await ApiBench.open();
  await bench.site.put({ id: 'g-cloud', pin: '135792' });
  const body = { holder: 'anna', targets: [{ kind: 'key', id: 'flat-3' }] };
  const refused = await bench.call('PUT', '/api/v1/grants/g-cloud', { body });
  assert.deepEqual([refused.status, refused.body.error.field], [409, 'grant']);
  assert.equal((await bench.call('DELETE', '/api/v1/grants/g-cloud')).status, 200);
  await bench.site.type('135792#');
  assert.equal(bench.site.pulseCount, 0);
});

test('two holders with one code: both are kept, and the manager hears of it', async () => {
  await using bench = await ApiBench.open();
  const grant = (holder: string, key: string) => ({
    holder,
    credentials: [{ kind: 'pin', pin: '975310' }],
    targets: [{ kind: 'key', id: key }],
  });
  const first = await bench.call('PUT', '/api/v1/grants/a', { body: grant('anna', FLAT_KEY.key) });
  const second = await bench.call('PUT', '/api/v1/grants/b', {
    body: grant('bert', STORE_KEY.key),
  });
  assert.deepEqual([first.body.collides, second.body.collides], [false, true]);
  assert.deepEqual([first.body.unanswered, second.body.unanswered], [[], []]);
  assert.deepEqual(bench.site.last('grant.pin_collision').body['grants'], ['b', 'a']);
});

test('P3: an opening asked with one key is done once, however often and how closely it is asked', async () => {
  await using bench = await ApiBench.open();
  const headers = { 'idempotency-key': 'request-0001' };
  const path = '/api/v1/access-points/lobby/slots/3/open';
  const call = { as: 'operate', headers, body: { why: 'stranded guest' } } as const;
  const both = await bench.site.settling(
    Promise.all([bench.begin('POST', path, call), bench.begin('POST', path, call)]),
  );
  const outcomes = both.map(({ body }) => Object(body));
  const later = await bench.call('POST', path, call);
  assert.deepEqual(
    [...outcomes, later.body].map(({ result, dup }) => [result, dup]),
    [
      ['done', false],
      ['done', true],
      ['done', true],
    ],
  );
  assert.equal(bench.site.pulses(3), 1);
  const entry = bench.site.last('access.commanded');
  assert.equal(entry.body['by'], 'api:the-operate');
});

test('a key that was given for one request is refused for another, and opens nothing', async () => {
  await using bench = await ApiBench.open();
  const headers = { 'idempotency-key': 'request-0002' };
  const open = (slot: number, body: object) =>
    bench.begin('POST', `/api/v1/access-points/lobby/slots/${slot}/open`, {
      as: 'operate',
      headers,
      body,
    });
  const [first, meanwhile] = await bench.site.settling(
    Promise.all([open(3, { why: 'stranded', holdMs: 500 }), open(7, {})]),
  );
  assert.equal(first.status, 200);
  const refusals = [meanwhile];
  await bench.site.advance(10_000);
  for (const [slot, body] of [
    [7, {}],
    [3, { why: 'another' }],
  ] as const) {
    refusals.push(await bench.site.settling(open(slot, body)));
  }
  for (const { status, body } of refusals) {
    assert.equal(status, 422);
    const { code, field } = Object(body).error;
    assert.deepEqual([code, field], ['idempotency_key_reused', 'Idempotency-Key']);
  }
  const again = await bench.site.settling(open(3, { holdMs: 500, why: 'stranded' }));
  assert.deepEqual(
    [again.status, Object(again.body).dup],
    [200, true],
    'order makes no difference',
  );
  assert.equal(bench.site.pulses(3), 1);
  assert.equal(bench.site.pulses(7), 0);
});

test('a key of one caller is not the key of another', async () => {
  await using bench = await ApiBench.open();
  const headers = { 'idempotency-key': 'request-0001' };
  const path = '/api/v1/access-points/lobby/slots/3/open';
  await bench.call('POST', path, { as: 'operate', headers, body: {} });
  await bench.site.advance(10_000);
  const other = await bench.call('POST', path, { as: 'admin', headers, body: {} });
  assert.equal(other.body.dup, false);
});

test('nothing moves while entries cannot be stored, and the caller is told so', async () => {
  await using bench = await ApiBench.open();
  bench.site.daemon.desk.journal.failWrites('full', 1);
  const answer = await bench.call('POST', '/api/v1/access-points/lobby/slots/3/open', { body: {} });
  assert.deepEqual([answer.status, answer.body.error.code], [503, 'storage_full']);
  const ready = await bench.raw('GET', '/readyz', { as: 'nobody' });
  assert.equal(ready.status, 503);
  assert.match(String(ready.body), /storage/);
  await bench.site.advance(6000);
  assert.equal(bench.site.pulseCount, 0);
});

test('a lockdown lets nobody in until it is ended', async () => {
  await using bench = await ApiBench.open();
  const { site } = bench;
  await site.put({ id: 'g', pin: '246813' });
  const set = await bench.call('POST', '/api/v1/lockdowns', {
    as: 'operate',
    body: { allowStaff: false },
  });
  assert.equal(set.body.result, 'done');
  await site.type('246813#');
  assert.equal(site.last('access.denied').body['reason'], 'lockdown');
  const { body: status } = await bench.call('GET', '/api/v1/status');
  assert.equal(status.lockdowns[0].id, set.body.lockdown);
  await bench.call('DELETE', `/api/v1/lockdowns/${set.body.lockdown}`, { as: 'operate' });
  await site.type('246813#');
  assert.deepEqual(site.openSlots(), [3]);
});

test('a manager states where a key is, and puts another fob on it', async () => {
  await using bench = await ApiBench.open();
  const { site } = bench;
  const lost = await bench.call('PUT', '/api/v1/keys/flat-3/place', {
    as: 'operate',
    body: { kind: 'lost' },
  });
  assert.equal(lost.body.result, 'done', JSON.stringify(lost.body));
  const { body: keys } = await bench.call('GET', '/api/v1/keys?flag=lost');
  assert.deepEqual(
    keys.keys.map(({ id }: { id: string }) => id),
    ['flat-3'],
  );
  await bench.call('PUT', '/api/v1/keys/flat-3/place', {
    as: 'operate',
    body: { kind: 'slot', accessPoint: 'lobby', slot: 5 },
  });
  const { body: found } = await bench.call('GET', '/api/v1/keys/flat-3');
  assert.deepEqual(found.place, { kind: 'slot', accessPoint: 'lobby', box: 'box', slot: 5 });
  const taken = await bench.call('PUT', '/api/v1/keys/flat-3/fob', {
    body: { fob: STORE_KEY.fob },
  });
  assert.deepEqual([taken.status, taken.body.error.field], [409, 'fob']);
  assert.equal(
    (await bench.call('PUT', '/api/v1/keys/flat-3/fob', { body: { fob: '0F00099999' } })).body
      .result,
    'done',
  );
  assert.doesNotMatch(JSON.stringify((await bench.call('GET', '/api/v1/journal')).body), /99999/i);
  assert.equal((await bench.call('DELETE', '/api/v1/keys/flat-3/fob')).body.result, 'done');
  assert.equal((await bench.call('GET', '/api/v1/keys/flat-3')).body.hasFob, false);
  await site.advance(10);
});

test('a key is made, changed and forgotten here', async () => {
  await using bench = await ApiBench.open();
  const made = await bench.call('PUT', '/api/v1/keys/bike', {
    body: { name: 'Bike', home: 'lobby', fob: '0F000BBBBB' },
  });
  assert.deepEqual(
    [made.body.hasFob, made.body.source],
    [true, 'local'],
    JSON.stringify(made.body),
  );
  const changed = await bench.call('PUT', '/api/v1/keys/bike', { body: { name: 'Red bike' } });
  assert.deepEqual(
    [changed.body.rev, changed.body.hasFob, changed.body.name],
    [made.body.rev + 1, true, 'Red bike'],
  );
  assert.equal((await bench.call('DELETE', '/api/v1/keys/bike')).status, 200);
  assert.equal((await bench.call('GET', '/api/v1/keys/bike')).status, 404);
  const again = await bench.call('PUT', '/api/v1/keys/bike', { body: { name: 'Bike, again' } });
  assert.equal(again.status, 200);
  assert.equal((await bench.call('GET', '/api/v1/keys/bike')).body.name, 'Bike, again');
});

test('P13: why a decision was what it was, and what would be decided', async () => {
  await using bench = await ApiBench.open();
  const { site } = bench;
  await site.put({
    id: 'g',
    pin: '246813',
    window: { kind: 'floating', start: '2026-06-01T15:00', end: '2026-06-03T11:00' },
  });
  await site.type('246813#');
  const denied = site.last('access.denied');
  const { body: why } = await bench.call('GET', `/api/v1/why/${denied.seq}`, { as: 'read' });
  assert.deepEqual([why.explained, why.same, why.decision.reason], [true, true, 'not-yet-valid']);
  assert.match(why.sentence, /its window has not begun/);
  const { body: none } = await bench.call('GET', '/api/v1/why/1');
  assert.equal(none.explained, false);

  const ask = (at: string) =>
    bench.call('POST', '/api/v1/what-if', {
      as: 'read',
      body: { accessPoint: 'lobby', grant: 'g', at },
    });
  assert.equal((await ask('2026-06-01T14:00:00+02:00')).body.decision.reason, 'not-yet-valid');
  assert.equal((await ask('2026-06-01T16:00:00+02:00')).body.decision.kind, 'granted');
  assert.equal((await ask('2026-06-04T16:00:00+02:00')).body.decision.reason, 'expired');
  assert.equal(
    (await ask('2026-06-01T16:00')).body.at,
    '2026-06-01T14:00:00.000Z',
    'by the clock there',
  );
  const gap = await ask('2027-03-28T02:30');
  assert.equal(gap.body.at, '2027-03-28T01:00:00.000Z', 'the first moment after the gap');
  const { error } = (await ask('half past two')).body;
  assert.equal(error.field, 'at');
  assert.match(error.message, /^a time such as 2027-03-28T02:30/);

  const tried = (pin: string) =>
    bench.call('POST', '/api/v1/what-if', { as: 'read', body: { pin, at: '2026-06-01T16:00' } });
  assert.equal((await tried('246813')).body.decision.kind, 'granted');
  assert.equal((await tried('111222')).body.decision.reason, 'unknown-credential');
  const both = { pin: '246813', grant: 'g' };
  assert.equal((await bench.call('POST', '/api/v1/what-if', { body: both })).status, 400);
  assert.equal(
    site.journal.at(-1)?.seq,
    (await bench.call('GET', '/api/v1/journal?limit=1')).body.lastSeq,
  );
  assert.equal(site.pulseCount, 0, 'asking what would be leaves no trace');
});

test('a duress code opens as usual, and nothing here tells that it was one', async () => {
  await using bench = await ApiBench.open();
  const { site } = bench;
  const body = {
    holder: 'anna',
    credentials: [{ kind: 'pin', pin: '975312', duress: true }],
    targets: [{ kind: 'key', id: 'flat-3' }],
  };
  await bench.call('PUT', '/api/v1/grants/g', { body });
  await site.type('975312#');
  assert.deepEqual(site.openSlots(), [3]);
  const silent = site.last('security.duress');
  assert.equal((await bench.call('GET', `/api/v1/journal/${silent.seq}`)).status, 404);
  const seen = [
    await bench.call('GET', '/api/v1/journal'),
    await bench.call('GET', '/api/v1/journal?classes=security'),
    await bench.call('GET', '/api/v1/grants/g'),
    await bench.call('GET', `/api/v1/why/${site.last('access.granted').seq}`),
  ];
  assert.doesNotMatch(JSON.stringify(seen.map(({ body: each }) => each)), /duress/);
});

test('a duress code goes on being one when its grant is changed by who cannot know of it', async () => {
  await using bench = await ApiBench.open();
  const { site } = bench;
  const targets = [{ kind: 'key', id: 'flat-3' }];
  const credentials = [{ id: 'second', kind: 'pin', pin: '975312', duress: true }];
  await bench.call('PUT', '/api/v1/grants/g', { body: { holder: 'anna', credentials, targets } });
  const { body: seen } = await bench.call('GET', '/api/v1/grants/g');
  const { status } = await bench.call('PUT', '/api/v1/grants/g', {
    body: {
      holder: 'anna',
      credentials: seen.credentials.map(({ id, kind }: { id: string; kind: string }) => ({
        id,
        kind,
      })),
      targets,
      uses: { max: 5 },
    },
  });
  assert.equal(status, 200);
  await site.type('975312#');
  assert.equal(site.last('security.duress').sub, 'anna');
});

test('the journal is searched, paged and verified', async () => {
  await using bench = await ApiBench.open();
  const { site } = bench;
  await site.put({ id: 'g', pin: '246813' });
  for (let n = 0; n < 4; n += 1) await site.type('111222#');
  const { body: first } = await bench.call('GET', '/api/v1/journal?types=access.denied&limit=3');
  assert.equal(first.entries.length, 3);
  const { body: rest } = await bench.call(
    'GET',
    `/api/v1/journal?types=access.denied&limit=3&before=${first.next}`,
  );
  assert.equal(rest.entries.length, 1);
  assert.ok(rest.entries[0].seq < first.entries[2].seq);
  assert.equal(rest.next, null);
  const { body: text } = await bench.call('GET', '/api/v1/journal?text=UNKNOWN-credential');
  assert.equal(text.entries.length, 4);
  const { body: verified } = await bench.call('POST', '/api/v1/journal/verify', { body: {} });
  assert.deepEqual([verified.ok, verified.faults], [true, []]);
});

test('events are streamed from where the caller was, and then as they come', async () => {
  await using bench = await ApiBench.open();
  const { site } = bench;
  const stop = new AbortController();
  const from = site.journal.at(-1)?.seq ?? 0;
  await site.type('111222#');
  const answer = await bench.raw('GET', '/api/v1/events?classes=access', {
    headers: { 'last-event-id': String(from) },
    signal: stop.signal,
  });
  assert.ok(typeof answer.body === 'object' && Symbol.asyncIterator in answer.body);
  const stream = answer.body[Symbol.asyncIterator]();
  assert.match((await stream.next()).value, /^retry: /);
  assert.match((await stream.next()).value, /^id: \d+\nevent: access\.denied\ndata: \{.*\}\n\n$/);
  const next = stream.next();
  await site.type('333444#');
  assert.match((await next).value, /event: access\.denied/);
  const quiet = stream.next();
  await site.advance(16_000);
  assert.match((await quiet).value, /^: /);
  const last = stream.next();
  stop.abort();
  assert.equal((await last).done, true);
});

test('metrics name devices and states, and no person', async () => {
  await using bench = await ApiBench.open();
  await bench.site.put({ id: 'g', pin: '246813' });
  const { body: text } = await bench.call('GET', '/metrics', { as: 'read' });
  assert.match(text, /^latchkey_device_online\{device="box",driver="kerong-cu16"\} 1$/m);
  assert.match(text, /^latchkey_storage_state 0$/m);
  assert.match(text, /^latchkey_keys\{place="all"\} 3$/m);
  assert.doesNotMatch(text, /holder/);
});

test('so many callers may follow at one time, and one more when one of them goes', async () => {
  await using bench = await ApiBench.open();
  const callers = Array.from({ length: 32 }, () => new AbortController());
  const streams: AsyncIterator<string>[] = [];
  for (const { signal } of callers) {
    const { body } = await bench.raw('GET', '/api/v1/events', { signal });
    assert.ok(typeof body === 'object' && Symbol.asyncIterator in body);
    const stream = body[Symbol.asyncIterator]();
    await stream.next();
    streams.push(stream);
  }
  assert.deepEqual((await bench.call('GET', '/api/v1/events')).body.error, {
    code: 'busy',
    message: '32 streams of events are open, and there may be no more',
  });
  callers[0]?.abort();
  assert.equal((await streams[0]?.next())?.done, true);
  assert.equal((await bench.raw('GET', '/api/v1/events')).status, 200);
  for (const [index, stream] of streams.entries()) {
    callers[index]?.abort();
    await stream.return?.();
  }
});

test('an administrator states the time where the box does not know it, and nobody moves it where it does', async () => {
  await using bench = await ApiBench.open({ noTimeServer: true });
  const { site } = bench;
  const say = (at: number, as: 'operate' | 'admin' = 'admin') =>
    bench.call('POST', '/api/v1/clock', { as, body: { at: new Date(at).toISOString() } });
  assert.equal((await say(site.clock.now(), 'operate')).status, 403);
  const past = await say(Date.UTC(2020, 0, 1));
  assert.deepEqual([past.status, past.body.error.field], [400, 'at']);
  const stated = site.clock.now() + 3_600_000;
  const { state, at } = (await say(stated)).body;
  assert.equal(state, 'holdover');
  assert.ok(Math.abs(Date.parse(at) - stated) <= 60_000, 'not what the machine shows');
  const { clock, now } = (await bench.call('GET', '/api/v1/status', {})).body;
  assert.ok(Math.abs(Date.parse(clock.at) - stated) <= 61_000);
  assert.ok(Math.abs(Date.parse(now) - site.clock.now()) <= 1000, 'what the machine shows');
  assert.equal((await say(site.clock.now())).status, 409);
});

test('P8: a grant that was stored and found no room in the journal is recorded when it is put again, once', async () => {
  await using bench = await ApiBench.open();
  const { site } = bench;
  const body = {
    rev: 1,
    holder: 'anna',
    credentials: [{ kind: 'pin', pin: '482913' }],
    targets: [{ kind: 'key', id: FLAT_KEY.key }],
  };
  const put = () => bench.call('PUT', '/api/v1/grants/g-anna', { body });
  const told = () => site.types('grant').filter((type) => type === 'grant.put').length;
  site.daemon.desk.journal.failWrites('full', 1);
  assert.ok((await put()).status >= 500);
  assert.equal(told(), 0);
  for (const _again of [1, 2]) {
    const { status, body: reply } = await put();
    assert.deepEqual([status, reply.outcome, told()], [200, 'same', 1]);
  }
  assert.equal(site.last('grant.put').sub, 'anna');
});
