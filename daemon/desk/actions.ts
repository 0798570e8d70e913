/** What authorised commands ask of the site, put through the one pipeline and followed to their end. */
import {
  type Actuation,
  actuationId,
  type DeviceEvent,
  type DeviceId,
} from '../../drivers/contract/device.ts';
import { type Clock, uptime } from '../../drivers/contract/time.ts';
import type { Command } from '../access/command.ts';
import type { Entry, JsonObject } from '../access/entry.ts';
import type { GrantId } from '../access/model.ts';
import { useOf } from '../access/uses.ts';
import type {
  ActionFault,
  ActionOutcome,
  Attempt,
  ConfigAction,
  DeviceAction,
  DeviceAddAction,
  LockdownAction,
  LongAction,
  OpenAction,
  RevocationState,
  SiteActions,
  TimeAction,
  UsesAction,
  Asked as WhoAsked,
} from '../cloud/site-actions.ts';
import type { Inbox } from '../inbox.ts';
import type { Happening } from '../pipeline.ts';
import type { DeviceChange, RemoteDeviceDesk } from '../remote/devices.ts';
import type { ChangeResult } from '../remote/settings-change.ts';
import type { Updates } from '../remote/updates.ts';
import type { Site } from '../site/site.ts';
import { type EvidenceRow, type Journal, StorageError } from '../store/ports.ts';
import { Results, worst } from './results.ts';

export interface ActionParts {
  readonly inbox: Inbox<Happening>;
  readonly journal: Journal;
  readonly site: Site;
  readonly clock: Clock;
  actuate(actuation: Actuation): void;
  /** Takes back what is not on the wire; returns the ids taken back. */
  withdraw(which: (actuation: Actuation) => boolean): void;
  /** Takes back openings that the site does not allow any more, also those that a driver holds. */
  withdrawOvertaken(): void;
  hasDevice(device: DeviceId): boolean;
  /** Devices that keep codes of the grant in their own memory, and whether those are gone. */
  codesOf(grant: GrantId): readonly RevocationState[];
  signedTime(unixMs: number, errMs: number): void;
  /** Applies settings that may be changed from afar; answers why not. */
  configure(version: number, set: JsonObject): ChangeResult;
  diagnostics(): JsonObject;
  readonly updates: Updates;
  /** Adds and takes away devices; `undefined` where the config is no file that could be read again. */
  readonly remoteDevices?: RemoteDeviceDesk | undefined;
}

export class Actions implements SiteActions {
  readonly #parts: ActionParts;
  readonly #results: Results;
  #identified = 0;

  constructor(parts: ActionParts) {
    this.#parts = parts;
    this.#results = new Results(parts.clock);
  }

  /** To be called with every device event, after it was answered. */
  hear(event: DeviceEvent): void {
    this.#results.hear(event);
  }

