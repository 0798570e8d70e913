/**
 * How a grant lies in its row. The document is a JSON array by place instead of by name, without what is at its
 * default: a million grants are a million times their names, and the card is small.
 */
import { type SlotNumber, slotNumber } from '../../drivers/contract/device.ts';
import { type Instant, instant } from '../../drivers/contract/time.ts';
import type { Json } from '../access/entry.ts';
import type { StoredGrant } from '../access/lookup.ts';
import type {
  Credential,
  CredentialIndex,
  Grant,
  Key,
  Operation,
  ResolvedWindow,
  Target,
  Vendor,
  Window,
} from '../access/model.ts';
import { type GrantChange, type GrantWrite, StorageError } from './ports.ts';

/** A grant on its way to the writer. */
export interface GrantRow {
  readonly id: string;
  readonly source: Vendor;
  readonly rev: number;
  readonly holder: string;
  readonly starts: number | null;
  readonly ends: number | null;
  readonly local: 0 | 1;
  readonly doc: string;
  /** Hex, 16 bytes each, without repetition. */
  readonly codes: readonly string[];
  readonly slots: readonly { readonly box: string; readonly slot: number }[];
}

export interface KeyRow {
  readonly id: string;
  readonly rev: number;
  readonly source: Vendor;
  readonly fob: string | null;
  readonly doc: string;
}

export type RowChange =
  | { readonly kind: 'put'; readonly row: GrantRow }
  | Extract<GrantChange, { kind: 'revoke' }>
  | { readonly kind: 'put-key'; readonly row: KeyRow }
  | Extract<GrantChange, { kind: 'remove-key' }>;

export interface RowWrite extends Omit<GrantWrite, 'changes'> {
  readonly changes: readonly RowChange[];
}

/** A window that resolves to nothing is refused where it is made; one that becomes so later never holds. */
export type Resolve = (window: Window, zone: string) => ResolvedWindow | string;

const NEVER: ResolvedWindow = { start: instant(0), end: instant(0) };

export function resolved(window: Window, zone: string, resolve: Resolve): ResolvedWindow {
  const found = resolve(window, zone);
  return typeof found === 'string' ? NEVER : found;
}

export function grantRow(grant: Grant, window: ResolvedWindow): GrantRow {
  return {
    id: grant.id,
    source: grant.source.vendor,
    rev: grant.rev,
    holder: grant.holder,
    starts: window.start === undefined ? null : Math.ceil(window.start),
    ends: window.end === undefined ? null : Math.floor(window.end),
    local: grant.window.kind === 'wall' || grant.window.kind === 'floating' ? 1 : 0,
    doc: grantText(grant),
    codes: [...new Set(grant.credentials.map(({ index }) => index))],
    slots: slotsOf(grant.targets),
  };
}

export function keyRow(key: Key): KeyRow {
  const { id, rev, source, fob } = key;
  return { id, rev, source: source.vendor, fob: fob ?? null, doc: JSON.stringify(key) };
}

/** `box:7` as box and number; a slot target that is none of ours reserves nothing. */
export function slotsOf(targets: readonly Target[]): GrantRow['slots'] {
  return targets.flatMap(({ kind, id }) => {
    const parts = kind === 'slot' ? /^(.+):(\d{1,4})$/.exec(id) : null;
    const [, box, slot] = parts ?? [];
    return box === undefined || slot === undefined ? [] : [{ box, slot: Number(slot) }];
  });
}

/**
 * What is not told is as usual: the vendor calls the grant as we do, its version is the revision, and it is active
 * without options. Statements of the store read credentials at 6 and targets at 7.
 */
type GrantTuple = [
  id: Grant['id'],
  rev: number,
  vendor: Vendor,
  ref: string | 0,
  version: string | 0,
  holder: Grant['holder'],
  credentials: CredentialTuple[],
  targets: [kind: Target['kind'], id: string][],
  window: Window | [start: Instant | null, end: Instant | null] | 0,
  operations: readonly Operation[],
  state?: Grant['state'],
  options?: Grant['options'] | 0,
  rest?: Pick<Grant, 'schedule' | 'uses' | 'unsupported'>,
];

/** `more` is the number of digits where there is nothing else to tell. */
type CredentialTuple = [
  id: Credential['id'],
  kind: Credential['kind'],
  index: CredentialIndex,
  more?: number | Omit<Credential, 'id' | 'kind' | 'index'>,
];

