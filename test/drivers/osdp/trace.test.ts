import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LinkListener } from '../../../drivers/contract/link.ts';
import { instant, uptime } from '../../../drivers/contract/time.ts';
import { scan } from '../../../drivers/osdp/frame.ts';
import { traced, traceLine } from '../../../drivers/osdp/trace.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { hex } from './hex.ts';

const AT = instant(1_772_442_000_007);

function line(text: string, io: 'input' | 'output') {
  const found = scan(hex(text));
  assert.ok(found.kind === 'frame');
  return JSON.parse(traceLine(found.frame, io, AT));
}

test('a frame is written as the conformance tool writes it', () => {
  assert.deepEqual(line('53 01 08 00 06 60 D8 66', 'output'), {
    timeSec: '1772442000',
    timeNano: '007000000',
    io: 'output',
    data: '53 01 08 00 06 60 D8 66',
    osdpTraceVersion: '1',
    osdpSource: 'latchkey',
  });
});

test('cards, digits and keys are blanked, also encrypted keys', () => {
  const secret = [
    ['53 81 10 00 06 50 00 01 1A 00 BD 88 EB 80 61 91', 'input', 'BD 88'],
    ['53 81 0E 00 06 53 00 04 31 32 33 34 A3 C2', 'input', '31 32'],
    [
      '53012E000F 0217 75 617349AF47A1CDD53F7F5FF7F4A12517C5DAD025C7ED4A99FC388E8D0243CFC0 65346546 B5C7',
      'output',
      '61 73',
    ],
  ] as const;
  for (const [text, io, hidden] of secret) assert.ok(!line(text, io).data.includes(hidden));
});

test('what passes over a traced link is written and passed on', async () => {
  const lines: string[] = [];
  const heard: Uint8Array[] = [];
  const sent: Uint8Array[] = [];
  const listeners: LinkListener[] = [];
  const clock = new SimulatedClock();
  const opener = traced(
    {
      kind: 'simulated',
      name: 'bus',
      open: (listener) => {
        listeners.push(listener);
        return Promise.resolve({
          identity: 'bus',
          send: (bytes: Uint8Array) => {
            sent.push(bytes);
            return Promise.resolve(uptime(0));
          },
          setBaudRate: () => Promise.resolve(),
          close: () => Promise.resolve(),
        });
      },
    },
    clock,
    (each) => lines.push(each),
  );
  const link = await opener.open(
    { bytes: (chunk) => heard.push(chunk), closed: () => {} },
    new AbortController().signal,
  );
  const poll = hex('53 01 08 00 06 60 D8 66');
  await link.send(poll);
  const ack = hex('FF 53 81 08 00 06 40 6A 60');
  listeners[0]?.bytes(ack.subarray(0, 4), clock.uptime());
  listeners[0]?.bytes(ack.subarray(4), clock.uptime());
  assert.deepEqual(sent, [poll]);
  assert.equal(heard.length, 2);
  assert.deepEqual(
    lines.map((each) => JSON.parse(each)).map(({ io, data }) => [io, data]),
    [
      ['output', '53 01 08 00 06 60 D8 66'],
      ['input', '53 81 08 00 06 40 6A 60'],
    ],
  );
});
