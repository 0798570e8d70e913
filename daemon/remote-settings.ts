/** The few settings that a signed `config` command may change; each version keeps the one before, to go back to. */
import { z } from 'zod';
import type { Entry, Json, JsonObject } from './access/entry.ts';
import type { Policies } from './access/model.ts';
import type { ActionFault } from './cloud/site-actions.ts';
import type { EvidenceRow, Journal } from './store/ports.ts';

const MARK = 'config.remote';

/**
 * Nothing here widens access: what may be opened is changed by grants, and by who stands at the box. `null` gives a
 * setting back to the config file.
 */
const settingsSchema = z.strictObject({
  'log.level': z.enum(['error', 'warn', 'info', 'debug']).nullish(),
  'policies.clockUntrusted': z.literal('deny').nullish(),
  'policies.auditFull': z.enum(['allow_staff', 'deny']).nullish(),
});
type Settings = z.infer<typeof settingsSchema>;

const storedSchema = z.object({
  version: z.int(),
  set: z.record(z.string(), z.json()),
  before: z.object({ version: z.int(), set: z.record(z.string(), z.json()) }).optional(),
});
type Stored = z.infer<typeof storedSchema>;

export type ChangeResult =
  | {
      readonly rows: readonly EvidenceRow[];
      readonly entry: Entry;
      /** To be called once the rows are on the disk. */
      readonly apply: () => void;
    }
  | { readonly fault: ActionFault; readonly data: JsonObject };

export class RemoteSettings {
  readonly #changed: (settings: Settings) => void;
  #stored: Stored | undefined;
  #settings: Settings = {};

  /** `changed` is told of what holds beside the policies: at the start, and whenever it is another. */
  constructor(journal: Pick<Journal, 'mark'>, changed: (settings: Settings) => void) {
    this.#changed = changed;
    const read = storedSchema.safeParse(journal.mark(MARK));
    if (read.success) this.#become(read.data);
  }

  get version(): number {
    return this.#stored?.version ?? 0;
  }

  /** The narrower of what the file says and what was set from afar (P5). */
  narrowed(policies: Policies): Policies {
    const { 'policies.clockUntrusted': clockUntrusted, 'policies.auditFull': auditFull } =
      this.#settings;
    return {
      ...policies,
      ...(clockUntrusted == null ? {} : { clockUntrusted }),
      ...(auditFull == null || policies.auditFull === 'deny' ? {} : { auditFull }),
    };
  }

  change(version: number, set: JsonObject): ChangeResult {
    const have = this.version;
    if (version <= have) return { fault: 'conflict', data: { have } };
    const read = settingsSchema.safeParse(set);
    if (!read.success) {
      const allowed = Object.keys(settingsSchema.shape);
      return { fault: 'bad-request', data: { allowed, detail: z.prettifyError(read.error) } };
    }
    const known = this.#stored;
    const before = known === undefined ? {} : { before: { version: have, set: known.set } };
    const merged: Record<string, Json> = { ...known?.set, ...set };
    const kept = Object.entries(merged).filter(([, value]) => value !== null);
    const value = { version, set: Object.fromEntries(kept), ...before };
    return {
      rows: [{ table: 'mark', name: MARK, value }],
      entry: { type: 'system.config_changed', body: { version, settings: Object.keys(set) } },
      apply: () => this.#become(storedSchema.parse(value)),
    };
  }

  #become(stored: Stored): void {
    // Two on their way to the disk at once: the older one has nothing to say any more.
    if (stored.version <= this.version) return;
    this.#stored = stored;
    // What an older version of the daemon allowed and this one does not, is left out.
    this.#settings = settingsSchema.safeParse(stored.set).data ?? {};
    this.#changed(this.#settings);
  }
}
