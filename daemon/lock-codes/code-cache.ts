/**
 * The code memories of locks as a cache of grants: what each should hold is planned anew whenever something changed,
 * and asked of the lock until it was read back. The grants are the truth; a lock that is away is pending, not forgotten.
 */
import {
  type Actuation,
  type ActuationId,
  actuationId,
  type DeviceEvent,
  type DeviceId,
} from '../../drivers/contract/device.ts';
import {
  type Clock,
  type Millis,
  type Timer,
  type Uptime,
  uptime,
} from '../../drivers/contract/time.ts';
import { DIGITS_TAKEN } from '../../drivers/nuki/code-memory.ts';
import {
  type Cannot,
  type CodePlan,
  planCodes,
  type WantedCode,
} from '../../drivers/nuki/code-plan.ts';

/** A grant that should open at the lock's own keypad. */
export interface CodeWanted extends WantedCode {
  /** Shown in the lock's app beside the code; no more than the operator may see there. */
  readonly name: string;
}

/** A lock with a code memory, as its driver's options describe it. */
export interface CodeLock {
  readonly device: DeviceId;
  readonly entriesMax: number;
  readonly writesPerDay: number;
}

export interface CodeCacheParts {
  readonly clock: Clock;
  readonly locks: readonly CodeLock[];
  /** Live grants of this lock with a PIN, as the store has them now. */
  wanted(lock: DeviceId): readonly CodeWanted[];
  ask(actuation: Actuation): void;
  /** Never the same id twice, also over restarts. */
  nextId(): string;
  /** What the lock is known to hold, for the next start; the hash of digits and window says whether it is current. */
  save(lock: DeviceId, held: ReadonlyMap<string, string>): void;
  load(lock: DeviceId): ReadonlyMap<string, string>;
  /** One way to tell two wishes of one entry apart without keeping the digits. */
  fingerprint(code: CodeWanted): string;
  /** Told once for each entry and reason, days ahead where it is known days ahead. */
  onCannot(lock: DeviceId, cannot: Cannot): void;
}

/** Put in at the latest this long before it begins. */
const LEAD: Millis = 24 * 3_600_000;
const DAY: Millis = 24 * 3_600_000;
/** A lock that is away is asked again; each asking stays good for this long. */
const ASK_FOR: Millis = 10 * 60_000;
const RETRIES: readonly Millis[] = [60_000, 300_000, 1_800_000, 3_600_000];
/** What is due later, and what a person did at the lock, is found by looking again. */
const LOOK_EVERY: Millis = 3_600_000;
/** At one lock at once; the rest follows as these end. */
const UNDER_WAY_MAX = 4;

interface Asked {
  readonly entry: string;
  /** `undefined` for a removal. */
  readonly puts: CodeWanted | undefined;
  /** Something of this entry was, or may have been, in the lock before. */
  readonly wasHeld: boolean;
}

interface Lock {
  readonly lock: CodeLock;
  /** Entry -> fingerprint of what was read back; empty while nobody knows, and then it counts as there. */
  readonly held: Map<string, string>;
  readonly underWay: Map<ActuationId, Asked>;
  readonly failures: Map<string, { readonly count: number; readonly notBefore: Uptime }>;
  readonly told: Map<string, string>;
  /** Their new digits are in the lock for another entry: two that change places. Theirs go out first. */
  readonly inTheWay: Set<string>;
  /** Moments of the writes of the last day. */
  writes: Uptime[];
}

export class CodeCache implements Disposable {
  readonly #parts: CodeCacheParts;
  readonly #locks: ReadonlyMap<DeviceId, Lock>;
  #timer: Timer | undefined;

