import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Actuation,
  actuationId,
  type DeviceEvent,
  deviceId,
  FIRE_HOLD,
} from '../../../drivers/contract/device.ts';
import { LinkError } from '../../../drivers/contract/errors.ts';
import { uptime } from '../../../drivers/contract/time.ts';
import { a0, bt004ble, custom } from '../../../drivers/gatt-relay/dialect.ts';
import { gattRelay } from '../../../drivers/gatt-relay/driver.ts';
import { relayMachine } from '../../../drivers/gatt-relay/machine.ts';
import { gattRelayOptions } from '../../../drivers/gatt-relay/options.ts';
import { runGattMachine } from '../../../drivers/run-gatt-machine.ts';
import type { RunningMachine } from '../../../drivers/run-machine.ts';
import { fromHex, toHex } from '../../../drivers/wire/hex.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { Air } from '../../../simulator/radio/air.ts';
import { AirTransport } from '../../../simulator/radio/air-transport.ts';
import { RelayBoard } from '../../../simulator/radio/relay-board.ts';
import { seededRandom } from '../../../simulator/random.ts';

const GATE = deviceId('gate');
type Dialects = 'bt004ble' | 'a0' | 'custom';
const PASSWORD = 'open sesame';
const LONG_PASSWORD = 'thirty-two letters make it long!';

class Bench implements AsyncDisposable {
  readonly clock = new SimulatedClock();
  readonly air = new Air(this.clock, seededRandom(4));
  readonly board: RelayBoard;
  readonly transport = new AirTransport(this.air);
  readonly events: DeviceEvent[] = [];
  readonly stop = new AbortController();
  running: RunningMachine | undefined;
  #next = 1;

  constructor(
    dialect: Dialects,
    options: Readonly<Record<string, unknown>> = {},
    password = PASSWORD,
    isHeldOpen = false,
    itsPassword = PASSWORD,
  ) {
    const kind = dialect === 'custom' ? 'a0' : dialect;
    this.board = new RelayBoard({ dialect: kind, clock: this.clock, password: itsPassword });
    this.air.join(this.board);
    const parsed = gattRelayOptions.parse({
      address: this.board.address,
      dialect,
      ...(dialect === 'bt004ble' ? { password: 'credential:relay' } : { allowInsecure: true }),
      ...options,
    });
    const machine = gattRelay.machine([{ id: GATE, options: parsed }], {
      baudRate: 0,
      latencyMs: 0,
      echo: false,
      random: seededRandom(1),
      secrets: new Map([['credential:relay', new TextEncoder().encode(password)]]),
      isHeldOpen: () => isHeldOpen,
    });
    void runGattMachine({
      machine,
      clock: this.clock,
      signal: this.stop.signal,
      onEvent: (event) => this.events.push(event),
      port: {
        kind: 'gatt',
        open: (listener) => this.transport.connect(this.board.address, 'public', listener, 10_000),
      },
    }).then((running) => {
      this.running = running;
    });
  }

  ask(kind: 'unlock' | 'lock', hold = 5000, within = 15_000): Actuation['id'] {
    const id = actuationId(`r${this.#next}`);
    this.#next += 1;
    const base = { id, device: GATE, expiresAt: uptime(this.clock.uptime() + within) };
    this.running?.actuate(kind === 'lock' ? { ...base, kind } : { ...base, kind, hold });
    return id;
  }

  resultsOf(id: Actuation['id']) {
    return this.events
      .filter((event) => event.kind === 'actuation-result')
      .filter(({ actuation }) => actuation === id);
  }

  async result(id: Actuation['id']) {
    await this.clock.runUntil(() => this.resultsOf(id).length > 0, 120_000);
    const [result] = this.resultsOf(id);
    assert.ok(result);
    return result;
  }

