/** A signed `config` command: each version keeps the one before, to go back to. */
import { z } from 'zod';
import type { Entry, Json, JsonObject } from '../access/entry.ts';
import type { ActionFault } from '../cloud/site-actions.ts';
import type { EvidenceRow } from '../store/ports.ts';
import { type RemoteSettings, SETTINGS, SETTINGS_MARK } from './settings.ts';

const settingsSchema = z.strictObject({
  'log.level': z.enum(SETTINGS['log.level']).nullish(),
  'policies.clockUntrusted': z.enum(SETTINGS['policies.clockUntrusted']).nullish(),
  'policies.auditFull': z.enum(SETTINGS['policies.auditFull']).nullish(),
});

export type ChangeResult =
  | {
      readonly rows: readonly EvidenceRow[];
      readonly entry: Entry;
      /** To be called once the rows are on the disk, or could not be put there. */
      readonly ended: (isStored: boolean) => void;
    }
  | { readonly fault: ActionFault; readonly data: JsonObject };

export function changeSettings(
  settings: RemoteSettings,
  version: number,
  set: JsonObject,
): ChangeResult {
  const known = settings.newest;
  const have = known?.version ?? 0;
  if (version <= have) return { fault: 'conflict', data: { have } };
  const read = settingsSchema.safeParse(set);
  if (!read.success) {
    const allowed = Object.keys(settingsSchema.shape);
    return { fault: 'bad-request', data: { allowed, detail: z.prettifyError(read.error) } };
  }
  const before = known === undefined ? {} : { before: { version: have, set: known.set } };
  const merged: Record<string, Json> = { ...known?.set, ...set };
  const kept = Object.entries(merged).filter(([, value]) => value !== null);
  const value = { version, set: Object.fromEntries(kept), ...before };
  settings.begin(value);
  return {
    rows: [{ table: 'mark', name: SETTINGS_MARK, value }],
    entry: { type: 'system.config_changed', body: { version, settings: Object.keys(set) } },
    ended: (isStored) => settings.end(value, isStored),
  };
}
