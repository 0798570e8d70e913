import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinkError } from '../../../drivers/contract/errors.ts';
import { decodePlain, encodePlain } from '../../../drivers/nuki/frame.ts';
import {
  type Authorization,
  beginPairing,
  hearPairing,
  type PairingStep,
} from '../../../drivers/nuki/pairing.ts';
import { pairWith } from '../../../drivers/nuki/pairing-talk.ts';
import { PAIRING } from '../../../drivers/nuki/uuids.ts';
import { toHex } from '../../../drivers/wire/hex.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { NukiLock } from '../../../simulator/devices/nuki-lock.ts';
import { Air } from '../../../simulator/radio/air.ts';
import { AirTransport } from '../../../simulator/radio/air-transport.ts';
import { seededRandom } from '../../../simulator/random.ts';

/** Joins both sides without a link; gives how it ended. */
function pair(
  lock: NukiLock,
  spoil?: (frame: Uint8Array, turn: number) => Uint8Array,
): PairingStep {
  const random = seededRandom(5);
  const parts = {
    privateKey: random.bytes(32),
    nonce: random.bytes(32),
    appId: 7,
    name: 'Latchkey',
    as: 'app',
  } as const;
  const answers: Uint8Array[] = [];
  const central = {
    address: 'here',
    mtu: 247,
    tell: (_characteristic: string, value: Uint8Array) => answers.push(value),
    disconnect: () => undefined,
  };
  lock.connected(central);
  let step: PairingStep = beginPairing();
  for (let turn = 0; step.kind === 'go-on' && turn < 20; turn += 1) {
    lock.written(central, PAIRING.characteristic, encodePlain(step.say));
    const frame = answers.shift();
    const message = frame && decodePlain(spoil?.(frame, turn) ?? frame);
    if (message === undefined) return { kind: 'failed', why: 'damaged' };
    step = hearPairing(parts, step.state, message);
  }
  return step;
}

const newLock = () =>
  new NukiLock({ name: 'front', clock: new SimulatedClock(), random: seededRandom(2) });

test('a lock in pairing mode and we agree on the same key', () => {
  const lock = newLock();
  lock.beginPairing();
  const step = pair(lock);
  assert.equal(step.kind, 'paired');
  if (step.kind !== 'paired') return;
  const held = lock.authorizations.get(step.authorization.id);
  assert.equal(toHex(held?.key ?? new Uint8Array(0)), toHex(step.authorization.key));
  assert.equal(held?.name, 'Latchkey');
});

test('a lock that is not in pairing mode says so', () => {
  const step = pair(newLock());
  assert.deepEqual(step, { kind: 'failed', why: 'the lock is not in pairing mode (10)' });
});

test('any bit changed in any answer ends the pairing', () => {
  for (let turn = 0; turn < 5; turn += 1) {
    const lock = newLock();
    lock.beginPairing();
    const step = pair(lock, (frame, now) => {
      if (now !== turn) return frame;
      const message = decodePlain(frame);
      if (message === undefined) return frame;
      const payload = message.payload.slice();
      const at = turn % payload.length;
      payload[at] = (payload[at] ?? 0) ^ 4;
      return encodePlain({ command: message.command, payload });
    });
    assert.equal(step.kind, 'failed', `turn ${turn}`);
  }
});

test('the link is cut at every step of a pairing: both have the key, or it is said who has to be taken out', async () => {
  let [agreed, told] = [0, 0];
  for (let packet = 0; packet < 9; packet += 1) {
    for (const taken of [false, true]) {
      const clock = new SimulatedClock();
      const random = seededRandom(10 + packet);
      const air = new Air(clock, random);
      const lock = new NukiLock({ name: 'front', clock, random });
      air.join(lock);
      const transport = new AirTransport(air);
      lock.beginPairing();
      air.setFaults(lock.address, { cutAt: { packet, taken } });
      const parts = { privateKey: random.bytes(32), nonce: random.bytes(32), appId: 0 };
      let outcome: Authorization | LinkError | undefined;
      const paired = pairWith(
        (listener) => transport.connect(lock.address, 'random', listener, 10_000),
        { ...parts, name: 'Latchkey', as: 'app' },
        clock,
      ).then(
        (authorization) => {
          outcome = authorization;
        },
        (error: unknown) => {
          assert.ok(error instanceof LinkError);
          outcome = error;
        },
      );
      await clock.runUntil(() => outcome !== undefined, 60_000);
      await paired;
      const [held] = lock.authorizations.values();
      if (outcome instanceof LinkError) {
        const mustTell = held !== undefined;
        if (mustTell) {
          told += 1;
          assert.match(outcome.message, /take "Latchkey" out/, `step ${packet}`);
        }
      } else {
        agreed += 1;
        assert.equal(toHex(held?.key ?? parts.nonce), toHex(outcome?.key ?? parts.privateKey));
      }
      await transport.close();
    }
  }
  assert.ok(agreed > 0 && told > 0, `${agreed} agreed, ${told} told`);
});
