/** A lock whose messages are sealed as they should be, and say what no lock should. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actuationId, type DeviceEvent, deviceId } from '../../../drivers/contract/device.ts';
import type { Input } from '../../../drivers/contract/machine.ts';
import { uptime } from '../../../drivers/contract/time.ts';
import {
  COMMAND,
  decodeSealed,
  encodePlain,
  encodeSealed,
  u16,
} from '../../../drivers/nuki/frame.ts';
import { type NukiState, nukiMachine } from '../../../drivers/nuki/machine.ts';
import { nukiOptions } from '../../../drivers/nuki/options.ts';
import { USER } from '../../../drivers/nuki/uuids.ts';
import { seededRandom } from '../../../simulator/random.ts';

const LOCK = deviceId('door');
const KEY = new Uint8Array(32).fill(7);
const AUTHORIZATION = 2;
const ID = actuationId('a1');
const BASE = { id: ID, device: LOCK, expiresAt: uptime(60_000) } as const;
const UNLOCK = { ...BASE, kind: 'unlock', hold: 500 } as const;
const LOCKED = Uint8Array.of(2, 1, 0, 0xea, 7, 1, 1, 0, 0, 0, 0, 0, 0xc8, 1, 0);

/** Drives the machine by hand; what it writes leaves at once. */
class Liar {
  readonly #random = seededRandom(3);
  readonly #machine: ReturnType<typeof nukiMachine>;
  #state: NukiState;
  #now = uptime(0);
  readonly events: DeviceEvent[] = [];
  /** Commands that were written, and what they ask for where they are requests. */
  readonly heard: string[] = [];

  constructor(logEntries = 0) {
    const options = nukiOptions.parse({
      address: '54:d2:72:00:00:01',
      authorization: 'credential:lock',
      pin: 'credential:pin',
      codesMax: 10,
      logEntries,
    });
    const random = this.#random;
    const bus = { baudRate: 0, latencyMs: 0, echo: false, random, secrets: new Map() };
    const credentials = { authorization: AUTHORIZATION, key: KEY, pin: 1234 };
    this.#machine = nukiMachine({ id: LOCK, options }, credentials, bus);
    this.#state = this.#machine.begin(uptime(0)).state;
  }

  step(input: Input): void {
    const step = this.#machine.step(this.#state, input, this.#now);
    this.#state = step.state;
    this.events.push(...step.events);
    for (const send of step.send) {
      if (send.kind === 'gatt-subscribe') this.step({ kind: 'link-up', mtu: 185 });
      if (send.kind === 'gatt-write') {
        const message = decodeSealed(KEY, AUTHORIZATION, send.value);
        assert.ok(message);
        const about = message.command === COMMAND.requestData ? ` ${message.payload[0]}` : '';
        this.heard.push(`${message.command}${about}`);
      }
      if (send.kind === 'close') this.step({ kind: 'link-down' });
    }
    if (step.send.length > 0) this.step({ kind: 'sent' });
  }

  say(command: number, payload: Uint8Array): void {
    this.hear(this.sealed(command, payload));
  }

