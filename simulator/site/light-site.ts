/**
 * A site without hardware, light enough that hundreds fit into one process: real store, real cloud link, and doors
 * that only count their pulses. Its box has slots 1 to 8 and is called `box`, its lock `door`.
 */
import type { Entry, JsonObject, Stamp } from '../../daemon/access/entry.ts';
import { parseIdentity } from '../../daemon/access/identity.ts';
import type { ClockInterval, GrantId } from '../../daemon/access/model.ts';
import { resolveWindow } from '../../daemon/access/window.ts';
import type { Broker } from '../../daemon/cloud/broker.ts';
import { CloudLink, type CloudOptions } from '../../daemon/cloud/cloud-link.ts';
import type { BridgeIdentity } from '../../daemon/cloud/enrolment.ts';
import type {
  ActionOutcome,
  Attempt,
  CredentialDesk,
  OpenAction,
  RevocationState,
  SiteActions,
} from '../../daemon/cloud/site-actions.ts';
import { type Topics, topicsOf } from '../../daemon/cloud/topics.ts';
import type { TrustStore } from '../../daemon/cloud/trust-store.ts';
import { Vault } from '../../daemon/secrets/vault.ts';
import { livePointer, openGrantStore } from '../../daemon/store/grants-open.ts';
import type { JournalStore } from '../../daemon/store/journal.ts';
import { openJournal } from '../../daemon/store/journal-open.ts';
import type { EvidenceRow, GrantStore, Journal } from '../../daemon/store/ports.ts';
import { type DeviceId, deviceId } from '../../drivers/contract/device.ts';
import { type Clock, instant, type Random } from '../../drivers/contract/time.ts';

export interface LightSiteParts {
  readonly bridge: string;
  readonly identity: BridgeIdentity;
  readonly trust: TrustStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly broker: Broker;
  /** Keeps everything over a restart; else all is in memory. */
  readonly directory?: string;
  readonly options?: CloudOptions;
  /** The store's threads; without them a simulated clock need not wait for anything. */
  readonly worker?: boolean;
  /** Told of each pulse, before its outcome is known. */
  readonly pulsed?: (command: string) => void;
}

/** Doors, and what was done to them. */
export class Doors implements SiteActions {
  readonly pulses = new Map<string, number>();
  readonly withdrawn: GrantId[] = [];
  outcome: ActionOutcome = { result: 'done' };
  /** Holds outcomes back until it resolves. */
  gate: Promise<void> = Promise.resolve();
  /** Holds back what says that an intent is on the disk, as a slow card does. */
  disk: Promise<void> = Promise.resolve();
  readonly #journal: Journal;
  readonly #stamp: () => Stamp;
  readonly #lockdowns = new Set<string>();
  readonly #pulsed: (command: string) => void;

  constructor(journal: Journal, stamp: () => Stamp, pulsed: (command: string) => void) {
    this.#journal = journal;
    this.#stamp = stamp;
    this.#pulsed = pulsed;
  }

  open(action: OpenAction, evidence: readonly EvidenceRow[]): Attempt {
    const { device, slot, command } = action;
    if (device !== 'box' && device !== 'door') return this.#refuse('not-found', evidence);
    const entry: Entry = { type: 'access.commanded', device, body: { command, ...slotOf(slot) } };
    return this.#attempt([entry], evidence, async ([intent]) => {
      await this.gate;
      this.pulses.set(command, (this.pulses.get(command) ?? 0) + 1);
      this.#pulsed(command);
      const body = { opening: intent ?? 0, ...slotOf(slot) };
      if (this.outcome.result === 'done') this.#append([{ type: 'access.opened', device, body }]);
      return this.outcome;
    });
  }

  lock(action: { command: string; device: DeviceId }, evidence: readonly EvidenceRow[]): Attempt {
    return this.#attempt([], evidence, async () => {
      this.pulses.set(action.command, (this.pulses.get(action.command) ?? 0) + 1);
      return { result: 'done' };
    });
  }

  lockdown(
    action: Parameters<SiteActions['lockdown']>[0],
    evidence: readonly EvidenceRow[],
  ): Attempt {
    const { command, scope, allowStaff } = action;
    this.#lockdowns.add(command);
    const body = { lockdown: command, command, scope, allowStaff };
    return this.#attempt([{ type: 'security.lockdown', body }], evidence, DONE);
  }

  release(
    action: Parameters<SiteActions['release']>[0],
    evidence: readonly EvidenceRow[],
  ): Attempt {
    if (!this.#lockdowns.delete(action.lockdown)) return this.#refuse('not-found', evidence);
    const body = { lockdown: action.lockdown, command: action.command };
    return this.#attempt([{ type: 'security.lockdown_released', body }], evidence, DONE);
  }

  keypadReset(_action: unknown, evidence: readonly EvidenceRow[]): Attempt {
    return this.#attempt([], evidence, DONE);
  }

  confirmUses(_action: unknown, evidence: readonly EvidenceRow[]): Attempt {
    return this.#attempt([], evidence, DONE);
  }

  time(_action: unknown, evidence: readonly EvidenceRow[]): Attempt {
    return this.#attempt([], evidence, DONE);
  }

  config(action: Parameters<SiteActions['config']>[0], evidence: readonly EvidenceRow[]): Attempt {
    const body = { version: action.version };
    return this.#attempt([{ type: 'system.config_changed', body }], evidence, DONE);
  }

  identify(_action: unknown, evidence: readonly EvidenceRow[]): Attempt {
    return this.#attempt([], evidence, DONE);
  }

  deviceAdd(_action: unknown, evidence: readonly EvidenceRow[]): Attempt {
    return this.#refuse('unsupported', evidence);
  }

  deviceRemove(_action: unknown, evidence: readonly EvidenceRow[]): Attempt {
    return this.#refuse('unsupported', evidence);
  }

  update(_action: unknown, evidence: readonly EvidenceRow[]): Attempt {
    return this.#refuse('unsupported', evidence);
  }

  resumed(): undefined {
    return undefined;
  }

  diagnostics(): JsonObject {
    return { doors: 2 };
  }

  async withdrawOpenings(grant: GrantId): Promise<readonly RevocationState[]> {
    this.withdrawn.push(grant);
    return [{ device: deviceId('box'), state: 'dead' }];
  }

  get pulseCount(): number {
    return [...this.pulses.values()].reduce((sum, count) => sum + count, 0);
  }

  #refuse(reason: NonNullable<ActionOutcome['reason']>, evidence: readonly EvidenceRow[]): Attempt {
    return this.#attempt([], evidence, async () => ({ result: 'refused', reason }));
  }

  #attempt(
    entries: readonly Entry[],
    rows: readonly EvidenceRow[],
    act: (seqs: readonly number[]) => Promise<ActionOutcome>,
  ): Attempt {
    const appended = this.#journal.append({ stamp: this.#stamp(), entries, rows });
    const { recorded } = appended;
    const committed = appended.committed.then(() => this.disk);
    const outcome = committed.then(
      () => act(recorded.map(({ seq }) => seq)),
      (): ActionOutcome => ({ result: 'refused', reason: 'storage-full' }),
    );
    return { placed: Promise.resolve(), recorded: committed, outcome };
  }

  #append(entries: readonly Entry[]): void {
    void this.#journal.append({ stamp: this.#stamp(), entries }).committed;
  }
}

