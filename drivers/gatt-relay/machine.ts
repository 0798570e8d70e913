/**
 * One BLE relay as a machine. Where the board times the pulse, a lost link ends nothing early and leaves nothing on;
 * where it does not, the end is sent first at every start, after every pulse, and until it is written.
 */
import { type Actuation, type DeviceId, FIRE_HOLD } from '../contract/device.ts';
import type { GattCharacteristic } from '../contract/link.ts';
import type { Input, Machine, MachineDevice, Send, Step } from '../contract/machine.ts';
import { type Millis, type Uptime, uptime } from '../contract/time.ts';
import { joinBytes } from '../wire/hex.ts';
import { NOTHING_HELD } from '../wire/receive-buffer.ts';
import type { Dialect } from './dialect.ts';
import type { GattRelayOptions } from './options.ts';
import { newRelay, type Relay, type RelayState, type Talk, type Turn } from './relay.ts';

const REPLY_WITHIN: Millis = 5000;
const RETRY_EVERY: Millis = 1000;
const BACK_OFF: readonly Millis[] = [2000, 10_000, 60_000, 300_000];
const OFFLINE_AFTER = 2;
/** An output that should be off and may be on this long is an alarm. */
const STILL_ON_ALARM: Millis = 10_000;
/** So long an output that the board took is looked at before it is said to be off. */
const LOOK_FOR: Millis = 2000;
const WAITING_MAX = 16;
/** Longer answers than this are no answers. */
const HEARD_MAX = 64;

/** `isHeldOpen`: fire holds the output on; then its end is not the first thing that is said. */
export function relayMachine(
  { id, options }: MachineDevice<GattRelayOptions>,
  dialect: Dialect,
  isHeldOpen: () => boolean = () => false,
): Machine<RelayState> {
  const talker = new Talker(id, options, dialect);
  return {
    begin(now) {
      const relay = newRelay(dialect, now);
      if (relay.offAt !== undefined && isHeldOpen()) relay.offAt = uptime(now + FIRE_HOLD);
      return talker.step(relay, { kind: 'wake' }, now);
    },
    step: (state, input, now) => talker.step(state, input, now),
    farewell: ({ offAt }) => (offAt === undefined || isHeldOpen() ? [] : talker.off()),
    statistics: ({ statistics }) => new Map([[id, statistics]]),
  };
}

/** It can be asked for nothing but to move. */
function isMute({ login, state, identity }: Dialect): boolean {
  return login === undefined && state === undefined && identity === undefined;
}

/** Holds what never changes; all that does is in the state. */
class Talker {
  readonly #id: DeviceId;
  readonly #options: GattRelayOptions;
  readonly #dialect: Dialect;
  readonly #write: GattCharacteristic;
  readonly #notify: GattCharacteristic;

  constructor(id: DeviceId, options: GattRelayOptions, dialect: Dialect) {
    this.#id = id;
    this.#options = options;
    this.#dialect = dialect;
    this.#write = { service: options.service, characteristic: options.write };
    this.#notify = { service: options.service, characteristic: options.notify };
  }

  step(state: RelayState, input: Input, now: Uptime): Step<RelayState> {
    const relay: Relay = { ...state };
    const turn: Turn = { now, events: [], send: [] };
    this.#handle(turn, relay, input);
    this.#tend(turn, relay);
    return { state: relay, send: turn.send, events: turn.events, wakeAt: this.#wakeAt(relay) };
  }

  off(): readonly Send[] {
    return this.#written(this.#dialect.off);
  }

  #handle(turn: Turn, relay: Relay, input: Input): void {
    switch (input.kind) {
      case 'link-up':
        relay.isConnected = true;
        return;
      case 'link-down':
        this.#lost(turn, relay, 'the link was lost');
        return;
      case 'gatt-failed':
        this.#failed(turn, relay, input.detail);
        return;
      case 'sent':
        this.#left(turn, relay);
        return;
      case 'notified':
        if (relay.asking === undefined) return; // late, or for nobody
        relay.heard = joinBytes(relay.heard, input.value).slice(0, HEARD_MAX);
        this.#listen(turn, relay);
        return;
      case 'actuation':
        this.#take(turn, relay, input.actuation);
        return;
      case 'withdraw': {
        const found = relay.waiting.find(({ id }) => id === input.actuation);
        if (found === undefined) return;
        relay.waiting = relay.waiting.filter((other) => other !== found);
        this.#refuse(turn, found, 'withdrawn');
        return;
      }
      case 'value':
      case 'bytes':
      case 'wake':
        return;
      default:
        input satisfies never;
    }
  }

