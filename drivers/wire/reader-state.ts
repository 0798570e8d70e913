/** What is known of a reader that only speaks, and what each of its tokens makes of it. */
import {
  type Actuation,
  type DeviceEvent,
  type DeviceId,
  type DeviceStatistics,
  NO_STATISTICS,
} from '../contract/device.ts';
import { type Millis, type Uptime, uptime } from '../contract/time.ts';
import { toHex } from './hex.ts';
import type { Burst } from './keypad-burst.ts';
import {
  asDeviceEvents,
  discardPin,
  expirePin,
  NO_ENTRY,
  type PinEntry,
  pressKey,
} from './pin-entry.ts';
import type { PinRules } from './pin-rules.ts';
import type { Token, TokenScan } from './reader-token.ts';
import { giveUp, NOTHING_HELD, type Received } from './receive-buffer.ts';

export interface ReaderTalk {
  readonly device: DeviceId;
  readonly scan: TokenScan;
  /** Longest beginning that is held while waiting for its end, bytes. */
  readonly most: number;
  /** Silence that ends a frame or tells a key from a digit. */
  readonly idleGap: Millis;
  /** A card is told again only after it was not heard for this long: a held tag repeats all the time. */
  readonly rearm: Millis;
  /** `undefined` where the reader has no keys. */
  readonly pin: PinRules | undefined;
}

/** Bytes without sense after which somebody should look at speed and wiring. */
const GARBAGE_BYTES = 64;
/** How long `read-state` waits for a tag that lies in the field to repeat itself; the slowest do once a second. */
export const READ_STATE_WITHIN: Millis = 1500;

export interface ReaderState {
  readonly isUp: boolean;
  readonly held: Uint8Array;
  readonly lastByteAt: Uptime;
  /** Cards in the field: identity in hex, when last heard. */
  readonly seen: ReadonlyMap<string, Uptime>;
  readonly entry: PinEntry;
  readonly isSwapped: boolean;
  /** Bytes without sense since the last token. */
  readonly garbage: number;
  readonly rereading: readonly { readonly actuation: Actuation; readonly until: Uptime }[];
  readonly statistics: DeviceStatistics;
}

export type Said = { readonly state: ReaderState; readonly events: readonly DeviceEvent[] };

export function nothingYet(): ReaderState {
  return {
    isUp: false,
    held: NOTHING_HELD,
    lastByteAt: uptime(0),
    seen: new Map(),
    entry: NO_ENTRY,
    isSwapped: false,
    garbage: 0,
    rereading: [],
    statistics: NO_STATISTICS,
  };
}

export function then(first: Said, next: (state: ReaderState) => Said): Said {
  const second = next(first.state);
  return { state: second.state, events: [...first.events, ...second.events] };
}

/** What was held has been followed by silence: it is what it is. */
export function silence(state: ReaderState, now: Uptime, gap: Millis, talk: ReaderTalk): Said {
  if (state.held.length === 0 || now < state.lastByteAt + gap) return { state, events: [] };
  const over = giveUp(state.held, (bytes) => talk.scan(bytes, true));
  // Keys count from when they were pressed, not from when the silence behind them was long enough.
  return take(state, over, state.lastByteAt, talk);
}

export function expire(state: ReaderState, now: Uptime, talk: ReaderTalk): Said {
  const events: DeviceEvent[] = [];
  let { entry } = state;
  if (talk.pin !== undefined) {
    const expired = expirePin(entry, now, talk.pin);
    entry = expired.entry;
    events.push(...asDeviceEvents(talk.device, expired.events));
  }
  const over = state.rereading.filter(({ until }) => until <= now);
  events.push(...over.map(({ actuation }) => result(actuation, 'done', 'nothing in the field')));
  const rereading = state.rereading.filter(({ until }) => until > now);
  return { state: { ...state, entry, rereading }, events };
}

export function take(
  before: ReaderState,
  heard: Received<Token>,
  now: Uptime,
  talk: ReaderTalk,
): Said {
  const { statistics } = before;
  const garbage = before.garbage + heard.noiseBytes;
  let said: Said = {
    state: {
      ...before,
      held: heard.held,
      garbage,
      statistics: {
        ...statistics,
        noiseBytes: statistics.noiseBytes + heard.noiseBytes,
        checksumErrors: statistics.checksumErrors + heard.checksumErrors,
      },
    },
    events: [],
  };
  if (before.garbage < GARBAGE_BYTES && garbage >= GARBAGE_BYTES) {
    said = {
      ...said,
      events: [fault(talk.device, 'garbage', 'raised', `${garbage} bytes without sense`)],
    };
  }
  for (const token of heard.frames)
    said = then(said, (state) => takeToken(state, token, now, talk));
  return said;
}

