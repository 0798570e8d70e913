/** A lock whose messages are sealed as they should be, and say what no lock should. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actuationId, type DeviceEvent, deviceId } from '../../../drivers/contract/device.ts';
import type { Input } from '../../../drivers/contract/machine.ts';
import { uptime } from '../../../drivers/contract/time.ts';
import { COMMAND, decodeSealed, encodeSealed, u16 } from '../../../drivers/nuki/frame.ts';
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
  readonly #machine = nukiMachine(
    {
      id: LOCK,
      options: nukiOptions.parse({
        address: '54:d2:72:00:00:01',
        authorization: 'credential:lock',
        pin: 'credential:pin',
        codesMax: 10,
        logEntries: 0,
      }),
    },
    { authorization: AUTHORIZATION, key: KEY, pin: 1234 },
    { baudRate: 0, latencyMs: 0, echo: false, random: this.#random, secrets: new Map() },
  );
  #state: NukiState = this.#machine.begin(uptime(0)).state;
  #now = uptime(0);
  readonly events: DeviceEvent[] = [];
  /** Commands that were written, and what they ask for where they are requests. */
  readonly heard: string[] = [];

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
    const value = encodeSealed(KEY, AUTHORIZATION, this.#random.bytes(24), { command, payload });
    this.step({ kind: 'notified', from: USER, value });
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
