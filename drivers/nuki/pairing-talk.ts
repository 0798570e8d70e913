/** Pairing and its undoing over an open link: for people who stand before the lock, not for the daemon's loop. */
import { LinkError } from '../contract/errors.ts';
import type { GattCharacteristic, GattLink, GattListener } from '../contract/link.ts';
import { type Clock, type Millis, type Random, uptime } from '../contract/time.ts';
import { joinBytes } from '../wire/hex.ts';
import type { Credentials } from './credentials.ts';
import { errorText } from './errors.ts';
import {
  type Assembled,
  assemblePlain,
  assembleSealed,
  COMMAND,
  decodePlain,
  decodeSealed,
  encodePlain,
  encodeSealed,
  type Message,
  u32,
} from './frame.ts';
import {
  type Authorization,
  beginPairing,
  hearPairing,
  type PairingParts,
  type PairingStep,
} from './pairing.ts';
import { complete, type Request, requestData } from './requests.ts';
import { PAIRING, USER } from './uuids.ts';

const PAIR_WITHIN: Millis = 30_000;
const ANSWER_WITHIN: Millis = 5000;

/** Opens one link; a transport's `connect` with address and time filled in. */
export type OpenLink = (listener: GattListener) => Promise<GattLink>;

/** Whole frames of one characteristic, one after the other, each within its time. */
class Frames implements GattListener {
  readonly #clock: Clock;
  readonly #of: GattCharacteristic;
  readonly #assemble: (bytes: Uint8Array) => Assembled;
  #held: Uint8Array = new Uint8Array(0);
  #ended: LinkError | undefined;
  #wake: (() => void) | undefined;

  constructor(clock: Clock, of: GattCharacteristic, assemble: (bytes: Uint8Array) => Assembled) {
    this.#clock = clock;
    this.#of = of;
    this.#assemble = assemble;
  }

  notified(from: GattCharacteristic, value: Uint8Array): void {
    if (from.characteristic !== this.#of.characteristic) return;
    this.#held = joinBytes(this.#held, value);
    this.#wake?.();
  }

  closed(why: LinkError): void {
    this.#ended = why;
    this.#wake?.();
  }

  async next(within: Millis): Promise<Uint8Array> {
    const end = uptime(this.#clock.uptime() + within);
    for (;;) {
      const found = this.#assemble(this.#held);
      if (found.kind === 'whole') {
        const frame = this.#held.slice(0, found.length);
        this.#held = this.#held.slice(found.length);
        return frame;
      }
      if (this.#ended !== undefined) throw this.#ended;
      if (found.kind === 'invalid') throw new LinkError('failed', 'the lock says no frame');
      if (this.#clock.uptime() >= end) throw new LinkError('timed-out', 'the lock does not answer');
      const woken = Promise.withResolvers<void>();
      this.#wake = woken.resolve;
      const timer = this.#clock.wakeAt(end, woken.resolve);
      await woken.promise;
      timer.cancel();
    }
  }
}

/**
 * @throws LinkError with the lock's own words where it refuses, and with what is left to be done where it was told that
 * all is well and did not say so itself. Takes 30 s at most.
 */
export async function pairWith(
  open: OpenLink,
  parts: PairingParts,
  clock: Clock,
): Promise<Authorization> {
  const frames = new Frames(clock, PAIRING, assemblePlain);
  const link = await open(frames);
  const end = clock.uptime() + PAIR_WITHIN;
  let step = beginPairing();
  try {
    await link.subscribe(PAIRING);
    while (step.kind === 'go-on') {
      await link.write(PAIRING, encodePlain(step.say), true);
      const heard = decodePlain(await frames.next(end - clock.uptime()));
      if (heard === undefined) throw new LinkError('failed', 'the lock says damaged frames');
      step = hearPairing(parts, step.state, heard);
    }
    if (step.kind === 'failed') throw new LinkError('refused', step.why);
    return step.authorization;
  } catch (error) {
    if (!(error instanceof LinkError) || !mayBeEntered(step)) throw error;
    const remedy = `take "${parts.name}" out of its users in the owner's app where it is there, and pair again`;
    throw new LinkError(error.code, `${error.message}; the lock may have entered us: ${remedy}`);
  } finally {
    await link.close();
  }
}

/** Our confirmation may have reached it. What we hold of the key is worth nothing until it says so. */
function mayBeEntered(step: PairingStep): boolean {
  return step.kind === 'go-on' && step.state.stage === 'status';
}

/** Takes our authorization out of the lock. Needs the security PIN. */
export async function unpairFrom(
  open: OpenLink,
  credentials: Credentials,
  clock: Clock,
  random: Random,
): Promise<void> {
  const frames = new Frames(clock, USER, assembleSealed);
  const link = await open(frames);
  const { key, authorization, pin } = credentials;
  const say = async (message: Message) => {
    const frame = encodeSealed(key, authorization, random.bytes(24), message);
    await link.write(USER, frame, true);
  };
  const answer = async (wanted: number): Promise<Uint8Array> => {
    for (;;) {
      const frame = await frames.next(ANSWER_WITHIN);
      const sealed = decodeSealed(key, authorization, frame);
      // In clear it can only say that it does not know us.
      const report = sealed ?? decodePlain(frame);
      if (report?.command === COMMAND.errorReport) {
        throw new LinkError('refused', errorText(report.payload[0] ?? 0xff));
      }
      if (sealed?.command === wanted) return sealed.payload;
    }
  };
  try {
    await link.subscribe(USER);
    await say(complete(requestData(COMMAND.challenge), new Uint8Array(0), undefined));
    const challenge = await answer(COMMAND.challenge);
    const remove: Request = {
      command: COMMAND.removeAuthorization,
      body: u32(authorization),
      tail: 'pin',
    };
    await say(complete(remove, challenge, pin));
    for (let isGone = false; !isGone; ) {
      const [status] = await answer(COMMAND.status);
      isGone = status === 0;
    }
  } finally {
    await link.close();
  }
}