  faults(): string[] {
    return this.events.flatMap((event) =>
      event.kind === 'fault' ? [`${event.fault} ${event.state}`] : [],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    await this.clock.settle();
    await this.transport.close();
  }
}

async function bench(
  dialect: Dialects,
  options: Readonly<Record<string, unknown>> = {},
  password?: string,
  itsPassword?: string,
): Promise<Bench> {
  const made = new Bench(dialect, options, password, false, itsPassword);
  await made.clock.advance(10_000);
  return made;
}

/** Milliseconds that the relay was energised, each time. */
function pulses(board: RelayBoard, relay: number): number[] {
  return board.periods(relay).map(({ from, to }) => (to ?? Infinity) - from);
}

test('P14: every dialect can hold its lock for as long as a fire asks', () => {
  const dialects = [
    bt004ble(1, new Uint8Array(1)),
    a0(1),
    custom(1, { unlock: '20 {channel} {tenths}', lock: '21 {channel} 00' }),
  ];
  for (const dialect of dialects) assert.notEqual(dialect.on(FIRE_HOLD), undefined);
});

test('the documented bytes of both dialects', () => {
  const board = bt004ble(2, new TextEncoder().encode('password'));
  assert.equal(toHex(board.login?.bytes ?? new Uint8Array(0)), '7970617373776f72640d');
  assert.equal(toHex(board.on(5000) ?? new Uint8Array(0)), '200232');
  assert.equal(board.on(25_600), undefined, 'never permanent, never shortened unseen');
  assert.notEqual(board.on(10)?.[2], 0);
  const expected = ['a00101a2', 'a00100a1', 'a00201a3', 'a00200a2', 'a00301a4', 'a00401a5'];
  const found = [a0(1).on(1), a0(1).off, a0(2).on(1), a0(2).off, a0(3).on(1), a0(4).on(1)];
  assert.deepEqual(
    found.map((bytes) => bytes && toHex(bytes)),
    expected,
  );
  const own = custom(3, { unlock: '01 {channel} {tenths}', lock: '00 {channel}', ack: '06 ..' });
  assert.equal(toHex(own.on(1500) ?? new Uint8Array(0)), '01030f');
  assert.deepEqual(
    ['', '06', '0699', '07', '0799', '070699'].map((hex) => own.reply?.(fromHex(hex))),
    ['need-more', 'need-more', 'yes', 'need-more', 'no', 'yes'],
  );
});

test('an insecure board has to be allowed, and a secure one needs its password', () => {
  assert.equal(
    gattRelayOptions.safeParse({ address: '00:15:85:00:00:01', dialect: 'a0' }).success,
    false,
  );
  assert.equal(
    gattRelayOptions.safeParse({ address: '00:15:85:00:00:01', dialect: 'bt004ble' }).success,
    false,
  );
  assert.equal(
    gattRelayOptions.safeParse({
      address: '00:15:85:00:00:01',
      dialect: 'custom',
      allowInsecure: true,
    }).success,
    false,
  );
  assert.equal(
    gattRelayOptions.safeParse({ address: '00:15:85:00:00:01', dialect: 'a0', allowInsecure: true })
      .success,
    true,
  );
});

test('bt004ble: the strike is energised as long as was asked, seen to be, and released by the board', async () => {
  await using at = await bench('bt004ble', { channel: 2 });
  assert.ok(at.events.some((event) => event.kind === 'identity' && event.firmware === '1.2'));
  at.board.isSplit = true;
  const result = await at.result(at.ask('unlock', 5000));
  assert.deepEqual(
    [result.result, result.sent, result.acknowledged, result.observed],
    ['done', true, true, true],
  );
  at.air.setFaults(at.board.address, { away: true });
  await at.clock.advance(60_000);
  assert.deepEqual(pulses(at.board, 2), [5000]);
});

test('bt004ble: a wrong password is a fault and a refusal', async () => {
  await using at = await bench('bt004ble', {}, 'wrong');
  const result = await at.result(at.ask('unlock'));
  assert.equal(result.result, 'refused');
  assert.deepEqual(at.faults().slice(0, 1), ['refusing raised']);
  assert.deepEqual(pulses(at.board, 1), []);
});

test('bt004ble: a password longer than one packet is taken as well', async () => {
  await using at = await bench('bt004ble', {}, LONG_PASSWORD, LONG_PASSWORD);
  const result = await at.result(at.ask('unlock'));
  assert.equal(result.result, 'done', result.detail);
  assert.equal(at.faults().includes('refusing raised'), false);
});

test('a0: the pulse is ended by us in time', async () => {
  await using at = await bench('a0');
  const result = await at.result(at.ask('unlock', 3000));
  assert.deepEqual([result.result, result.observed], ['done', false]);
  await at.clock.advance(20_000);
  const [length = 0] = pulses(at.board, 1);
  assert.ok(Math.abs(length - 3000) < 100, `${length} ms`);
});

test('a0: what an earlier run left on is switched off first, before anything is asked', async () => {
  await using at = new Bench('a0');
  const anybody = { address: '', mtu: 23, tell: () => undefined, disconnect: () => undefined };
  at.board.written(anybody, 'ffe1', fromHex('a00101a2'));
  assert.equal(at.board.isOn(1), true);
  await at.clock.advance(10_000);
  assert.equal(at.board.isOn(1), false);
  assert.equal(at.board.periods(1).length, 1, 'an end, and no second opening');
});

test('a0: whoever stops in midst of a pulse ends it, unless fire holds it', async () => {
  for (const isHeldOpen of [false, true]) {
    await using at = new Bench('a0', {}, '', isHeldOpen);
    await at.clock.advance(10_000);
    await at.result(at.ask('unlock', 60_000));
    await at.clock.advance(1000);
    assert.equal(at.board.isOn(1), true);
    at.stop.abort();
    await at.clock.advance(1000);
    assert.equal(at.board.isOn(1), isHeldOpen);
    await at.running?.closed;
  }
});

test('a0: a link lost during the pulse is made again, and the end written; late, it is an alarm', async () => {
  await using at = await bench('a0');
  await at.result(at.ask('unlock', 3000));
  at.air.setFaults(at.board.address, { away: true });
  await at.clock.advance(30_000);
  assert.equal(at.board.isOn(1), true);
  assert.deepEqual(at.faults(), ['silent raised']);
  at.air.setFaults(at.board.address, {});
  await at.clock.advance(30_000);
  assert.equal(at.board.isOn(1), false);
  assert.deepEqual(at.faults(), ['silent raised', 'silent cleared']);
  assert.equal(at.board.periods(1).length, 1);
});

for (const dialect of ['bt004ble', 'a0'] as const) {
  test(`${dialect}: the link is cut at every step: one result, at most one pulse, and off in the end`, async () => {
    for (let packet = 0; packet < 7; packet += 1) {
      for (const taken of [false, true]) {
        await using at = await bench(dialect);
        at.air.setFaults(at.board.address, { cutAt: { packet, taken } });
        const id = at.ask('unlock', 2000);
        await at.clock.advance(600);
        at.air.setFaults(at.board.address, {});
        const { result } = await at.result(id);
        await at.clock.advance(60_000);
        assert.equal(at.resultsOf(id).length, 1);
        const { length } = at.board.periods(1);
        assert.ok(length <= 1, `step ${packet}: ${length} pulses`);
        assert.equal(at.board.isOn(1), false);
        if (result === 'refused') assert.equal(length, 0);
        if (result === 'done') assert.equal(length, 1);
      }
    }
  });
}

test('a board that ignores us: unknown where it moves in silence, offline where it answers', async () => {
  await using at = await bench('bt004ble');
  at.board.ignores = true;
  const result = await at.result(at.ask('unlock', 2000, 30_000));
  assert.notEqual(result.result, 'done');
  await at.clock.advance(60_000);
  assert.ok(at.events.some(({ kind }) => kind === 'offline'));
});

test('an end that the board refused is said again until it is taken', async () => {
  const machine = relayMachine(
    {
      id: GATE,
      options: gattRelayOptions.parse({
        address: '00:11:22:33:44:55',
        dialect: 'custom',
        allowInsecure: true,
        unlock: '01',
        lock: '00',
        ack: '06',
      }),
    },
    custom(1, { unlock: '01', lock: '00', ack: '06' }),
  );
  const clock = new SimulatedClock();
  const said: string[] = [];
  const stop = new AbortController();
  let isRefusing = true;
  await runGattMachine({
    machine,
    clock,
    signal: stop.signal,
    onEvent: () => {},
    port: {
      kind: 'gatt',
      open: async (listener) => ({
        identity: 'board',
        mtu: 23,
        read: async () => new Uint8Array(0),
        subscribe: async () => {},
        async write(to, value) {
          said.push(toHex(value));
          const answer = Uint8Array.of(isRefusing ? 0x15 : 0x06);
          clock.wakeAt(uptime(clock.uptime() + 10), () =>
            listener.notified(to, answer, clock.uptime()),
          );
          return clock.uptime();
        },
        close: async () => listener.closed(new LinkError('closed', 'closed')),
      }),
    },
  });
  await clock.advance(5000);
  assert.ok(said.length > 1, `said ${said.length} times`);
  isRefusing = false;
  await clock.advance(5000);
  const before = said.length;
  await clock.advance(60_000);
  assert.equal(said.length, before);
  assert.ok(said.every((bytes) => bytes === '00'));
  stop.abort();
});

test('a board that answers nothing is online where it can be reached, after an outage too', async () => {
  const timed = { unlock: 'a0 {channel} {tenths} 00', lock: 'a0 {channel} 00 a1' };
  for (const [dialect, options] of [
    ['a0', {}],
    ['custom', timed],
  ] as const) {
    await using at = await bench(dialect, { pollMs: 60_000, ...options });
    const told = () =>
      at.events.map(({ kind }) => kind).filter((kind) => kind === 'online' || kind === 'offline');
    assert.deepEqual(told(), ['online']);
    at.air.setFaults(at.board.address, { away: true });
    await at.clock.advance(400_000);
    assert.deepEqual(told(), ['online', 'offline']);
    at.air.setFaults(at.board.address, {});
    await at.clock.advance(400_000);
    assert.deepEqual(told(), ['online', 'offline', 'online']);
  }
});

test('P3: answers that come twice, and a pulse over before it is looked at, are told as no failure', async () => {
  for (const [hold, expected] of [
    [5000, 'done'],
    [100, 'unknown'],
  ] as const) {
    await using at = await bench('bt004ble');
    at.air.setFaults(at.board.address, { duplicate: true, replyDelay: 100 });
    const { result } = await at.result(at.ask('unlock', hold));
    assert.equal(result, expected);
    assert.equal(at.board.periods(1).length, 1);
  }
});

test('fire (P14): a start does not end what fire holds on', async () => {
  for (const isHeldOpen of [true, false]) {
    await using at = new Bench('a0', {}, '', isHeldOpen);
    const anybody = { address: '', mtu: 23, tell: () => undefined, disconnect: () => undefined };
    at.board.written(anybody, 'ffe1', fromHex('a00101a2'));
    await at.clock.advance(20_000);
    assert.equal(at.board.isOn(1), isHeldOpen);
    assert.ok(
      at.events.some(({ kind }) => kind === 'online'),
      'so that it is asked for again',
    );
    await at.clock.advance(10_000);
    assert.equal(at.board.isOn(1), false, 'nobody asked again: it ends like any other');
  }
});

test('P3: another word of a board than the one that is known is no refusal of an opening', async () => {
  const options = { dialect: 'custom', allowInsecure: true, unlock: '01{tenths}', lock: '00' };
  const parsed = gattRelayOptions.parse({ address: '00:11:22:33:44:55', ...options, ack: '06' });
  const machine = relayMachine(
    { id: GATE, options: parsed },
    custom(1, { unlock: '01{tenths}', lock: '00', ack: '06' }),
  );
  let { state } = machine.begin(uptime(0));
  const results: string[] = [];
  const step = (input: Parameters<typeof machine.step>[1], at: number) => {
    const made = machine.step(state, input, uptime(at));
    state = made.state;
    for (const event of made.events) {
      if (event.kind === 'actuation-result') results.push(event.result);
    }
  };
  const from = { service: 'ffe0', characteristic: 'ffe1' };
  const said = (byte: number) => ({ kind: 'notified', from, value: Uint8Array.of(byte) }) as const;
  for (const word of [0x06, undefined]) {
    const id = actuationId(`a${results.length}`);
    const expiresAt = uptime(100_000);
    const unlock = { id, device: GATE, expiresAt, kind: 'unlock', hold: 500 } as const;
    step({ kind: 'link-up' }, 10);
    step({ kind: 'actuation', actuation: unlock }, 10);
    step({ kind: 'sent' }, 20);
    step({ kind: 'sent' }, 30);
    step(said(0x15), 40);
    assert.equal(results.length, word === undefined ? 1 : 0);
    if (word !== undefined) step(said(word), 50);
    else step({ kind: 'wake' }, 6000);
  }
  assert.deepEqual(results, ['done', 'unknown']);
});
