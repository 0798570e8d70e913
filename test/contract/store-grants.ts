/** What every store of grants promises, in memory or on files, with or without threads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CredentialIndex, credentialId, type KeyId } from '../../daemon/access/model.ts';
import { digestOf } from '../../daemon/store/digest.ts';
import type { GrantStore } from '../../daemon/store/ports.ts';
import { deviceId, slotNumber } from '../../drivers/contract/device.ts';
import { instant } from '../../drivers/contract/time.ts';
import { codeOf, grantId, grantOf, holderId, keyOf, NOON } from '../daemon/store/known.ts';

export function grantsContract(
  name: string,
  open: () => Promise<{ grants: GrantStore } & AsyncDisposable>,
): void {
  const put = (grants: GrantStore, n: number, rev = 1) =>
    grants.write({ source: 'cloud', changes: [{ kind: 'put', grant: grantOf(n, rev) }] });

  test(`${name}: a grant is found by what is shown, by id and by holder, as it was put`, async () => {
    await using opened = await open();
    const { grants } = opened;
    for (const n of [1, 2, 3, 4, 5, 6]) await put(grants, n);
    const [match, ...others] = grants.byCredential(codeOf(3));
    assert.equal(others.length, 0);
    assert.deepEqual(match?.grant, grantOf(3));
    assert.equal(match?.credential.index, codeOf(3));
    assert.equal(match?.revoked, undefined);
    assert.deepEqual(grants.grant(grantId(4))?.grant, grantOf(4));
    assert.equal(grants.grant(grantId(99)), undefined);
    assert.deepEqual(grants.byCredential(codeOf(99)), []);
    assert.deepEqual(
      grants.grantsOf(holderId(1)).map(({ grant }) => grant.id),
      [grantId(1), grantId(4)],
    );
    assert.equal(grants.count('cloud'), 6);
    assert.equal(grants.count(), 6);
    assert.equal(grants.count('seam'), 0);
  });

  test(`${name}: codes that begin alike are told apart, also where a grant has both`, async () => {
    await using opened = await open();
    const { grants } = opened;
    const [same, other, none] = [codeOf(2), codeOf(3), codeOf(4)];
    assert.equal(same.slice(0, 12), other.slice(0, 12));
    const fob = { id: credentialId('f'), kind: 'fob', index: other } as const;
    const both = { ...grantOf(2), credentials: [...grantOf(2).credentials.slice(0, 1), fob] };
    const near = { ...grantOf(4), credentials: [fob] };
    const ids = (index: CredentialIndex) =>
      grants.byCredential(index).map(({ grant, credential }) => [grant.id, credential.index]);
    const all = () => [same, other, none].map(ids);

    await put(grants, 2);
    await grants.write({ source: 'cloud', changes: [{ kind: 'put', grant: near }] });
    const apart = [[[grantId(2), same]], [[grantId(4), other]], []];
    assert.deepEqual(all(), apart);

    const builder = await grants.snapshot('cloud', 'alike');
    await builder.part(1, [both, near]);
    const digest = digestOf([both, near]);
    const outcome = await builder.commit({ parts: 1, version: 1, digest });
    assert.equal(outcome.kind, 'applied');
    const shared = [
      [grantId(2), other],
      [grantId(4), other],
    ];
    assert.deepEqual(all(), [[[grantId(2), same]], shared, []]);

    await grants.write({ source: 'cloud', changes: [{ kind: 'put', grant: grantOf(2, 2) }] });
    const [code] = all();
    assert.deepEqual(code, [[grantId(2), same]]);
    assert.deepEqual(ids(other), [[grantId(4), other]]);
  });

  test(`${name}: windows are kept in instants`, async () => {
    await using opened = await open();
    const { grants } = opened;
    const at = (ms: number) => instant(NOON + ms);
    const windowed = {
      ...grantOf(1),
      window: { kind: 'instants', start: at(10), end: at(20) },
    } as const;
    const wall = {
      ...grantOf(2),
      window: { kind: 'wall', start: '2026-11-24T12:00', end: '2026-11-24T13:00', zone: 'UTC' },
    } as const;
    await grants.write({
      source: 'cloud',
      changes: [
        { kind: 'put', grant: windowed },
        { kind: 'put', grant: wall },
      ],
    });
    assert.deepEqual(grants.grant(grantId(1))?.window, { start: at(10), end: at(20) });
    assert.deepEqual(grants.grant(grantId(2))?.window, { start: NOON, end: at(3_600_000) });
  });

  test(`${name}: a new revision is found by its codes, slots and holder alone`, async () => {
    await using opened = await open();
    const { grants } = opened;
    const box = deviceId('box');
    const of = (
      rev: number,
      codes: readonly number[],
      slots: readonly number[],
      holder: number,
    ) => ({
      ...grantOf(1, rev),
      holder: holderId(holder),
      credentials: codes.flatMap((n) => grantOf(n).credentials.slice(0, 1)),
      targets: slots.map((slot) => ({ kind: 'slot' as const, id: `box:${slot}` })),
    });
    const revisions = [
      [[3, 2], [3, 4], 1],
      [[2, 5], [4], 1],
      [[5], [4, 6], 2],
      [[], [], 2],
      [[3], [3], 1],
    ] as const;
    for (const [n, [codes, slots, holder]] of revisions.entries()) {
      const grant = of(n + 1, codes, slots, holder);
      await grants.write({ source: 'cloud', changes: [{ kind: 'put', grant }] });
      assert.deepEqual(grants.grant(grant.id)?.grant, grant);
      for (const code of [2, 3, 5]) {
        const found = codes.some((each) => each === code) ? [grant] : [];
        assert.deepEqual(
          grants.byCredential(codeOf(code)).map((match) => match.grant),
          found,
        );
      }
      assert.deepEqual(grants.reservedSlots(box, NOON), slots.map(slotNumber));
      for (const each of [1, 2]) {
        assert.equal(grants.grantsOf(holderId(each)).length, each === holder ? 1 : 0);
      }
      assert.equal(grants.count('cloud'), 1);
      assert.equal(grants.digest('cloud'), digestOf([grant]));
    }
  });

  test(`${name}: an older revision changes nothing, and another source cannot take an id`, async () => {
    await using opened = await open();
    const { grants } = opened;
    const outcome = async (n: number, rev: number) => {
      const result = await put(grants, n, rev);
      return result.kind === 'written' ? result.outcomes[0] : result.kind;
    };
    assert.equal(await outcome(1, 5), 'stored');
    const { digest } = { digest: grants.digest('cloud') };
    assert.equal(await outcome(1, 5), 'same');
    assert.equal(await outcome(1, 4), 'stale');
    const foreign = {
      ...grantOf(1, 9),
      source: { vendor: 'seam', ref: 'x', version: '' },
    } as const;
    assert.deepEqual(
      await grants.write({ source: 'seam', changes: [{ kind: 'put', grant: foreign }] }),
      { kind: 'written', outcomes: ['stale'] },
    );
    assert.equal(grants.digest('cloud'), digest);
    assert.equal(await outcome(1, 6), 'stored');
    assert.equal(grants.digest('cloud'), digestOf([{ id: grantId(1), rev: 6 }]));
    assert.equal(grants.count(), 1);
  });

  test(`${name}: a changed grant is found by its new code only`, async () => {
    await using opened = await open();
    const { grants } = opened;
    await put(grants, 1);
    const changed = { ...grantOf(1, 2), credentials: grantOf(2).credentials };
    await grants.write({ source: 'cloud', changes: [{ kind: 'put', grant: changed }] });
    assert.deepEqual(grants.byCredential(codeOf(1)), []);
    assert.equal(grants.byCredential(codeOf(2)).length, 1);
  });

  test(`${name}: what is revoked stays known by its code, is not counted, and comes back only newer`, async () => {
    await using opened = await open();
    const { grants } = opened;
    await put(grants, 1, 3);
    await put(grants, 2, 1);
    const revoke = (rev: number) =>
      grants.write({
        source: 'cloud',
        changes: [{ kind: 'revoke', grant: grantId(1), rev, at: NOON }],
      });
    assert.deepEqual(await revoke(2), { kind: 'written', outcomes: ['stale'] });
    assert.equal(grants.grant(grantId(1))?.revoked, undefined);
    assert.deepEqual(await revoke(3), { kind: 'written', outcomes: ['stored'] });
    assert.deepEqual(await revoke(3), { kind: 'written', outcomes: ['same'] });
    assert.deepEqual(grants.byCredential(codeOf(1))[0]?.revoked, { rev: 3, at: NOON });
    assert.equal(grants.count('cloud'), 1);
    assert.equal(grants.digest('cloud'), digestOf([{ id: grantId(2), rev: 1 }]));
    assert.deepEqual(
      grants.list({ limit: 10 }).map(({ grant }) => grant.id),
      [grantId(2)],
    );
    assert.deepEqual(await put(grants, 1, 3), { kind: 'written', outcomes: ['stale'] });
    assert.deepEqual(await put(grants, 1, 4), { kind: 'written', outcomes: ['stored'] });
    assert.equal(grants.byCredential(codeOf(1))[0]?.revoked, undefined);
    assert.equal(grants.count('cloud'), 2);
    // A revocation of something never heard of stands above what comes later.
    await grants.write({
      source: 'cloud',
      changes: [{ kind: 'revoke', grant: grantId(7), rev: 9, at: NOON }],
    });
    assert.deepEqual(await put(grants, 7, 9), { kind: 'written', outcomes: ['stale'] });
  });

  test(`${name}: a version is a guard, and goes with its rows and cursors`, async () => {
    await using opened = await open();
    const { grants } = opened;
    const write = (from: number | undefined, to: number, n: number) =>
      grants.write({
        source: 'cloud',
        changes: [{ kind: 'put', grant: grantOf(n) }],
        version: { from, to },
        cursors: [{ name: 'page', value: { at: n } }],
      });
    assert.equal((await write(undefined, 4, 1)).kind, 'written');
    assert.equal(grants.version('cloud'), 4);
    assert.deepEqual(await write(3, 5, 2), { kind: 'conflict', have: 4 });
    assert.equal(grants.grant(grantId(2)), undefined);
    assert.deepEqual(grants.cursor('cloud', 'page'), { at: 1 });
    assert.equal((await write(4, 5, 2)).kind, 'written');
    assert.deepEqual(grants.cursor('cloud', 'page'), { at: 2 });
    assert.equal(grants.cursor('seam', 'page'), undefined);
    assert.equal(grants.version('seam'), 0);
  });

  test(`${name}: digests by bucket lead to what differs`, async () => {
    await using opened = await open();
    const { grants } = opened;
    const all = Array.from({ length: 40 }, (_, n) => grantOf(n));
    await grants.write({
      source: 'cloud',
      changes: all.map((grant) => ({ kind: 'put', grant }) as const),
    });
    assert.equal(grants.digest('cloud'), digestOf(all));
    const buckets = grants.digestBuckets('cloud');
    assert.equal(buckets.length, 256);
    const ids = buckets.flatMap((_sum, bucket) => grants.idsInBucket('cloud', bucket));
    assert.equal(ids.length, 40);
    assert.equal(digestOf(ids), grants.digest('cloud'));
    assert.deepEqual(grants.idsInBucket('seam', 0), []);
  });

  test(`${name}: lists go on where they ended, by any condition`, async () => {
    await using opened = await open();
    const { grants } = opened;
    const changes = Array.from(
      { length: 25 },
      (_, n) => ({ kind: 'put', grant: grantOf(n) }) as const,
    );
    await grants.write({ source: 'cloud', changes });
    const seen = new Set<string>();
    for (let after: string | undefined; ; ) {
      const page = grants.list({ limit: 10, ...(after === undefined ? {} : { after }) });
      for (const { grant } of page) seen.add(grant.id);
      after = page.at(-1)?.grant.id;
      if (after === undefined) break;
    }
    assert.equal(seen.size, 25);
    assert.equal(grants.list({ holder: holderId(1), limit: 100 }).length, 8);
    assert.equal(grants.list({ source: 'local', limit: 100 }).length, 0);
    assert.equal(grants.list({ target: 'lock-1', limit: 100 }).length, 5);
    assert.equal(grants.list({ text: 'G-00007', limit: 100 }).length, 1);
  });

  test(`${name}: keys come and go with their revision`, async () => {
    await using opened = await open();
    const { grants } = opened;
    const change = async (change: Parameters<GrantStore['write']>[0]['changes'][number]) => {
      const result = await grants.write({ source: 'cloud', changes: [change] });
      return result.kind === 'written' ? result.outcomes[0] : result.kind;
    };
    const key = keyOf(1, 2);
    assert.equal(await change({ kind: 'put-key', key }), 'stored');
    assert.equal(await change({ kind: 'put-key', key: keyOf(1, 1) }), 'stale');
    assert.deepEqual(grants.key(key.id), key);
    assert.deepEqual(grants.keyByFob(codeOf(1001)), key);
    assert.deepEqual(grants.keys(), [key]);
    assert.equal(await change({ kind: 'remove-key', key: key.id, rev: 1 }), 'stale');
    assert.equal(await change({ kind: 'remove-key', key: key.id, rev: 3 }), 'stored');
    assert.equal(await change({ kind: 'put-key', key: keyOf(1, 3) }), 'same');
    assert.equal(grants.key('k-1' as KeyId), undefined);
    assert.equal(grants.keyByFob(codeOf(1001)), undefined);
    assert.equal(await change({ kind: 'put-key', key: keyOf(1, 4) }), 'stored');
  });

  test(`${name}: slots of live slot grants are reserved while they hold`, async () => {
    await using opened = await open();
    const { grants } = opened;
    const box = deviceId('box');
    const at = (ms: number) => instant(NOON + ms);
    const grant = {
      ...grantOf(1),
      targets: [{ kind: 'slot', id: 'box:7' }],
      window: { kind: 'instants', start: at(0), end: at(10) },
    } as const;
    const always = { ...grantOf(2), targets: [{ kind: 'slot', id: 'box:3' }] } as const;
    await grants.write({
      source: 'cloud',
      changes: [
        { kind: 'put', grant },
        { kind: 'put', grant: always },
      ],
    });
    assert.deepEqual(grants.reservedSlots(box, at(5)), [slotNumber(3), slotNumber(7)]);
    assert.deepEqual(grants.reservedSlots(box, at(10)), [slotNumber(3)]);
    assert.deepEqual(grants.reservedSlots(deviceId('box-2'), at(5)), []);
    await grants.write({
      source: 'cloud',
      changes: [{ kind: 'revoke', grant: grantId(2), rev: 1, at: NOON }],
    });
    assert.deepEqual(grants.reservedSlots(box, at(10)), []);
  });

  test(`${name}: a grant for a slot that no board has is nobody else's trouble`, async () => {
    await using opened = await open();
    const { grants } = opened;
    const ids = ['box:0', 'box:4097', 'box:9999', 'box:00', 'box:\ud800', 'box:7'];
    const targets = ids.map((id) => ({ kind: 'slot', id }) as const);
    await grants.write({
      source: 'cloud',
      changes: [{ kind: 'put', grant: { ...grantOf(1), targets } }],
    });
    assert.deepEqual(grants.reservedSlots(deviceId('box'), NOON), [slotNumber(7)]);
    assert.deepEqual(grants.grant(grantId(1))?.grant.targets, targets);
  });

  test(`${name}: what a picture names as another source's, and dead besides, is left out of its sum once`, async () => {
    await using opened = await open();
    const { grants } = opened;
    const source = { ...grantOf(1).source, vendor: 'local' } as const;
    for (const change of [
      { kind: 'put', grant: { ...grantOf(1), source } } as const,
      { kind: 'revoke', grant: grantId(1), rev: 3, at: NOON } as const,
      { kind: 'put', grant: { ...grantOf(1), source, rev: 5 } } as const,
    ]) {
      await grants.write({ source: 'local', changes: [change] });
    }
    const all = [{ ...grantOf(1), rev: 2 }, grantOf(2)];
    const snapshot = await grants.snapshot('cloud', 's');
    await snapshot.part(1, all);
    const expected = { parts: 1, version: 2, digest: digestOf(all) };
    assert.deepEqual(await snapshot.commit(expected), { kind: 'applied', grants: 1 });
    assert.equal(grants.digest('cloud'), digestOf([grantOf(2)]));
    assert.equal(grants.grant(grantId(1))?.grant.source.vendor, 'local');
  });

  test(`${name}: a person who is erased while a snapshot is built is not in it`, async () => {
    await using opened = await open();
    const { grants } = opened;
    const all = [grantOf(1), grantOf(2), grantOf(3)];
    await grants.write({ source: 'cloud', changes: all.map((grant) => ({ kind: 'put', grant })) });
    const snapshot = await grants.snapshot('cloud', 's');
    await snapshot.part(1, all);
    const grant = grantId(2);
    for (const change of [
      { kind: 'revoke', grant, rev: 1, at: NOON } as const,
      { kind: 'forget', grant } as const,
    ]) {
      await grants.write({ source: 'cloud', changes: [change] });
    }
    const expected = { parts: 1, version: 2, digest: digestOf(all) };
    assert.deepEqual(await snapshot.commit(expected), { kind: 'applied', grants: 2 });
    assert.equal(grants.grant(grant), undefined);
    assert.deepEqual(grants.grantsOf(grantOf(2).holder), []);
    assert.equal(grants.digest('cloud'), digestOf([grantOf(1), grantOf(3)]));
  });

  test(`${name}: a snapshot replaces its source and nothing else`, async () => {
    await using opened = await open();
    const { grants } = opened;
    for (const n of [1, 2, 3]) await put(grants, n);
    const local = { ...grantOf(50), source: { vendor: 'local', ref: 'l', version: '' } } as const;
    await grants.write({
      source: 'local',
      changes: [
        { kind: 'put', grant: local },
        { kind: 'put-key', key: keyOf(1, 1) },
      ],
      cursors: [{ name: 'c', value: 1 }],
    });
    const picture = [2, 3, 4, 5].map((n) => grantOf(n, 2));
    const snapshot = await grants.snapshot('cloud', 'snap-1');
    await snapshot.part(2, picture.slice(2));
    await snapshot.part(2, picture.slice(2));
    assert.deepEqual(await snapshot.commit({ parts: 2, version: 9, digest: digestOf(picture) }), {
      kind: 'incomplete',
      missing: [1],
    });
    assert.equal(await grants.snapshot('cloud', 'snap-1'), snapshot);
    await snapshot.part(1, picture.slice(0, 2));
    assert.deepEqual(snapshot.partsHeld, [1, 2]);
    assert.deepEqual(await snapshot.commit({ parts: 2, version: 9, digest: digestOf(picture) }), {
      kind: 'applied',
      grants: 4,
    });
    assert.equal(grants.grant(grantId(1)), undefined);
    assert.deepEqual(grants.byCredential(codeOf(1)), []);
    assert.equal(grants.byCredential(codeOf(2))[0]?.grant.rev, 2);
    assert.deepEqual(grants.grant(grantId(50))?.grant, local);
    assert.deepEqual(grants.keys(), [keyOf(1, 1)]);
    assert.equal(grants.cursor('local', 'c'), 1);
    assert.equal(grants.version('cloud'), 9);
    assert.equal(grants.digest('cloud'), digestOf(picture));
    assert.equal(grants.digest('local'), digestOf([local]));
    assert.equal(grants.count(), 5);
    // And it goes on being written.
    assert.deepEqual(await put(grants, 6), { kind: 'written', outcomes: ['stored'] });
    assert.equal(grants.digest('cloud'), digestOf([...picture, grantOf(6)]));
  });

  test(`${name}: what arrives during a build, and every tombstone, stands above the snapshot`, async () => {
    await using opened = await open();
    const { grants } = opened;
    for (const n of [1, 2, 3, 8]) await put(grants, n, 5);
    await grants.write({
      source: 'cloud',
      changes: [{ kind: 'revoke', grant: grantId(1), rev: 5, at: NOON }],
    });
    // The picture was taken before some of what is already here, and knows of 1 and 2 only old things.
    const picture = [grantOf(1, 5), grantOf(2, 4), grantOf(3, 5), grantOf(4, 1)];
    const snapshot = await grants.snapshot('cloud', 'snap-2');
    await snapshot.part(1, picture);
    await put(grants, 7, 1);
    await put(grants, 4, 2);
    await grants.write({
      source: 'cloud',
      changes: [{ kind: 'revoke', grant: grantId(3), rev: 6, at: NOON }],
    });
    assert.deepEqual(await snapshot.commit({ parts: 1, version: 2, digest: digestOf(picture) }), {
      kind: 'applied',
      grants: 3,
    });
    assert.equal(grants.byCredential(codeOf(1))[0]?.revoked?.rev, 5);
    assert.equal(grants.grant(grantId(2))?.grant.rev, 5, 'the newer revision stays');
    assert.equal(grants.byCredential(codeOf(3))[0]?.revoked?.rev, 6);
    assert.equal(grants.grant(grantId(4))?.grant.rev, 2);
    assert.equal(grants.grant(grantId(7))?.grant.rev, 1);
    assert.equal(grants.grant(grantId(8)), undefined);
    assert.equal(grants.digest('cloud'), digestOf([grantOf(2, 5), grantOf(4, 2), grantOf(7, 1)]));
  });

  test(`${name}: a snapshot that sums up to something else, or is older, changes nothing`, async () => {
    await using opened = await open();
    const { grants } = opened;
    await grants.write({
      source: 'cloud',
      changes: [{ kind: 'put', grant: grantOf(1) }],
      version: { from: undefined, to: 7 },
    });
    const before = grants.digest('cloud');
    const wrong = await grants.snapshot('cloud', 'a');
    await wrong.part(1, [grantOf(2)]);
    assert.deepEqual(await wrong.commit({ parts: 1, version: 8, digest: digestOf([grantOf(3)]) }), {
      kind: 'digest-differs',
      have: digestOf([grantOf(2)]),
    });
    const older = await grants.snapshot('cloud', 'b');
    await older.part(1, [grantOf(2)]);
    assert.deepEqual(await older.commit({ parts: 1, version: 6, digest: digestOf([grantOf(2)]) }), {
      kind: 'digest-differs',
      have: before,
    });
    assert.equal(grants.digest('cloud'), before);
    assert.equal(grants.version('cloud'), 7);
    await assert.rejects(older.part(2, []));
    // An id in two parts counts once, with its higher revision.
    const doubled = await grants.snapshot('cloud', 'c');
    await doubled.part(1, [grantOf(2, 1), grantOf(3, 1)]);
    await doubled.part(2, [grantOf(2, 2)]);
    const picture = [grantOf(2, 2), grantOf(3, 1)];
    assert.deepEqual(await doubled.commit({ parts: 2, version: 8, digest: digestOf(picture) }), {
      kind: 'applied',
      grants: 2,
    });
    assert.equal(grants.byCredential(codeOf(2)).length, 1);
  });
}
