/**
 * One Nuki lock as a machine. It is connected while there is something to do and a moment longer; everything in
 * between is heard from its beacon.
 */
import { NO_STATISTICS } from '../contract/device.ts';
import { ADVERTISED } from '../contract/link.ts';
import type { BusFacts, Input, Machine, MachineDevice, Step } from '../contract/machine.ts';
import { type Millis, type Uptime, uptime } from '../contract/time.ts';
import { NOTHING_HELD } from '../wire/receive-buffer.ts';
import { codesFailed, codesLost, hearOfCodes, nextOfCodes } from './code-memory.ts';
import type { Credentials } from './credentials.ts';
import { ERROR, errorText, needsPairing } from './errors.ts';
import { answerChallenge, ask, left, messages } from './exchange.ts';
import { COMMAND, type Message, readU16 } from './frame.ts';
import { hearOfMove, moveFailed, moveIsDue, moveLost, nextOfMove } from './move.ts';
import { goOffline, seen, takeStates } from './observations.ts';
import type { NukiOptions } from './options.ts';
import { expire, take, withdraw } from './queue.ts';
import { hearOfReading, nextOfReading, readingFailed, readingLost } from './readings.ts';
import type { Request } from './requests.ts';
import { parseStates } from './states.ts';
import {
  accepted,
  count,
  hasPin,
  type Job,
  refusing,
  replaceJob,
  type Talk,
  type Turn,
  want,
} from './talk.ts';
import { KEYTURNER_SERVICE, USER } from './uuids.ts';

export type NukiState = Readonly<Talk>;

/** Waits before connecting again for something that nobody waits for; the last repeats. */
const BACK_OFF: readonly Millis[] = [2000, 10_000, 60_000, 300_000];
/** For somebody who does wait: a failure may come at once, and must not spin. */
const URGENT_RETRY: Millis = 300;
/** Connects that fail in a row before the lock is offline. */
const OFFLINE_AFTER = 2;
/** The beacon repeats its word until the states were read. */
const BEACON_EVERY: Millis = 10_000;
/** Locks begin spread over this, so that a restart does not queue them all on one adapter. */
const BEGIN_WITHIN: Millis = 3000;

export function nukiMachine(
  device: MachineDevice<NukiOptions>,
  credentials: Credentials,
  bus: BusFacts,
): Machine<NukiState> {
  return {
    begin(now) {
      const firstAt = uptime(now + Math.floor(bus.random.fraction() * BEGIN_WITHIN));
      const talk: Talk = {
        id: device.id,
        options: device.options,
        credentials,
        hashKey: bus.random.bytes(32),
        phase: 'idle',
        isConnected: false,
        jobs: [],
        exchange: undefined,
        held: NOTHING_HELD,
        nonces: [],
        pauseUntil: now,
        retryAt: now,
        failures: 0,
        closeAt: undefined,
        pollAt: firstAt,
        timeAt: firstAt,
        beaconAt: now,
        isOnline: undefined,
        states: undefined,
        config: undefined,
        measuredPercent: undefined,
        samples: [],
        toldBattery: '',
        faults: new Set(),
        logIndex: undefined,
        logTold: { since: now, entries: 0 },
        codes: undefined,
        codeWrites: [],
        pinRefused: undefined,
        refusal: undefined,
        statistics: NO_STATISTICS,
      };
      return { state: talk, send: [], events: [], wakeAt: firstAt };
    },
    step(state, input, now): Step<NukiState> {
      const talk: Talk = { ...state };
      const turn: Turn = { now, bus, events: [], send: [] };
      handle(turn, talk, input);
      tend(turn, talk);
      return { state: talk, send: turn.send, events: turn.events, wakeAt: wakeAt(talk) };
    },
    statistics: (talk) => new Map([[talk.id, talk.statistics]]),
  };
}

function handle(turn: Turn, talk: Talk, input: Input): void {
  switch (input.kind) {
    case 'link-up':
      talk.isConnected = true;
      return;
    case 'link-down':
      linkDown(turn, talk, 'the link was lost');
      return;
    case 'gatt-failed':
      failed(turn, talk, input.detail);
      return;
    case 'sent':
      if (talk.phase === 'opening') {
        talk.phase = 'open';
      } else left(turn, talk);
      return;
    case 'notified':
      if (input.from.characteristic !== USER.characteristic || talk.phase !== 'open') return;
      for (const message of messages(talk, input.value)) hear(turn, talk, message);
      return;
    case 'value':
      if (input.from === ADVERTISED) beacon(turn, talk, input.value);
      return;
    case 'actuation':
      take(turn, talk, input.actuation);
      return;
    case 'withdraw':
      withdraw(turn, talk, input.actuation);
      return;
    case 'wake':
    case 'bytes':
      return;
    default:
      input satisfies never;
  }
}

