/** One bus: whose turn it is, what is on the wire, and when something is to happen next. */
import type { DeviceId } from '../contract/device.ts';
import type { Send } from '../contract/machine.ts';
import { type Uptime, uptime } from '../contract/time.ts';
import { sameBytes } from '../wire/hex.ts';
import { asDeviceEvents, expirePin, pinDeadline } from '../wire/pin-entry.ts';
import {
  giveUp,
  NOTHING_HELD,
  type Received,
  receive,
  type Scanned,
} from '../wire/receive-buffer.ts';
import { expire, lookAgain } from './actuations.ts';
import { giveUpLate, hear, judgeLine, missed } from './exchange.ts';
import { FRAME_MAX, type Frame, scan } from './frame.ts';
import { clear, count, offlineAt, type Pd, raise, type Turn } from './pd.ts';
import { dueAt, isUrgent, transmission } from './requests.ts';
import { goOffline, restart, settle, whyOffline } from './session.ts';
import { LEAVES_WITHIN, timingOf } from './timing.ts';

/** A frame on the wire, or its reply. */
interface Flight {
  readonly device: DeviceId;
  readonly startedAt: Uptime;
  /** End of patience; `undefined` until the frame has left. */
  readonly deadline: Uptime | undefined;
  readonly isGarbled: boolean;
}

export interface Bus {
  readonly pds: readonly Pd[];
  isUp: boolean;
  baudRate: number;
  flight: Flight | undefined;
  /** Steps with sends that have not been confirmed. */
  unconfirmed: number;
  /** Two characters of silence before we speak. */
  quietUntil: Uptime;
  /** The beginning of a frame, and when its last byte came. */
  held: Uint8Array;
  heldAt: Uptime;
  /** Our own last frames, to know them when they come back. */
  said: readonly Uint8Array[];
  /** When somebody else last spoke as a control panel. */
  foreignAt: Uptime | undefined;
  turns: number;
}

/** A foreign master that has been still for so long is gone. */
const FOREIGN_FOR = 60_000;

export function take(turn: Turn, bus: Bus, chunk: Uint8Array): void {
  bus.heldAt = turn.now;
  // An echo is told by content; it ends before the reply begins, so it must not count as silence either.
  read(turn, bus, (counted) => receive(bus.held, chunk, counted, FRAME_MAX));
}

/** All that follows from the time alone. */
export function tend(turn: Turn, bus: Bus): void {
  tendFlight(turn, bus);
  for (const pd of bus.pds) {
    const { entry, events } = expirePin(pd.entry, turn.now, pd.options.entry);
    pd.entry = entry;
    turn.events.push(...asDeviceEvents(pd.id, events));
    expire(turn, pd);
    if (bus.flight?.device !== pd.id) giveUpLate(turn, pd);
    const deadline = offlineAt(pd);
    // A session that is only busy may just be getting its answer.
    const isAsked = pd.isOnline && bus.flight?.device === pd.id;
    if (deadline !== undefined && turn.now >= deadline && !isAsked) {
      const why = whyOffline(turn, pd);
      if (pd.isOnline) restart(turn, pd, 0, why);
      goOffline(turn, pd, why);
    }
    lookAgain(turn, pd);
    settle(turn, pd);
  }
  if (bus.foreignAt !== undefined && turn.now - bus.foreignAt >= FOREIGN_FOR) {
    bus.foreignAt = undefined;
    for (const pd of bus.pds) clear(turn, pd, 'foreign-master', 'nobody else asks any more');
  }
}

/** Gives the next reader its turn, if the wire is free. */
export function speak(turn: Turn, bus: Bus): readonly Send[] {
  if (!bus.isUp || bus.flight !== undefined || turn.now < bus.quietUntil) return [];
  const pd = next(bus.pds, turn.now);
  if (pd === undefined) return [];
  const bytes = transmission(turn, pd);
  if (bytes === undefined || pd.pending === undefined) return [];
  bus.turns += 1;
  pd.servedTurn = bus.turns;
  tally(pd);
  const sends: Send[] = [];
  if (pd.baudRate !== bus.baudRate) {
    sends.push({ kind: 'baud-rate', baudRate: pd.baudRate });
    bus.baudRate = pd.baudRate;
  }
  sends.push({ kind: 'bytes', bytes });
  bus.held = NOTHING_HELD;
  bus.said = [bytes, ...bus.said].slice(0, 2);
  bus.flight = { device: pd.id, startedAt: turn.now, deadline: undefined, isGarbled: false };
  bus.unconfirmed += 1;
  return sends;
}

/** A step's sends have left, or will have `at`: from then on the reader has its time to answer. */
export function confirm(turn: Turn, bus: Bus, at: Uptime): void {
  bus.unconfirmed = Math.max(0, bus.unconfirmed - 1);
  if (bus.flight === undefined || bus.unconfirmed > 0) return;
  const deadline = uptime(at + timingOf(turn.bus, bus.baudRate).reply);
  bus.flight = { ...bus.flight, deadline };
}

export function wakeAt(turn: Turn, bus: Bus): Uptime | undefined {
  if (!bus.isUp) return undefined;
  const { flight } = bus;
  const moments: (Uptime | undefined)[] = bus.pds.flatMap((pd) => [
    flight === undefined ? uptime(Math.max(dueAt(pd), bus.quietUntil)) : undefined,
    pinDeadline(pd.entry, pd.options.entry),
    pd.isOnline && flight?.device === pd.id ? undefined : offlineAt(pd),
    pd.lookAt,
    ...pd.moves.map((move) => move.expiresAt),
    ...(flight?.device !== pd.id && pd.pending?.purpose.kind === 'move'
      ? [pd.pending.purpose.move.expiresAt]
      : []),
  ]);
  if (flight !== undefined) moments.push(patience(turn, bus, flight));
  if (bus.held.length > 0) moments.push(uptime(bus.heldAt + timingOf(turn.bus, bus.baudRate).gap));
  const soonest = Math.min(...moments.map((each) => each ?? Number.POSITIVE_INFINITY));
  return Number.isFinite(soonest) ? uptime(Math.max(soonest, turn.now)) : undefined;
}

