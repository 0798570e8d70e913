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
  /** On their way to the disk: what comes after one rests on it. */
  #underWay: readonly StoredSettings[] = [];
  #settings: Settings = {};

  /** `changed` is told of what holds beside the policies: at the start, and whenever it is another. */
  constructor(journal: Pick<Journal, 'mark'>, changed: (settings: Settings) => void) {
    this.#changed = changed;
    const stored = storedIn(journal.mark(SETTINGS_MARK));
    if (stored !== undefined) this.become(stored);
  }

  /** The newest there is, also where it is not on the disk yet. */
  get newest(): StoredSettings | undefined {
    return this.#underWay.at(-1) ?? this.#stored;
  }

  begin(settings: StoredSettings): void {
    this.#underWay = [...this.#underWay, settings];
  }

  /** It is on the disk, and holds; or could not be put there. */
  end(settings: StoredSettings, isStored: boolean): void {
    this.#underWay = this.#underWay.filter((each) => each !== settings);
    if (isStored) this.become(settings);
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
    if (stored.version <= (this.#stored?.version ?? 0)) return;
    this.#stored = stored;
    this.#settings = settingsIn(stored.set);
    this.#changed(this.#settings);
  }
}

/** A word of another version of the daemon is a narrowing not known here: the narrowest stands for it (P5). */
function settingsIn(set: JsonObject): Settings {
  const { 'log.level': level } = set;
  const { 'policies.clockUntrusted': clockUntrusted, 'policies.auditFull': auditFull } = set;
  return {
    'log.level': isOneOf(SETTINGS['log.level'], level) ? level : undefined,
    'policies.clockUntrusted': isOneOf(SETTINGS['policies.clockUntrusted'], clockUntrusted)
      ? clockUntrusted
      : 'deny',
    'policies.auditFull': isOneOf(SETTINGS['policies.auditFull'], auditFull) ? auditFull : 'deny',
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