  constructor(parts: CodeCacheParts) {
    this.#parts = parts;
    this.#locks = new Map(
      parts.locks.map((lock) => [
        lock.device,
        {
          lock,
          held: new Map(parts.load(lock.device)),
          underWay: new Map(),
          failures: new Map(),
          told: new Map(),
          inTheWay: new Set(),
          writes: [],
        },
      ]),
    );
  }

  /** Something changed: a grant was put or revoked, or time has gone on. Cheap where nothing follows from it. */
  refresh(): void {
    for (const lock of this.#locks.values()) this.#plan(lock);
    this.#arm();
  }

  /** Results of what was asked, and what was read back. */
  hear(event: DeviceEvent): void {
    const lock = this.#locks.get(event.device);
    if (lock === undefined) return;
    if (event.kind === 'online')
      lock.failures.clear(); // whatever stood against it, the lock is back
    else if (event.kind === 'code-memory') this.#proven(lock, event);
    else if (event.kind === 'actuation-result') this.#ended(lock, event);
    else return;
    this.#plan(lock);
    this.#arm();
  }

  /** Locks where the entry still opens although it should not: a revocation is dead only when there are none (P6). */
  stillAt(entry: string): readonly DeviceId[] {
    return [...this.#locks.values()]
      .filter(({ held, lock }) => held.has(entry) && !this.#isWanted(lock.device, entry))
      .map(({ lock }) => lock.device);
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  #isWanted(device: DeviceId, entry: string): boolean {
    return this.#parts.wanted(device).some((code) => code.entry === entry);
  }

  #plan(lock: Lock): void {
    const { clock, fingerprint, wanted } = this.#parts;
    const codes = wanted(lock.lock.device);
    const now = clock.uptime();
    lock.writes = lock.writes.filter((at) => at > now - DAY);
    const plan: CodePlan = planCodes(
      codes,
      // One in other digits or another window is still to be put: the driver makes before it breaks.
      new Set(lock.held.keys()),
      {
        entriesMax: lock.lock.entriesMax,
        writesLeft: Math.max(0, lock.lock.writesPerDay - lock.writes.length),
        leadMs: LEAD,
      },
      clock.now(),
    );
    for (const entry of plan.remove) this.#ask(lock, entry, undefined);
    const changed = codes.filter(
      (code) =>
        lock.held.has(code.entry) &&
        lock.held.get(code.entry) !== fingerprint(code) &&
        !plan.remove.includes(code.entry),
    );
    for (const code of changed) {
      this.#ask(lock, code.entry, lock.inTheWay.has(code.entry) ? undefined : code);
    }
    for (const entry of plan.put) {
      const code = codes.find((each) => each.entry === entry);
      if (code !== undefined) this.#ask(lock, entry, code);
    }
    for (const cannot of plan.cannot) this.#tell(lock, cannot);
  }

  /** At most one under way for an entry; the newest wish follows when it has ended. */
  #ask(lock: Lock, entry: string, puts: CodeWanted | undefined): void {
    const now = this.#parts.clock.uptime();
    if (lock.underWay.size >= UNDER_WAY_MAX) return;
    if ([...lock.underWay.values()].some((each) => each.entry === entry)) return;
    if (now < (lock.failures.get(entry)?.notBefore ?? 0)) return;
    const id = actuationId(this.#parts.nextId());
    lock.underWay.set(id, { entry, puts, wasHeld: lock.held.has(entry) });
    // Until it is read back nobody knows what is in the lock; a restart must not believe otherwise.
    if (puts !== undefined || lock.held.has(entry)) this.#hold(lock, entry, '');
    const base = { id, device: lock.lock.device, expiresAt: uptime(now + ASK_FOR), entry };
    if (puts === undefined) {
      this.#parts.ask({ ...base, kind: 'remove-code' });
      return;
    }
    lock.writes.push(now);
    const { digits, name, from, until } = puts;
    this.#parts.ask({
      ...base,
      kind: 'put-code',
      digits,
      name,
      ...(from === undefined ? {} : { from }),
      ...(until === undefined ? {} : { until }),
    });
  }

  #proven(lock: Lock, event: Extract<DeviceEvent, { kind: 'code-memory' }>): void {
    const asked = lock.underWay.get(event.actuation);
    if (event.state === 'absent') this.#hold(lock, event.entry, undefined);
    else if (asked?.puts !== undefined) {
      this.#hold(lock, event.entry, this.#parts.fingerprint(asked.puts));
    }
    lock.told.delete(event.entry);
    lock.inTheWay.delete(event.entry);
    // What it made room for need not wait.
    lock.failures.clear();
  }

  #ended(lock: Lock, event: Extract<DeviceEvent, { kind: 'actuation-result' }>): void {
    const asked = lock.underWay.get(event.actuation);
    if (asked === undefined) return;
    lock.underWay.delete(event.actuation);
    if (event.result === 'done') return;
    // Nothing of it reached the lock.
    if (!event.sent && !asked.wasHeld) this.#hold(lock, asked.entry, undefined);
    const count = (lock.failures.get(asked.entry)?.count ?? 0) + 1;
    const why = /^cannot: (.*)$/s.exec(event.detail ?? '')?.[1];
    if (why !== undefined) this.#tell(lock, { entry: asked.entry, why });
    if (why === DIGITS_TAKEN && asked.puts !== undefined && asked.wasHeld) {
      lock.inTheWay.add(asked.entry);
      lock.failures.delete(asked.entry);
      return;
    }
    const wait = RETRIES[Math.min(count, RETRIES.length) - 1] ?? LOOK_EVERY;
    const notBefore = uptime(this.#parts.clock.uptime() + (why === undefined ? wait : LOOK_EVERY));
    lock.failures.set(asked.entry, { count, notBefore });
  }

  #hold(lock: Lock, entry: string, fingerprint: string | undefined): void {
    if (fingerprint === undefined) lock.held.delete(entry);
    else lock.held.set(entry, fingerprint);
    this.#parts.save(lock.lock.device, lock.held);
  }

  #tell(lock: Lock, cannot: Cannot): void {
    if (lock.told.get(cannot.entry) === cannot.why) return;
    lock.told.set(cannot.entry, cannot.why);
    this.#parts.onCannot(lock.lock.device, cannot);
  }

  #arm(): void {
    const { clock } = this.#parts;
    const now = clock.uptime();
    const moments = [...this.#locks.values()].flatMap(({ failures }) =>
      [...failures.values()].map(({ notBefore }) => notBefore).filter((at) => at > now),
    );
    const at = uptime(Math.min(now + LOOK_EVERY, ...moments));
    this.#timer?.cancel();
    this.#timer = clock.wakeAt(at, () => this.refresh());
  }
}
