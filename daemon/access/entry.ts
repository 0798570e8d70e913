/**
 * What the journal holds: entries, appended only. An entry's type is its class, a dot, and the word of the design
 * page with `_` for `-`; classes are also the topics events are published under (conventions 1.5, 1.6).
 */
import type { DeviceId } from '../../drivers/contract/device.ts';
import type { Instant, Uptime } from '../../drivers/contract/time.ts';
import type { ClockInterval, HolderId } from './model.ts';

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };
export type JsonObject = { readonly [name: string]: Json };

export const ENTRY_CLASSES = ['access', 'grant', 'device', 'system', 'security'] as const;
export type EntryClass = (typeof ENTRY_CLASSES)[number];

/** The closed list. Adding one is an additive change of the wire; none is ever renamed. */
export const ENTRY_TYPES = [
  // decisions and what came of them
  'access.granted',
  'access.denied',
  'access.commanded', // a signed command or a local operator asked; the intent, before the wire
  'access.opened', // the device was seen to do it
  'access.open_failed',
  'access.unknown_outcome', // intent without result: never driven again
  'access.withdrawn', // an opening taken back before the wire
  'access.egress',
  // custody
  'access.taken',
  'access.not_taken',
  'access.content_unknown',
  'access.jammed',
  'access.returned',
  'access.late_return',
  'access.misplaced',
  'access.not_returned',
  'access.foreign_fob',
  'access.fob_attached',
  'access.fob_detached',
  'access.slot_shared',
  'access.fob_doubled',
  'access.held_open',
  'access.closed_late',
  'access.forced_open',
  'access.overdue',
  'access.reminder',
  'access.box_full',
  'access.corrected',
  'access.found_moved',
  'access.anti_passback',
  // what we are told
  'grant.put',
  'grant.revoked',
  'grant.revocation_effective',
  'grant.snapshot_applied',
  'grant.delta_applied',
  'grant.window_empty',
  'grant.zone_changed',
  'grant.pin_collision',
  'grant.pin_rotated',
  'grant.code_space_low',
  'grant.cannot',
  'grant.fidelity',
  'grant.conflict',
  'grant.key_put',
  'grant.key_removed',
  'grant.vendor_pending',
  'grant.vendor_drift',
  // devices
  'device.online',
  'device.offline',
  'device.fault',
  'device.fault_cleared',
  'device.tamper',
  'device.tamper_cleared',
  'device.power',
  'device.battery',
  'device.identity',
  'device.adopted',
  'device.input',
  'device.lock_state',
  'device.code_memory',
  'device.log',
  'device.restarted',
  // the daemon itself
  'system.started',
  'system.stopping',
  'system.safe_mode', // it ended too often in short time: vendors and Home Assistant are left out
  'system.clock_corrected',
  'system.clock_state',
  'system.storage_recovered',
  'system.storage_low',
  'system.storage_ok',
  'system.storage_gap', // what happened while nothing could be stored, and found no room in memory
  'system.config_changed',
  'system.fenced', // another unit of the site acts now; this one does not any more
  'system.checkpoint',
  'system.backup',
  'system.retention',
  'system.outbox_gap',
  'system.quarantined',
  'system.vendor_online',
  'system.vendor_offline',
  'system.broker_online',
  'system.broker_offline',
  'system.identified',
  'system.update_started',
  'system.update_finished',
  // alarms and refusals
  'security.locked_out',
  'security.lockout_cleared',
  'security.pin_guessing',
  'security.credential_disabled',
  'security.credential_enabled',
  'security.duress',
  'security.lockdown',
  'security.lockdown_released',
  'security.bad_signature',
  'security.unknown_key',
  'security.wrong_audience',
  'security.malformed_command',
  'security.retained_command',
  'security.expired_command',
  'security.replayed_command',
  'security.key_rotated',
  'security.duplicate_id',
  'security.clock_jump',
  'security.login_failed',
  'security.fire_release',
  'security.fire_cleared',
  'security.erased',
  // what was seen at a slot or door, as far as custody is folded from it
  'device.slot',
  'device.door',
] as const;

export type EntryType = (typeof ENTRY_TYPES)[number];

/** What is to be recorded. `body` is what the cloud may read: no PIN, no card number, no name. */
export interface Entry {
  readonly type: EntryType;
  readonly device?: DeviceId;
  /** Pseudonymous holder; erased with the body when retention or a person asks for it. */
  readonly sub?: HolderId;
  readonly body: JsonObject;
  /**
   * What the decision knew, for `why`; stays on the box, its SHA-256 stands in the body as `evidence`. Anything that
   * JSON can tell: it becomes text once, in the store.
   */
  readonly evidence?: object;
}

/** When an entry was made, as far as the clock can tell. */
export interface Stamp {
  readonly at: Instant;
  readonly uptime: Uptime;
  /** This start of the machine; with `uptime` it re-dates entries when the clock is corrected later. */
  readonly boot: string;
  readonly clock: ClockInterval;
}

/** An entry with its place in the chain. `hash = SHA-256(prev | seq | ts | type | SHA-256(body))` (conventions 2.6). */
export interface RecordedEntry extends Omit<Entry, 'evidence'> {
  /** Changes only when the journal is made anew. */
  readonly epoch: string;
  /** From 1, without gaps within an epoch. */
  readonly seq: number;
  /** UUIDv7 of the event, for people and logs. */
  readonly id: string;
  readonly stamp: Stamp;
  readonly prev: string;
  readonly hash: string;
  readonly evidence?: JsonObject;
}

/** Worked out once: a backlog asks it of each of its entries. */
const CLASSES: ReadonlyMap<EntryType, EntryClass> = new Map(
  ENTRY_TYPES.map((type) => [type, classNamed(type.slice(0, type.indexOf('.')))]),
);

export function classOf(type: EntryType): EntryClass {
  const found = CLASSES.get(type);
  if (found === undefined) throw new TypeError(`no class for entry type ${type}`);
  return found;
}

function classNamed(name: string): EntryClass {
  const found = ENTRY_CLASSES.find((each) => each === name);
  if (found === undefined) throw new TypeError(`no class of entries is named ${name}`);
  return found;
}
