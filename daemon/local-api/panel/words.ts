/** Tones of what the journal says, and an entry told in one line. */
import { html } from 'htm/preact';
import { say, sayWord } from './language.ts';
import type { Entry, Json } from './shapes.ts';

export type Tone = 'good' | 'bad' | 'warn' | 'quiet';

const TONES: Readonly<Record<Exclude<Tone, 'quiet'>, readonly string[]>> = {
  good: [
    'access.granted',
    'access.opened',
    'access.taken',
    'access.returned',
    'device.online',
    'system.broker_online',
    'system.vendor_online',
    'system.storage_ok',
  ],
  bad: [
    'access.denied',
    'access.open_failed',
    'access.jammed',
    'access.forced_open',
    'device.offline',
    'device.fault',
    'device.tamper',
    'system.quarantined',
  ],
  warn: [
    'access.unknown_outcome',
    'access.withdrawn',
    'access.content_unknown',
    'access.late_return',
    'access.misplaced',
    'access.foreign_fob',
    'access.fob_doubled',
    'access.slot_shared',
    'access.held_open',
    'access.overdue',
    'access.box_full',
    'access.found_moved',
    'grant.revoked',
    'grant.pin_collision',
    'grant.code_space_low',
    'grant.cannot',
    'grant.conflict',
    'grant.window_empty',
    'system.broker_offline',
    'system.vendor_offline',
    'system.storage_low',
    'system.outbox_gap',
  ],
};

const CALM = ['security.lockout_cleared', 'security.credential_enabled', 'security.key_rotated'];

export function toneOf(type: string): Tone {
  for (const tone of ['good', 'bad', 'warn'] as const) if (TONES[tone].includes(type)) return tone;
  return type.startsWith('security.') && !CALM.includes(type) ? 'bad' : 'quiet';
}

export function entryWords(type: string): string {
  return sayWord('entry', type);
}

/** Where and what, from the body of an entry: `lobby · slot 7 · flat-7 · expired`. */
export function entryDetail({ type, body, device, holder }: Entry) {
  const text = (name: string) => plain(body[name]);
  const slot = text('slot');
  const { open, present } = body;
  const reason = text('reason');
  const parts = [
    data(type.startsWith('device.') ? device : (text('accessPoint') ?? device)),
    slot === undefined ? undefined : say('slot.number', { slot }),
    open === undefined ? undefined : say(open === true ? 'door.open' : 'door.closed'),
    present === undefined ? undefined : say(present === true ? 'slot.occupied' : 'slot.empty'),
    vendorOf(text('vendor')),
    data(text('key')),
    data(holder),
    reason === undefined ? undefined : sayWord('reason', reason),
    stateOf(type, text('state')),
  ].filter((part) => part !== undefined);
  return parts.map((part, at) => html`${at > 0 && ' · '}${part}`);
}

/** States have words of their own in each kind of entry. */
function stateOf(type: string, state: string | undefined) {
  // Its headline says as much.
  if (state === undefined || type === 'grant.cannot') return undefined;
  if (type === 'system.clock_state') return sayWord('clock', state);
  if (type.startsWith('grant.')) return sayWord('sync', state);
  return type === 'device.lock_state' ? sayWord('lock-state', state) : data(state);
}

function vendorOf(vendor: string | undefined) {
  return vendor === undefined ? undefined : sayWord('source', vendor);
}

function data(value: string | null | undefined) {
  return value === null || value === undefined || value === ''
    ? undefined
    : html`<span translate=${false}>${value}</span>`;
}

function plain(value: Json | undefined): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
