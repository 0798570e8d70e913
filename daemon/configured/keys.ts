/** Keys that the config names are told to the store like those of any other source: each change is a new revision. */
import type { Config } from '../../config/schema.ts';
import { slotNumber } from '../../drivers/contract/device.ts';
import type { Command } from '../access/command.ts';
import type { LedgerView } from '../access/ledger.ts';
import {
  accessPointId,
  type CredentialIndex,
  type Key,
  type KeyId,
  keyId,
} from '../access/model.ts';
import type { SiteFacts } from '../access/site-facts.ts';
import type { GrantChange, GrantStore } from '../store/ports.ts';

const SOURCE = 'local';

export interface ConfiguredKeys {
  readonly changes: readonly GrantChange[];
  /** Where keys hang that the ledger has never heard of: on the first start, as the installer says. */
  readonly places: readonly Command[];
}

export function configuredKeys(
  config: Config,
  facts: SiteFacts,
  grants: GrantStore,
  ledger: LedgerView,
  fobOf: (text: string) => CredentialIndex,
): ConfiguredKeys {
  const changes: GrantChange[] = [];
  const places: Command[] = [];
  for (const [name, setting] of Object.entries(config.keys)) {
    const id = keyId(name);
    const stored = grants.key(id);
    const key: Key = {
      id,
      name: setting.name,
      rev: (stored?.rev ?? 0) + 1,
      source: { vendor: SOURCE, ref: name, version: '1' },
      ...(setting.fob === undefined ? {} : { fob: fobOf(setting.fob) }),
      virtual: setting.virtual,
      roaming: setting.roaming,
      ...(setting.home === undefined ? {} : { home: accessPointId(setting.home) }),
      ...(setting.notes === undefined ? {} : { notes: setting.notes }),
    };
    if (stored === undefined || differs(stored, key)) changes.push({ kind: 'put-key', key });
    const place = placeOf(id, setting, facts);
    if (place !== undefined && ledger.get('key', id) === undefined) places.push(place);
  }
  return { changes, places };
}

/** A fob attached here, or a home moved by a return, is not undone by a config that never knew of it. */
function differs(stored: Key, key: Key): boolean {
  if (stored.source.vendor !== SOURCE) return false;
  const same = (one: unknown, other: unknown) => other === undefined || one === other;
  return !(
    stored.name === key.name &&
    stored.virtual === key.virtual &&
    stored.roaming === key.roaming &&
    same(stored.fob, key.fob) &&
    same(stored.home, key.home) &&
    same(stored.notes, key.notes)
  );
}

function placeOf(
  key: KeyId,
  { home, slot }: Config['keys'][string],
  facts: SiteFacts,
): Command | undefined {
  const box = facts.accessPoints.find(({ id }) => id === home)?.box;
  if (slot === undefined || box === undefined) return undefined;
  return {
    kind: 'key.correct',
    by: 'config',
    why: 'hangs there on the first start',
    key,
    place: { kind: 'slot', box: box.device, slot: slotNumber(slot) },
  };
}
