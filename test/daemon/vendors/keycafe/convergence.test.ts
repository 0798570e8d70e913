import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { grantId } from '../../../../daemon/access/model.ts';
import { resolveWindow } from '../../../../daemon/access/window.ts';
import { windowOf } from '../../../../daemon/vendors/keycafe/mapping.ts';
import { isWithin } from '../../../../daemon/vendors/narrower.ts';
import { converges, FAULT, type Story, TROUBLE, takeCommon, WAIT } from '../two-sides.ts';
import { basic } from '../vendor-site.ts';
import { type Bench, keycafeBench, SECRET } from './bench.ts';

const headers = basic(SECRET);
const ZONE = 'Europe/Stockholm';
const LONG = process.env['LATCHKEY_LONG'] === '1';

const day = fc
  .integer({ min: 3, max: 20 })
  .map((each) => `2026-03-${String(each).padStart(2, '0')}`);
const bounds = fc.tuple(day, day).map((days) => {
  const [accessStartDate = '', accessEndDate = ''] = [...days].sort();
  return { accessStartDate, accessStartTime: '09:00', accessEndDate, accessEndTime: '18:00' };
});
const which = fc.nat({ max: 5 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('make-there' as const), bounds }),
  fc.record({ kind: fc.constant('make-here' as const), bounds }),
  fc.record({ kind: fc.constant('edit-there' as const), which, bounds }),
  fc.record({ kind: fc.constant('edit-here' as const), which, bounds }),
  fc.record({ kind: fc.constant('cancel-there' as const), which }),
  fc.record({ kind: fc.constant('cancel-here' as const), which }),
  TROUBLE,
  FAULT,
  WAIT,
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

test('however the two sides are changed, cut and restarted, they agree at the end, and nothing was wider', () =>
  converges({
    step,
    runs: LONG ? 150 : 4,
    begin: async (seed) => {
      const bench = await keycafeBench({ seed: 100 + seed });
      await bench.poll();
      return {
        story: new BothSides(bench),
        mend: () => {
          bench.cloud.server.isAway = false;
        },
        round: () => bench.poll(10),
        rounds: { least: 1, most: 6 },
        [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
      };
    },
  }));

/** What anybody ever allowed for an access: an intersection of edits, never more than the widest of them. */
class BothSides implements Story<Step> {
  readonly #bench: Bench;
  readonly #made: number[] = [];
  readonly #cancelled = new Set<string>();

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  async take(each: Step): Promise<void> {
    const { cloud, flat, server, site } = this.#bench;
    const call = (path: string, method: string, body?: object) =>
      server.ask(`/keycafe/v0/access${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
      });
    switch (each.kind) {
      case 'make-there':
        cloud.addAccess(
          { ...each.bounds, name: `there ${cloud.accesses.size} ${site.clock.now()}` },
          flat.id,
        );
        return;
      case 'make-here': {
        const name = `here ${this.#made.length}`;
        const { body } = await call('', 'POST', { ...each.bounds, name, key: { id: flat.id } });
        this.#made.push(body.id);
        return;
      }
      case 'edit-there': {
        const access = [...cloud.accesses.values()][each.which];
        if (access !== undefined) access.body = { ...access.body, ...each.bounds };
        return;
      }
      case 'edit-here': {
        const id = this.#ids()[each.which];
        if (id !== undefined) await call(`/${id}`, 'PUT', each.bounds);
        return;
      }
      case 'cancel-there': {
        const id = [...cloud.accesses.keys()][each.which];
        if (id !== undefined) cloud.cancel(id);
        return;
      }
      case 'cancel-here': {
        const id = this.#ids()[each.which];
        if (id === undefined) return;
        const [stored] = this.#live().filter(({ grant }) => this.#number(grant.id) === id);
        assert.equal((await call(`/${id}`, 'DELETE')).status, 200);
        this.#cancelled.add(stored?.grant.id ?? '');
        return;
      }
      default:
        return takeCommon(this.#bench, each);
    }
  }

  #live() {
    return this.#bench.site.daemon.desk.grants.list({ source: 'keycafe', limit: 1000 });
  }

  #number(id: string): number {
    return Number(id.split(':').at(-1));
  }

  #ids(): readonly number[] {
    return this.#live().map(({ grant }) => this.#number(grant.id));
  }

  /** What was cancelled here is dead from then on, whatever the vendor still says. */
  checkNotWider(): void {
    const { grants } = this.#bench.site.daemon.desk;
    for (const id of this.#cancelled) {
      const stored = grants.grant(grantId(id));
      assert.ok(stored === undefined || stored.revoked !== undefined, `${id} lives again`);
    }
    for (const { grant } of this.#live()) assert.equal(grant.options.staff, undefined);
  }

  /** Each live grant is one live access with the same bounds, and the other way round. */
  get waits(): boolean {
    return this.#waiting().length > 0;
  }

  #waiting() {
    return this.#bench.part
      .differences()
      .filter(({ kind, detail }) => kind !== 'message' && detail !== 'window');
  }

  checkAgreed(): void {
    const { cloud, site } = this.#bench;
    assert.deepEqual(this.#waiting(), []);
    const here = this.#live()
      .filter(({ grant }) => (grant.unsupported ?? []).length === 0)
      .map(({ window }) => `${window.start} ${window.end}`)
      .sort();
    const there = [...cloud.accesses.values()]
      .map(({ body }) => resolveWindow(windowFrom(body), ZONE))
      .map((window) => (typeof window === 'string' ? window : `${window.start} ${window.end}`))
      .sort();
    assert.deepEqual(here, there);
    assert.equal(site.daemon.desk.grants.count('keycafe'), cloud.accesses.size);
  }
}

function windowFrom(body: Parameters<typeof windowOf>[0]) {
  const window = windowOf(body, ZONE);
  if (typeof window === 'string') throw new Error(window);
  return window;
}

test('while the two are apart, an edit on either side is never wider here than both allow', async () => {
  await fc.assert(
    fc.asyncProperty(bounds, bounds, bounds, async (first, ours, theirs) => {
      await using bench = await keycafeBench({ seed: 99 });
      const { cloud, flat, server, site } = bench;
      const access = cloud.addAccess({ ...first, name: 'Ada' }, flat.id);
      await bench.poll();
      cloud.server.isAway = true;
      access.body = { ...access.body, ...theirs };
      const path = `/keycafe/v0/access/${access.id}`;
      await server.ask(path, { method: 'PUT', headers, body: ours });
      cloud.server.isAway = false;
      const own = resolveWindow(windowFrom(ours), ZONE);
      for (let round = 0; round < 8; round += 1) {
        await bench.poll();
        const now = site.daemon.desk.grants.grant(grantId(`keycafe:access:${access.id}`));
        assert.ok(
          now && typeof own !== 'string' && isWithin(now.window, own),
          'wider than was told here',
        );
      }
      const stored = site.daemon.desk.grants.grant(grantId(`keycafe:access:${access.id}`));
      assert.ok(stored);
      if ((stored.grant.unsupported ?? []).length > 0 || stored.revoked !== undefined) return;
      for (const side of [ours, theirs]) {
        const window = resolveWindow(windowFrom(side), ZONE);
        const isUnchanged = JSON.stringify(side) === JSON.stringify(first);
        if (typeof window === 'string' || isUnchanged) continue;
        assert.ok(isWithin(stored.window, window), 'wider than one side allows');
      }
    }),
    { numRuns: LONG ? 60 : 3 },
  );
});