export function grantText(grant: Grant): string {
  const { id, rev, source, schedule, uses, unsupported } = grant;
  const tuple: GrantTuple = [
    id,
    rev,
    source.vendor,
    source.ref === id ? 0 : source.ref,
    source.version === String(rev) ? 0 : source.version,
    grant.holder,
    grant.credentials.map(credentialTuple),
    grant.targets.map((target) => [target.kind, target.id]),
    windowTuple(grant.window),
    grant.operations,
  ];
  const rest = {
    ...(schedule === undefined ? {} : { schedule }),
    ...(uses === undefined ? {} : { uses }),
    ...(unsupported === undefined ? {} : { unsupported }),
  };
  const hasRest = Object.keys(rest).length > 0;
  const hasOptions = Object.keys(grant.options).length > 0;
  if (hasRest || hasOptions || grant.state !== 'active') tuple.push(grant.state);
  if (hasRest || hasOptions) tuple.push(hasOptions ? grant.options : 0);
  if (hasRest) tuple.push(rest);
  return JSON.stringify(tuple);
}

function credentialTuple({ id, kind, index, ...more }: Credential): CredentialTuple {
  const { digits, ...others } = more;
  if (Object.keys(others).length > 0) return [id, kind, index, more];
  return digits === undefined ? [id, kind, index] : [id, kind, index, digits];
}

function windowTuple(window: Window): GrantTuple[8] {
  if (window.kind === 'ongoing') return 0;
  return window.kind === 'instants' ? [window.start ?? null, window.end ?? null] : window;
}

/** Only what `grantText` wrote is read here. @throws StorageError `corrupt` */
export function grantFrom(text: string): Grant {
  try {
    const tuple: GrantTuple = JSON.parse(text);
    const grant: Grant = {
      id: tuple[0],
      rev: tuple[1],
      source: {
        vendor: tuple[2],
        ref: tuple[3] === 0 ? tuple[0] : tuple[3],
        version: tuple[4] === 0 ? String(tuple[1]) : tuple[4],
      },
      holder: tuple[5],
      credentials: tuple[6].map(credentialFrom),
      targets: tuple[7].map((target) => ({ kind: target[0], id: target[1] })),
      window: windowFrom(tuple[8]),
      operations: tuple[9],
      options: tuple[11] || {},
      state: tuple[10] ?? 'active',
    };
    return tuple[12] === undefined ? grant : { ...grant, ...tuple[12] };
  } catch (cause) {
    throw new StorageError('corrupt', 'a stored grant cannot be read', { cause });
  }
}

function credentialFrom(tuple: CredentialTuple): Credential {
  const [id, kind, index, more] = tuple;
  if (more === undefined) return { id, kind, index };
  return typeof more === 'number'
    ? { id, kind, index, digits: more }
    : { id, kind, index, ...more };
}

function windowFrom(window: GrantTuple[8]): Window {
  if (window === 0) return { kind: 'ongoing' };
  if (!Array.isArray(window)) return window;
  const [start, end] = window;
  if (start === null) return end === null ? { kind: 'instants' } : { kind: 'instants', end };
  return end === null ? { kind: 'instants', start } : { kind: 'instants', start, end };
}

export function keyFrom(text: string): Key {
  try {
    const key: Key = JSON.parse(text);
    return key;
  } catch (cause) {
    throw new StorageError('corrupt', 'a stored key cannot be read', { cause });
  }
}

export function jsonFrom(text: string): Json {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch (cause) {
    throw new StorageError('corrupt', 'a stored value cannot be read', { cause });
  }
}

/** What every lookup selects, from `grants g` and its tombstone `t`. */
export const STORED_COLUMNS = 'g.doc, g.starts, g.ends, g.rev, g.gone, t.rev, t.at';
export type StoredTuple = [
  doc: string,
  starts: number | null,
  ends: number | null,
  rev: number,
  gone: number | null,
  tombstoneRev: number | null,
  tombstoneAt: number | null,
];

export function storedFrom(row: StoredTuple): StoredGrant {
  const [doc, starts, ends, rev, gone, tombstoneRev, tombstoneAt] = row;
  const window: ResolvedWindow = {
    start: starts === null ? undefined : instant(starts),
    end: ends === null ? undefined : instant(ends),
  };
  let revoked: StoredGrant['revoked'];
  if (tombstoneRev !== null) revoked = { rev: tombstoneRev, at: instant(tombstoneAt ?? 0) };
  else if (gone !== null) revoked = { rev, at: instant(gone) };
  return { grant: grantFrom(doc), window, revoked };
}

export function codeBytes(index: CredentialIndex | string): Buffer {
  return Buffer.from(index, 'hex');
}

export function slotNumbers(rows: readonly [number][]): readonly SlotNumber[] {
  return rows.map(([slot]) => slotNumber(slot));
}
