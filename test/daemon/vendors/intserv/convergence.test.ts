import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { grantId } from '../../../../daemon/access/model.ts';
import { converges, FAULT, type Story, TROUBLE, takeCommon, WAIT } from '../two-sides.ts';
import { API_KEY, intservBench, LEVEL } from './bench.ts';

const LONG = process.env['LATCHKEY_LONG'] === '1';

const CODES = ['004211', '731902', '582046'] as const;
const date = fc
  .integer({ min: 3, max: 20 })
  .map((day) => `2026-03-${String(day).padStart(2, '0')}T08:00:00Z`);
const dates = fc.tuple(date, date).map((both) => {
  const [valid_from_date, valid_to_date] = [...both].sort();
  return { valid_from_date, valid_to_date: valid_to_date?.replace('T08', 'T18') };
});
const levels = fc.constantFrom([LEVEL], []);
const which = fc.nat({ max: CODES.length - 1 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), which, dates, levels }),
  fc.record({ kind: fc.constant('add' as const), which, dates, levels }),
  fc.record({ kind: fc.constant('remove' as const), which }),
  fc.record({ kind: fc.constant('remove-there' as const), which }),
  fc.record({
    kind: fc.constantFrom('rotate' as const, 'jam' as const, 'unjam' as const),
  }),
  TROUBLE,
  FAULT,
  WAIT,
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Bench = Awaited<ReturnType<typeof intservBench>>;

test('P5: however the two sides are changed, cut and restarted, they agree at the end, and nothing was wider', () =>
  converges({
    step,
    runs: LONG ? 150 : 4,
    begin: async (seed) => {
      const bench = await intservBench({ seed: 300 + seed });
      await bench.poll();
      const story = new BothSides(bench);
      return {
        story,
        mend: () => story.mend(),
        round: () => bench.poll(3),
        rounds: { least: 1, most: 20 },
        [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
      };
    },
  }));

/** What was asked for here, and whatever was ever asked for: neither side may have anything else. */
class BothSides implements Story<Step> {
  readonly #bench: Bench;
  /** By code, as the dialect was told last; missing once it was removed on either side. */
  readonly #wanted = new Map<string, string>();
  readonly #everWanted = new Set<string>();
  readonly #dead = new Set<string>();

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  async take(each: Step): Promise<void> {
    const { cloud, secret, site } = this.#bench;
    switch (each.kind) {
      case 'add': {
        const identification = CODES[each.which] ?? '';
        const body = { ...each.dates, access_levels: each.levels };
        const key = { identification, type: 'code' };
        this.#everWanted.add(stateOf(identification, body));
        const made = await this.#bench.post('/accesskeys/add', { key, ...body });
        assert.equal(made.status, 200);
        this.#wanted.set(identification, stateOf(identification, body));
        return;
      }
      case 'remove': {
        const identification = CODES[each.which] ?? '';
        const live = this.#live(identification);
        const key = { identification, type: 'code' };
        const { status } = await this.#bench.post('/accesskeys/remove', { key });
        assert.equal(status, live === undefined ? 404 : 204);
        if (live !== undefined) this.#dead.add(live);
        this.#wanted.delete(identification);
        return;
      }
      case 'remove-there': {
        const there = [...cloud.keys.values()][each.which];
        if (there !== undefined) cloud.keys.delete(there.id);
        return;
      }
      case 'rotate':
        // Whoever made the new one tells us later.
        cloud.regenerate(`key-${site.clock.now()}`);
        return;
      case 'jam':
      case 'unjam':
        for (const system of cloud.systems) {
          if (each.kind === 'jam') system.fails = 'CodeNotEnabled';
          else delete system.fails;
        }
        return;
      default:
        await takeCommon(this.#bench, each);
    }
    assert.equal(secret.apiKey, API_KEY);
  }

  mend(): void {
    const { cloud } = this.#bench;
    cloud.server.isAway = false;
    cloud.regenerate(API_KEY);
    for (const system of cloud.systems) delete system.fails;
  }

  /** The grant here of a code. */
  #live(identification: string): string | undefined {
    const { grants } = this.#bench.site.daemon.desk;
    const { secrets } = this.#bench.site.daemon.desk;
    const { index } = secrets.index('pin', identification, grantId('x'));
    return grants
      .byCredential(index)
      .find(({ revoked, grant }) => revoked === undefined && grant.source.vendor === 'intserv')
      ?.grant.id;
  }

  checkNotWider(): void {
    const { site, cloud } = this.#bench;
    const { grants } = site.daemon.desk;
    for (const id of this.#dead) {
      assert.notEqual(grants.grant(grantId(id))?.revoked, undefined, `${id} lives again`);
    }
    for (const [identification, state] of this.#here()) {
      assert.equal(
        state,
        this.#wanted.get(identification),
        'here: what was never asked for, or before',
      );
    }
    for (const { body } of cloud.keys.values()) {
      const state = stateOf(body.key?.identification ?? '', body);
      assert.ok(this.#everWanted.has(state), `there: ${state}`);
    }
  }

  #here(): ReadonlyMap<string, string> {
    const { grants } = this.#bench.site.daemon.desk;
    const found = new Map<string, string>();
    for (const identification of CODES) {
      const id = this.#live(identification);
      const stored = id === undefined ? undefined : grants.grant(grantId(id));
      if (stored === undefined) continue;
      const { start, end } = stored.window;
      const body = {
        valid_from_date: new Date(start ?? 0).toISOString(),
        valid_to_date: new Date(end ?? 0).toISOString(),
        access_levels: stored.grant.targets.length > 0 ? [LEVEL] : [],
      };
      found.set(identification, stateOf(identification, body));
    }
    return found;
  }

  get waits(): boolean {
    return (
      this.#bench.part.differences().length > 0 || this.#there().join() !== this.#ours().join()
    );
  }

  #there(): readonly string[] {
    return [...this.#bench.cloud.keys.values()]
      .map(({ body }) => stateOf(body.key?.identification ?? '', body))
      .sort();
  }

  #ours(): readonly string[] {
    return [...this.#here().values()].sort();
  }

  checkAgreed(): void {
    assert.deepEqual(this.#bench.part.differences(), []);
    assert.deepEqual(this.#ours(), this.#there());
  }
}

function stateOf(
  identification: string,
  body: {
    readonly valid_from_date?: string | null | undefined;
    readonly valid_to_date?: string | null | undefined;
    readonly access_levels?: readonly string[] | null | undefined;
  },
): string {
  const at = (text: string | null | undefined) => (text == null ? '' : Date.parse(text));
  const { valid_from_date, valid_to_date, access_levels } = body;
  return `${identification} ${at(valid_from_date)} ${at(valid_to_date)} ${access_levels ?? []}`;
}

test('a key that was removed in the portal is dead here after two looks, and one that is asked for again is another', async () => {
  await using bench = await intservBench({ seed: 81 });
  const { cloud, site, part } = bench;
  const key = { identification: '004211', type: 'code' };
  await bench.post('/accesskeys/add', { key, access_levels: [LEVEL] });
  await bench.poll(2);
  await site.type('004211#');
  assert.equal(site.pulses(3), 1);
  await site.advance(30_000);
  cloud.keys.clear();
  await bench.poll();
  await bench.poll();
  await site.type('004211#');
  assert.equal(site.last('access.denied').body['reason'], 'revoked');
  assert.equal(site.pulses(3), 1);
  assert.deepEqual(part.differences(), []);
  const again = await bench.post('/accesskeys/add', { key, access_levels: [LEVEL] });
  assert.equal(again.status, 200);
  await bench.poll(2);
  assert.equal(cloud.keys.size, 1);
});
