import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { actuationId, deviceId } from '../../../drivers/contract/device.ts';
import type { BusFacts, Input } from '../../../drivers/contract/machine.ts';
import { uptime } from '../../../drivers/contract/time.ts';
import { encodeCommand } from '../../../drivers/osdp/commands.ts';
import { encode } from '../../../drivers/osdp/frame.ts';
import { type OsdpState, osdpMachine } from '../../../drivers/osdp/machine.ts';
import { osdpOptions } from '../../../drivers/osdp/options.ts';
import { encodeReply, type Reply } from '../../../drivers/osdp/replies.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { hex } from './hex.ts';

const facts = (seed: number): BusFacts => ({
  baudRate: 9600,
  latencyMs: 0,
  echo: false,
  random: seededRandom(seed),
  secrets: new Map(),
});

function machineOf(seed: number) {
  const device = (address: number, key: Uint8Array | undefined) => ({
    id: deviceId(`reader-${address}`),
    options: osdpOptions.parse({ address, secureChannel: 'off', strike: { output: 0 } }),
    key,
  });
  const key = hex('A0B1C2D3E4F5061728394A5B6C7D8E00');
  return osdpMachine([device(0, undefined), device(1, key)], facts(seed));
}

const replies: fc.Arbitrary<Reply> = fc.oneof(
  fc.constantFrom<Reply>(
    { kind: 'ack' },
    { kind: 'busy' },
    { kind: 'id', oui: hex('C3B2A1'), model: 1, version: 1, serial: 7, firmware: [1, 2, 3] },
    { kind: 'capabilities', capabilities: [] },
    { kind: 'local-status', tamper: false, powerLost: false },
    { kind: 'output-status', states: [true] },
    { kind: 'raw', reader: 0, format: 1, bitCount: 26, bits: hex('BD88EB80') },
    { kind: 'keypad', reader: 0, keys: hex('3132') },
  ),
  fc
    .integer({ min: 0, max: 9 })
    .map((nak): Reply => ({ kind: 'nak', nak, data: new Uint8Array() })),
);

const frameBytes = fc
  .record({
    address: fc.integer({ min: 0, max: 2 }),
    sequence: fc.integer({ min: 0, max: 3 }),
    reply: replies,
  })
  .map(({ address, sequence, reply }) =>
    encode({
      address,
      from: 'pd',
      sequence,
      check: 'crc',
      security: undefined,
      ...encodeReply(reply),
      mac: undefined,
    }),
  );

const inputs: fc.Arbitrary<Input> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Input>({ kind: 'sent' }) },
  { weight: 3, arbitrary: fc.constant<Input>({ kind: 'wake' }) },
  { weight: 8, arbitrary: frameBytes.map((bytes): Input => ({ kind: 'bytes', bytes })) },
  {
    weight: 2,
    arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes): Input => ({ kind: 'bytes', bytes })),
  },
  { weight: 1, arbitrary: fc.constantFrom<Input>({ kind: 'link-down' }, { kind: 'link-up' }) },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 0, max: 1 }).map(
      (place): Input => ({
        kind: 'actuation',
        actuation: {
          id: actuationId(''),
          device: deviceId(`reader-${place}`),
          expiresAt: uptime(0),
          kind: 'unlock',
          hold: 1000,
        },
      }),
    ),
  },
);

/** Numbers the unlocks and gives each two seconds. */
function numbered(input: Input, n: number, now: number): Input {
  if (input.kind !== 'actuation') return input;
  const actuation = {
    ...input.actuation,
    id: actuationId(`u${n}`),
    expiresAt: uptime(now + 2000),
  };
  return { kind: 'actuation', actuation };
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const inner of Object.values(value)) frozen(inner);
    Object.freeze(value);
  }
  return value;
}

test('whatever comes: no step changes the state it was given, each unlock has one result, time goes on', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(inputs, fc.integer({ min: 0, max: 400 })), { maxLength: 60 }),
      fc.integer(),
      (script, seed) => {
        const run = () => {
          const machine = machineOf(seed);
          let now = 1000;
          let state: OsdpState = frozen(machine.begin(uptime(now)).state);
          const asked: string[] = [];
          const results: string[] = [];
          const trace: unknown[] = [];
          const last: (readonly [Input, number])[] = [[{ kind: 'link-down' }, 0]];
          for (const [n, [given, wait]] of [
            [{ kind: 'link-up' }, 0] as const,
            ...script,
            ...last,
          ].entries()) {
            now += wait;
            const input = numbered(given, n, now);
            if (input.kind === 'actuation') asked.push(input.actuation.id);
            const step = machine.step(state, input, uptime(now));
            state = frozen(step.state);
            assert.ok(step.wakeAt === undefined || step.wakeAt >= now);
            for (const event of step.events) {
              if (event.kind === 'actuation-result') results.push(event.actuation);
            }
            trace.push(step.send, step.events, step.wakeAt);
          }
          assert.deepEqual(results.toSorted(), asked.toSorted());
          return trace;
        };
        assert.deepEqual(run(), run(), 'the same inputs give the same steps');
      },
    ),
    { numRuns: 300 },
  );
});

test('under a session nothing in clear is believed: no card, no key, no state', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(replies, fc.integer({ min: 0, max: 3 })), { maxLength: 40 }),
      (said) => {
        const machine = machineOf(1);
        let now = 1000;
        let { state } = machine.begin(uptime(now));
        const step = (input: Input) => {
          now += 5;
          const made = machine.step(state, input, uptime(now));
          state = made.state;
          return made;
        };
        step({ kind: 'link-up' });
        for (const [reply, sequence] of said) {
          const bytes = encode({
            address: 1,
            from: 'pd',
            sequence,
            check: 'crc',
            security: undefined,
            ...encodeReply(reply),
            mac: undefined,
          });
          for (const input of [{ kind: 'sent' }, { kind: 'bytes', bytes }] as const) {
            for (const event of step(input).events) {
              const isAllowed =
                event.device !== 'reader-1' ||
                ['identity', 'fault', 'offline'].includes(event.kind);
              assert.ok(isAllowed, event.kind);
            }
          }
        }
        const poll = encodeCommand({ kind: 'poll' }).code;
        assert.equal(poll, 0x60);
      },
    ),
  );
});
