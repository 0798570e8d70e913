/** What a reader reports, as events: cards, keys, inputs, outputs, tamper, power. */
import { uptime } from '../contract/time.ts';
import { toHex } from '../wire/hex.ts';
import { asDeviceEvents, discardPin, pressKey } from '../wire/pin-entry.ts';
import { checkWiegand } from '../wire/wiegand.ts';
import { clear, type Pd, raise, type Turn } from './pd.ts';
import { REPLY, type Reply, type Unreadable } from './replies.ts';

/** Whatever came as a reply, to a poll or to a status command. What is no observation is left alone. */
export function observe(turn: Turn, pd: Pd, reply: Reply | Unreadable): void {
  switch (reply.kind) {
    case 'raw':
      card(turn, pd, reply);
      return;
    case 'keypad':
      keys(turn, pd, reply);
      return;
    case 'input-status':
      inputs(turn, pd, reply.states);
      return;
    case 'output-status':
      outputs(turn, pd, reply.states);
      return;
    case 'local-status':
      local(turn, pd, reply.tamper, reply.powerLost);
      return;
    case 'reader-status':
      heads(turn, pd, reply.states);
      return;
    case 'unreadable':
      // Digits were lost, or none can say: what was typed before must not join what comes after.
      if (reply.code === REPLY.keypad) forgetKeys(turn, pd, 'fault');
      return;
    default:
      return;
  }
}

/** Half a code ends here: with a card, a fault, or the session. */
export function forgetKeys(turn: Turn, pd: Pd, why: 'cleared' | 'fault'): void {
  const { entry, events } = discardPin(pd.entry, why);
  pd.entry = entry;
  turn.events.push(...asDeviceEvents(pd.id, events));
}

function card(turn: Turn, pd: Pd, reply: Extract<Reply, { kind: 'raw' }>): void {
  const { formats, parity, reader, reverseBytes } = pd.options;
  const { bitCount } = reply;
  const malformed = (fault: string) => {
    if (isHeld(turn, pd, `${bitCount} ${fault}`)) return;
    turn.events.push({ device: pd.id, kind: 'card-malformed', bitCount, fault });
  };
  if (reply.reader !== reader) {
    malformed(`shown at head ${reply.reader} of the reader, in use is head ${reader}`);
    return;
  }
  forgetKeys(turn, pd, 'cleared');
  if (bitCount < 1 || reply.bits.length !== Math.ceil(bitCount / 8)) {
    malformed(`${bitCount} bits announced, ${reply.bits.length} bytes there`);
    return;
  }
  const bits = cleared(reply.bits, bitCount);
  if (reverseBytes && bitCount % 8 === 0) bits.reverse();
  const checked = checkWiegand(bits, bitCount, parity ? formats : []);
  if (parity && checked.kind === 'malformed') {
    malformed(checked.fault);
    return;
  }
  if (isHeld(turn, pd, `${bitCount}:${toHex(bits)}`)) return;
  turn.events.push({ device: pd.id, kind: 'card-read', technology: 'wiegand', bits, bitCount });
}

/** Still the same showing: many uses would be counted for one. */
function isHeld(turn: Turn, pd: Pd, card: string): boolean {
  const { rearmMs } = pd.options;
  const lately = new Map([...pd.seen].filter(([, at]) => turn.now - at < rearmMs));
  pd.seen = new Map([...lately, [card, turn.now]]);
  return lately.has(card);
}

/** Bits after the last one are no part of the card, whatever the reader left there. */
function cleared(received: Uint8Array, bitCount: number): Uint8Array {
  const bits = received.slice();
  const over = bits.length * 8 - bitCount;
  bits[bits.length - 1] = (bits.at(-1) ?? 0) & (0xff << over);
  return bits;
}

