/** One reader (PD) as the control panel knows it: where the talk with it stands, what it waits for, what was seen. */
import type {
  Actuation,
  ActuationId,
  DeviceEvent,
  DeviceId,
  DeviceStatistics,
} from '../contract/device.ts';
import { NO_STATISTICS } from '../contract/device.ts';
import type { BusFacts } from '../contract/machine.ts';
import { type Millis, type Uptime, uptime } from '../contract/time.ts';
import { NO_ENTRY, type PinEntry } from '../wire/pin-entry.ts';
import type { Command, OutputControl } from './commands.ts';
import type { OsdpOptions } from './options.ts';
import type { Capability, Identity } from './replies.ts';
import type { Channel, SessionKeys } from './secure-channel.ts';
import { doubled, OFFLINE_AFTER } from './timing.ts';

/** In this order, `relocate` and `install` only inside an install window. Only `online` polls. */
export type Stage =
  | 'identify'
  | 'relocate'
  | 'capabilities'
  | 'challenge'
  | 'prove'
  | 'install'
  | 'online';

/** A handshake under way. RND.A is drawn once for it: a challenge sent again is the same challenge. */
export interface Handshake {
  readonly selector: 'site' | 'default';
  readonly rndA: Uint8Array;
  /** Known once the reader has proved that it holds the key. */
  readonly proof?: { readonly keys: SessionKeys; readonly cryptogram: Uint8Array };
}

/** Something that moves: a pulse of the strike, or its end. */
export interface Move {
  readonly id: ActuationId;
  readonly expiresAt: Uptime;
  readonly control: OutputControl;
  /** State of the output once it is done. */
  readonly isOn: boolean;
  /** How long that state lasts by itself; `undefined` for good. */
  readonly lasts: Millis | undefined;
}

export type StatusKind = 'local-status' | 'input-status' | 'output-status';

export type Purpose =
  | { readonly kind: 'stage' | 'poll' | 'confirm' }
  | { readonly kind: 'move'; readonly move: Move }
  | { readonly kind: 'show'; readonly command: Command }
  | { readonly kind: 'read'; readonly what: StatusKind | 'id' };

/** A command without its reply. It is sent again byte for byte or not at all. */
export interface Pending {
  readonly purpose: Purpose;
  readonly sequence: number;
  readonly bytes: Uint8Array;
  /** Our whole C-MAC, on which the reply stands; `undefined` in clear. */
  readonly mac: Uint8Array | undefined;
  /** When it was sent first: the reader may have obeyed then, even where its reply came much later. */
  readonly firstAt: Uptime;
  readonly sends: number;
  /** Sends to which nothing came, not even BUSY: each may have been heard. */
  readonly unanswered: number;
  readonly busyFor: Millis;
}

/** A `read-state` or `identify` that waits for what it asked for. */
export interface Inquiry {
  readonly id: ActuationId;
  readonly left: readonly (StatusKind | 'id')[];
}

export interface Confirming {
  readonly move: Move;
  /** Until when the output must be seen in its new state; `undefined` for good. */
  readonly until: Uptime | undefined;
}

/** Fields are replaced, what they hold is never changed: a copy of the object is a copy of the state. */
export interface Pd {
  readonly id: DeviceId;
  readonly options: OsdpOptions;
  /** SCBK; `undefined` with secure channel off. */
  readonly key: Uint8Array | undefined;
  /** Where it is talked to; differs from the options only while a new reader is moved. */
  address: number;
  baudRate: number;

  stage: Stage;
  /** Of the next new command. */
  sequence: number;
  channel: Channel | undefined;
  handshake: Handshake | undefined;
  pending: Pending | undefined;
  /** The last reply taken, to know it again when it comes twice. */
  lastReply: Uint8Array | undefined;

  /** Nothing is sent before: back-off, BUSY, rate limit. */
  restAt: Uptime;
  pollAt: Uptime;
  /** Number of its last turn on the bus; the lowest goes first. */
  servedTurn: number;
  backOff: Millis;
  refusals: number;
  /** When sessions were lost lately. */
  losses: readonly Uptime[];
  /** Sessions in a row that ended almost as soon as they had begun. */
  shortSessions: number;
  onlineSince: Uptime;

  moves: readonly Move[];
  shows: readonly Command[];
  /** What is to be shown, until it has been: a session lost meanwhile does not swallow it. */
  wanted: Extract<Actuation, { kind: 'feedback' }> | undefined;
  reads: readonly (StatusKind | 'id')[];
  inquiries: readonly Inquiry[];
  confirming: Confirming | undefined;
  /** When a pulse has ended, to look whether it did. */
  lookAt: Uptime | undefined;

