import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Actuation, actuationId, deviceId } from '../../drivers/contract/device.ts';
import { LinkError } from '../../drivers/contract/errors.ts';
import { ADVERTISED, type GattLink, type GattListener } from '../../drivers/contract/link.ts';
import type { Input, Machine, Send, Step } from '../../drivers/contract/machine.ts';
import { uptime } from '../../drivers/contract/time.ts';
import { runGattMachine } from '../../drivers/run-gatt-machine.ts';
import { SimulatedClock } from '../../simulator/clock.ts';

const DEVICE = deviceId('toy');
const AT = { service: 'ffe0', characteristic: 'ffe1' };
const SUBSCRIBE: Send = { kind: 'gatt-subscribe', to: AT };
const write = (byte: number): Send => ({
  kind: 'gatt-write',
  to: AT,
  value: Uint8Array.of(byte),
  withResponse: true,
});

/** Says what `answer` says to each input, and remembers the inputs. */
function toy(answer: (input: Input) => readonly Send[]) {
  const inputs: string[] = [];
  const machine: Machine<unknown> = {
    begin: () => ({ state: 0, send: [], events: [], wakeAt: undefined }),
    step(_state, input): Step<unknown> {
      const detail = input.kind === 'value' ? ` ${input.from.characteristic}` : '';
      inputs.push(`${input.kind}${detail}`);
      return { state: 0, send: answer(input), events: [], wakeAt: undefined };
    },
    statistics: () => new Map(),
  };
  return { machine, inputs };
}

function world(machine: Machine<unknown>) {
  const clock = new SimulatedClock();
  const stop = new AbortController();
  const done: string[] = [];
  let listener: GattListener | undefined;
  let fails: LinkError | undefined;
  let refuses: LinkError | undefined;
  let stalls = false;
  let hear: ((data: Uint8Array) => void) | undefined;
  const link: GattLink = {
    identity: 'ble:toy',
    mtu: 100,
    read: async () => {
      done.push('read');
      return Uint8Array.of(1);
    },
    write: async (_to, value) => {
      if (refuses !== undefined) throw refuses;
      if (stalls) await new Promise(() => {});
      done.push(`write ${value[0]}`);
      return clock.uptime();
    },
    subscribe: async () => {
      done.push('subscribe');
    },
    close: async () => {
      done.push('close');
    },
  };
  const running = runGattMachine({
    machine,
    clock,
    signal: stop.signal,
    onEvent: (event) => done.push(event.kind),
    port: {
      kind: 'gatt',
      open: async (heard) => {
        if (fails !== undefined) throw fails;
        done.push('open');
        listener = heard;
        return link;
      },
      watch: (heard) => {
        hear = (manufacturerData) =>
          heard({
            address: 'aa:bb:cc:dd:ee:ff',
            addressType: 'random',
            name: undefined,
            services: [],
            serviceData: new Map(),
            manufacturerData,
            rssi: -50,
            connectable: true,
          });
      },
    },
  });
  return {
    clock,
    stop,
    done,
    running,
    lose: () => listener?.closed(new LinkError('closed', 'gone')),
    fail: (why: LinkError | undefined) => {
      fails = why;
    },
    refuse: (why: LinkError | undefined) => {
      refuses = why;
    },
    /** It takes nothing any more, and does not say so. */
    stall: () => {
      stalls = true;
    },
    advertise: () => hear?.(Uint8Array.of(1)),
  };
}

function unlock(): Actuation {
  return { kind: 'unlock', hold: 1, id: actuationId('a'), device: DEVICE, expiresAt: uptime(1e9) };
}

test('nothing is connected before there is something to say, and it is said in order', async () => {
  const { machine, inputs } = toy((input) =>
    input.kind === 'actuation' ? [SUBSCRIBE, write(1)] : input.kind === 'link-up' ? [write(2)] : [],
  );
  const at = world(machine);
  await at.clock.settle();
  assert.deepEqual(at.done, []);
  (await at.running).actuate(unlock());
  await at.clock.settle();
  assert.deepEqual(at.done, ['open', 'subscribe', 'write 1', 'write 2']);
  assert.deepEqual(inputs, ['actuation', 'link-up', 'sent', 'sent']);
  assert.equal((await at.running).identity, 'ble:toy');
  at.stop.abort();
  assert.equal(await (await at.running).closed, undefined);
});