/** Openings first, then whoever has waited for the most turns. */
function next(pds: readonly Pd[], now: Uptime): Pd | undefined {
  const ready = pds.filter((pd) => dueAt(pd) <= now);
  const urgent = ready.filter(isUrgent);
  return (urgent.length > 0 ? urgent : ready).reduce<Pd | undefined>(
    (best, pd) => (best === undefined || pd.servedTurn < best.servedTurn ? pd : best),
    undefined,
  );
}

function tally(pd: Pd): void {
  if (pd.pending === undefined) return;
  const { purpose, sends, unanswered } = pd.pending;
  if (sends > 1 || unanswered > 0) count(pd, 'retries');
  else if (purpose.kind === 'poll') count(pd, 'polls');
  else if (purpose.kind === 'move') count(pd, 'actuations');
}

/** A reply that is arriving has as long as it goes on arriving. */
function patience(turn: Turn, bus: Bus, flight: Flight): Uptime {
  const deadline = flight.deadline ?? uptime(flight.startedAt + LEAVES_WITHIN);
  if (bus.held.length === 0) return deadline;
  return uptime(Math.max(deadline, bus.heldAt + timingOf(turn.bus, bus.baudRate).gap));
}

function tendFlight(turn: Turn, bus: Bus): void {
  const { gap } = timingOf(turn.bus, bus.baudRate);
  if (bus.held.length > 0 && turn.now - bus.heldAt >= gap) {
    read(turn, bus, (counted) => giveUp(bus.held, counted));
  }
  const { flight } = bus;
  if (flight === undefined || turn.now < patience(turn, bus, flight)) return;
  const pd = bus.pds.find((each) => each.id === flight.device);
  land(turn, bus);
  if (pd !== undefined) missed(turn, pd);
}

function read(
  turn: Turn,
  bus: Bus,
  receiving: (counted: (bytes: Uint8Array) => Scanned<Frame>) => Received<Frame>,
): void {
  let marks = 0;
  let broken = 0;
  const { frames, held, noiseBytes, checksumErrors } = receiving((bytes) => {
    const found = scan(bytes);
    if (found.kind !== 'noise') return found;
    if (found.fault === 'mark') marks += found.length;
    else if (found.fault !== 'stray') broken += 1;
    return { kind: 'noise', length: found.length, checksum: found.fault === 'check' };
  });
  bus.held = held;
  blame(bus, noiseBytes - marks, checksumErrors, broken > 0);
  for (const frame of frames) arrive(turn, bus, frame);
}

/** Noise is put down to the reader that was to answer. */
function blame(bus: Bus, noiseBytes: number, checksumErrors: number, isBroken: boolean): void {
  const { flight } = bus;
  const pd = bus.pds.find((each) => each.id === flight?.device);
  if (flight === undefined || pd === undefined || noiseBytes === 0) return;
  pd.statistics = {
    ...pd.statistics,
    noiseBytes: pd.statistics.noiseBytes + noiseBytes,
    checksumErrors: pd.statistics.checksumErrors + checksumErrors,
  };
  if (isBroken) bus.flight = { ...flight, isGarbled: true };
}

function arrive(turn: Turn, bus: Bus, frame: Frame): void {
  if (frame.from === 'cp') {
    overhear(turn, bus, frame);
    return;
  }
  const pd = bus.pds.find((each) => each.id === bus.flight?.device);
  // A late reply to what was given up long ago, or one to a foreign master.
  if (pd === undefined || frame.address !== pd.address) return;
  if (hear(turn, pd, frame)) land(turn, bus);
  else if (bus.flight !== undefined) bus.flight = { ...bus.flight, isGarbled: true };
}

/** Our own frame comes back from an adapter that echoes; any other is somebody else's. */
function overhear(turn: Turn, bus: Bus, frame: Frame): void {
  if (bus.said.some((bytes) => isSameFrame(bytes, frame))) return;
  bus.foreignAt = turn.now;
  const [pd] = bus.pds.filter((each) => each.address === frame.address);
  const told = pd ?? bus.pds[0];
  if (told !== undefined) {
    raise(turn, told, 'foreign-master', `somebody else asks reader ${frame.address} on this bus`);
  }
}

function isSameFrame(bytes: Uint8Array, frame: Frame): boolean {
  const found = scan(bytes);
  return found.kind === 'frame' && sameFrame(found.frame, frame);
}

function sameFrame(a: Frame, b: Frame): boolean {
  return (
    a.address === b.address &&
    a.sequence === b.sequence &&
    a.code === b.code &&
    sameBytes(a.data, b.data)
  );
}

/** The exchange is over, well or not. */
function land(turn: Turn, bus: Bus): void {
  const { flight } = bus;
  bus.flight = undefined;
  bus.quietUntil = uptime(turn.now + timingOf(turn.bus, bus.baudRate).quiet);
  const pd = bus.pds.find((each) => each.id === flight?.device);
  if (flight === undefined || pd === undefined) return;
  const others = bus.pds.filter((each) => each !== pd && each.isOnline);
  const areClean = others.length > 0 && others.every((each) => each.garbage === 0);
  judgeLine(turn, pd, flight.isGarbled, areClean);
}