/** iBeacon, 25 bytes: bit 0 of the last says that the state changed since it was last read. */
function beacon(turn: Turn, talk: Talk, data: Uint8Array): void {
  if (data.length < 25 || data[0] !== 0x4c || data[2] !== 0x02 || data[3] !== 0x15) return;
  const service = Buffer.from(data.subarray(4, 20)).toString('hex');
  if (service !== KEYTURNER_SERVICE) return;
  if (((data[24] ?? 0) & 1) === 0 || turn.now < talk.beaconAt) return;
  talk.beaconAt = uptime(turn.now + BEACON_EVERY);
  want(talk, 'states');
  if (hasPin(talk) && talk.options.logEntries > 0) want(talk, 'log');
  talk.retryAt = turn.now; // it is there: no reason to wait
}

function hear(turn: Turn, talk: Talk, message: Message & { readonly isSealed: boolean }): void {
  const { exchange } = talk;
  if (message.command === COMMAND.errorReport) {
    errorReport(turn, talk, message);
    return;
  }
  seen(turn, talk);
  talk.failures = 0;
  if (talk.refusal === 'pairing') accepted(turn, talk, 'the lock knows us again');
  const [job] = talk.jobs;
  if (message.command === COMMAND.states) {
    const states = parseStates(message.payload);
    if (states === undefined) {
      count(talk, 'checksumErrors');
      return; // answers nothing: who waits for states must not judge by those of before
    }
    const isAsked = job?.kind === 'states' && job.actuation !== undefined && exchange !== undefined;
    takeStates(turn, talk, states, isAsked);
  }
  if (exchange === undefined || job === undefined) return; // late, or unasked for: known is all it is
  if (exchange.stage === 'challenge') {
    if (message.command !== COMMAND.challenge || message.payload.length !== 32) return;
    if (job.kind === 'move' && job.stage === 'ask' && !moveIsDue(turn, talk, job)) {
      talk.exchange = undefined;
      return;
    }
    answerChallenge(turn, talk, message.payload);
    return;
  }
  if (hearOf(turn, talk, job, message)) talk.exchange = undefined;
}

function hearOf(turn: Turn, talk: Talk, job: Job, message: Message): boolean {
  if (job.kind === 'move') return hearOfMove(turn, talk, job, message);
  if (job.kind === 'codes') return hearOfCodes(turn, talk, job, message);
  return hearOfReading(turn, talk, job, message);
}

/**
 * `code(1) command(2)`. In clear it is anybody's word, and about another command a late one: so it ends an exchange, but
 * never proves that nothing moved.
 */
function errorReport(
  turn: Turn,
  talk: Talk,
  { payload, isSealed }: Message & { readonly isSealed: boolean },
): void {
  const code = payload[0] ?? ERROR.unknown;
  const [job] = talk.jobs;
  if (isSealed) seen(turn, talk);
  if (talk.exchange === undefined || job === undefined) return;
  talk.exchange = undefined;
  if (needsPairing(code)) refusing(turn, talk, 'pairing', errorText(code));
  // Anybody could say it in clear, and nothing could be taken out of the keypad any more.
  if (isSealed && (code === ERROR.badPin || code === ERROR.tooManyPinAttempts)) {
    talk.pinRefused = errorText(code);
    refusing(turn, talk, 'pin', errorText(code));
  }
  const isAbout = payload.length >= 3 ? readU16(payload, 1) : undefined;
  if (job.kind === 'move' && job.stage !== 'ask' && !(isSealed && isAbout === COMMAND.lockAction)) {
    moveLost(turn, talk, job, errorText(code));
  } else failJob(turn, talk, job, code);
}

function failJob(turn: Turn, talk: Talk, job: Job, code: number): void {
  const isUsedUp = code === ERROR.badNonce || code === ERROR.badCrc || code === ERROR.busy;
  if (job.kind === 'move') moveFailed(turn, talk, job, code);
  else if (job.kind === 'codes') {
    if (isUsedUp && job.writes < 3) {
      codesLost(talk, { ...job, writes: job.writes + 1 });
      talk.pauseUntil = uptime(turn.now + (code === ERROR.busy ? 1000 : 0));
    } else codesFailed(turn, talk, job, code);
  } else if (isUsedUp && job.tries === 0) {
    replaceJob(talk, { ...job, tries: 1 });
    talk.pauseUntil = uptime(turn.now + (code === ERROR.busy ? 1000 : 0));
  } else readingFailed(turn, talk, job, errorText(code));
}

/** The head of the queue lost its link or its answer. */
function lose(turn: Turn, talk: Talk, why: string): void {
  const [job] = talk.jobs;
  const wasAsking = talk.exchange !== undefined;
  talk.exchange = undefined;
  if (job === undefined || !wasAsking) return;
  if (job.kind === 'move') moveLost(turn, talk, job, why);
  else if (job.kind === 'codes') codesLost(talk, job);
  else readingLost(turn, talk, job, why);
}

