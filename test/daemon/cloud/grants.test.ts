import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { grantId } from '../../../daemon/access/model.ts';
import { bringUpToDate, sendSnapshot } from '../../../daemon/cloud/grant-sync.ts';
import type { Reply } from '../../../daemon/cloud/messages.ts';
import {
  outlineOf,
  type UnderstoodGrant,
  wireGrantSchema,
} from '../../../daemon/cloud/wire-grant.ts';
import { digestOf } from '../../../daemon/store/digest.ts';
import { cloudAndBridge } from './cloud-and-bridge.ts';

function grant(id: string, rev = 1): UnderstoodGrant {
  return {
    id,
    rev,
    holder: `p_${id}`,
    credentials: [],
    targets: [{ kind: 'lock', id: 'door' }],
    window: { kind: 'ongoing' },
    operations: ['unlock'],
  };
}

function ids({
  grants,
}: {
  grants: { list(query: { limit: number }): readonly { grant: { id: string; rev: number } }[] };
}) {
  return grants
    .list({ limit: 1000 })
    .map(({ grant: { id, rev } }) => `${id}@${rev}`)
    .sort();
}

test('a revision that is newer is stored, the same changes nothing, an older one is a conflict', async () => {
  const { stack, bridge, cloud } = await cloudAndBridge();
  await using _ = stack;
  const put = async (rev: number) => cloud.send('grant.put', { grant: grant('a', rev) });
  assert.equal((await put(3)).data['outcome'], 'stored');
  assert.equal((await put(3)).data['outcome'], 'same');
  const older = await put(2);
  assert.deepEqual([older.code, older.data['have']], ['conflict', 3]);
  assert.deepEqual(ids(bridge), ['a@3']);
});

test('P6: a revocation is for good, whatever is put, replayed or pictured afterwards', async () => {
  const { stack, bridge, cloud } = await cloudAndBridge();
  await using _ = stack;
  await cloud.send('grant.put', { grant: grant('a', 1) });
  const revoked = await cloud.send('grant.revoke', { id: 'a', rev: 5 });
  assert.deepEqual(revoked.data['devices'], [{ dev: 'box', state: 'dead' }]);
  assert.deepEqual(bridge.doors.withdrawn, ['a']);
  const types = bridge.journal.read({ classes: ['grant'], limit: 10 }).map(({ type }) => type);
  assert.deepEqual(types, ['grant.put', 'grant.revoked', 'grant.revocation_effective']);

  assert.equal((await cloud.send('grant.put', { grant: grant('a', 5) })).code, 'conflict');
  assert.equal((await sendSnapshot(cloud, 's0', 9, [grant('a', 4), grant('b')])).status, 'ok');
  const held = bridge.grants
    .list({ limit: 10 })
    .filter(({ revoked: stone }) => stone === undefined);
  assert.deepEqual(
    held.map(({ grant: { id } }) => String(id)),
    ['b'],
  );
  // A later revision is a new decision of the owner.
  assert.equal((await cloud.send('grant.put', { grant: grant('a', 6) })).status, 'ok');
});

test('a revocation of a grant that never came is remembered all the same', async () => {
  const { stack, bridge, cloud } = await cloudAndBridge();
  await using _ = stack;
  assert.equal((await cloud.send('grant.revoke', { id: 'ghost', rev: 7 })).status, 'ok');
  assert.equal((await cloud.send('grant.put', { grant: grant('ghost', 7) })).code, 'conflict');
  assert.deepEqual(ids(bridge), []);
});

test('a snapshot in parts changes nothing until all are there, and then everything at once', async () => {
  const { stack, bridge, cloud } = await cloudAndBridge();
  await using _ = stack;
  await cloud.send('grant.put', { grant: grant('old') });
  const all = ['a', 'b', 'c'].map((id) => grant(id));
  const part = (number: number, grants: UnderstoodGrant[], digest = digestOf(all)) =>
    cloud.send('grants.snapshot', {
      snap: 's1',
      version: 4,
      part: number,
      parts: 3,
      grants,
      digest,
    });
  const order: [number, UnderstoodGrant[]][] = [
    [3, all.slice(2)],
    [1, all.slice(0, 1)],
    [1, all.slice(0, 1)],
  ];
  for (const [number, grants] of order) {
    const reply = await part(number, grants);
    assert.deepEqual([reply.status, reply.data['complete']], ['ok', false]);
    assert.deepEqual(ids(bridge), ['old@1']);
  }
  assert.equal((await part(2, all.slice(1, 2))).data['complete'], true);
  assert.deepEqual(ids(bridge), ['a@1', 'b@1', 'c@1']);
  assert.equal(bridge.grants.version('cloud'), 4);
  assert.equal(bridge.grants.digest('cloud'), digestOf(all));
});