const DONE = async (): Promise<ActionOutcome> => ({ result: 'done' });

function slotOf(slot: number | undefined): JsonObject {
  return slot === undefined ? {} : { slot };
}

export interface LightSite extends AsyncDisposable {
  readonly journal: JournalStore;
  readonly grants: GrantStore;
  readonly doors: Doors;
  readonly trust: TrustStore;
  readonly topics: Topics;
  readonly link: CloudLink;
  readonly stamp: () => Stamp;
  /** State of the clock that the bridge believes in. */
  clockState: ClockInterval['state'];
  readonly log: { event: string; fields: JsonObject }[];
}

export async function openLightSite(parts: LightSiteParts): Promise<LightSite> {
  const { clock, random, broker, identity, trust } = parts;
  const directory = parts.directory ?? ':memory:';
  const worker = parts.worker ?? false;
  let clockState: ClockInterval['state'] = 'trusted';
  const stamp = (): Stamp => {
    const at = clock.now();
    const state = clockState;
    const hi = state === 'broken' || state === 'floor' ? Number.POSITIVE_INFINITY : at;
    const interval: ClockInterval = { lo: at, hi: instant(hi), state };
    return { at, uptime: clock.uptime(), boot: 'b3f1', clock: interval };
  };
  const { journal } = await openJournal({ directory, clock, random, worker });
  const { grants } = await openGrantStore({
    directory,
    clock,
    random,
    worker,
    zone: 'Europe/Stockholm',
    tzdata: '2026c',
    resolve: resolveWindow,
    live: livePointer(journal, stamp),
    tombstones: journal,
  });
  const doors = new Doors(journal, stamp, parts.pulsed ?? (() => {}));
  const topics = topicsOf('latchkey', parts.bridge);
  const log: LightSite['log'] = [];
  const running = new AbortController();
  const link = new CloudLink({
    broker,
    topics,
    journal,
    grants,
    trust,
    site: doors,
    desk: credentialDesk(random),
    sealingKey: identity.sealingKey,
    bridgeKey: identity.bridgeKey,
    report: {
      site: parts.bridge,
      versions: { latchkey: '0.1.0' },
      devices: () => [
        { v: 1, ts: clock.now(), dev: 'box', driver: 'kerong-cu16', link: 'up', proofAgeMs: 0 },
      ],
    },
    stamp,
    clock,
    random,
    options: {
      drainPerSecond: Number.POSITIVE_INFINITY,
      patience: { longest: 200, spread: 0 },
      ...parts.options,
    },
    log: (event, fields) => log.push({ event, fields }),
  });
  const site: LightSite = {
    journal,
    grants,
    doors,
    trust,
    topics,
    link,
    stamp,
    get clockState() {
      return clockState;
    },
    set clockState(state) {
      clockState = state;
    },
    log,
    async [Symbol.asyncDispose]() {
      running.abort();
      await ran;
      await link[Symbol.asyncDispose]();
      await grants[Symbol.asyncDispose]();
      await journal[Symbol.asyncDispose]();
    },
  };
  const ran = link.run(running.signal);
  return site;
}

/** The pepper is fixed, as that of one site is. */
function credentialDesk(random: Random): CredentialDesk {
  const vault = new Vault(Buffer.alloc(32, 7), random);
  const indexer = vault.indexer('site');
  const card = (secret: string) => {
    const identity = parseIdentity(secret);
    if (identity === undefined) throw new RangeError('not the number of a card');
    const { technology, bitCount, hex } = identity;
    return indexer.card({ technology, bitCount, bits: Buffer.from(hex, 'hex') });
  };
  let drawn = 270_000;
  return {
    index: (kind, secret) =>
      kind === 'pin'
        ? { index: indexer.pin(secret), digits: secret.length }
        : { index: card(secret) },
    drawPin(digits = 6) {
      drawn += 1357;
      return drawn.toString().padStart(digits, '0').slice(-digits);
    },
    keep: (digits, grant) => vault.seal(digits, grant),
    reveal: (sealed, grant) => vault.open(sealed, grant),
    indexFob: card,
  };
}
