/** What the daemon asks of a reader: queued, withdrawn, expired. */
import type { Actuation, ActuationId } from '../contract/device.ts';
import { type Uptime, uptime } from '../contract/time.ts';
import { wantedCommands } from './feedback.ts';
import { refuse } from './outcomes.ts';
import type { Move, Pd, Turn } from './pd.ts';
import { snapshotReads } from './requests.ts';

/** Openings and inquiries that may wait for one reader; one more is refused. */
export const QUEUE_MAX = 8;
/** Tenths of a second that an output timer can count. */
const TENTHS_MAX = 0xffff;

export function actuate(turn: Turn, pd: Pd, actuation: Actuation): void {
  const { id } = actuation;
  switch (actuation.kind) {
    case 'feedback':
      // The last signal is the one that is true: what was not shown yet is not shown any more.
      pd.wanted = actuation;
      if (pd.isOnline) pd.shows = wantedCommands(turn, pd);
      return;
    case 'unlock':
    case 'lock':
      move(turn, pd, actuation);
      return;
    case 'read-state':
    case 'identify':
      inquire(turn, pd, actuation);
      return;
    case 'open-slot':
    case 'put-code':
    case 'remove-code':
      refuse(turn, pd, id, `an OSDP reader has no "${actuation.kind}"`);
      return;
    default:
      actuation satisfies never;
  }
}

function move(
  turn: Turn,
  pd: Pd,
  actuation: Extract<Actuation, { kind: 'unlock' | 'lock' }>,
): void {
  const { id, expiresAt } = actuation;
  const found = controlOf(pd, actuation);
  const isUrgent = actuation.urgent === true;
  const why = typeof found === 'string' ? found : whyNotMove(turn, pd, expiresAt, isUrgent);
  if (typeof found === 'string' || why !== undefined) {
    refuse(turn, pd, id, why ?? '');
    return;
  }
  const wanted = { id, expiresAt, ...found };
  pd.moves = isUrgent ? [wanted, ...pd.moves] : [...pd.moves, wanted];
}

function whyNotMove(turn: Turn, pd: Pd, expiresAt: Uptime, isUrgent: boolean): string | undefined {
  if (pd.isOffline) return 'the reader is offline';
  if (turn.now >= expiresAt) return 'too late';
  return pd.moves.length >= QUEUE_MAX && !isUrgent ? 'too many wait for this reader' : undefined;
}

/** What the output has to do, or why it cannot. */
function controlOf(
  pd: Pd,
  actuation: Extract<Actuation, { kind: 'unlock' | 'lock' }>,
): Pick<Move, 'control' | 'isOn' | 'lasts'> | string {
  const { strike } = pd.options;
  if (strike === undefined) return 'no strike is configured at this reader';
  const { output, energised } = strike;
  const isOn = (actuation.kind === 'unlock') === (energised === 'unlocks');
  if (actuation.kind === 'lock') {
    return { control: { output, code: isOn ? 'on' : 'off', tenths: 0 }, isOn, lasts: undefined };
  }
  const tenths = Math.ceil(actuation.hold / 100);
  // A timer of 0 would never end.
  if (!(tenths >= 1 && tenths <= TENTHS_MAX)) {
    return `a pulse of ${actuation.hold} ms is none that the reader can time`;
  }
  const control = { output, code: isOn ? 'on-for' : 'off-for', tenths } as const;
  return { control, isOn, lasts: tenths * 100 };
}

function inquire(
  turn: Turn,
  pd: Pd,
  { id, kind, expiresAt }: Pick<Actuation, 'id' | 'kind' | 'expiresAt'>,
): void {
  const why = whyNotInquire(turn, pd, expiresAt);
  if (why !== undefined) {
    refuse(turn, pd, id, why);
    return;
  }
  const left = kind === 'identify' ? (['id'] as const) : snapshotReads(pd);
  if (left.length === 0) {
    refuse(turn, pd, id, 'the reader tells nothing of its state');
    return;
  }
  if (kind === 'read-state') {
    // Unknown again, so that all of it is reported as found.
    pd.inputs = undefined;
    pd.outputs = undefined;
  }
  pd.inquiries = [...pd.inquiries, { id, left }];
  pd.reads = [...pd.reads, ...left.filter((what) => !pd.reads.includes(what))];
}

function whyNotInquire(turn: Turn, pd: Pd, expiresAt: Uptime): string | undefined {
  if (!pd.isOnline) return 'the reader is not online';
  if (turn.now >= expiresAt) return 'too late';
  return pd.inquiries.length >= QUEUE_MAX ? 'too many wait already' : undefined;
}

/** Takes back what was not sent yet; what was sent has its result already or gets it. */
export function withdraw(turn: Turn, pd: Pd, id: ActuationId): void {
  const isIt = (each: { readonly id: ActuationId }) => each.id === id;
  if (![...pd.moves, ...pd.inquiries].some(isIt)) return;
  pd.moves = pd.moves.filter((each) => !isIt(each));
  pd.inquiries = pd.inquiries.filter((each) => !isIt(each));
  refuse(turn, pd, id, 'withdrawn');
}

/** A late opening is a security event: what has not been sent in its time never is. */
export function expire(turn: Turn, pd: Pd): void {
  const isLate = (each: Move) => turn.now >= each.expiresAt;
  if (!pd.moves.some(isLate)) return;
  for (const { id } of pd.moves.filter(isLate)) refuse(turn, pd, id, 'not sent in time');
  pd.moves = pd.moves.filter((each) => !isLate(each));
}

/** The end of a pulse is looked at, so that the lock's state is known again. */
export function lookAgain(turn: Turn, pd: Pd): void {
  if (pd.lookAt === undefined || turn.now < pd.lookAt) return;
  pd.lookAt = undefined;
  if (!pd.isOnline || pd.unknown.has('output-status') || pd.reads.includes('output-status')) return;
  pd.reads = [...pd.reads, 'output-status'];
  pd.restAt = uptime(Math.max(pd.restAt, turn.now));
}