test('a snapshot whose digest differs is thrown away', async () => {
  const { stack, bridge, cloud } = await cloudAndBridge();
  await using _ = stack;
  await cloud.send('grant.put', { grant: grant('old') });
  const body = { snap: 's2', version: 4, part: 1, parts: 1, grants: [grant('a')], digest: 'ab' };
  assert.equal((await cloud.send('grants.snapshot', body)).code, 'conflict');
  assert.deepEqual(ids(bridge), ['old@1']);
});

test('a delta is taken at the version it starts from and at no other', async () => {
  const { stack, bridge, cloud } = await cloudAndBridge();
  await using _ = stack;
  const delta = (
    from: number,
    to: number,
    put: UnderstoodGrant[],
    revoke: { id: string; rev: number }[] = [],
  ) => cloud.send('grants.delta', { from, to, put, revoke });
  assert.equal((await delta(0, 1, [grant('a'), grant('b')])).status, 'ok');
  const early = await delta(4, 5, [grant('x')]);
  assert.deepEqual([early.code, early.data['have']], ['conflict', 1]);
  assert.equal((await delta(1, 2, [grant('c')], [{ id: 'a', rev: 1 }])).status, 'ok');
  assert.equal((await delta(1, 2, [grant('c')])).data['outcome'], 'same');
  assert.deepEqual(bridge.doors.withdrawn, ['a']);
  const live = bridge.grants.list({ limit: 10 }).filter(({ revoked }) => revoked === undefined);
  assert.deepEqual(live.map(({ grant: { id } }) => String(id)).sort(), ['b', 'c']);
});

test('P6: a delta that revokes an older revision than the one here says so, and tells nobody that the grant is dead', async () => {
  const { stack, bridge, cloud } = await cloudAndBridge();
  await using _ = stack;
  await cloud.send('grant.put', { grant: grant('a', 5) });
  await cloud.send('grant.put', { grant: grant('b', 1) });
  const revoke = [
    { id: 'a', rev: 3 },
    { id: 'b', rev: 1 },
  ];
  const reply = await cloud.send('grants.delta', { from: 0, to: 1, put: [], revoke });
  assert.deepEqual([reply.status, reply.data['stale']], ['ok', ['a']]);
  assert.equal(bridge.grants.grant(grantId('a'))?.revoked, undefined);
  assert.deepEqual(bridge.doors.withdrawn, ['b']);
  const told = bridge.journal
    .read({ types: ['grant.revoked', 'grant.revocation_effective'], limit: 10 })
    .map(({ body }) => body['grant']);
  assert.deepEqual(told, ['b', 'b']);
});

test('P6: a delta whose record found no room on the disk is recorded when it comes again, its revocations first', async () => {
  const { stack, bridge, cloud } = await cloudAndBridge();
  await using _ = stack;
  await cloud.send('grant.put', { grant: grant('a', 3) });
  const delta = () =>
    cloud.send('grants.delta', {
      from: 0,
      to: 1,
      put: [grant('b')],
      revoke: [{ id: 'a', rev: 4 }],
    });
  bridge.journal.failWrites('full', 1);
  assert.equal((await delta()).code, 'storage_full');
  assert.equal(bridge.journal.tombstone(grantId('a')), undefined);
  const again = await delta();
  assert.deepEqual([again.status, again.data['outcome']], ['ok', 'same']);
  assert.equal(bridge.journal.tombstone(grantId('a'))?.rev, 4);
  assert.deepEqual(bridge.doors.withdrawn, ['a']);
  const types = bridge.journal.read({ classes: ['grant'], limit: 10 }).map(({ type }) => type);
  assert.deepEqual(types, [
    'grant.put',
    'grant.delta_applied',
    'grant.revoked',
    'grant.revocation_effective',
  ]);
  // Once it is, nothing is recorded again.
  assert.equal((await delta()).data['outcome'], 'same');
  assert.deepEqual(bridge.doors.withdrawn, ['a']);
});