  #take(turn: Turn, relay: Relay, actuation: Actuation): void {
    switch (actuation.kind) {
      case 'unlock':
        if (this.#dialect.on(actuation.hold) === undefined) {
          this.#refuse(turn, actuation, 'the board times at most 25.5 s');
          return;
        }
        break;
      case 'lock':
      case 'read-state':
        break;
      case 'feedback':
        return;
      default:
        this.#refuse(turn, actuation, `a relay does not ${actuation.kind}`);
        return;
    }
    if (actuation.urgent === true) relay.waiting = [actuation, ...relay.waiting];
    else if (relay.waiting.length >= WAITING_MAX) {
      this.#refuse(turn, actuation, 'too much is asked of it');
    } else relay.waiting = [...relay.waiting, actuation];
  }

  /** A write has left: the board has it, as far as the link can tell. */
  #left(turn: Turn, relay: Relay): void {
    if (relay.phase === 'opening') {
      relay.phase = 'open';
      // Nothing else would ever tell that it is there, and it would stay refused as offline.
      if (isMute(this.#dialect)) this.#heard(turn, relay);
      return;
    }
    const { asking } = relay;
    if (asking === undefined || asking.hasLeft) return;
    relay.asking = { ...asking, hasLeft: true, answerBy: uptime(turn.now + REPLY_WITHIN) };
    const silent =
      asking.talk === 'on' || asking.talk === 'off' ? this.#dialect.reply === undefined : false;
    if (silent) this.#answered(turn, relay, asking.talk, 'yes');
  }

  #listen(turn: Turn, relay: Relay): void {
    const { asking, heard } = relay;
    if (asking === undefined) return;
    if (asking.talk === 'identity') {
      const firmware = this.#dialect.identity?.read(heard);
      if (firmware === undefined) return;
      turn.events.push({
        kind: 'identity',
        device: this.#id,
        model: this.#options.dialect,
        serial: '',
        firmware,
      });
      this.#answered(turn, relay, 'identity', 'yes');
      return;
    }
    const { login, reply, state } = this.#dialect;
    const read =
      asking.talk === 'login' ? login?.reply : asking.talk === 'state' ? state?.reply : reply;
    const verdict = read?.(heard) ?? 'need-more';
    // Of some boards any other word could come in between, and tells nothing of the opening (P3).
    if (verdict === 'no' && asking.talk === 'on' && !this.#dialect.refuses) return;
    if (verdict !== 'need-more') this.#answered(turn, relay, asking.talk, verdict);
  }

  #answered(turn: Turn, relay: Relay, talk: Talk, verdict: 'yes' | 'no'): void {
    relay.asking = undefined;
    this.#heard(turn, relay);
    switch (talk) {
      case 'login':
        this.#loggedIn(turn, relay, verdict);
        return;
      case 'identity':
        relay.isIdentified = true;
        return;
      case 'on':
        if (verdict === 'no') this.#end(turn, relay, 'failed', 'the board refused');
        else if (this.#dialect.state === undefined) this.#end(turn, relay, 'done', undefined);
        else relay.acknowledged = true;
        return;
      case 'state':
        this.#looked(turn, relay, verdict === 'yes');
        return;
      case 'off':
        if (relay.current?.kind === 'lock') {
          const no = this.#dialect.refuses ? 'failed' : 'unknown';
          this.#end(turn, relay, verdict === 'yes' ? 'done' : no, undefined);
        }
        if (verdict === 'no' && relay.offAt !== undefined) {
          // Refused, or not understood: what only we can end is still on.
          this.#failed(turn, relay, 'the board did not take the end');
          return;
        }
        relay.offAt = undefined;
        if (relay.isStillOnTold) this.#stillOn(turn, relay, 'cleared');
        return;
    }
  }

  #heard(turn: Turn, relay: Relay): void {
    relay.failures = 0;
    relay.statistics = {
      ...relay.statistics,
      replies: relay.statistics.replies + 1,
      lastSeen: turn.now,
    };
    if (relay.isOnline === true) return;
    relay.isOnline = true;
    turn.events.push({ kind: 'online', device: this.#id });
  }

  /** Read after the board took the opening: "off" may be an answer said twice, and at its end the pulse is over. */
  #looked(turn: Turn, relay: Relay, isOn: boolean): void {
    const { current, onAt } = relay;
    if (current?.kind !== 'unlock' || onAt === undefined) return;
    if (isOn) this.#end(turn, relay, 'done', undefined, true);
    else if (turn.now >= onAt + current.hold) {
      this.#end(turn, relay, 'unknown', 'accepted, and off again before it could be seen');
    } else if (turn.now >= onAt + LOOK_FOR)
      this.#end(turn, relay, 'failed', 'accepted, but the output is not energised', true);
  }

  #loggedIn(turn: Turn, relay: Relay, verdict: 'yes' | 'no'): void {
    relay.isLoggedIn = verdict === 'yes';
    const detail = verdict === 'yes' ? 'password accepted' : 'wrong password';
    turn.events.push({
      kind: 'fault',
      device: this.#id,
      fault: 'refusing',
      state: verdict === 'yes' ? 'cleared' : 'raised',
      detail,
    });
    if (verdict === 'yes') return;
    for (const actuation of relay.waiting) this.#refuse(turn, actuation, detail);
    relay.waiting = [];
    relay.wantsLook = false;
    this.#close(turn, relay);
  }

  #end(
    turn: Turn,
    relay: Relay,
    result: 'done' | 'failed' | 'unknown',
    detail: string | undefined,
    observed = false,
  ): void {
    const { current } = relay;
    if (current === undefined) return;
    relay.current = undefined;
    turn.events.push({
      kind: 'actuation-result',
      device: this.#id,
      actuation: current.id,
      result,
      sent: true,
      acknowledged: result !== 'unknown' || relay.acknowledged,
      observed,
      ...(detail === undefined ? {} : { detail }),
    });
    relay.acknowledged = false;
  }

  #refuse(turn: Turn, { id }: Actuation, detail: string): void {
    const nothing = { sent: false, acknowledged: false, observed: false };
    turn.events.push({
      kind: 'actuation-result',
      device: this.#id,
      actuation: id,
      result: 'refused',
      ...nothing,
      detail,
    });
  }

  #lost(turn: Turn, relay: Relay, why: string): void {
    const wasBusy = relay.phase === 'opening' || relay.asking !== undefined;
    relay.phase = 'idle';
    relay.isConnected = false;
    relay.isLoggedIn = false;
    relay.asking = undefined;
    relay.heard = NOTHING_HELD;
    relay.closeAt = undefined;
    // Sent, and nobody answered. What the board was told it may have done: never sent again.
    this.#end(turn, relay, relay.acknowledged ? 'done' : 'unknown', why);
    if (wasBusy) this.#missed(turn, relay, why);
  }

  #failed(turn: Turn, relay: Relay, detail: string): void {
    const hadLink = relay.isConnected;
    this.#lost(turn, relay, detail);
    if (!hadLink) return;
    relay.isConnected = true;
    this.#close(turn, relay);
  }

  #missed(turn: Turn, relay: Relay, why: string): void {
    relay.failures += 1;
    const isUrgent = relay.waiting.length > 0 || relay.offAt !== undefined;
    const wait = isUrgent
      ? RETRY_EVERY
      : (BACK_OFF[Math.min(relay.failures, BACK_OFF.length) - 1] ?? 300_000);
    relay.retryAt = uptime(turn.now + wait);
    if (relay.failures < OFFLINE_AFTER || relay.isOnline === false) return;
    relay.isOnline = false;
    turn.events.push({ kind: 'offline', device: this.#id, why });
  }

  #close(turn: Turn, relay: Relay): void {
    relay.phase = 'closing';
    relay.closeAt = undefined;
    turn.send.push({ kind: 'close' });
  }

  #stillOn(turn: Turn, relay: Relay, state: 'raised' | 'cleared'): void {
    relay.isStillOnTold = state === 'raised';
    const detail =
      state === 'raised' ? 'the output could not be switched off: the door may be open' : 'off';
    turn.events.push({ kind: 'fault', device: this.#id, fault: 'silent', state, detail });
  }

  #tend(turn: Turn, relay: Relay): void {
    const { now } = turn;
    if (relay.asking?.hasLeft === true && now >= relay.asking.answerBy) {
      relay.statistics = { ...relay.statistics, timeouts: relay.statistics.timeouts + 1 };
      this.#failed(turn, relay, 'the board did not answer');
    }
    for (const actuation of relay.waiting.filter(({ expiresAt }) => now >= expiresAt)) {
      relay.waiting = relay.waiting.filter((other) => other !== actuation);
      this.#refuse(turn, actuation, 'the relay was not reached in time');
    }
    if (now >= relay.pollAt) {
      relay.pollAt = uptime(now + this.#options.pollMs);
      relay.wantsLook = true;
    }
    const mustEnd = relay.offAt !== undefined && now >= relay.offAt;
    if (mustEnd && !relay.isStillOnTold && now >= (relay.offAt ?? now) + STILL_ON_ALARM) {
      this.#stillOn(turn, relay, 'raised');
    }
    const isWanted = relay.waiting.length > 0 || mustEnd || relay.wantsLook;
    if (relay.phase === 'idle' && isWanted && now >= relay.retryAt) {
      relay.phase = 'opening';
      turn.send.push({ kind: 'gatt-subscribe', to: this.#notify });
    }
    if (relay.phase !== 'open' || relay.asking !== undefined) return;
    this.#speak(turn, relay, mustEnd);
    if (relay.asking !== undefined || relay.offAt !== undefined) relay.closeAt = undefined;
    else if (relay.closeAt === undefined) relay.closeAt = uptime(now + this.#options.idleMs);
    else if (now >= relay.closeAt) this.#close(turn, relay);
  }

  /** Ending a pulse comes before everything but the password. */
  #speak(turn: Turn, relay: Relay, mustEnd: boolean): void {
    const { login, identity, state } = this.#dialect;
    if (login !== undefined && !relay.isLoggedIn) this.#say(turn, relay, 'login', login.bytes);
    else if (mustEnd) this.#say(turn, relay, 'off', this.#dialect.off);
    else if (relay.current !== undefined && relay.acknowledged && state !== undefined) {
      this.#say(turn, relay, 'state', state.bytes);
    } else if (relay.waiting.length > 0) this.#next(turn, relay);
    else if (identity !== undefined && !relay.isIdentified) {
      this.#say(turn, relay, 'identity', identity.bytes);
    } else if (relay.wantsLook) {
      relay.wantsLook = false;
      if (state !== undefined) this.#say(turn, relay, 'state', state.bytes);
    }
  }

  #next(turn: Turn, relay: Relay): void {
    const [actuation, ...rest] = relay.waiting;
    if (actuation === undefined) return;
    relay.waiting = rest;
    if (actuation.kind === 'unlock') {
      const bytes = this.#dialect.on(actuation.hold);
      if (bytes === undefined) return;
      relay.current = actuation;
      relay.onAt = turn.now;
      if (!this.#dialect.isTimed) relay.offAt = uptime(turn.now + actuation.hold);
      relay.statistics = { ...relay.statistics, actuations: relay.statistics.actuations + 1 };
      this.#say(turn, relay, 'on', bytes);
    } else if (actuation.kind === 'lock') {
      relay.current = actuation;
      this.#say(turn, relay, 'off', this.#dialect.off);
    } else {
      const told = { result: 'done', sent: false, acknowledged: true, observed: false } as const;
      turn.events.push({
        kind: 'actuation-result',
        device: this.#id,
        actuation: actuation.id,
        ...told,
      });
    }
  }

  #say(turn: Turn, relay: Relay, talk: Talk, value: Uint8Array): void {
    relay.heard = NOTHING_HELD;
    relay.asking = { talk, hasLeft: false, answerBy: uptime(turn.now + REPLY_WITHIN) };
    relay.statistics = { ...relay.statistics, polls: relay.statistics.polls + 1 };
    turn.send.push(...this.#written(value));
  }

  /** In packets, where its module takes no more at once. */
  #written(value: Uint8Array): readonly Send[] {
    const { withResponse } = this.#options;
    const { packetMost = value.length } = this.#dialect;
    const packets: Send[] = [];
    for (let at = 0; at < value.length; at += packetMost) {
      const packet = value.subarray(at, at + packetMost);
      packets.push({ kind: 'gatt-write', to: this.#write, value: packet, withResponse });
    }
    return packets;
  }

  #wakeAt(relay: Relay): Uptime {
    const moments: number[] = [relay.pollAt];
    if (relay.asking?.hasLeft === true) moments.push(relay.asking.answerBy);
    if (relay.closeAt !== undefined) moments.push(relay.closeAt);
    if (relay.offAt !== undefined) {
      if (!relay.isStillOnTold) moments.push(relay.offAt + STILL_ON_ALARM);
      if (relay.phase === 'open' && relay.asking === undefined) moments.push(relay.offAt);
      if (relay.phase === 'idle') moments.push(Math.max(relay.offAt, relay.retryAt));
    }
    if (relay.phase === 'idle' && (relay.waiting.length > 0 || relay.wantsLook))
      moments.push(relay.retryAt);
    moments.push(...relay.waiting.map(({ expiresAt }) => expiresAt));
    return uptime(Math.min(...moments));
  }
}
