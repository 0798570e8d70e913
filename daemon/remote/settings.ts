/** The few settings that a signed `config` command may change, as they hold now. `settings-change.ts` changes them. */
import { isObject, numberIn, objectIn } from '../access/body.ts';
import type { Json, JsonObject } from '../access/entry.ts';
import type { Policies } from '../access/model.ts';
import type { Journal } from '../store/ports.ts';

export const SETTINGS_MARK = 'config.remote';

/**
 * Nothing here widens access: what may be opened is changed by grants, and by who stands at the box. `null` gives a
 * setting back to the config file.
 */
export const SETTINGS = {
  'log.level': ['error', 'warn', 'info', 'debug'],
  'policies.clockUntrusted': ['deny'],
  'policies.auditFull': ['allow_staff', 'deny'],
} as const;

export type Settings = {
  readonly [Name in keyof typeof SETTINGS]?: (typeof SETTINGS)[Name][number] | null | undefined;
};

export interface StoredSettings {
  readonly version: number;
  readonly set: JsonObject;
  /** To go back to. */
  readonly before?: { readonly version: number; readonly set: JsonObject };
}

export class RemoteSettings {
  readonly #changed: (settings: Settings) => void;
  #stored: StoredSettings | undefined;
  #settings: Settings = {};

  /** `changed` is told of what holds beside the policies: at the start, and whenever it is another. */
  constructor(journal: Pick<Journal, 'mark'>, changed: (settings: Settings) => void) {
    this.#changed = changed;
    const stored = storedIn(journal.mark(SETTINGS_MARK));
    if (stored !== undefined) this.become(stored);
  }

  get version(): number {
    return this.#stored?.version ?? 0;
  }

  get stored(): StoredSettings | undefined {
    return this.#stored;
  }

  /** The narrower of what the file says and what was set from afar (P5). */
  narrowed(policies: Policies): Policies {
    const { 'policies.clockUntrusted': clockUntrusted, 'policies.auditFull': auditFull } =
      this.#settings;
    if (clockUntrusted == null && auditFull == null) return policies;
    return {
      ...policies,
      ...(clockUntrusted == null ? {} : { clockUntrusted }),
      ...(auditFull == null || policies.auditFull === 'deny' ? {} : { auditFull }),
    };
  }

  become(stored: StoredSettings): void {
    // Two on their way to the disk at once: the older one has nothing to say any more.
    if (stored.version <= this.version) return;
    this.#stored = stored;
    // What an older version of the daemon allowed and this one does not, is left out.
    this.#settings = settingsIn(stored.set);
    this.#changed(this.#settings);
  }
}

/** All of it, or none: what is not known here may have been meant to go with the rest. */
function settingsIn(set: JsonObject): Settings {
  const {
    'log.level': level,
    'policies.clockUntrusted': clockUntrusted,
    'policies.auditFull': auditFull,
    ...more
  } = set;
  if (Object.keys(more).length > 0) return {};
  if (!isOneOf(SETTINGS['log.level'], level)) return {};
  if (!isOneOf(SETTINGS['policies.clockUntrusted'], clockUntrusted)) return {};
  if (!isOneOf(SETTINGS['policies.auditFull'], auditFull)) return {};
  return {
    'log.level': level,
    'policies.clockUntrusted': clockUntrusted,
    'policies.auditFull': auditFull,
  };
}

function isOneOf<Word extends string>(
  words: readonly Word[],
  value: Json | undefined,
): value is Word | null | undefined {
  return value == null || words.some((word) => word === value);
}

function storedIn(value: Json | undefined): StoredSettings | undefined {
  if (!isObject(value)) return undefined;
  const version = numberIn(value, 'version');
  const set = objectIn(value, 'set');
  const before = objectIn(value, 'before');
  if (version === undefined || set === undefined) return undefined;
  const beforeVersion = before && numberIn(before, 'version');
  const beforeSet = before && objectIn(before, 'set');
  return beforeVersion === undefined || beforeSet === undefined
    ? { version, set }
    : { version, set, before: { version: beforeVersion, set: beforeSet } };
}
