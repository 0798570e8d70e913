/** What is known of one lock, and what is under way with it. One step changes a copy; its fields are replaced whole. */
import type {
  Actuation,
  ActuationId,
  ActuationOutcome,
  DeviceEvent,
  DeviceFault,
  DeviceId,
  DeviceStatistics,
} from '../contract/device.ts';
import type { BusFacts, Send } from '../contract/machine.ts';
import type { Uptime } from '../contract/time.ts';
import type { BatterySample } from './battery.ts';
import type { Credentials } from './credentials.ts';
import type { HeldCode } from './keypad-code.ts';
import type { NukiOptions } from './options.ts';
import type { Request } from './requests.ts';
import type { KeyturnerStates, LockConfig } from './states.ts';

/** Something to be done over the link, in the order of the queue. */
export type Job =
  | MoveJob
  | { readonly kind: 'states'; readonly actuation: Actuation | undefined; readonly tries: number }
  | { readonly kind: 'config' | 'battery' | 'time'; readonly tries: number }
  | {
      readonly kind: 'log';
      readonly tries: number;
      readonly entries: readonly Uint8Array[];
      /** Read whole so far. */
      readonly pages: number;
    }
  | CodeJob;

export interface MoveJob {
  readonly kind: 'move';
  readonly actuation: Actuation;
  readonly action: number;
  /** `ask`: nothing that moves was sent. `sent`: it may move. `verify`: nobody told how it ended; look. */
  readonly stage: 'ask' | 'sent' | 'verify';
  readonly acknowledged: boolean;
  readonly tries: number;
  /** Looked for its end no longer than this. */
  readonly verifyUntil: Uptime | undefined;
}

export interface CodeJob {
  readonly kind: 'codes';
  readonly actuation: Extract<Actuation, { kind: 'put-code' | 'remove-code' }>;
  /** What the memory is changed by next; `undefined` reads it first, so every write is followed by a reading. */
  readonly write: Request | undefined;
  readonly writes: number;
  /** Entries of the reading under way, and how many there are in all. */
  readonly reading: readonly HeldCode[];
  readonly total: number | undefined;
}

export interface Exchange {
  readonly request: Request;
  readonly stage: 'challenge' | 'command';
  /** The write has not left yet: no reply is waited for. */
  readonly isLeaving: boolean;
  readonly answerBy: Uptime;
  /** However often it says that more is to come. */
  readonly overBy: Uptime;
}

export interface Talk {
  readonly id: DeviceId;
  readonly options: NukiOptions;
  readonly credentials: Credentials;
  /** Key of the hashes of codes read back. */
  readonly hashKey: Uint8Array;
  phase: 'idle' | 'opening' | 'open' | 'closing';
  /** A link is there, although perhaps not subscribed yet. */
  isConnected: boolean;
  jobs: readonly Job[];
  exchange: Exchange | undefined;
  /** Pieces of a frame. */
  held: Uint8Array;
  /** Of the frames heard last. */
  nonces: readonly string[];
  /** Nothing is asked before this: a busy lock. */
  pauseUntil: Uptime;
  /** No connect before this. */
  retryAt: Uptime;
  failures: number;
  closeAt: Uptime | undefined;
  pollAt: Uptime;
  timeAt: Uptime;
  beaconAt: Uptime;
  isOnline: boolean | undefined;
  states: KeyturnerStates | undefined;
  config: LockConfig | undefined;
  /** Where the battery report stands in for a percentage the firmware does not tell. */
  measuredPercent: number | undefined;
  samples: readonly BatterySample[];
  toldBattery: string;
  faults: ReadonlySet<DeviceFault>;
  logIndex: number | undefined;
  /** Entries of its log that were told since then; they are the journal's to keep. */
  logTold: { readonly since: Uptime; readonly entries: number };
  codes: readonly HeldCode[] | undefined;
  /** Moments of the writes of the last day. */
  codeWrites: readonly Uptime[];
  /** The lock refused our PIN: asking again would lock it. */
  pinRefused: string | undefined;
  /** What stands behind a `refusing` fault. */
  refusal: 'pairing' | 'pin' | 'code' | undefined;
  statistics: DeviceStatistics;
}

/** One step: what it says and sends besides the new state. */
export interface Turn {
  readonly now: Uptime;
  readonly bus: BusFacts;
  readonly events: DeviceEvent[];
  readonly send: Send[];
}

export function count(talk: Talk, what: keyof Omit<DeviceStatistics, 'lastSeen'>): void {
  talk.statistics = { ...talk.statistics, [what]: talk.statistics[what] + 1 };
}

export function raise(turn: Turn, talk: Talk, fault: DeviceFault, detail: string): void {
  if (talk.faults.has(fault)) return;
  talk.faults = new Set([...talk.faults, fault]);
  turn.events.push({ kind: 'fault', device: talk.id, fault, state: 'raised', detail });
}

export function clear(turn: Turn, talk: Talk, fault: DeviceFault, detail: string): void {
  if (!talk.faults.has(fault)) return;
  talk.faults = new Set([...talk.faults].filter((each) => each !== fault));
  turn.events.push({ kind: 'fault', device: talk.id, fault, state: 'cleared', detail });
}

export function refusing(
  turn: Turn,
  talk: Talk,
  refusal: 'pairing' | 'pin' | 'code',
  detail: string,
): void {
  talk.refusal = refusal;
  raise(turn, talk, 'refusing', detail);
}

export function accepted(turn: Turn, talk: Talk, detail: string): void {
  talk.refusal = undefined;
  clear(turn, talk, 'refusing', detail);
}

export function tell(
  turn: Turn,
  talk: Talk,
  actuation: ActuationId,
  outcome: ActuationOutcome,
): void {
  turn.events.push({ kind: 'actuation-result', device: talk.id, actuation, ...outcome });
}

export function refused(turn: Turn, talk: Talk, actuation: ActuationId, detail: string): void {
  const nothing = { sent: false, acknowledged: false, observed: false };
  tell(turn, talk, actuation, { result: 'refused', ...nothing, detail });
}

/** Puts a changed job in place of the one at the head. */
export function replaceJob(talk: Talk, job: Job): void {
  talk.jobs = [job, ...talk.jobs.slice(1)];
}

export function dropJob(talk: Talk): void {
  talk.jobs = talk.jobs.slice(1);
}

/** Once in the queue is enough. */
export function want(talk: Talk, kind: 'states' | 'config' | 'battery' | 'time' | 'log'): void {
  if (talk.jobs.some((job) => job.kind === kind)) return;
  const job: Job =
    kind === 'log'
      ? { kind, tries: 0, entries: [], pages: 0 }
      : kind === 'states'
        ? { kind, tries: 0, actuation: undefined }
        : { kind, tries: 0 };
  talk.jobs = [...talk.jobs, job];
}

export function hasPin(talk: Talk): boolean {
  return talk.credentials.pin !== undefined && talk.pinRefused === undefined;
}
