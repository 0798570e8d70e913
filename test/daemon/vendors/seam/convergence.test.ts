import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { grantId } from '../../../../daemon/access/model.ts';
import type { CloudFault } from '../../../../simulator/clouds/common.ts';
import { minutes } from '../../../site.ts';
import { converges, FAULT, FAULTS, type Story, TROUBLE, takeCommon, WAIT } from '../two-sides.ts';
import { type SeamBench, seamBench } from './connector-bench.ts';

const AT = '2026-03-02T09:00:00Z';
const LONG = process.env['LATCHKEY_LONG'] === '1';

const which = fc.nat({ max: 5 });
/** Ends of stays, by the day. */
const end = fc
  .integer({ min: 4, max: 20 })
  .map((day) => `2026-03-${String(day).padStart(2, '0')}T18:00:00.000Z`);
const step = fc.oneof(
  fc.record({ kind: fc.constant('make-there' as const), end }),
  fc.record({ kind: fc.constant('make-here' as const), end }),
  fc.record({ kind: fc.constant('edit-there' as const), which, end }),
  fc.record({ kind: fc.constant('edit-here' as const), which, end }),
  fc.record({ kind: fc.constant('cancel-there' as const), which }),
  fc.record({ kind: fc.constant('cancel-here' as const), which }),
  fc.record({ kind: fc.constantFrom('code-there' as const, 'code-here' as const) }),
  fc.record({ kind: fc.constant('end-code-there' as const), which }),
  fc.record({ kind: fc.constant('end-code-here' as const), which }),
  TROUBLE,
  FAULT,
  WAIT,
  fc.record({
    kind: fc.constant('page-fault' as const),
    fault: fc.constantFrom<CloudFault>(...FAULTS, { kind: 'status', status: 429, retryAfter: '5' }),
  }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

test('however both sides are changed, cut and restarted, they agree at the end, and nothing was wider at any moment', () =>
  converges({
    step,
    runs: LONG ? 150 : 3,
    begin: async (seed) => {
      const programming = seed % 2 === 0 ? 0 : 20_000;
      const cloud = { pageSize: 2, programming };
      const bench = await seamBench({ seed: 100 + seed, at: AT, cloud });
      return {
        story: new BothSides(bench),
        mend: () => {
          bench.cloud.server.isAway = false;
        },
        round: () => bench.round(),
        rounds: { least: 5, most: 40 },
        [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
      };
    },
  }));

class BothSides implements Story<Step> {
  readonly #bench: SeamBench;
  /** Ids that the dialect gave out. */
  readonly #grants: string[] = [];
  readonly #codes: string[] = [];
  /** Of grants here, by their id: taken back by a person here. */
  readonly #dead = new Set<string>();
  /** By code: the latest end that was ever allowed since this site last said when it ends; 0 for no end at all. */
  readonly #latest = new Map<string, number>();
  #pin = 100_000;

  constructor(bench: SeamBench) {
    this.#bench = bench;
  }

  async take(each: Step): Promise<void> {
    const { cloud, flat, other } = this.#bench;
    switch (each.kind) {
      case 'make-there':
        cloud.addGrant(this.#stay(other, each.end));
        return;
      case 'make-here': {
        const stay = this.#stay(flat, each.end);
        const { body } = await this.#bench.ask('/access_grants/create', stay);
        this.#grants.push(body.access_grant.access_grant_id);
        return;
      }
      case 'edit-there': {
        const grant = pick([...cloud.grants.values()], each.which);
        if (grant === undefined) return;
        const { access_grant_id } = grant;
        cloud.changeGrant({ access_grant_id, ends_at: each.end });
        for (const code of grant.methods.map((id) => cloud.methods.get(id)?.code ?? '')) {
          const before = this.#latest.get(code) ?? 0;
          this.#latest.set(code, Math.max(before, Date.parse(each.end)));
        }
        return;
      }
      case 'edit-here': {
        const access_grant_id = pick(this.#grants, each.which);
        if (access_grant_id === undefined) return;
        const asked = { access_grant_id, ends_at: each.end };
        const { status } = await this.#bench.ask('/access_grants/update', asked);
        assert.ok(status === 200 || status === 404);
        const { body } = await this.#bench.ask('/access_methods/list', { access_grant_id });
        // Only what this site says narrows; what the cloud says in the same moment may still come.
        for (const { code } of status === 200 ? (body.access_methods ?? []) : []) {
          this.#latest.set(code, Math.max(Date.parse(each.end), this.#endThere(code)));
        }
        return;
      }
      case 'cancel-there': {
        const grant = pick([...cloud.grants.keys()], each.which);
        if (grant !== undefined) cloud.deleteGrant(grant);
        return;
      }
      case 'cancel-here': {
        const access_grant_id = pick(this.#grants, each.which);
        if (access_grant_id === undefined) return;
        const { status } = await this.#bench.ask('/access_grants/delete', { access_grant_id });
        assert.ok(status === 200 || status === 404);
        if (status === 200) this.#dead.add(`seam-${access_grant_id}`);
        return;
      }
      case 'code-there':
        cloud.addCode({ device_id: other, code: this.#draw(0) });
        return;
      case 'code-here': {
        const asked = { device_id: flat, code: this.#draw(0) };
        const { body } = await this.#bench.ask('/access_codes/create', asked);
        this.#codes.push(body.access_code.access_code_id);
        return;
      }
      case 'end-code-there': {
        const alone = [...cloud.codes.values()].filter(({ method }) => method === undefined);
        const code = pick(alone, each.which);
        if (code !== undefined) cloud.deleteCode(code.access_code_id);
        return;
      }
      case 'end-code-here': {
        const access_code_id = pick(this.#codes, each.which);
        if (access_code_id === undefined) return;
        const { status } = await this.#bench.ask('/access_codes/delete', { access_code_id });
        assert.ok(status === 200 || status === 404);
        if (status === 200) this.#dead.add(`seam-${access_code_id}`);
        return;
      }
      case 'page-fault': {
        const isPage = ({ body }: { readonly body: unknown }) =>
          Object(body).page_cursor !== undefined;
        cloud.server.fail(each.fault, isPage);
        return;
      }
      default:
        return takeCommon(this.#bench, each);
    }
  }

  #draw(latest: number): string {
    this.#pin += 7919;
    const code = String(this.#pin);
    this.#latest.set(code, latest);
    return code;
  }

  #stay(device: string, ends_at: string) {
    const code = this.#draw(Date.parse(ends_at));
    return {
      user_identity: { full_name: `Guest ${code}` },
      device_ids: [device],
      requested_access_methods: [{ mode: 'code', code }],
      starts_at: '2026-03-02T08:00:00Z',
      ends_at,
    };
  }

  #endThere(code: string): number {
    const { cloud } = this.#bench;
    const ends = [...cloud.codes.values()]
      .filter((each) => each.code === code)
      .map(({ ends_at }) => Date.parse(ends_at ?? ''));
    return Math.max(0, ...ends.filter(Number.isFinite));
  }

  /** What was taken back here is dead from then on; nothing opens that nobody gave, longer than anybody ever allowed. */
  checkNotWider(): void {
    const { grants } = this.#bench.site.daemon.desk;
    for (const id of this.#dead) {
      const stored = grants.grant(grantId(id));
      assert.ok(stored === undefined || stored.revoked !== undefined, `${id} lives again`);
    }
    for (const { code, until } of openersHere(this.#bench)) {
      const latest = this.#latest.get(code);
      assert.ok(latest !== undefined, `${code} was given by nobody`);
      if (latest === 0) continue;
      assert.ok(until !== undefined && until <= latest, `${code} until ${until}, not ${latest}`);
    }
  }

  get waits(): boolean {
    const { part } = this.#bench;
    return part.status.pending > 0 || !part.status.online || this.#bench.cloud.server.faults > 0;
  }

  checkAgreed(): void {
    const { cloud, flat, part } = this.#bench;
    assert.equal(part.status.pending, 0);
    const there = [...cloud.codes.values()].map(({ code, device_id, ends_at }) => {
      const place = device_id === flat ? 'flat-3' : 'store-room';
      return `${code} ${place} ${ends_at === null ? undefined : Date.parse(ends_at)}`;
    });
    const here = openersHere(this.#bench).map(
      ({ code, place, until }) => `${code} ${place} ${until}`,
    );
    assert.deepEqual(here.sort(), there.sort());
  }
}

function pick<Item>(items: readonly Item[], which: number): Item | undefined {
  return items[which % Math.max(1, items.length)];
}

/** All that opens something, with until when. */
function openersHere({ grants, site }: SeamBench) {
  return grants()
    .filter(({ revoked, grant }) => revoked === undefined && grant.state === 'active')
    .flatMap(({ grant, window }) =>
      grant.credentials.map(({ sealed }) => ({
        code: site.daemon.desk.secrets.reveal(sealed ?? '', grant.id) ?? '',
        place: grant.targets.map(({ id }) => id).join(),
        until: window.end,
      })),
    );
}

test('what a vendor gave refuses once it was not confirmed for the time that the site says, and opens again after the next reading', async () => {
  await using bench = await seamBench({ seed: 31, at: AT, staleAfter: minutes(10) });
  const { site, cloud, part } = bench;
  cloud.addGrant({
    user_identity: { full_name: 'Ada' },
    device_ids: [bench.flat],
    requested_access_methods: [{ mode: 'code', code: '471199' }],
    starts_at: '2026-03-02T08:00:00Z',
    ends_at: '2026-03-04T18:00:00Z',
  });
  await bench.round();
  const synced = part.status.syncedAt ?? 0;
  assert.ok(synced > 0);
  cloud.server.isAway = true;
  await site.advance(minutes(8));
  const pulses = site.pulseCount;
  assert.ok(!part.status.online);
  assert.ok(site.clock.now() - (part.status.syncedAt ?? 0) >= minutes(7), 'its age is told');
  await site.advance(minutes(4));
  await site.type('471199#');
  assert.equal(site.pulseCount, pulses);
  assert.equal(site.last('access.denied').body['reason'], 'unsupported-limit');
  cloud.server.isAway = false;
  await site.advance(minutes(7));
  assert.ok(part.status.online);
  await site.type('471199#');
  assert.equal(site.pulseCount, pulses + 1);
});