test('closing ends the link and not the run: the next word connects anew', async () => {
  const { machine, inputs } = toy((input) =>
    input.kind === 'actuation' ? [write(1), { kind: 'close' }] : [],
  );
  const at = world(machine);
  const running = await at.running;
  running.actuate(unlock());
  await at.clock.settle();
  running.actuate(unlock());
  await at.clock.settle();
  assert.deepEqual(at.done, ['open', 'write 1', 'close', 'open', 'write 1', 'close']);
  assert.deepEqual(inputs.filter((each) => each === 'link-down').length, 2);
  at.stop.abort();
});

test('a connect that fails is told once, and what was to be sent is dropped', async () => {
  const { machine, inputs } = toy((input) =>
    input.kind === 'actuation' ? [SUBSCRIBE, write(1)] : [],
  );
  const at = world(machine);
  at.fail(new LinkError('timed-out', 'away'));
  (await at.running).actuate(unlock());
  await at.clock.settle();
  assert.deepEqual(inputs, ['actuation', 'gatt-failed']);
  at.fail(undefined);
  (await at.running).actuate(unlock());
  await at.clock.settle();
  assert.deepEqual(at.done, ['open', 'subscribe', 'write 1']);
  at.stop.abort();
});

test('a lost link drops what waits; a refused write does not end a living one', async () => {
  const { machine, inputs } = toy((input) => (input.kind === 'actuation' ? [write(1)] : []));
  const at = world(machine);
  const running = await at.running;
  at.refuse(new LinkError('failed', 'ATT error 3'));
  running.actuate(unlock());
  await at.clock.settle();
  assert.deepEqual(inputs, ['actuation', 'link-up', 'gatt-failed']);
  assert.ok(!at.done.includes('close'));
  at.refuse(new LinkError('timed-out', 'no answer'));
  running.actuate(unlock());
  await at.clock.settle();
  assert.deepEqual(inputs.slice(3), ['actuation', 'link-down']);
  at.refuse(undefined);
  running.actuate(unlock());
  await at.clock.settle();
  at.lose();
  at.lose();
  await at.clock.settle();
  assert.deepEqual(inputs.slice(5), ['actuation', 'link-up', 'sent', 'link-down']);
  at.stop.abort();
});

test('what is advertised comes as a value of its own', async () => {
  const { machine, inputs } = toy(() => []);
  const at = world(machine);
  await at.clock.settle();
  at.advertise();
  assert.deepEqual(inputs, [`value ${ADVERTISED.characteristic}`]);
  at.stop.abort();
});

test('a machine that throws ends its run loudly, and its link', async () => {
  const { machine } = toy((input) => {
    if (input.kind === 'sent') throw new TypeError('broken');
    return input.kind === 'actuation' ? [write(1)] : [];
  });
  const at = world(machine);
  (await at.running).actuate(unlock());
  await assert.rejects((await at.running).closed, /broken/);
  assert.equal(at.done.at(-1), 'close');
});

test('after its end an actuation is refused, and feedback is nothing', async () => {
  const { machine, inputs } = toy(() => []);
  const at = world(machine);
  const running = await at.running;
  at.stop.abort();
  await running.closed;
  running.actuate(unlock());
  running.actuate({ ...unlock(), kind: 'feedback', signal: 'denied' });
  assert.deepEqual(at.done, ['actuation-result']);
  assert.deepEqual(inputs, ['link-down']);
});

test('a peripheral that has us answer faster than it takes answers is left, and the machine is told', async () => {
  const { machine, inputs } = toy((input) => (input.kind === 'value' ? [write(1)] : []));
  const at = world(machine);
  await at.running;
  at.stall();
  for (let n = 0; n < 5000; n += 1) at.advertise();
  await at.clock.settle();
  assert.ok(at.done.includes('close'));
  assert.ok(inputs.includes('link-down'));
  assert.ok(at.done.filter((each) => each === 'open').length <= 2);
  at.stop.abort();
});
