/** What the local API answers, as far as the panel shows it. */
export type Scope = 'read' | 'operate' | 'admin';

export interface Me {
  readonly name: string;
  readonly scope: Scope;
}

export interface Status {
  readonly name: string;
  readonly zone: string;
  readonly bridge: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly startedAt: string;
  readonly now: string;
  readonly clock: { readonly state: string; readonly errMs: number | null };
  readonly storage: 'ok' | 'low' | 'unsafe';
  readonly unstored: { readonly kept: number; readonly lost: number };
  readonly journal: { readonly lastSeq: number; readonly acknowledged: number };
  readonly grants: number;
  readonly keys: {
    readonly all: number;
    readonly out: number;
    readonly overdue: number;
    readonly unknown: number;
  };
  readonly devices: { readonly all: number; readonly online: number };
  readonly lockdowns: readonly {
    readonly id: string;
    readonly scope: string;
    readonly allowStaff: boolean;
    readonly since: string;
  }[];
  readonly cloud: {
    readonly online: boolean;
    readonly broker: string;
    readonly outbox: number;
    readonly refused: number;
  } | null;
  readonly vendors: readonly {
    readonly vendor: string;
    readonly online: boolean;
    readonly syncedAt: string | null;
    readonly detail: string;
    readonly drift: number;
  }[];
}

export interface Slot {
  readonly slot: number;
  readonly door: 'open' | 'closed' | null;
  readonly present: boolean | null;
  readonly enabled: boolean;
  readonly keys: readonly { readonly id: string; readonly name: string }[];
  readonly flags: readonly string[];
  readonly reader: string | null;
}

export interface AccessPoint {
  readonly id: string;
  readonly box: {
    readonly device: string;
    readonly online: boolean;
    readonly slots: readonly Slot[];
  } | null;
  readonly locks: readonly {
    readonly device: string;
    readonly online: boolean;
    readonly door: 'open' | 'closed' | null;
  }[];
  readonly readers: readonly {
    readonly device: string;
    readonly online: boolean;
    readonly codes: boolean;
    readonly waitMs: number;
  }[];
}

export type KeyPlace =
  | {
      readonly kind: 'slot';
      readonly accessPoint: string | null;
      readonly box: string;
      readonly slot: number;
    }
  | {
      readonly kind: 'holder';
      readonly holder: string;
      readonly grant: string | null;
      readonly since: string;
      readonly due: string | null;
    }
  | { readonly kind: 'unknown'; readonly since: string | null }
  | { readonly kind: 'none' };

export interface Key {
  readonly id: string;
  readonly name: string;
  readonly source: string;
  readonly rev: number;
  readonly virtual: boolean;
  readonly roaming: boolean;
  readonly hasFob: boolean;
  readonly home: string | null;
  readonly notes: string | null;
  readonly place: KeyPlace;
  readonly flags: readonly string[];
}

export interface Device {
  readonly id: string;
  readonly driver: string;
  readonly bus: string;
  readonly port: string;
  readonly online: boolean;
  readonly link: string;
  readonly detail: string;
  readonly lastProofMs: number | null;
  readonly identity: string | null;
  readonly lockState: string | null;
  readonly batteryPercent: number | null;
  readonly onPowerLoss: string | null;
  readonly tamper: boolean | null;
  readonly queued: number;
  readonly statistics: Readonly<Record<string, number>>;
}

export interface Grant {
  readonly id: string;
  readonly rev: number;
  readonly source: { readonly vendor: string };
  readonly holder: string;
  readonly credentials: readonly {
    readonly id: string;
    readonly kind: string;
    readonly digits: number | null;
    readonly combineWith: string | null;
  }[];
  readonly targets: readonly { readonly kind: string; readonly id: string }[];
  readonly window: { readonly kind: string; readonly [name: string]: Json };
  readonly starts: string | null;
  readonly ends: string | null;
  readonly schedule: Schedule | null;
  readonly uses: { readonly max: number; readonly reset?: string } | null;
  readonly operations: readonly string[];
  readonly options: Readonly<Record<string, Json>>;
  readonly state: string;
  readonly unsupported: readonly string[];
  readonly revoked: { readonly at: string } | null;
}

export interface Schedule {
  readonly zone: string;
  readonly weekly: readonly {
    readonly days: readonly number[];
    readonly from: string;
    readonly to: string;
  }[];
  readonly [name: string]: Json;
}

export interface Fidelity {
  readonly places: readonly {
    readonly place: string;
    readonly remarks: readonly { readonly kind: 'cannot' | 'differs'; readonly text: string }[];
  }[];
}

export interface Person {
  readonly holder: string;
  readonly grants: number;
  readonly keys: readonly string[];
}

export interface PersonWhole {
  readonly holder: string;
  readonly keys: readonly string[];
  readonly grants: readonly Grant[];
  readonly disabledIn: readonly { readonly grant: string; readonly credential: string }[];
}

export interface Difference {
  readonly vendor: string;
  readonly kind: string;
  readonly id: string;
  readonly ref: string | null;
  readonly place: string | null;
  readonly state: string;
  readonly detail: string;
  readonly since: string | null;
}

export interface VendorStatus {
  readonly vendor: string;
  readonly online: boolean;
  readonly syncedAt: string | null;
  readonly ageMs: number | null;
  readonly detail: string;
  readonly drift: number;
  readonly pending: number;
}

export interface Health {
  readonly ok: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly detail: string;
  }[];
  readonly disk: { readonly freeBytes: number; readonly allBytes: number } | null;
  readonly backups: readonly {
    readonly file: string;
    readonly at: string;
    readonly bytes: number;
  }[];
}

export interface WouldBe {
  readonly sentence: string;
  readonly decision: { readonly kind: 'granted' | 'denied'; readonly reason?: string };
  readonly at: string;
  readonly reader: string;
}

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };

export interface Entry {
  readonly seq: number;
  readonly type: string;
  readonly at: string;
  readonly clock: string;
  readonly device: string | null;
  readonly holder: string | null;
  readonly body: Readonly<Record<string, Json>>;
  readonly hash: string;
}

export interface Why {
  readonly entry: Entry;
  readonly sentence: string;
  readonly explained: boolean;
  readonly same: boolean | null;
  readonly differences: readonly string[];
  readonly clock: {
    readonly state: string;
    readonly lo: string;
    readonly hi: string | null;
  } | null;
  readonly tzdata: string | null;
}

export interface Outcome {
  readonly result: 'done' | 'refused' | 'failed' | 'unknown';
  readonly reason?: string;
  /** It was done before, under the same key; nothing was done now. */
  readonly dup: boolean;
}
