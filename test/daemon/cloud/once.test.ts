import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { randomInteger } from '../../../drivers/contract/time.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { BRIDGE, Home, openBridge } from './bridge.ts';
import { Forge, type Made } from './forge.ts';
import { Wire } from './wire.ts';

const LONG = process.env['LATCHKEY_LONG'] === '1';
const COMMANDS = LONG ? 10_000 : 600;
const PER_LIFE = LONG ? 400 : 100;

test(`P3: ${COMMANDS} commands, repeated, reordered, delayed and replayed over restarts, act at most once and have one answer`, async () => {
  using home = new Home();
  const clock = new SimulatedClock();
  const random = seededRandom(2026);
  const cc = new Forge(home.sender('cc-test'), clock, random);
  const wire = new Wire();
  const pulses = new Map<string, number>();
  const pulsed = (id: string) => void pulses.set(id, (pulses.get(id) ?? 0) + 1);
  const directory = join(home.directory, 'store');
  const everything: Made[] = [];
  let late: Made[] = [];
  while (everything.length < COMMANDS) {
    await using bridge = await openBridge(home, { clock, random, broker: wire, directory, pulsed });
    await clock.settle();
    assert.ok(bridge.link.isOnline);
    const fresh: Made[] = [];
    for (let n = 0; n < PER_LIFE; n += 1)
      fresh.push(command(cc, random, wire, everything.length + n));
    // Some are only given to the bridge in its next life; some of any earlier life are given again.
    const held = fresh.filter(() => random.fraction() < 0.1);
    const old = everything.filter(() => random.fraction() < 0.05);
    const now = fresh.filter((made) => !held.includes(made));
    const stream = shuffled(
      [...now, ...now.filter(() => random.fraction() < 0.5), ...late, ...old],
      random,
    );
    for (const made of stream) {
      await wire.deliver(`latchkey/1/${BRIDGE}/cmd/${made.type}`, made.token);
      if (random.fraction() < 0.05) await clock.advance(randomInteger(random, 3_000));
      if (random.fraction() < 0.01) {
        wire.cut();
        await clock.runUntil(() => wire.isConnected, 5_000);
        await clock.settle();
      }
    }
    everything.push(...fresh);
    late = held;
    await clock.advance(2_000);
  }
  for (const [id, count] of pulses) assert.equal(count, 1, `${id} acted ${count} times`);
  const finals = wire.replies().filter(({ status }) => status !== 'accepted');
  const answered = new Map<string, string>();
  for (const { dup, ts: _ts, ...rest } of finals) {
    const text = JSON.stringify(rest);
    const before = answered.get(rest.id);
    assert.ok(before === undefined || before === text, `${before} and then ${text}`);
    answered.set(rest.id, text);
    // Only what is over anyhow is refused anew each time, always in the same words.
    if (!dup && before !== undefined) assert.equal(rest.code, 'expired');
  }
  const delivered = everything.filter((made) => !late.includes(made));
  for (const { id } of delivered) assert.ok(answered.has(id), `${id} has no answer`);
  const done = finals.filter(
    ({ status, dup, type }) => status === 'ok' && !dup && type === 'slot.open',
  );
  assert.deepEqual(new Set(done.map(({ id }) => id)), new Set(pulses.keys()));
});

function command(cc: Forge, random: ReturnType<typeof seededRandom>, wire: Wire, n: number): Made {
  const states = wire.json(/\/state$/) as { nonces?: string[] }[];
  const nonce = states.findLast((state) => state.nonces !== undefined)?.nonces?.[0];
  switch (randomInteger(random, 4)) {
    case 0:
      return cc.make('ping', { echo: `${n}` }, undefined);
    case 1: {
      const grant = {
        ...{ id: `g-${n % 37}`, rev: n, holder: 'p_1', credentials: [], operations: ['unlock'] },
        ...{ targets: [{ kind: 'lock', id: 'door' }], window: { kind: 'ongoing' } },
      };
      return cc.make('grant.put', { grant }, undefined);
    }
    default:
      return cc.make('slot.open', { dev: 'box', slot: 1 + (n % 8) }, nonce);
  }
}

function shuffled<T>(items: readonly T[], random: ReturnType<typeof seededRandom>): T[] {
  const mixed = [...items];
  for (let at = mixed.length - 1; at > 0; at -= 1) {
    const other = randomInteger(random, at + 1);
    const [a, b] = [mixed[at], mixed[other]];
    if (a !== undefined && b !== undefined) [mixed[at], mixed[other]] = [b, a];
  }
  return mixed;
}
