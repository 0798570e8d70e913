/** What everybody may see of a bridge at any time: retained, safe to replay, and without anything of a person. */
import { z } from 'zod';
import {
  type Clock,
  type Millis,
  type Random,
  type Timer,
  uptime,
} from '../../drivers/contract/time.ts';
import type { Stamp } from '../access/entry.ts';
import { type GrantStore, type Journal, StorageError } from '../store/ports.ts';
import { BrokerError, type BrokerMessage } from './broker.ts';
import { errorOf } from './event.ts';
import type { SessionNonces } from './freshness.ts';
import { encode, type WireDeviceState, type WireState, type WireStatus } from './messages.ts';
import type { Publish } from './replies.ts';
import { LARGEST, type Topics } from './topics.ts';
import type { TrustStore } from './trust-store.ts';

/** What only the wiring knows. */
export interface SiteReport {
  readonly site: string;
  /** Of the daemon, Node, time zones. */
  readonly versions: Readonly<Record<string, string>>;
  /** All devices as they are now. */
  devices(): readonly WireDeviceState[];
}

export interface ReportedStateParts {
  readonly topics: Topics;
  readonly journal: Journal;
  readonly grants: GrantStore;
  readonly trust: TrustStore;
  readonly nonces: SessionNonces;
  readonly report: SiteReport;
  readonly stamp: () => Stamp;
  readonly clock: Clock;
  readonly random: Random;
  readonly publish: Publish;
  /** Time within which the bridges of a fleet are sent whole snapshots after they have connected. */
  readonly snapshotSpread: Millis;
}

/** What this version understands beyond the first list of commands. */
export const CAPABILITIES: readonly string[] = [
  'grants.compare',
  'key.put',
  'outbox-gap-ranges',
  'signed-checkpoints',
];

/** Changes within this time make one message. */
const GATHER: Millis = 100;
/** Device states are told again at least this often, so that the age of their proof is known. */
const REFRESH: Millis = 60_000;
/** Devices whose state the broker retains. */
const TOLD_MARK = 'cloud.devices';

export class ReportedState {
  readonly #parts: ReportedStateParts;
  readonly #published = new Map<string, string>();
  #due = new Set<string>();
  #gathering: Timer | undefined;
  #timers: Timer[] = [];
  #open = false;
  /** When this session's snapshot, should there be one, has its turn; of the wall clock. */
  #snapshotFrom = 0;

  constructor(parts: ReportedStateParts) {
    this.#parts = parts;
  }

  /** After each connect, whatever was told before: a broker may have lost what it retained. */
  async publishAll(status: WireStatus): Promise<void> {
    this.#open = true;
    this.#published.clear();
    const { topics, nonces, random, stamp, snapshotSpread } = this.#parts;
    nonces.rotate();
    this.#snapshotFrom = stamp().at + Math.round(random.fraction() * snapshotSpread);
    await this.#put(statusMessage(topics, status));
    await this.#publishState();
    await this.#publishDevices();
    this.#plan();
  }

  detach(): void {
    this.#open = false;
    this.#gathering?.cancel();
    this.#gathering = undefined;
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
  }

  /** Grants, lockdown, clock or keys changed. */
  stateChanged(): void {
    this.#gather('state');
  }

  deviceChanged(): void {
    this.#gather('devices');
  }

