/** What people read for the words of the journal. English; another language is another table of this shape. */
import type { Entry, Json } from './shapes.ts';

export type Tone = 'good' | 'bad' | 'warn' | 'quiet';

const ENTRIES: Readonly<Record<string, readonly [text: string, tone: Tone]>> = {
  'access.granted': ['Granted', 'good'],
  'access.denied': ['Denied', 'bad'],
  'access.commanded': ['Asked to open', 'quiet'],
  'access.opened': ['Opened', 'good'],
  'access.open_failed': ['Did not open', 'bad'],
  'access.unknown_outcome': ['Outcome not known', 'warn'],
  'access.withdrawn': ['Opening taken back', 'warn'],
  'access.egress': ['Let out', 'quiet'],
  'access.taken': ['Key taken', 'good'],
  'access.not_taken': ['Key not taken', 'quiet'],
  'access.content_unknown': ['Slot content not known', 'warn'],
  'access.jammed': ['Door jammed', 'bad'],
  'access.returned': ['Key returned', 'good'],
  'access.late_return': ['Key returned late', 'warn'],
  'access.misplaced': ['Key in the wrong slot', 'warn'],
  'access.not_returned': ['Nothing was put back', 'quiet'],
  'access.foreign_fob': ['Unknown fob in a slot', 'warn'],
  'access.held_open': ['Door held open', 'warn'],
  'access.closed_late': ['Door closed at last', 'quiet'],
  'access.forced_open': ['Forced open', 'bad'],
  'access.overdue': ['Key overdue', 'warn'],
  'access.reminder': ['Key due soon', 'quiet'],
  'access.corrected': ['Place of a key stated', 'quiet'],
  'grant.put': ['Grant stored', 'quiet'],
  'grant.revoked': ['Grant revoked', 'warn'],
  'grant.revocation_effective': ['Revocation in force', 'quiet'],
  'grant.key_put': ['Key stored', 'quiet'],
  'device.online': ['Device online', 'good'],
  'device.offline': ['Device offline', 'bad'],
  'device.slot': ['Slot seen', 'quiet'],
  'device.door': ['Door seen', 'quiet'],
  'device.fault': ['Device fault', 'bad'],
  'device.fault_cleared': ['Device fault cleared', 'quiet'],
  'device.tamper': ['Tamper', 'bad'],
  'system.started': ['Daemon started', 'quiet'],
  'system.stopping': ['Daemon stopping', 'quiet'],
  'system.clock_state': ['Clock', 'quiet'],
  'system.broker_online': ['Cloud connected', 'good'],
  'system.broker_offline': ['Cloud away', 'warn'],
  'system.storage_low': ['Storage low', 'warn'],
  'system.storage_gap': ['Entries missing', 'bad'],
};

export function entryWords(type: string): { readonly text: string; readonly tone: Tone } {
  const known = ENTRIES[type];
  if (known !== undefined) return { text: known[0], tone: known[1] };
  const [kind = '', what = ''] = type.split('.');
  const words = `${kind} ${what}`.replaceAll('_', ' ');
  return {
    text: words.charAt(0).toUpperCase() + words.slice(1),
    tone: kind === 'security' ? 'bad' : 'quiet',
  };
}

/** Where and what, from the body of an entry: `slot 7 · flat-7 · expired`. */
export function entryDetail({ type, body, device, holder }: Entry): string {
  const text = (name: string) => plain(body[name]);
  const slot = text('slot');
  const { open, present } = body;
  const parts = [
    type.startsWith('device.') ? device : (text('accessPoint') ?? device),
    slot === undefined ? undefined : `slot ${slot}`,
    open === undefined ? undefined : open === true ? 'door open' : 'door shut',
    present === undefined ? undefined : present === true ? 'occupied' : 'empty',
    text('key'),
    holder,
    words(text('reason')),
    text('state'),
  ];
  return parts.filter((part) => part !== undefined && part !== null && part !== '').join(' · ');
}

function plain(value: Json | undefined): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** `key-held-by-another` as it is said. */
export function words(code: string | undefined): string | undefined {
  return code?.replaceAll(/[-_]/g, ' ');
}

export const CLOCKS: Readonly<Record<string, string>> = {
  trusted: 'Trusted',
  holdover: 'Running on its own',
  floor: 'Only a lower bound',
  broken: 'Not to be trusted',
};

export const LINKS: Readonly<Record<string, string>> = {
  up: 'Connected',
  silent: 'Silent',
  garbage: 'Garbled',
  refusing: 'Refuses',
  'port-missing': 'Port missing',
  'other-device': 'Another device answers',
};