function takeToken(before: ReaderState, token: Token, now: Uptime, talk: ReaderTalk): Said {
  const { device } = talk;
  const events: DeviceEvent[] = [];
  if (before.garbage >= GARBAGE_BYTES) {
    events.push(fault(device, 'garbage', 'cleared', 'the reader makes sense again'));
  }
  const { statistics } = before;
  const state: ReaderState = {
    ...before,
    garbage: 0,
    statistics: { ...statistics, replies: statistics.replies + 1, lastSeen: now },
  };
  return then({ state, events }, (known) => {
    switch (token.kind) {
      case 'card':
        return takeCard(known, token, now, talk);
      case 'malformed': {
        const { bitCount, fault } = token;
        const held = noticed(known, `${bitCount} ${fault}`, now, talk.rearm);
        const malformed: DeviceEvent = { device, kind: 'card-malformed', bitCount, fault };
        return then(withoutEntry(held.state, 'cleared', device), (s) => ({
          state: s,
          events: held.isNew ? [malformed] : [],
        }));
      }
      case 'key':
        return takeKey(known, token.burst, now, talk);
      case 'nothing':
        return { state: known, events: [] };
      default:
        return token satisfies never;
    }
  });
}

function takeCard(
  before: ReaderState,
  { card }: Token & { kind: 'card' },
  now: Uptime,
  { device, rearm }: ReaderTalk,
): Said {
  const held = noticed(before, `${card.bitCount}:${toHex(card.bits)}`, now, rearm);
  if (!held.isNew) return { state: held.state, events: [] };
  const state: ReaderState = { ...held.state, rereading: [] };
  const read: DeviceEvent = { device, kind: 'card-read', ...card };
  const reread = before.rereading.map(({ actuation }) => result(actuation, 'done'));
  return then(withoutEntry(state, 'cleared', device), (s) => ({
    state: s,
    events: [read, ...reread],
  }));
}

/** Cards right and wrong repeat as long as they are held to the reader. */
function noticed(
  before: ReaderState,
  card: string,
  now: Uptime,
  rearm: Millis,
): { readonly state: ReaderState; readonly isNew: boolean } {
  const lately = new Map([...before.seen].filter(([, at]) => now - at < rearm));
  const seen = new Map([...lately, [card, now] as const]);
  return { state: { ...before, seen }, isNew: !lately.has(card) };
}

/** Bytes of 1, 2, 3 and 0 that a keypad with exchanged wires cannot send. */
function takeKey(
  before: ReaderState,
  burst: Burst,
  now: Uptime,
  { device, pin }: ReaderTalk,
): Said {
  if (pin === undefined) return { state: before, events: [] };
  if (burst.kind === 'swapped') {
    const events = before.isSwapped
      ? []
      : [fault(device, 'wiring-swapped', 'raised', 'D0 and D1 of the keypad are exchanged')];
    return then(withoutEntry({ ...before, isSwapped: true }, 'fault', device), (state) => ({
      state,
      events,
    }));
  }
  if (burst.kind === 'invalid') return { state: before, events: [] };
  if (before.isSwapped) {
    if (!/^[1230]$/.test(burst.key)) return { state: before, events: [] };
    // Only straight wires give this key. It is not counted: what was typed before it is not known.
    const cleared = fault(device, 'wiring-swapped', 'cleared', 'the keypad reads straight again');
    return { state: { ...before, isSwapped: false }, events: [cleared] };
  }
  const pressed = pressKey(before.entry, burst.key, now, pin);
  return {
    state: { ...before, entry: pressed.entry },
    events: asDeviceEvents(device, pressed.events),
  };
}

function withoutEntry(state: ReaderState, why: 'cleared' | 'fault', device: DeviceId): Said {
  const discarded = discardPin(state.entry, why);
  return {
    state: { ...state, entry: discarded.entry },
    events: asDeviceEvents(device, discarded.events),
  };
}

function fault(
  device: DeviceId,
  which: 'garbage' | 'wiring-swapped',
  state: 'raised' | 'cleared',
  detail: string,
): DeviceEvent {
  return { device, kind: 'fault', fault: which, state, detail };
}

export function result(
  { id, device }: Actuation,
  which: 'done' | 'failed' | 'refused',
  detail?: string,
): DeviceEvent {
  return {
    device,
    kind: 'actuation-result',
    actuation: id,
    result: which,
    sent: false,
    acknowledged: false,
    observed: which === 'done' && detail === undefined,
    ...(detail !== undefined && { detail }),
  };
}