test('P8: what was written and found no room in the journal is recorded when it comes again, once, with what a manager must hear of', async () => {
  const { stack, bridge, cloud } = await cloudAndBridge();
  await using _ = stack;
  const types = () =>
    bridge.journal.read({ classes: ['grant'], limit: 50 }).map(({ type }) => String(type));
  const refusedOnce = async (send: () => Promise<Reply>, recorded: readonly string[]) => {
    const before = types().length;
    bridge.journal.failWrites('full', 1);
    assert.equal((await send()).code, 'storage_full');
    assert.equal(types().length, before);
    for (const _again of [1, 2]) {
      assert.equal((await send()).data['outcome'], 'same');
      assert.deepEqual(types().slice(before), recorded);
    }
  };
  const coded = async (id: string) => ({
    ...grant(id),
    credentials: [{ id: `${id}-pin`, kind: 'pin' as const, sealed: await cloud.seal('471113') }],
  });
  const [one, two, three] = [await coded('one'), await coded('two'), await coded('three')];
  await refusedOnce(() => cloud.send('grant.put', { grant: one }), ['grant.put']);
  await refusedOnce(
    () => cloud.send('grant.put', { grant: two }),
    ['grant.put', 'grant.pin_collision'],
  );
  await refusedOnce(
    () => cloud.send('grants.delta', { from: 0, to: 1, put: [three], revoke: [] }),
    ['grant.delta_applied', 'grant.pin_collision', 'grant.pin_collision'],
  );
  const key = { id: 'cellar', rev: 1, name: 'Cellar' };
  await refusedOnce(() => cloud.send('key.put', { key }), ['grant.key_put']);
  const remove = (id: string) => cloud.send('key.remove', { id, rev: 2 });
  await refusedOnce(() => remove('cellar'), ['grant.key_removed']);
  const all = types().length;
  assert.equal((await remove('never-here')).data['outcome'], 'same');
  assert.equal(types().length, all);
});

test('P8: a snapshot that was in force when the daemon ended before recording it is recorded when it comes again', async () => {
  const { stack, bridge, cloud } = await cloudAndBridge();
  await using _ = stack;
  const builder = await bridge.grants.snapshot('cloud', 's1');
  await builder.part(1, []);
  await builder.commit({ parts: 1, version: 4, digest: digestOf([]) });
  assert.equal(bridge.grants.version('cloud'), 4);
  assert.equal((await sendSnapshot(cloud, 's1', 4, [])).data['complete'], true);
  const told = bridge.journal.read({ types: ['grant.snapshot_applied'], limit: 9 });
  assert.deepEqual(
    told.map(({ body }) => body['version']),
    [4],
  );
});

test('two sides that differ in a few of many grants agree after a few messages', async () => {
  const { stack, bridge, cloud, exchange } = await cloudAndBridge();
  await using _ = stack;
  const wanted = new Map<string, UnderstoodGrant>(
    Array.from({ length: 3000 }, (_, n) => [`g-${n}`, grant(`g-${n}`)] as const),
  );
  const desired = {
    revisions: () => wanted.values(),
    grant: async (id: string) => wanted.get(id) ?? grant(id),
  };
  const first = await bringUpToDate(cloud, desired);
  assert.deepEqual([first.kind, first.kind === 'sent' && first.put], ['sent', 3000]);
  assert.equal(bridge.grants.digest('cloud'), digestOf(wanted.values()));
  const before = exchange.passed.length;
  assert.equal((await bringUpToDate(cloud, desired)).kind, 'same');
  assert.ok(exchange.passed.length - before < 10);
  wanted.delete('g-17');
  wanted.set('g-18', grant('g-18', 2));
  wanted.set('new', grant('new'));
  const second = await bringUpToDate(cloud, desired);
  assert.deepEqual(second.kind === 'sent' && [second.put, second.revoked], [2, 1]);
  assert.equal(bridge.grants.digest('cloud'), digestOf(wanted.values()));
});

