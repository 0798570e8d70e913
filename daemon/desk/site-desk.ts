/** The daemon as the local API sees it: one desk over all parts. */
import type { Config } from '../../config/schema.ts';
import type { DeviceEvent, DeviceId } from '../../drivers/contract/device.ts';
import {
  type Clock,
  type Instant,
  type Millis,
  pause,
  type Random,
} from '../../drivers/contract/time.ts';
import type { Command } from '../access/command.ts';
import type { Stamp } from '../access/entry.ts';
import { identityOf, identityText } from '../access/identity.ts';
import type { GrantId } from '../access/model.ts';
import type { KnowledgePorts } from '../access/site-facts.ts';
import type { CloudLink } from '../cloud/cloud-link.ts';
import type {
  CloudView,
  DeskAttempt,
  DeviceView,
  HealthCheck,
  SecretDesk,
  SiteAbout,
  SiteDesk,
  VendorView,
} from '../local-api/desk.ts';
import type { DeviceBoard } from '../site/device-board.ts';
import type { Site } from '../site/site.ts';
import type { JournalStore } from '../store/journal.ts';
import type { EvidenceRow, GrantStore } from '../store/ports.ts';
import type { StoreSearch } from '../store/search.ts';
import type { Actions } from './actions.ts';

export interface SiteDeskParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly journal: JournalStore;
  readonly grants: GrantStore;
  readonly search: StoreSearch;
  readonly site: Site;
  readonly actions: Actions;
  readonly credentials: SecretDesk;
  readonly board: DeviceBoard;
  readonly cloud: CloudLink | undefined;
  readonly versions: Readonly<Record<string, string>>;
  readonly startedAt: Instant;
  readonly health: () => readonly HealthCheck[];
  /** Grants or keys were changed here. */
  readonly grantsChanged: () => void;
  readonly adopt: (device: DeviceId) => void;
  readonly renewBackups: () => Promise<readonly string[]>;
  /** Hands the clock what a person says; whether it was of use. */
  readonly stated: (at: Instant, error: Millis) => boolean;
  readonly vendors: () => readonly VendorView[];
}

interface Enrolling {
  readonly reader: DeviceId | undefined;
  readonly shown: (card: string) => void;
}

export class TheDesk implements SiteDesk {
  readonly about: SiteAbout;
  readonly #parts: SiteDeskParts;
  readonly #enrolling = new Set<Enrolling>();

  constructor(parts: SiteDeskParts) {
    this.#parts = parts;
    const { site, store } = parts.config;
    this.about = {
      site: site.id,
      name: site.name ?? site.id,
      zone: site.zone,
      bridge: parts.site.facts.bridge,
      versions: parts.versions,
      startedAt: parts.startedAt,
      directory: store.directory,
    };
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  get random(): Random {
    return this.#parts.random;
  }

  get journal(): JournalStore {
    return this.#parts.journal;
  }

  get grants(): GrantStore {
    return this.#parts.grants;
  }

  get search(): StoreSearch {
    return this.#parts.search;
  }

  get secrets(): SecretDesk {
    return this.#parts.credentials;
  }

  stamp(): Stamp {
    return this.#parts.site.stamp();
  }

  ports(): KnowledgePorts {
    return this.#parts.site.ports();
  }

  storage(): 'ok' | 'low' | 'unsafe' {
    return this.#parts.journal.storage;
  }

  devices(): readonly DeviceView[] {
    return this.#parts.board.views();
  }

  cloud(): CloudView | undefined {
    return this.#parts.cloud?.status;
  }

  vendors(): readonly VendorView[] {
    return this.#parts.vendors();
  }

  health(): readonly HealthCheck[] {
    return this.#parts.health();
  }

  command(command: Command, rows: readonly EvidenceRow[]): DeskAttempt {
    return this.#parts.actions.command(command, rows);
  }

  withdrawOpenings(
    grant: GrantId,
  ): Promise<readonly { readonly device: string; readonly state: 'dead' | 'pending' }[]> {
    return this.#parts.actions.withdrawOpenings(grant);
  }

  renewBackups(): Promise<readonly string[]> {
    return this.#parts.renewBackups();
  }

  stateTime(at: Instant, error: Millis, by: string): boolean {
    if (!this.#parts.stated(at, error)) return false;
    const body = { by, stated: new Date(at).toISOString() };
    this.journal
      .append({
        stamp: this.stamp(),
        entries: [{ type: 'system.config_changed', body }],
        keep: true,
      })
      .committed.catch(() => {}); // a full disk has its own alarm
    return true;
  }

  adopt(device: DeviceId, by: string): void {
    this.#parts.adopt(device);
    this.journal
      .append({ stamp: this.stamp(), entries: [{ type: 'device.adopted', device, body: { by } }] })
      .committed.catch(() => {}); // a full disk has its own alarm
  }

  grantsChanged(): void {
    this.#parts.grantsChanged();
  }

  /** For enrolling: the next card as text. What it opens by itself is decided as always. */
  async nextCard(
    reader: DeviceId | undefined,
    within: Millis,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const found = Promise.withResolvers<string>();
    const waiting: Enrolling = { reader, shown: found.resolve };
    this.#enrolling.add(waiting);
    try {
      return await Promise.race([
        found.promise,
        pause(this.clock, within, signal).then(() => undefined),
      ]);
    } finally {
      this.#enrolling.delete(waiting);
    }
  }

  /** Answers whether the card was waited for by somebody who enrols it: then it opens nothing. */
  takesCard(event: DeviceEvent): boolean {
    if (event.kind !== 'card-read') return false;
    const waiting = [...this.#enrolling].filter(
      ({ reader }) => reader === undefined || reader === event.device,
    );
    for (const { shown } of waiting) shown(identityText(identityOf(event)));
    return waiting.length > 0;
  }
}