function linkDown(turn: Turn, talk: Talk, why: string): void {
  const wasBusy = talk.phase === 'open' || talk.phase === 'opening';
  talk.phase = 'idle';
  talk.isConnected = false;
  talk.held = NOTHING_HELD;
  talk.closeAt = undefined;
  if (talk.exchange !== undefined || (wasBusy && talk.jobs.length > 0)) missed(turn, talk, why);
  lose(turn, talk, why);
}

/** A connect, a subscription or a write that failed. The link, if there is one, is given up. */
function failed(turn: Turn, talk: Talk, detail: string): void {
  if (talk.isConnected) close(turn, talk);
  else talk.phase = 'idle';
  missed(turn, talk, detail);
  lose(turn, talk, detail);
}

/** It did not come off; it is tried again, with a state to read where nothing else is left to ask. */
function missed(turn: Turn, talk: Talk, why: string): void {
  talk.failures += 1;
  if (talk.jobs.length === 0) want(talk, 'states');
  const isUrgent = talk.jobs.some((job) => job.kind === 'move' || 'actuation' in job);
  const wait = isUrgent
    ? Math.min(URGENT_RETRY * talk.failures, 5000)
    : (BACK_OFF[Math.min(talk.failures, BACK_OFF.length) - 1] ?? 300_000);
  talk.retryAt = uptime(turn.now + wait);
  if (talk.failures >= OFFLINE_AFTER) goOffline(turn, talk, why);
}

function close(turn: Turn, talk: Talk): void {
  talk.phase = 'closing';
  talk.closeAt = undefined;
  turn.send.push({ kind: 'close' });
}

/** What time asks for: deadlines, polls, and the next thing to say. */
function tend(turn: Turn, talk: Talk): void {
  const { now } = turn;
  const { exchange } = talk;
  if (exchange !== undefined && !exchange.isLeaving && now >= exchange.answerBy) {
    count(talk, 'timeouts');
    lose(turn, talk, 'the lock did not answer');
    close(turn, talk);
    missed(turn, talk, 'the lock did not answer');
  }
  expire(turn, talk);
  if (now >= talk.pollAt) {
    talk.pollAt = uptime(now + talk.options.pollMs);
    want(talk, 'states');
    if (talk.config === undefined) want(talk, 'config');
    if (hasPin(talk) && talk.options.logEntries > 0) want(talk, 'log');
  }
  if (now >= talk.timeAt) {
    talk.timeAt = uptime(now + 3_600_000); // until it was set; then a day
    if (hasPin(talk) && turn.bus.wall?.() !== undefined) want(talk, 'time');
  }
  if (talk.phase === 'idle' && talk.jobs.length > 0 && now >= talk.retryAt) {
    talk.phase = 'opening';
    turn.send.push({ kind: 'gatt-subscribe', to: USER });
  }
  if (talk.phase !== 'open') return;
  speak(turn, talk);
  if (talk.exchange !== undefined || talk.jobs.length > 0) talk.closeAt = undefined;
  else if (talk.closeAt === undefined) talk.closeAt = uptime(now + talk.options.idleMs);
  else if (now >= talk.closeAt) close(turn, talk);
}

/** Asks the next thing, over jobs that turn out to need nothing. */
function speak(turn: Turn, talk: Talk): void {
  while (talk.exchange === undefined && talk.jobs.length > 0 && turn.now >= talk.pauseUntil) {
    const request = nextOf(turn, talk);
    if (request !== undefined) ask(turn, talk, request);
  }
}

function nextOf(turn: Turn, talk: Talk): Request | undefined {
  const [job] = talk.jobs;
  if (job === undefined) return undefined;
  if (job.kind === 'move') return nextOfMove(turn, talk, job);
  if (job.kind === 'codes') return nextOfCodes(turn, talk, job);
  return nextOfReading(turn, talk, job);
}

/** The earliest moment at which `tend` would do something. */
function wakeAt(talk: Talk): Uptime {
  const moments: number[] = [talk.pollAt, talk.timeAt];
  if (talk.exchange !== undefined && !talk.exchange.isLeaving) moments.push(talk.exchange.answerBy);
  if (talk.closeAt !== undefined && talk.phase === 'open') moments.push(talk.closeAt);
  if (talk.jobs.length > 0) {
    if (talk.phase === 'idle') moments.push(talk.retryAt);
    if (talk.phase === 'open' && talk.exchange === undefined) moments.push(talk.pauseUntil);
  }
  for (const job of talk.jobs) {
    if (job === talk.jobs[0] && talk.exchange !== undefined) continue;
    if (job.kind === 'move' && job.stage === 'verify') moments.push(job.verifyUntil ?? 0);
    else if ('actuation' in job && job.actuation !== undefined)
      moments.push(job.actuation.expiresAt);
  }
  return uptime(Math.min(...moments));
}