test('a lost journal, a lost answer, a repeated delta: any order of these ends in the same digest', async () => {
  const kinds = fc.constantFrom('put', 'revoke', 'repeat', 'sync');
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(kinds, fc.nat(5), fc.nat(9)), { maxLength: 12 }),
      async (steps) => {
        const { stack, bridge, cloud } = await cloudAndBridge();
        await using _ = stack;
        const wanted = new Map<string, UnderstoodGrant>();
        let rev = 0;
        for (const [kind, which, other] of steps) {
          rev += 1;
          const id = `g-${which}`;
          if (kind === 'put') {
            wanted.set(id, grant(id, rev));
            if (other > 3) await cloud.send('grant.put', { grant: grant(id, rev) });
          } else if (kind === 'revoke') {
            wanted.delete(id);
            if (other > 3) await cloud.send('grant.revoke', { id, rev });
          } else if (kind === 'repeat') {
            await cloud.send('grant.put', {
              grant: grant(id, Math.max(0, (wanted.get(id)?.rev ?? 0) - other)),
            });
          }
          const desired = {
            revisions: () => wanted.values(),
            grant: async (name: string) => wanted.get(name) ?? grant(name),
          };
          if (kind === 'sync') await bringUpToDate(cloud, desired);
        }
        const desired = {
          revisions: () => wanted.values(),
          grant: async (name: string) => wanted.get(name) ?? grant(name),
        };
        await bringUpToDate(cloud, desired);
        assert.equal(bridge.grants.digest('cloud'), digestOf(wanted.values()));
      },
    ),
    { numRuns: 25 },
  );
});

test('P5: what is not understood of a grant is a limit that refuses, and the reply says which', async () => {
  const { stack, bridge, cloud } = await cloudAndBridge();
  await using _ = stack;
  const bends: readonly (readonly [object, string])[] = [
    [{ moonPhase: 'full' }, 'moonPhase'],
    [{ window: { kind: 'lunar', phase: 3 } }, 'window'],
    [{ window: { kind: 'instants', start: 1, maxHours: 4 } }, 'window'],
    [{ schedule: { zone: 'site', weekly: [], tides: true } }, 'schedule'],
    [{ uses: { max: 3, perDay: 1 } }, 'uses'],
    [{ options: { escort: true } }, 'options'],
    [{ targets: [{ kind: 'submarine', id: 'x' }] }, 'targets'],
    [{ operations: ['unlock', 'teleport'] }, 'operations'],
  ];
  for (const [at, [bend, name]] of bends.entries()) {
    const wish = { ...grant(`u-${at}`), ...bend };
    const reply: Reply = await cloud.send('grant.put', { grant: wish } as never);
    assert.equal(reply.status, 'ok', JSON.stringify(reply));
    assert.deepEqual(reply.data['unsupported'], [name]);
    const stored = bridge.grants.list({ limit: 100 }).find((each) => each.grant.id === `u-${at}`);
    assert.deepEqual(stored?.grant.unsupported, [name]);
  }
});

test('a grant of the wire means the same in the model, field for field', () => {
  const wish = {
    ...grant('full', 8),
    window: {
      kind: 'wall',
      start: '2026-11-23T10:00',
      end: '2026-11-30T12:00',
      zone: 'Europe/Stockholm',
    },
    schedule: {
      zone: 'site',
      weekly: [{ days: [1, 7], from: '10:00', to: '24:00' }],
      exceptions: [{ date: '2026-12-24', windows: [] }],
      holidays: true,
    },
    uses: { max: 4, reset: 'r1', carrier: 'kb-7f3a91' },
    options: { staff: true, allowSetup: true, remindMinutes: 30, antiPassback: 'soft' },
  };
  const { source, state, ...model } = outlineOf(wireGrantSchema.parse(wish));
  assert.deepEqual(source, { vendor: 'cloud', ref: 'full', version: '8' });
  assert.equal(state, 'active');
  const { credentials: _none, ...same } = wish;
  assert.deepEqual(model, same);
});

