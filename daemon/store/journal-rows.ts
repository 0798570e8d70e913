/** How an entry lies in its table, and how it comes back. */
import { deviceId } from '../../drivers/contract/device.ts';
import { instant, uptime } from '../../drivers/contract/time.ts';
import {
  ENTRY_TYPES,
  type EntryType,
  type JsonObject,
  type RecordedEntry,
} from '../access/entry.ts';
import { type ClockInterval, holderId } from '../access/model.ts';
import { StorageError } from './ports.ts';

/** One entry on its way to the writer; hashes in hex. */
export interface EntryRow {
  readonly seq: number;
  readonly id: string;
  readonly at: number;
  readonly uptime: number;
  readonly boot: string;
  readonly lo: number;
  readonly hi: number | null;
  readonly state: string;
  readonly type: string;
  readonly device: string | null;
  readonly sub: string | null;
  readonly body: string;
  readonly evidence: string | null;
  readonly digest: string;
  readonly hash: string;
}

export const ENTRY_COLUMNS =
  'e.seq, e.id, e.at, e.uptime, e.boot, e.lo, e.hi, e.state, e.type, e.device, e.sub, e.body, e.evidence, e.digest, e.hash';

export type EntryTuple = [
  seq: number,
  id: string,
  at: number,
  uptime: number,
  boot: string,
  lo: number,
  hi: number | null,
  state: string,
  type: string,
  device: string | null,
  sub: string | null,
  body: string | null,
  evidence: string | null,
  digest: Buffer,
  hash: Buffer,
];

/** A body that retention has emptied reads as `{}`. */
export function entryFrom(row: EntryTuple, epoch: string, prev: string): RecordedEntry {
  const [seq, id, at, up, boot, lo, hi, state, type, device, sub, body, evidence, , hash] = row;
  return {
    epoch,
    seq,
    id,
    type: typeNamed(type),
    ...(device === null ? {} : { device: deviceId(device) }),
    ...(sub === null ? {} : { sub: holderId(sub) }),
    body: body === null ? {} : jsonObject(body),
    ...(evidence === null ? {} : { evidence: jsonObject(evidence) }),
    stamp: {
      at: instant(at),
      uptime: uptime(up),
      boot,
      clock: intervalFrom(lo, hi, state),
    },
    prev,
    hash: hash.toString('hex'),
  };
}

/** @throws StorageError when the text is no JSON object: the file was changed by something else. */
export function jsonObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new StorageError('corrupt', 'a stored body is no JSON', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new StorageError('corrupt', 'a stored body is no JSON object');
  }
  return value as JsonObject;
}

const TYPES: ReadonlyMap<string, EntryType> = new Map(ENTRY_TYPES.map((type) => [type, type]));

export function typeNamed(name: string): EntryType {
  const type = TYPES.get(name);
  if (type === undefined) throw new StorageError('corrupt', `no entry type "${name}"`);
  return type;
}

const STATES: readonly ClockInterval['state'][] = ['trusted', 'holdover', 'floor', 'broken'];

function intervalFrom(lo: number, hi: number | null, state: string): ClockInterval {
  const end = instant(hi ?? Number.POSITIVE_INFINITY);
  return { lo: instant(lo), hi: end, state: stateNamed(state) };
}

function stateNamed(name: string): ClockInterval['state'] {
  const state = STATES.find((each) => each === name);
  if (state === undefined) throw new StorageError('corrupt', `no clock state "${name}"`);
  return state;
}

/** An entry that carries the whole ledger, not only a signature. */
export function isCheckpoint({ type, evidence }: RecordedEntry): boolean {
  return type === 'system.checkpoint' && Array.isArray(evidence?.['ledger']);
}