  #plan(): void {
    const { clock, nonces } = this.#parts;
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [
      clock.wakeAt(nonces.rotateAt, () => {
        nonces.rotate();
        this.#gather('state');
        this.#plan();
      }),
      clock.wakeAt(uptime(clock.uptime() + REFRESH), () => {
        this.#published.clear();
        this.#gather('devices');
        this.#plan();
      }),
    ];
  }

  #gather(what: 'state' | 'devices'): void {
    if (!this.#open) return;
    this.#due.add(what);
    if (this.#gathering !== undefined) return;
    const { clock } = this.#parts;
    this.#gathering = clock.wakeAt(uptime(clock.uptime() + GATHER), () => {
      this.#gathering = undefined;
      const due = this.#due;
      this.#due = new Set();
      if (due.has('state')) void this.#publishState();
      if (due.has('devices')) void this.#publishDevices();
    });
  }

  async #publishState(): Promise<void> {
    const { topics } = this.#parts;
    let payload: Uint8Array;
    try {
      payload = encode(this.state());
    } catch (problem) {
      // The disk has its own alarm; what was told before stays true until the next change.
      if (problem instanceof StorageError) return;
      throw problem;
    }
    await this.#put({ ...RETAINED, topic: topics.state, payload });
  }

  async #publishDevices(): Promise<void> {
    const { topics, report } = this.#parts;
    const states = report.devices();
    await this.#takeBack(states.map(({ dev }) => dev));
    for (const state of states) {
      const topic = topics.device(state.dev);
      // What changes all the time is told when something else does, or at the next refresh.
      const { ts: _ts, proofAgeMs: _age, statistics: _counts, ...lasting } = state;
      const text = JSON.stringify(lasting);
      if (this.#published.get(topic) === text) continue;
      this.#published.set(topic, text);
      await this.#put({ ...RETAINED, topic, payload: fitting(state) });
    }
  }

  /** A device that is gone leaves nothing at the broker, also where it went while we were away. */
  async #takeBack(devices: readonly string[]): Promise<void> {
    const { journal, stamp, topics } = this.#parts;
    const told = z.array(z.string()).safeParse(journal.mark(TOLD_MARK)).data ?? [];
    const gone = told.filter((each) => !devices.includes(each));
    for (const device of gone) {
      const topic = topics.device(device);
      this.#published.delete(topic);
      if (!(await this.#put({ qos: 1, retain: true, topic, payload: new Uint8Array() }))) return;
    }
    if (gone.length === 0 && devices.every((each) => told.includes(each))) return;
    const mark = { table: 'mark', name: TOLD_MARK, value: [...devices] } as const;
    try {
      await journal.append({ stamp: stamp(), entries: [], rows: [mark] }).committed;
    } catch (problem) {
      if (!(problem instanceof StorageError)) throw problem; // it is tried again with the next change
    }
  }

  /** The bridge summary as it is now. */
  state(): WireState {
    const { journal, grants, trust, nonces, report, stamp, topics } = this.#parts;
    const { at, clock } = stamp();
    const lockdowns = [...journal.ledger.all('lockdown')].slice(0, 16).map(([, lockdown]) => ({
      id: lockdown.id,
      scope: lockdown.scope,
      allowStaff: lockdown.allowStaff,
    }));
    const counters = trust.kids.flatMap((kid) => {
      const counter = journal.counter(kid);
      return counter === undefined ? [] : [[kid, counter.highest] as const];
    });
    return {
      v: 1,
      ts: at,
      bridge: topics.bridge,
      site: report.site,
      nonces: [...nonces.current],
      caps: [...CAPABILITIES],
      epoch: journal.epoch,
      lastSeq: journal.lastSeq,
      acked: journal.acknowledged,
      grantsVersion: grants.version('cloud'),
      grantsDigest: grants.digest('cloud'),
      grants: grants.count('cloud'),
      ...(this.#snapshotFrom > at ? { snapshotFrom: this.#snapshotFrom } : {}),
      clock: { state: clock.state, errMs: errorOf(clock) },
      ...(journal.storage === 'ok' ? {} : { storage: journal.storage }),
      counters: Object.fromEntries(counters),
      lockdowns,
      versions: { ...report.versions },
    };
  }

  async #put(message: BrokerMessage): Promise<boolean> {
    try {
      await this.#parts.publish(message);
      return true;
    } catch (problem) {
      // Told again with the next session.
      if (!(problem instanceof BrokerError)) throw problem;
      this.#published.delete(message.topic);
      return false;
    }
  }
}

const RETAINED = { qos: 1, retain: true, contentType: 'application/json' } as const;

export function statusMessage(topics: Topics, status: WireStatus): BrokerMessage {
  return { ...RETAINED, topic: topics.status, payload: encode(status) };
}

/** A box with more slots than fit is told without them; its slots are in the events. */
function fitting(state: WireDeviceState): Uint8Array {
  const whole = encode(state);
  if (whole.length <= LARGEST.device) return whole;
  const { slots: _slots, ...rest } = state;
  return encode(rest);
}
