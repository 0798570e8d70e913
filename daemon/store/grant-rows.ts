/**
 * How a grant lies in its row. The document is a JSON array by place instead of by name, without what is at its
 * default: a million grants are a million times their names, and the card is small.
 */
import { isSlotNumber, type SlotNumber } from '../../drivers/contract/device.ts';
import { type Instant, instant } from '../../drivers/contract/time.ts';
import type { Json } from '../access/entry.ts';
import type { StoredGrant } from '../access/lookup.ts';
import type {
  Credential,
  CredentialIndex,
  Grant,
  GrantId,
  HolderId,
  Key,
  Operation,
  ResolvedWindow,
  Target,
  Vendor,
  Window,
} from '../access/model.ts';
import { type CodeNumbers, codeNumbers, FIRST_CODE, NO_CODE, type NoCode } from './code-numbers.ts';
import { type GrantChange, type GrantWrite, StorageError } from './ports.ts';
import { type Usual, usualFrom, usualText } from './usual-grant.ts';

/** A grant on its way to the writer. */
export interface GrantRow {
  readonly id: GrantId;
  readonly source: Vendor;
  readonly rev: number;
  readonly holder: HolderId;
  readonly starts: number | null;
  readonly ends: number | null;
  readonly local: 0 | 1;
  readonly doc: string;
  /** Hex, 16 bytes each, without repetition; the first lies in the row, all in their tree. */
  readonly codes: readonly CredentialIndex[];
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
  | Extract<GrantChange, { kind: 'revoke' | 'forget' }>
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
    doc: grantText(grant, window),
    codes: codesOf(grant.credentials),
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
 * What the columns tell is not told again, and what is left out is as usual: the vendor calls the grant as we do, its
 * version is the revision, the first code is the row's, it holds from `starts` to `ends`, is active and has no
 * options. Statements of the store read credentials at 2 and targets at 3.
 */
type GrantTuple = [
  ref: string | 0,
  version: string | 0,
  credentials: CredentialTuple[],
  targets: [kind: Target['kind'], id: string][],
  operations: readonly Operation[],
  window?: Window | 0,
  state?: Grant['state'],
  options?: Grant['options'] | 0,
  rest?: Pick<Grant, 'schedule' | 'uses' | 'unsupported'>,
];

/** `more` is the number of digits where there is nothing else to tell. */
type CredentialTuple = [
  id: Credential['id'],
  kind: Credential['kind'],
  index: CredentialIndex | 0,
  more?: number | Omit<Credential, 'id' | 'kind' | 'index'>,
];

function grantText(grant: Grant, resolved: ResolvedWindow): string {
  const { id, rev, source, credentials, targets, operations, window, state, options } = grant;
  const { schedule, uses, unsupported } = grant;
  const ref = source.ref === id ? 0 : source.ref;
  const version = source.version === String(rev) ? 0 : source.version;
  const hasRest = schedule !== undefined || uses !== undefined || unsupported !== undefined;
  const hasOptions = Object.keys(options).length > 0;
  const isPlain = isAsColumns(window, resolved);
  const isEnd = isPlain && state === 'active' && !hasOptions && !hasRest;
  const usual = isEnd && ref === 0 && version === 0 ? usualText(grant) : undefined;
  if (usual !== undefined) return usual;
  const tuple: GrantTuple = [
    ref,
    version,
    credentials.map((each, place) => credentialTuple(each, place)),
    targets.map((target) => [target.kind, target.id]),
    operations,
  ];
  if (!isEnd) tuple.push(isPlain ? 0 : window);
  if (hasRest || hasOptions || state !== 'active') tuple.push(state);
  if (hasRest || hasOptions) tuple.push(hasOptions ? options : 0);
  if (hasRest) {
    tuple.push({
      ...(schedule === undefined ? {} : { schedule }),
      ...(uses === undefined ? {} : { uses }),
      ...(unsupported === undefined ? {} : { unsupported }),
    });
  }
  return JSON.stringify(tuple);
}

/** Instants with one end at least, in whole milliseconds, are told by `starts` and `ends`. */
function isAsColumns(window: Window, { start, end }: ResolvedWindow): boolean {
  if (window.kind !== 'instants' || window.start !== start || window.end !== end) return false;
  const isWhole = (at: Instant | undefined) => at === undefined || Number.isInteger(at);
  return (start !== undefined || end !== undefined) && isWhole(start) && isWhole(end);
}

function credentialTuple({ id, kind, index, ...more }: Credential, place: number): CredentialTuple {
  const { digits, ...others } = more;
  const code = place === 0 ? 0 : index;
  if (Object.keys(others).length > 0) return [id, kind, code, more];
  return digits === undefined ? [id, kind, code] : [id, kind, code, digits];
}

/** The columns of a grant that tell what it is; `first` is the row's code in hex. */
export type ToldColumns = Pick<
  GrantRow,
  'id' | 'rev' | 'source' | 'holder' | 'starts' | 'ends' | 'doc'
> & { readonly first: CredentialIndex | null };

/** Only what `grantRow` made is read here. @throws StorageError `corrupt` */
export function grantFrom(columns: ToldColumns): Grant {
  const { id, rev, source, holder, starts, ends, doc, first } = columns;
  const usual = usualFrom(doc);
  if (usual !== undefined) return usualGrant(columns, usual);
  const tuple = tupleFrom(doc);
  const [ref, version] = tuple;
  const grant: Grant = {
    id,
    rev,
    source: {
      vendor: source,
      ref: ref === 0 ? id : ref,
      version: version === 0 ? String(rev) : version,
    },
    holder,
    credentials: tuple[2].map((each) => credentialFrom(each, first)),
    targets: tuple[3].map(targetFrom),
    window: tuple[5] || instantsFrom(starts, ends),
    operations: tuple[4],
    options: tuple[7] || {},
    state: tuple[6] ?? 'active',
  };
  return tuple[8] === undefined ? grant : { ...grant, ...tuple[8] };
}

/** Whether what a document tells holds, or waits or is replaced. @throws StorageError `corrupt` */
export function stateFrom(doc: string): Grant['state'] {
  return tupleFrom(doc)[6] ?? 'active';
}

/** What a grant has in the trees of codes and slots, as document and row tell. @throws StorageError `corrupt` */
export function treesOf(
  doc: string,
  first: CredentialIndex | null,
): Pick<GrantRow, 'codes' | 'slots'> {
  const tuple = tupleFrom(doc);
  return {
    codes: codesOf(tuple[2].map((each) => credentialFrom(each, first))),
    slots: slotsOf(tuple[3].map(targetFrom)),
  };
}

function codesOf(credentials: readonly Credential[]): readonly CredentialIndex[] {
  const [only] = credentials;
  if (only !== undefined && credentials.length === 1) return [only.index]; // most, and a Set takes its time
  return [...new Set(credentials.map(({ index }) => index))];
}

function usualGrant(columns: ToldColumns, usual: Usual): Grant {
  const { id, rev, source, holder, starts, ends, first: index } = columns;
  if (index === null) throw lacksCode();
  const [, credential, kind, digits, targetKind, target, operation] = usual;
  const more = digits === undefined ? undefined : Number(digits);
  return {
    id,
    rev,
    source: { vendor: source, ref: id, version: String(rev) },
    holder,
    credentials: [
      more === undefined
        ? { id: credential, kind, index }
        : { id: credential, kind, index, digits: more },
    ],
    targets: [{ kind: targetKind, id: target }],
    window: instantsFrom(starts, ends),
    operations: [operation],
    options: {},
    state: 'active',
  };
}

function lacksCode(): StorageError {
  return new StorageError('corrupt', 'a stored grant lacks its first code');
}

function tupleFrom(doc: string): GrantTuple {
  try {
    const tuple: GrantTuple = JSON.parse(doc);
    return tuple;
  } catch (cause) {
    throw new StorageError('corrupt', 'a stored grant cannot be read', { cause });
  }
}

function targetFrom([kind, id]: GrantTuple[3][number]): Target {
  return { kind, id };
}

function credentialFrom(tuple: CredentialTuple, first: CredentialIndex | null): Credential {
  const [id, kind, code, more] = tuple;
  const index = code === 0 ? first : code;
  if (index === null) throw lacksCode();
  if (more === undefined) return { id, kind, index };
  return typeof more === 'number'
    ? { id, kind, index, digits: more }
    : { id, kind, index, ...more };
}

function instantsFrom(starts: number | null, ends: number | null): Window {
  if (starts !== null && ends !== null) {
    return { kind: 'instants', start: instant(starts), end: instant(ends) };
  }
  return {
    kind: 'instants',
    ...(starts === null ? {} : { start: instant(starts) }),
    ...(ends === null ? {} : { end: instant(ends) }),
  };
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

/** What every lookup selects from `grants g`. */
export const STORED_COLUMNS = storedColumns(FIRST_CODE);

/** `first` tells the first code in hex. */
export function storedColumns(first: string): string {
  return `g.id, g.rev, g.source, g.holder, g.starts, g.ends, g.doc, ${first}, g.gone, g.revoked, g.revoked_at`;
}

export type StoredTuple = [
  id: GrantId,
  rev: number,
  source: Vendor,
  holder: HolderId,
  starts: number | null,
  ends: number | null,
  doc: string,
  first: CredentialIndex | null,
  gone: number | null,
  revoked: number | null,
  revokedAt: number | null,
];

/** A row that is gone is revoked as it is. `shown` is its first code where the row was found by that and does not say. */
export function storedFrom(row: StoredTuple, shown: CredentialIndex | null = null): StoredGrant {
  const [id, rev, source, holder, starts, ends, doc, first, gone, revoked, revokedAt] = row;
  return {
    grant: grantFrom({ id, rev, source, holder, starts, ends, doc, first: first ?? shown }),
    window: {
      start: starts === null ? undefined : instant(starts),
      end: ends === null ? undefined : instant(ends),
    },
    revoked: revocation(revoked ?? (gone === null ? null : rev), revokedAt ?? gone),
  };
}

function revocation(rev: number | null, at: number | null): StoredGrant['revoked'] {
  return rev === null ? undefined : { rev, at: instant(at ?? 0) };
}

/** For its place in the row. */
export function firstCode({ codes }: Pick<GrantRow, 'codes'>): CodeNumbers | NoCode {
  const [first] = codes;
  return first === undefined ? NO_CODE : codeNumbers(first);
}

/** A grant may name a slot that no board has: it reserves nothing, and stands in nobody's way. */
export function slotNumbers(slots: Iterable<number>): readonly SlotNumber[] {
  return [...slots].filter(isSlotNumber);
}
