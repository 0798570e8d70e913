/** Any order of puts, revocations, deltas and snapshots, old revisions among them, against a model that is a Map. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Grant } from '../../../daemon/access/model.ts';
import { resolveWindow } from '../../../daemon/access/window.ts';
import { digestOf } from '../../../daemon/store/digest.ts';
import type { GrantsStore } from '../../../daemon/store/grants.ts';
import { livePointer, openGrantStore } from '../../../daemon/store/grants-open.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import type { GrantChange } from '../../../daemon/store/ports.ts';
import {
  codeOf,
  grantId,
  grantOf,
  NOON,
  SeededRandom,
  StillClock,
  stampAt,
  temporaryFolder,
} from './known.ts';

const RUNS = process.env['LATCHKEY_LONG'] === '1' ? 2000 : 40;
const IDS = 6;

type Step =
  | { readonly kind: 'put'; readonly n: number; readonly rev: number }
  | { readonly kind: 'revoke'; readonly n: number; readonly rev: number }
  | { readonly kind: 'delta'; readonly from: number; readonly changes: readonly Step[] }
  | {
      readonly kind: 'snapshot';
      readonly version: number;
      readonly picture: readonly (readonly [n: number, rev: number])[];
      /** What is written between the parts and the commit. */
      readonly meanwhile: readonly Step[];
    }
  | { readonly kind: 'restart' };

const n = fc.integer({ min: 0, max: IDS - 1 });
const rev = fc.integer({ min: 1, max: 6 });
const small = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), n, rev }),
  fc.record({ kind: fc.constant('revoke' as const), n, rev }),
);
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: small },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('delta' as const),
        from: fc.integer({ min: 0, max: 4 }),
        changes: fc.array(small, { maxLength: 4 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('snapshot' as const),
        version: fc.integer({ min: 0, max: 8 }),
        picture: fc.uniqueArray(fc.tuple(n, rev), { selector: ([id]) => id, maxLength: IDS }),
        meanwhile: fc.array(small, { maxLength: 3 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  ),
  { maxLength: 14 },
);

/** What must hold, said as simply as it can be. */
class Model {
  readonly live = new Map<number, number>();
  readonly tombstones = new Map<number, number>();
  version = 0;

  put(id: number, revision: number): void {
    if ((this.tombstones.get(id) ?? 0) >= revision) return;
    if ((this.live.get(id) ?? 0) < revision) this.live.set(id, revision);
  }

  revoke(id: number, revision: number): void {
    this.tombstones.set(id, Math.max(revision, this.tombstones.get(id) ?? 0));
    if ((this.live.get(id) ?? Number.POSITIVE_INFINITY) <= revision) this.live.delete(id);
  }

  small(step: Step): void {
    if (step.kind === 'put') this.put(step.n, step.rev);
    if (step.kind === 'revoke') this.revoke(step.n, step.rev);
  }

  snapshot({ version, picture, meanwhile }: Extract<Step, { kind: 'snapshot' }>): boolean {
    const touched = new Set(meanwhile.flatMap((step) => ('n' in step ? [step.n] : [])));
    for (const step of meanwhile) this.small(step);
    if (version < this.version) return false;
    const before = new Map(this.live);
    this.live.clear();
    for (const [id, revision] of picture) this.put(id, revision);
    for (const [id, revision] of before) {
      // Newer than the picture, or newly arrived.
      if (this.live.has(id) || touched.has(id) || picture.some(([each]) => each === id)) {
        this.put(id, revision);
      }
    }
    this.version = version;
    return true;
  }
}

function change(step: Step): GrantChange[] {
  if (step.kind === 'put') return [{ kind: 'put', grant: grantOf(step.n, step.rev) }];
  if (step.kind !== 'revoke') return [];
  return [{ kind: 'revoke', grant: grantId(step.n), rev: step.rev, at: NOON }];
}

function compare(grants: GrantsStore, model: Model): void {
  for (let id = 0; id < IDS; id++) {
    const stored = grants.byCredential(codeOf(id))[0];
    const live = stored !== undefined && stored.revoked === undefined ? stored.grant : undefined;
    assert.equal(live?.rev, model.live.get(id), `revision of ${id}`);
    const dead = model.tombstones.get(id) ?? 0;
    assert.ok(live === undefined || live.rev > dead, `P5: ${id} lives under its tombstone`);
    if (live !== undefined) assert.deepEqual(live, grantOf(id, live.rev));
  }
  const all = [...model.live].map(([id, revision]) => ({ id: grantId(id), rev: revision }));
  assert.equal(grants.digest('cloud'), digestOf(all));
  assert.equal(grants.count('cloud'), all.length);
  assert.equal(grants.list({ limit: 100 }).length, all.length);
  assert.equal(grants.version('cloud'), model.version);
  const ids = grants
    .digestBuckets('cloud')
    .flatMap((_, bucket) => grants.idsInBucket('cloud', bucket));
  assert.equal(digestOf(ids), grants.digest('cloud'));
}

for (const onDisk of [false, true]) {
  test(`no order of what arrives widens anything, ${onDisk ? 'on files with restarts' : 'in memory'}`, async () => {
    const random = new SeededRandom(3);
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        using folder = temporaryFolder();
        const directory = onDisk ? folder.path : ':memory:';
        let site = await opened(directory, random);
        const model = new Model();
        for (const [index, step] of sequence.entries()) {
          if (step.kind === 'restart') {
            if (!onDisk) continue;
            await site.close();
            site = await opened(directory, random);
          } else if (step.kind === 'snapshot') {
            const picture = step.picture.map(([id, revision]) => grantOf(id, revision));
            const isApplied = await applySnapshot(site, step, picture, index);
            assert.equal(isApplied, model.snapshot(step));
          } else if (step.kind === 'delta') {
            const result = await site.write(step.changes, { from: step.from, to: step.from + 1 });
            assert.equal(result.kind, step.from === model.version ? 'written' : 'conflict');
            if (result.kind === 'written') {
              for (const each of step.changes) model.small(each);
              model.version = step.from + 1;
            }
          } else {
            await site.write([step]);
            model.small(step);
          }
          compare(site.grants, model);
        }
        await site.close();
      }),
      { numRuns: onDisk ? Math.ceil(RUNS / 3) : RUNS },
    );
  });
}