  sealed(command: number, payload: Uint8Array): Uint8Array {
    return encodeSealed(KEY, AUTHORIZATION, this.#random.bytes(24), { command, payload });
  }

  hear(value: Uint8Array): void {
    this.step({ kind: 'notified', from: USER, value });
  }

  get isConnected(): boolean {
    return this.#state.isConnected;
  }

  challenge(): void {
    this.say(COMMAND.challenge, this.#random.bytes(32));
  }

  wait(length: number): void {
    this.#now = uptime(this.#now + length);
    this.step({ kind: 'wake' });
  }

  get results(): string[] {
    return this.events.flatMap((event) =>
      event.kind === 'actuation-result' ? [event.result] : [],
    );
  }

  count(what: string): number {
    return this.heard.filter((each) => each === what).length;
  }
}

const MOVE = String(COMMAND.lockAction);
const STATES = `${COMMAND.requestData} ${COMMAND.states}`;

test('P3: an accepted command is not said again, whatever error comes after it', () => {
  const lock = new Liar();
  lock.step({ kind: 'actuation', actuation: UNLOCK });
  lock.challenge();
  lock.say(COMMAND.status, Uint8Array.of(1));
  lock.say(COMMAND.errorReport, Uint8Array.of(0x45, ...u16(COMMAND.lockAction)));
  for (let turn = 0; turn < 10; turn += 1) {
    lock.wait(2000);
    lock.challenge();
  }
  assert.equal(lock.count(MOVE), 1);
  lock.say(COMMAND.states, LOCKED);
  assert.equal(lock.results.length, 1);
});

test('states that are cut off judge no unlock and prove no reading', () => {
  const lock = new Liar();
  lock.step({ kind: 'actuation', actuation: { ...BASE, kind: 'read-state' } });
  lock.say(COMMAND.states, LOCKED.subarray(0, 5));
  assert.deepEqual(lock.results, []);
  lock.say(COMMAND.states, LOCKED);
  assert.deepEqual(lock.results, ['done']);

  lock.step({ kind: 'actuation', actuation: { ...UNLOCK, id: actuationId('a2') } });
  lock.challenge();
  lock.step({ kind: 'link-down' });
  lock.wait(1000);
  assert.equal(lock.heard.at(-1), STATES);
  lock.say(COMMAND.states, LOCKED.subarray(0, 5));
  assert.deepEqual(lock.results, ['done'], 'what was known before the unlock tells nothing of it');
});

test('P6: a count of codes that is cut off proves no code gone', () => {
  const lock = new Liar();
  lock.step({ kind: 'actuation', actuation: { ...BASE, kind: 'remove-code', entry: 'g1' } });
  lock.challenge();
  lock.say(COMMAND.codeCount, Uint8Array.of(0));
  assert.deepEqual(lock.results, []);
  lock.say(COMMAND.codeCount, u16(0));
  assert.deepEqual(lock.results, ['done']);
});

test('P3: once the command was sent, an error about another one, or after it was taken, is no failure and no reason to say it again', () => {
  const errors = [
    { taken: false, code: 0x45, about: COMMAND.requestData },
    { taken: false, code: 0x22, about: COMMAND.updateTime },
    { taken: true, code: 0x46, about: COMMAND.lockAction },
    { taken: true, code: 0x44, about: COMMAND.lockAction },
  ];
  for (const { taken, code, about } of errors) {
    const lock = new Liar();
    lock.step({ kind: 'actuation', actuation: UNLOCK });
    lock.challenge();
    if (taken) lock.say(COMMAND.status, Uint8Array.of(1));
    lock.say(COMMAND.errorReport, Uint8Array.of(code, ...u16(about)));
    assert.deepEqual(lock.results, [], 'it is looked at first');
    lock.wait(2000);
    lock.say(COMMAND.states, LOCKED);
    assert.deepEqual(lock.results, ['unknown']);
    assert.equal(lock.count(MOVE), 1);
  }
});

test('P3: a lock found shut after the link was lost may have opened and shut again: unknown, not failed', () => {
  const lock = new Liar();
  lock.step({ kind: 'actuation', actuation: UNLOCK });
  lock.challenge();
  lock.step({ kind: 'link-down' });
  lock.wait(1000);
  lock.say(COMMAND.states, LOCKED);
  assert.deepEqual(lock.results, ['unknown']);
});

test('a sealed word heard twice, an echo or a recording, tells nothing the second time', () => {
  const lock = new Liar();
  lock.step({ kind: 'actuation', actuation: UNLOCK });
  lock.challenge();
  const done = lock.sealed(COMMAND.status, Uint8Array.of(0));
  lock.hear(done);
  assert.deepEqual(lock.results, ['done']);
  lock.say(COMMAND.states, LOCKED);
  lock.step({ kind: 'actuation', actuation: { ...UNLOCK, id: actuationId('a2') } });
  lock.challenge();
  lock.hear(done);
  assert.deepEqual(lock.results, ['done']);
});

test('P6: a wrong PIN is believed sealed only: in clear it would keep every code in the keypad', () => {
  const lock = new Liar();
  const remove = { ...BASE, kind: 'remove-code', entry: 'g1' } as const;
  lock.step({ kind: 'actuation', actuation: remove });
  lock.challenge();
  lock.hear(encodePlain({ command: COMMAND.errorReport, payload: Uint8Array.of(0x21, 0x43, 0) }));
  lock.step({ kind: 'actuation', actuation: { ...remove, id: actuationId('a2') } });
  for (let turn = 0; turn < 3; turn += 1) {
    lock.challenge();
    lock.say(COMMAND.codeCount, u16(0));
  }
  assert.equal(lock.results.at(-1), 'done');
});

test('a lock that always has one thing more to tell is heard for a minute, and told for a thousand entries a day', () => {
  const lock = new Liar(20);
  let index = 0;
  const logEntry = () => {
    index += 1;
    const date = Uint8Array.of(0xea, 7, 1, 1, 0, 0, 0);
    const rest = new Uint8Array(4 + 32 + 1 + 2);
    rest[36] = 6;
    lock.say(COMMAND.logEntry, Uint8Array.of(index & 0xff, index >> 8, 0, 0, ...date, ...rest));
  };
  const LOG = String(COMMAND.requestLog);
  lock.wait(10_000);
  const others: readonly (readonly [string, () => void])[] = [
    [STATES, () => lock.say(COMMAND.states, LOCKED)],
    [String(COMMAND.requestConfig), () => lock.say(COMMAND.config, new Uint8Array(80))],
  ];
  // The rest is answered as it should be.
  for (let turn = 0; turn < 8 && lock.heard.at(-1) !== LOG; turn += 1) {
    for (const [asked, answer] of others) if (lock.heard.at(-1) === asked) answer();
    lock.challenge();
  }
  assert.equal(lock.heard.at(-1), LOG);
  // Never an end: after a minute it is given up, whatever still comes.
  for (let second = 0; second < 61; second += 1) {
    logEntry();
    lock.wait(1000);
  }
  assert.equal(lock.isConnected, false);

  // Whole pages without end: told up to a bound.
  for (let round = 0; round < 400; round += 1) {
    lock.wait(600_000 / 400);
    if (round % 40 === 0) lock.wait(1_800_000);
    if (lock.heard.at(-1) === STATES) lock.say(COMMAND.states, LOCKED);
    lock.challenge();
    if (lock.heard.at(-1) !== LOG) continue;
    for (let entry = 0; entry < 30; entry += 1) logEntry();
    lock.say(COMMAND.status, Uint8Array.of(0));
  }
  const told = lock.events.filter(({ kind }) => kind === 'device-log').length;
  assert.ok(told > 900 && told < 1300, `${told} entries told`);
  assert.ok(lock.events.some((event) => event.kind === 'fault' && event.fault === 'garbage'));
});
