import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { SimulatedBus } from '../../simulator/bus.ts';
import { SimulatedClock } from '../../simulator/clock.ts';
import type { LaneFaults } from '../../simulator/lane.ts';
import { SimulatedPort } from '../../simulator/link.ts';
import { seededRandom } from '../../simulator/random.ts';
import { Heard, hex, linkContract } from '../contract/link.ts';
import { Probe } from './probe.ts';

const NEVER = new AbortController().signal;

function simulatedBench(seed = 1, baudRate?: number) {
  const clock = new SimulatedClock();
  const random = seededRandom(seed);
  const bus = new SimulatedBus({
    name: 'box-bus',
    clock,
    random,
    ...(baudRate === undefined ? {} : { baudRate }),
  });
  const probes = ['one', 'two'].map((name) => {
    let probe: Probe | undefined;
    bus.attach(name, (around) => {
      probe = new Probe(name, around);
      return probe;
    });
    assert.ok(probe);
    return probe;
  });
  const [one, two] = probes;
  assert.ok(one && two);
  const port = new SimulatedPort(bus, clock);
  return {
    clock,
    bus,
    port,
    one,
    two,
    opener: port,
    hasSpeed: true,
    arrived: () => one.heard,
    say: (bytes: Uint8Array) => one.say(bytes),
    unplug: () => port.unplug(),
    plug: () => port.plug(),
    until: (reached: () => boolean) => clock.runUntil(reached, 60_000),
    [Symbol.asyncDispose]: () => port.close(),
  };
}

linkContract('simulated link', () => Promise.resolve(simulatedBench()));
linkContract('simulated link at 9600 baud', () => Promise.resolve(simulatedBench(2, 9600)));

async function heardWith(seed: number, faults: Partial<LaneFaults>, says: readonly Uint8Array[]) {
  const at = simulatedBench(seed);
  const heard = new Heard();
  await at.port.open(heard, NEVER);
  at.bus.setFaults(faults, { direction: 'to-host' });
  for (const bytes of says) {
    at.one.say(bytes);
    await at.clock.advance(100);
  }
  await at.clock.advance(60_000);
  return heard;
}

test('the same seed gives the same faults, byte for byte and moment for moment', async () => {
  const chance = fc.double({ min: 0, max: 1, noNaN: true });
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.record({
        lose: chance,
        garble: chance,
        truncate: chance,
        duplicate: chance,
        noise: chance,
        stray: chance,
      }),
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 6 }),
      async (seed, faults, says) => {
        const first = await heardWith(seed, faults, says);
        const second = await heardWith(seed, faults, says);
        assert.deepEqual(second.chunks, first.chunks);
      },
    ),
    { numRuns: 20 },
  );
});

const SAID = Uint8Array.of(0x10, 0x20, 0x30, 0x40);

for (const [name, faults, expected] of [
  ['lost', { lose: 1 }, /^$/],
  ['mute', { mute: true }, /^$/],
  ['truncated', { truncate: 1 }, /^(|10|1020|102030)$/],
  ['doubled', { duplicate: 1 }, /^1020304010203040$/],
  ['after noise', { noise: 1 }, /^((00){1,4}|(ff){1,4})10203040$/],
  ['after a stray byte', { stray: 1 }, /^(53|02)10203040$/],
] satisfies [string, Partial<LaneFaults>, RegExp][]) {
  test(`bytes arrive ${name} when told to`, async () => {
    for (const seed of [1, 2, 3, 4]) {
      assert.match((await heardWith(seed, faults, [SAID])).text, expected);
    }
  });
}

test('a garbled chunk differs in exactly one bit', async () => {
  for (let seed = 0; seed < 20; seed += 1) {
    const { chunks } = await heardWith(seed, { garble: 1 }, [SAID]);
    const [chunk] = chunks;
    assert.equal(chunk?.bytes.length, SAID.length);
    const changed = SAID.reduce((sum, byte, index) => {
      return sum + (byte ^ (chunk?.bytes[index] ?? 0)).toString(2).replaceAll('0', '').length;
    }, 0);
    assert.equal(changed, 1);
  }
});

test('bytes come one by one with gaps, late, or several chunks as one', async () => {
  const split = await heardWith(1, { split: 25 }, [SAID]);
  const begin = split.chunks[0]?.at ?? 0;
  assert.deepEqual(
    split.chunks.map(({ bytes, at }) => [hex(bytes), at - begin]),
    [
      ['10', 0],
      ['20', 25],
      ['30', 50],
      ['40', 75],
    ],
  );
  const merged = await heardWith(1, { merge: 150 }, [SAID, SAID]);
  assert.deepEqual(
    merged.chunks.map(({ bytes }) => hex(bytes)),
    ['1020304010203040'],
  );
  const plain = await heardWith(1, {}, [SAID]);
  const late = await heardWith(1, { delay: 900 }, [SAID]);
  assert.equal((late.chunks[0]?.at ?? 0) - (plain.chunks[0]?.at ?? 0), 900);
});

test('two devices that answer at once are heard mixed, one after the other whole', async () => {
  const at = simulatedBench(1, 9600);
  const heard = new Heard();
  await at.port.open(heard, NEVER);
  at.one.say(Uint8Array.of(1, 2, 3));
  await at.clock.advance(2);
  at.two.say(Uint8Array.of(0xa, 0xb));
  await at.clock.advance(100);
  assert.equal(heard.text, '010a020b03');
  at.one.say(Uint8Array.of(1, 2, 3));
  await at.clock.advance(4);
  at.two.say(Uint8Array.of(0xa, 0xb));
  await at.clock.advance(100);
  assert.equal(heard.text, '010a020b03010203' + '0a0b');
});

test('an echo comes back unchanged, a cut pair is silent, a stub may be at fault alone', async () => {
  const at = simulatedBench();
  const heard = new Heard();
  const link = await at.port.open(heard, NEVER);
  const send = async (byte: number) => {
    const sent = link.send(Uint8Array.of(byte));
    await at.clock.advance(10);
    await sent;
  };
  at.bus.echo = true;
  await send(0x55);
  assert.equal(heard.text, '55');
  at.bus.echo = false;
  at.bus.cut();
  await send(0x66);
  at.one.say(Uint8Array.of(1));
  await at.clock.advance(10);
  assert.equal(heard.text, '55');
  assert.equal(hex(at.one.heard), '55');
  at.bus.mend();
  at.bus.setFaults({ mute: true }, { device: 'one' });
  await send(0x77);
  assert.equal(hex(at.one.heard), '55');
  assert.equal(hex(at.two.heard), '5577');
  at.two.say(Uint8Array.of(2));
  at.one.say(Uint8Array.of(1));
  await at.clock.advance(10);
  assert.equal(heard.text, '5502');
  assert.throws(() => at.bus.setFaults({ mute: true }, { device: 'three' }), RangeError);
});

test('bytes take their time on a wire with a speed', async () => {
  const at = simulatedBench(1, 9600);
  const heard = new Heard();
  const link = await at.port.open(heard, NEVER);
  const before = at.clock.uptime();
  const sent = link.send(new Uint8Array(48));
  await at.clock.advance(100);
  assert.equal((await sent) - before, 50, '48 bytes of 10 bits at 9600 baud');
  await link.setBaudRate(19_200);
  assert.deepEqual(at.one.speeds, [19_200]);
  assert.equal(at.bus.wireTime(48), 25);
});