test('a number that is not sealed, or sealed to another, is refused, and is nowhere', async () => {
  const { stack, cloud } = await cloudAndBridge();
  await using _ = stack;
  const with_ = (credential: object) =>
    cloud.send('grant.put', { grant: { ...grant('s'), credentials: [credential] } } as never);
  assert.equal((await with_({ id: 'c', kind: 'fob' })).code, 'bad_request');
  assert.equal((await with_({ id: 'c', kind: 'pin' })).code, 'bad_request'); // no replyKey
  assert.equal((await with_({ id: 'c', kind: 'pin', sealed: '1234' })).code, 'bad_request');
  assert.equal((await with_({ id: 'c', kind: 'pin', sealed: 'a..b.c.d' })).code, 'bad_request');
  assert.equal(
    (await with_({ id: 'c', kind: 'pin', sealed: await cloud.seal('12') })).code,
    'bad_request',
  );
  assert.equal(
    (await with_({ id: 'c', kind: 'fob', sealed: await cloud.seal('no card') })).code,
    'bad_request',
  );
});

test('one code, or one id, twice in a grant is refused: it would be its own and the one of duress', async () => {
  const { stack, cloud } = await cloudAndBridge();
  await using _ = stack;
  const put = async (...credentials: readonly [string, string][]) => {
    const sealed = await Promise.all(
      credentials.map(async ([id, pin], at) => ({
        ...{ id, kind: 'pin' as const, sealed: await cloud.seal(pin) },
        ...(at === 1 ? { duress: true as const } : {}),
      })),
    );
    return cloud.send('grant.put', { grant: { ...grant('t'), credentials: sealed } });
  };
  const same = await put(['a', '471113'], ['b', '471113']);
  assert.equal(same.code, 'bad_request');
  assert.match(String(same.msg), /^grant\.credentials\[1\]/);
  assert.equal((await put(['a', '471113'], ['a', '471114'])).code, 'bad_request');
  assert.equal((await put(['a', '471113'], ['b', '471114'])).status, 'ok');
});

test('a grant that would never hold is refused when it is put, and told of when it comes in a picture', async () => {
  const { stack, bridge, cloud } = await cloudAndBridge();
  await using _ = stack;
  const empty = { ...grant('e'), window: { kind: 'instants' as const, start: 9_000, end: 9_000 } };
  const put = await cloud.send('grant.put', { grant: empty });
  assert.deepEqual([put.code, put.data['reason']], ['bad_request', 'window-empty']);
  assert.equal(put.msg, 'grant.window: it ends before it begins');
  const weekly = [{ days: [1, 2], from: '10:00', to: '12:00' }];
  const closed = [{ date: '2027-02-29', windows: [] }];
  const never = { ...grant('d'), schedule: { zone: 'site', weekly, exceptions: closed } };
  const dated = await cloud.send('grant.put', { grant: never });
  assert.deepEqual([dated.code, dated.data['reason']], ['bad_request', 'date 2027-02-29']);
  assert.match(
    String(dated.msg),
    /^grant\.schedule: date 2027-02-29 will not do: .*dates that exist/,
  );
  const nowhere = {
    ...grant('n'),
    window: {
      kind: 'wall' as const,
      start: '2026-01-01T10:00',
      end: '2026-01-02T10:00',
      zone: 'Mars/Base',
    },
  };
  assert.equal((await cloud.send('grant.put', { grant: nowhere })).data['reason'], 'zone');
  assert.equal((await sendSnapshot(cloud, 's9', 3, [empty, grant('ok')])).status, 'ok');
  const told = bridge.journal.read({ types: ['grant.window_empty'], limit: 9 });
  assert.deepEqual(
    told.map(({ body }) => body['grant']),
    ['e'],
  );
});

test('one code in two grants is told to the manager by grant, never by code, and never to who made it', async () => {
  const { stack, bridge, cloud } = await cloudAndBridge();
  await using _ = stack;
  const coded = async (id: string) => ({
    ...grant(id),
    credentials: [{ id: `${id}-pin`, kind: 'pin' as const, sealed: await cloud.seal('471113') }],
  });
  await cloud.send('grant.put', { grant: await coded('one') });
  const reply = await cloud.send('grant.put', { grant: await coded('two') });
  assert.deepEqual(Object.keys(reply.data).sort(), ['outcome', 'rev']);
  const told = bridge.journal.read({ types: ['grant.pin_collision'], limit: 9 });
  assert.deepEqual(
    told.map(({ body }) => body['grants']),
    [['two', 'one']],
  );
});
