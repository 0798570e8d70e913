/** The site as it is now: its configuration, who is online, what waits, and what the rules may know of it. */
import type { DeviceEvent, DeviceId } from '../../drivers/contract/device.ts';
import type { Clock, Uptime } from '../../drivers/contract/time.ts';
import type { Command } from '../access/command.ts';
import type { Stamp } from '../access/entry.ts';
import { gather, gatherForCommand, gatherForTimer } from '../access/gather.ts';
import type { Knowledge } from '../access/knowledge.ts';
import type { GrantLookup } from '../access/lookup.ts';
import type { AccessPointId } from '../access/model.ts';
import type { Pending, PendingChange } from '../access/presentation.ts';
import type { Indexer, KnowledgePorts, SiteFacts } from '../access/site-facts.ts';
import type { Journal } from '../store/ports.ts';

export interface SiteParts {
  readonly facts: SiteFacts;
  readonly grants: GrantLookup;
  readonly journal: Journal;
  readonly indexer: Indexer;
  readonly clock: Clock;
  readonly stamp: () => Stamp;
  readonly tzdata: string;
}

export class Site {
  readonly facts: SiteFacts;
  readonly #parts: SiteParts;
  readonly #startedAt: Uptime;
  readonly #online = new Set<DeviceId>();
  readonly #pending = new Map<AccessPointId, Pending>();

  constructor(parts: SiteParts) {
    this.#parts = parts;
    this.facts = parts.facts;
    this.#startedAt = parts.clock.uptime();
  }

  get online(): ReadonlySet<DeviceId> {
    return this.#online;
  }

  /** Now, as far as the clock can tell. */
  stamp(): Stamp {
    return this.#parts.stamp();
  }

  notice(event: DeviceEvent): void {
    if (event.kind === 'online') this.#online.add(event.device);
    if (event.kind === 'offline') this.#online.delete(event.device);
  }

  remember(changes: readonly PendingChange[]): void {
    for (const { accessPoint, value } of changes) {
      if (value === undefined) this.#pending.delete(accessPoint);
      else this.#pending.set(accessPoint, value);
    }
  }

  knowledgeFor(event: DeviceEvent, stamp: Stamp): Knowledge {
    return gather(event, this.ports(), stamp);
  }

  knowledgeForCommand(command: Command, stamp: Stamp): Knowledge {
    return gatherForCommand(command, this.ports(), stamp);
  }

  knowledgeForTimer(stamp: Stamp): Knowledge {
    return gatherForTimer(this.ports(), stamp);
  }

  ports(): KnowledgePorts {
    const { facts, grants, journal, indexer, tzdata } = this.#parts;
    return {
      grants,
      ledger: journal.ledger,
      site: facts,
      state: {
        online: this.#online,
        storageSafe: journal.isSafe,
        pending: this.#pending,
        startedAt: this.#startedAt,
        tzdata,
      },
      indexer,
    };
  }
}