function keys(turn: Turn, pd: Pd, reply: Extract<Reply, { kind: 'keypad' }>): void {
  if (reply.reader !== pd.options.reader) return;
  for (const [index, byte] of reply.keys.entries()) {
    const key = keyOf(byte);
    if (key === undefined) {
      forgetKeys(turn, pd, 'fault');
      return;
    }
    // Keys of one reply were told apart by the reader: none of them is a bounce of the one before.
    const { entry: rules } = pd.options;
    const step = pressKey(
      pd.entry,
      key,
      turn.now,
      index === 0 ? rules : { ...rules, sameKeyMs: 0 },
    );
    pd.entry = step.entry;
    turn.events.push(...asDeviceEvents(pd.id, step.events));
  }
}

/** ASCII, `*` as 7F and `#` as 0D; some keypads send 2A and 23, or digits as 00 to 09. */
function keyOf(byte: number): string | undefined {
  if (byte <= 9) return String(byte);
  if (byte >= 0x30 && byte <= 0x39) return String(byte - 0x30);
  if (byte >= 0x41 && byte <= 0x44) return String.fromCharCode(byte);
  if (byte === 0x7f || byte === 0x2a) return '*';
  return byte === 0x0d || byte === 0x23 ? '#' : undefined;
}

function inputs(turn: Turn, pd: Pd, states: readonly boolean[]): void {
  const before = pd.inputs;
  pd.inputs = states;
  const first = before === undefined;
  for (const { input, as, activeWhen } of pd.options.inputs) {
    const state = states[input];
    if (state === undefined || state === before?.[input]) continue;
    const active = state === (activeWhen === 'closed');
    turn.events.push(
      as === 'door-contact'
        ? { device: pd.id, kind: 'door-contact', isOpen: active, first }
        : { device: pd.id, kind: 'input', input, active, first },
    );
  }
}

function outputs(turn: Turn, pd: Pd, states: readonly boolean[]): void {
  const before = pd.outputs;
  pd.outputs = states;
  const { strike } = pd.options;
  const state = strike && states[strike.output];
  if (strike === undefined || state === undefined || state === before?.[strike.output]) return;
  turn.events.push({
    device: pd.id,
    kind: 'lock-state',
    state: state === (strike.energised === 'unlocks') ? 'unlocked' : 'locked',
    first: before === undefined,
  });
}

/**
 * Power "lost" in the first status after a start means that the reader has just come up, not that it is without
 * supply; only after it was seen well does it mean that.
 */
function local(turn: Turn, pd: Pd, tamper: boolean, powerLost: boolean): void {
  tampered(turn, pd, { local: tamper, head: pd.tamper.head });
  const { power } = pd;
  const tell = (state: 'lost' | 'restored' | 'rebooted') =>
    turn.events.push({ device: pd.id, kind: 'power', state });
  if (powerLost && power === 'untold') tell('rebooted');
  if (powerLost && power === 'good') tell('lost');
  if (!powerLost && power === 'lost') tell('restored');
  if (!powerLost) pd.power = 'good';
  else if (power === 'untold') pd.power = 'rebooted';
  else if (power === 'good') pd.power = 'lost';
}

function heads(turn: Turn, pd: Pd, states: readonly number[]): void {
  const state = states[pd.options.reader];
  if (state === undefined) return;
  if (state === 1) raise(turn, pd, 'silent', 'the reader has lost its head');
  else clear(turn, pd, 'silent', 'the head of the reader is back');
  tampered(turn, pd, { local: pd.tamper.local, head: state === 2 });
}

/** The device and its head have a switch each; told is whether one of them is open. */
function tampered(turn: Turn, pd: Pd, tamper: Pd['tamper']): void {
  const before = pd.tamper.local || pd.tamper.head;
  pd.tamper = tamper;
  const after = tamper.local || tamper.head;
  if (before === after) return;
  turn.events.push({ device: pd.id, kind: 'tamper', state: after ? 'raised' : 'cleared' });
}

/** A pulse has begun: look at the output again when it must be over. */
export function lookAfter(turn: Turn, pd: Pd, lasts: number | undefined): void {
  if (lasts !== undefined) pd.lookAt = uptime(turn.now + lasts + LOOK_LATER);
}
const LOOK_LATER = 300;