async function opened(directory: string, random: SeededRandom) {
  const clock = new StillClock();
  const { journal } = await openJournal({ directory, clock, random, worker: false });
  const { grants } = await openGrantStore({
    directory,
    clock,
    random,
    worker: false,
    zone: 'Europe/Stockholm',
    tzdata: '2026c',
    resolve: resolveWindow,
    live: livePointer(journal, () => stampAt(NOON)),
    tombstones: journal,
  });
  return {
    grants,
    /** Effect, then evidence. */
    write: async (all: readonly Step[], version?: { from: number; to: number }) => {
      const changes = all.flatMap(change);
      const result = await grants.write({
        source: 'cloud',
        changes,
        ...(version === undefined ? {} : { version }),
      });
      const rows = changes.flatMap((each) =>
        each.kind === 'revoke'
          ? [{ table: 'tombstone', grant: each.grant, rev: each.rev, at: each.at } as const]
          : [],
      );
      if (result.kind === 'written') {
        await journal.append({ stamp: stampAt(NOON), entries: [], rows }).committed;
      }
      return result;
    },
    close: async () => {
      await grants[Symbol.asyncDispose]();
      await journal[Symbol.asyncDispose]();
    },
  };
}

async function applySnapshot(
  site: Awaited<ReturnType<typeof opened>>,
  { version, meanwhile }: Extract<Step, { kind: 'snapshot' }>,
  picture: readonly Grant[],
  index: number,
): Promise<boolean> {
  const builder = await site.grants.snapshot('cloud', `snap-${index}`);
  await builder.part(1, picture.slice(0, 2));
  for (const step of meanwhile) await site.write([step]);
  await builder.part(2, picture.slice(2));
  const result = await builder.commit({ parts: 2, version, digest: digestOf(picture) });
  return result.kind === 'applied';
}