  isOnline: boolean;
  /** Last valid exchange while online, or when the link came up. */
  reachableAt: Uptime;
  /** Last valid exchange while online; `undefined` if none since the link came up. */
  aliveAt: Uptime | undefined;
  /** Until then it hands over what it kept while it was away, unless it has nothing more before. */
  staleUntil: Uptime | undefined;
  /** Last frame of any kind that was its own. */
  heardAt: Uptime | undefined;
  isOffline: boolean;
  /** It was told to be online, and not yet to be offline. */
  isReported: boolean;

  identity: Identity | undefined;
  capabilities: ReadonlyMap<number, Capability> | undefined;
  /** Cards told lately, right or wrong, and when each was heard last: some readers repeat what is held to them. */
  seen: ReadonlyMap<string, Uptime>;
  entry: PinEntry;
  inputs: readonly boolean[] | undefined;
  outputs: readonly boolean[] | undefined;
  tamper: { readonly local: boolean; readonly head: boolean };
  /** Since the session began: `rebooted` has been told, or the supply was seen well. */
  power: 'untold' | 'good' | 'rebooted' | 'lost';
  /** Commands that it refused as unknown to it; not sent again in this session. */
  unknown: ReadonlySet<Command['kind']>;
  faults: ReadonlySet<FaultName>;
  /** One bit per exchange, newest lowest: 1 where bytes came that were no reply. */
  garbage: number;
  isGarbled: boolean;
  statistics: DeviceStatistics;
}

export type FaultName = Extract<DeviceEvent, { kind: 'fault' }>['fault'];

/** One step of the machine: what it is told, and what comes of it. */
export interface Turn {
  readonly now: Uptime;
  readonly bus: BusFacts;
  readonly events: DeviceEvent[];
}

export function newPd(
  id: DeviceId,
  options: OsdpOptions,
  key: Uint8Array | undefined,
  bus: BusFacts,
  now: Uptime,
): Pd {
  return {
    id,
    options,
    key,
    address: options.address,
    baudRate: bus.baudRate,
    stage: 'identify',
    sequence: 0,
    channel: undefined,
    handshake: undefined,
    pending: undefined,
    lastReply: undefined,
    restAt: now,
    pollAt: now,
    servedTurn: 0,
    backOff: 0,
    refusals: 0,
    losses: [],
    shortSessions: 0,
    onlineSince: now,
    moves: [],
    shows: [],
    wanted: undefined,
    reads: [],
    inquiries: [],
    confirming: undefined,
    lookAt: undefined,
    isOnline: false,
    reachableAt: now,
    aliveAt: undefined,
    staleUntil: undefined,
    heardAt: undefined,
    isOffline: false,
    isReported: false,
    identity: undefined,
    capabilities: undefined,
    seen: new Map(),
    entry: NO_ENTRY,
    inputs: undefined,
    outputs: undefined,
    tamper: { local: false, head: false },
    power: 'untold',
    unknown: new Set(),
    faults: new Set(),
    garbage: 0,
    isGarbled: false,
    statistics: NO_STATISTICS,
  };
}

/** A new reader may be given its key, or moved here. Without a wall clock there is no such time. */
export function isInstalling(turn: Turn, pd: Pd): boolean {
  const until = pd.options.install?.until;
  const wall = turn.bus.wall?.();
  return until !== undefined && wall !== undefined && wall < Date.parse(until);
}

/** Whether a function was advertised; a reader that advertised nothing at all may have it. */
export function canDo(pd: Pd, capability: number): boolean {
  if (pd.capabilities === undefined) return true;
  const found = pd.capabilities.get(capability);
  return found !== undefined && (found.compliance > 0 || found.count > 0);
}

export function raise(turn: Turn, pd: Pd, fault: FaultName, detail: string): void {
  if (pd.faults.has(fault)) return;
  pd.faults = new Set([...pd.faults, fault]);
  turn.events.push({ device: pd.id, kind: 'fault', fault, state: 'raised', detail });
}

export function clear(turn: Turn, pd: Pd, fault: FaultName, detail: string): void {
  if (!pd.faults.has(fault)) return;
  pd.faults = new Set([...pd.faults].filter((each) => each !== fault));
  turn.events.push({ device: pd.id, kind: 'fault', fault, state: 'cleared', detail });
}

export function count(pd: Pd, ...counters: readonly Counter[]): void {
  const statistics = { ...pd.statistics };
  for (const counter of counters) statistics[counter] += 1;
  pd.statistics = statistics;
}
export type Counter = Exclude<keyof DeviceStatistics, 'lastSeen'>;

/** When this reader is offline unless it answers before. */
export function offlineAt(pd: Pd): Uptime | undefined {
  return pd.isOffline ? undefined : uptime(pd.reachableAt + OFFLINE_AFTER);
}

/** The next wait for a silent reader; inside an install window somebody stands beside it. */
export function nextBackOff(turn: Turn, pd: Pd, row: readonly [Millis, Millis]): Millis {
  pd.backOff = isInstalling(turn, pd) ? row[0] : doubled(row, pd.backOff);
  return pd.backOff;
}