  open(action: OpenAction, evidence: readonly EvidenceRow[]): Attempt {
    if (!this.#parts.hasDevice(action.device)) return this.#refuse('not-found', evidence);
    const common = {
      ...who(action),
      ...(action.reason === undefined ? {} : { why: action.reason }),
      ...(action.hold === undefined ? {} : { hold: action.hold }),
      device: action.device,
    };
    return this.command(
      action.slot === undefined
        ? { kind: 'unlock', ...common }
        : { kind: 'slot.open', slot: action.slot, ...common },
      evidence,
    );
  }

  lock(action: DeviceAction, evidence: readonly EvidenceRow[]): Attempt {
    if (!this.#parts.hasDevice(action.device)) return this.#refuse('not-found', evidence);
    return this.command({ kind: 'lock', device: action.device, ...who(action) }, evidence);
  }

  lockdown(action: LockdownAction, evidence: readonly EvidenceRow[]): Attempt {
    const { scope, allowStaff, command } = action;
    const { accessPoints } = this.#parts.site.facts;
    if (scope !== 'site' && !accessPoints.some(({ id }) => id === scope)) {
      return this.#refuse('not-found', evidence);
    }
    return this.command(
      { kind: 'lockdown', lockdown: command, scope, allowStaff, ...who(action) },
      evidence,
    );
  }

  release(
    action: WhoAsked & { readonly lockdown: string },
    evidence: readonly EvidenceRow[],
  ): Attempt {
    const stands = [...this.#parts.journal.ledger.all('lockdown')].some(
      ([, { id }]) => id === action.lockdown,
    );
    if (!stands) return this.#refuse('not-found', evidence);
    return this.command({ kind: 'release', lockdown: action.lockdown, ...who(action) }, evidence);
  }

  keypadReset(action: DeviceAction, evidence: readonly EvidenceRow[]): Attempt {
    if (!this.#parts.site.facts.keypads.has(action.device))
      return this.#refuse('not-found', evidence);
    return this.command({ kind: 'keypad.reset', device: action.device, ...who(action) }, evidence);
  }

  confirmUses(action: UsesAction, evidence: readonly EvidenceRow[]): Attempt {
    const { grants, ledger } = this.#parts.site.ports();
    const { grant, count } = action;
    const uses = grants.grant(grant)?.grant.uses;
    if (uses === undefined) return this.#refuse('not-found', evidence);
    if (useOf(ledger, grant)?.unconfirmed !== true) return this.#refuse('conflict', evidence);
    const reset = uses.reset === undefined ? {} : { reset: uses.reset };
    return this.command({ kind: 'uses.confirm', grant, count, ...reset, ...who(action) }, evidence);
  }

  time(action: TimeAction, evidence: readonly EvidenceRow[]): Attempt {
    this.#parts.signedTime(action.unixMs, action.errMs);
    return this.#record([], evidence, { result: 'done' });
  }

  config(action: ConfigAction, evidence: readonly EvidenceRow[]): Attempt {
    const applied = this.#parts.configure(action.version, action.set);
    if ('fault' in applied) return this.#refuse(applied.fault, evidence, applied.data);
    const body = { ...applied.entry.body, command: action.command };
    const rows = [...evidence, ...applied.rows];
    const kept = this.#record([{ ...applied.entry, body }], rows, { result: 'done' });
    return {
      ...kept,
      outcome: kept.outcome.then((known) => {
        applied.ended(known.result === 'done');
        return known;
      }),
    };
  }

  identify(action: DeviceAction, evidence: readonly EvidenceRow[]): Attempt {
    const { device } = action;
    if (!this.#parts.hasDevice(device)) return this.#refuse('not-found', evidence);
    this.#identified += 1;
    const id = actuationId(`i-${this.#identified}`);
    const entry: Entry = { type: 'system.identified', device, body: { by: who(action).by } };
    const { placed, recorded } = this.#record([entry], evidence, { result: 'done' });
    const outcome = recorded.then(
      () => {
        const result = this.#results.of(id);
        const expiresAt = uptime(this.#parts.clock.uptime() + 2000);
        this.#parts.actuate({ kind: 'identify', device, id, expiresAt });
        return result;
      },
      () => ({ result: 'refused', reason: 'storage-full' }) as const,
    );
    return { placed, recorded, outcome };
  }

  deviceAdd(action: DeviceAddAction, evidence: readonly EvidenceRow[]): Attempt {
    const { device, settings, wire } = action;
    return this.#changeDevices(action, evidence, (desk) => desk.add(device, settings, wire));
  }

  deviceRemove(action: DeviceAction, evidence: readonly EvidenceRow[]): Attempt {
    return this.#changeDevices(action, evidence, (desk) => desk.remove(action.device));
  }

  /** On the disk first, then the evidence, then it is run: a crash in between repeats the first step harmlessly. */
  #changeDevices(
    action: DeviceAction,
    evidence: readonly EvidenceRow[],
    ask: (desk: RemoteDeviceDesk) => DeviceChange,
  ): Attempt {
    const desk = this.#parts.remoteDevices;
    if (desk === undefined) return this.#refuse('unsupported', evidence);
    const change = ask(desk);
    if ('fault' in change) return this.#refuse(change.fault, evidence, change.data);
    const { body, apply } = change;
    const { by } = who(action);
    const entry: Entry = {
      type: 'system.config_changed',
      body: { command: action.command, by, ...body },
    };
    const outcome = body === undefined ? 'same' : 'stored';
    const kept = this.#record([entry], evidence, { result: 'done', data: { outcome } });
    return {
      ...kept,
      outcome: kept.outcome.then(async (known) => {
        if (known.result === 'done') await apply();
        return known;
      }),
    };
  }

  update(
    action: WhoAsked & { readonly settings: JsonObject },
    evidence: readonly EvidenceRow[],
  ): Attempt {
    const begun = this.#parts.updates.begin(action.command, who(action).by, action.settings);
    if ('fault' in begun) return this.#refuse(begun.fault, evidence, begun.data);
    if ('same' in begun) {
      const data = { version: begun.same, running: begun.same };
      return this.#record([], evidence, { result: 'done', data });
    }
    const kept = this.#record([begun.entry], evidence, { result: 'done' });
    const left = Promise.withResolvers<void>();
    const outcome = kept.outcome.then((known) => {
      if (known.result !== 'done') return known;
      const work = begun.work();
      void work.left.then(left.resolve);
      return work.outcome;
    });
    return { ...kept, outcome, left: left.promise };
  }

  resumed(command: string): LongAction | undefined {
    return this.#parts.updates.resumed(command);
  }

  diagnostics(): JsonObject {
    return this.#parts.diagnostics();
  }

  async withdrawOpenings(grant: GrantId): Promise<readonly RevocationState[]> {
    const { journal, withdraw, codesOf } = this.#parts;
    const ids = new Set<string>();
    for (const [, opening] of journal.ledger.all('opening')) {
      if (opening.grant === grant) ids.add(`a-${opening.seq}`);
    }
    if (ids.size > 0) withdraw((actuation) => ids.has(actuation.id));
    return codesOf(grant);
  }

  /** Any command of an authorised person: the only other way to an actuator besides the decision (P1). */
  command(command: Command, evidence: readonly EvidenceRow[]): Attempt {
    const placed = Promise.withResolvers<void>();
    const recorded = Promise.withResolvers<void>();
    recorded.promise.catch(() => {}); // told to whoever awaits `recorded`; `outcome` never rejects
    const outcome = new Promise<ActionOutcome>((resolve) => {
      const taken = this.#parts.inbox.put({
        kind: 'command',
        command,
        rows: evidence,
        answered: ({ refused, asked, unstored, committed }) => {
          placed.resolve();
          if (command.kind === 'lockdown' && refused === undefined) {
            this.#parts.withdrawOvertaken();
          }
          const results = asked.map((id, n) => {
            const other = unstored?.[n];
            return this.#results.of(id, ...(other === undefined ? [] : [other]));
          });
          const told = async () => {
            if (refused !== undefined)
              resolve({
                result: 'refused',
                reason: refused.reason,
                data: { detail: refused.detail },
              });
            else resolve(worst(await Promise.all(results)));
          };
          const storageFull = () => resolve({ result: 'refused', reason: 'storage-full' });
          committed.then(recorded.resolve, recorded.reject);
          committed.then(told, unstored?.length ? told : storageFull);
        },
      });
      if (!taken) {
        placed.resolve();
        const refused = this.#refuse('busy', evidence);
        refused.recorded.then(recorded.resolve, recorded.reject);
        refused.outcome.then(resolve);
      }
    });
    return { placed: placed.promise, recorded: recorded.promise, outcome };
  }

  #refuse(reason: ActionFault, evidence: readonly EvidenceRow[], data?: JsonObject): Attempt {
    return this.#record([], evidence, {
      result: 'refused',
      reason,
      ...(data === undefined ? {} : { data }),
    });
  }

  #record(
    entries: readonly Entry[],
    rows: readonly EvidenceRow[],
    outcome: ActionOutcome,
  ): Attempt {
    const { journal, site } = this.#parts;
    const { committed } = journal.append({ stamp: site.stamp(), entries, rows });
    return {
      placed: Promise.resolve(),
      recorded: committed,
      outcome: committed.then(
        () => outcome,
        (error: unknown) => {
          if (error instanceof StorageError) return { result: 'refused', reason: 'storage-full' };
          throw error;
        },
      ),
    };
  }
}

/** A requester is a word that its client chose; who is answerable is whose key signed. */
function who(asked: WhoAsked & { readonly by?: string }): {
  readonly by: string;
  readonly id: string;
} {
  return { by: asked.by ?? `cloud:${asked.kid}`, id: asked.command };
}
