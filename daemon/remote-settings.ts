/** The few settings that a signed `config` command may change; each version keeps the one before, to go back to. */
import { z } from 'zod';
import type { Entry, Json, JsonObject } from './access/entry.ts';
import type { ActionFault } from './cloud/site-actions.ts';
import type { EvidenceRow, Journal } from './store/ports.ts';

const MARK = 'config.remote';

/** Nothing here widens access: what may be opened is changed by grants, and by who stands at the box. */
const settingsSchema = z.strictObject({
  'log.level': z.enum(['error', 'warn', 'info', 'debug']).optional(),
  'policies.clockUntrusted': z.literal('deny').optional(),
  'policies.auditFull': z.enum(['allow_staff', 'deny']).optional(),
});

const storedSchema = z.object({
  version: z.int(),
  set: z.record(z.string(), z.json()),
  before: z.object({ version: z.int(), set: z.record(z.string(), z.json()) }).optional(),
});

export type ChangeResult =
  | { readonly rows: readonly EvidenceRow[]; readonly entry: Entry }
  | { readonly fault: ActionFault; readonly data: JsonObject };

export class RemoteSettings {
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  get version(): number {
    return this.#stored()?.version ?? 0;
  }

  /** In force from the next start, but for the level of the log. */
  get(name: keyof z.infer<typeof settingsSchema>): Json | undefined {
    return this.#stored()?.set[name];
  }

  change(version: number, set: JsonObject): ChangeResult {
    const stored = this.#stored();
    const have = stored?.version ?? 0;
    if (version <= have) return { fault: 'conflict', data: { have } };
    const read = settingsSchema.safeParse(set);
    if (!read.success) {
      const allowed = Object.keys(settingsSchema.shape);
      return { fault: 'bad-request', data: { allowed, detail: z.prettifyError(read.error) } };
    }
    const before = stored === undefined ? {} : { before: { version: have, set: stored.set } };
    const value = { version, set: { ...stored?.set, ...set }, ...before };
    return {
      rows: [{ table: 'mark', name: MARK, value }],
      entry: { type: 'system.config_changed', body: { version, settings: Object.keys(set) } },
    };
  }

  #stored() {
    const read = storedSchema.safeParse(this.#journal.mark(MARK));
    return read.success ? read.data : undefined;
  }
}
