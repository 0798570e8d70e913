/** What is said to a reader next, and the bytes of it. */
import type { Uptime } from '../contract/time.ts';
import { type Command, encodeCommand } from './commands.ts';
import { encode, SECURITY, type SecurityBlock } from './frame.ts';
import { canDo, type Pd, type Purpose, type StatusKind, type Turn } from './pd.ts';
import { CAPABILITY } from './replies.ts';
import { seal } from './secure-channel.ts';

/** Openings before what is shown, that before what is asked, polls last. `undefined` when nothing is due. */
function nextPurpose(pd: Pd, now: Uptime): Purpose | undefined {
  if (pd.stage !== 'online') return { kind: 'stage' };
  if (pd.confirming !== undefined) return { kind: 'confirm' };
  const [move] = pd.moves;
  if (move !== undefined) return { kind: 'move', move };
  // Whoever shows a card now is not to be taken for one who showed it long ago.
  if (pd.staleUntil !== undefined && now < pd.staleUntil) return { kind: 'poll' };
  const [command] = pd.shows;
  if (command !== undefined) return { kind: 'show', command };
  const [what] = pd.reads;
  if (what !== undefined) return { kind: 'read', what };
  return now >= pd.pollAt ? { kind: 'poll' } : undefined;
}

/** When it has something to be said; in the past where it has already. */
export function dueAt(pd: Pd): Uptime {
  const isWaiting =
    pd.pending !== undefined ||
    pd.stage !== 'online' ||
    pd.confirming !== undefined ||
    pd.moves.length + pd.shows.length + pd.reads.length > 0;
  return isWaiting || pd.pollAt < pd.restAt ? pd.restAt : pd.pollAt;
}

/**
 * It goes before all others: an opening waits. One that has missed a reply already takes its turn like the rest,
 * so that a dying reader does not hold the bus.
 */
export function isUrgent(pd: Pd): boolean {
  if (pd.pending !== undefined) {
    return pd.pending.purpose.kind === 'move' && pd.pending.unanswered === 0;
  }
  return pd.stage === 'online' && (pd.confirming !== undefined || pd.moves.length > 0);
}

/** The bytes to send now: those of the command without reply again, else those of a new one. */
export function transmission(turn: Turn, pd: Pd): Uint8Array | undefined {
  if (pd.pending === undefined) {
    const purpose = nextPurpose(pd, turn.now);
    if (purpose === undefined) return undefined;
    const composed = compose(turn, pd, purpose);
    pd.pending = { ...composed, firstAt: turn.now, sends: 0, unanswered: 0, busyFor: 0 };
    if (purpose.kind === 'move') pd.moves = pd.moves.slice(1);
    if (purpose.kind === 'show') pd.shows = pd.shows.slice(1);
    if (purpose.kind === 'read') pd.reads = pd.reads.slice(1);
  }
  pd.pending = { ...pd.pending, sends: pd.pending.sends + 1 };
  return pd.pending.bytes;
}

function compose(turn: Turn, pd: Pd, purpose: Purpose) {
  const { address, sequence } = pd;
  const body = encodeCommand(commandFor(turn, pd, purpose));
  const head = { address, from: 'cp', sequence, ...body } as const;
  if (pd.channel !== undefined) {
    const { frame, mac } = seal(pd.channel.keys, pd.channel.replyMac, head);
    return { purpose, sequence, bytes: encode(frame), mac };
  }
  const security = handshakeBlock(pd);
  const { check } = pd.options;
  return {
    purpose,
    sequence,
    bytes: encode({ ...head, check, security, mac: undefined }),
    mac: undefined,
  };
}

function handshakeBlock({ stage, handshake }: Pd): SecurityBlock | undefined {
  if (stage !== 'challenge' && stage !== 'prove') return undefined;
  return {
    type: stage === 'challenge' ? SECURITY.challenge : SECURITY.serverCryptogram,
    data: Uint8Array.of(handshake?.selector === 'default' ? 0 : 1),
  };
}

function commandFor(turn: Turn, pd: Pd, purpose: Purpose): Command {
  switch (purpose.kind) {
    case 'poll':
      return { kind: 'poll' };
    case 'confirm':
      return { kind: 'output-status' };
    case 'move':
      return { kind: 'output', controls: [purpose.move.control] };
    case 'show':
      return purpose.command;
    case 'read':
      return { kind: purpose.what };
    case 'stage':
      return stageCommand(turn, pd);
    default:
      return purpose satisfies never;
  }
}

function stageCommand(turn: Turn, pd: Pd): Command {
  switch (pd.stage) {
    case 'capabilities':
      return { kind: 'capabilities' };
    case 'relocate':
      return { kind: 'comset', address: pd.options.address, baudRate: turn.bus.baudRate };
    case 'challenge':
      pd.handshake ??= { selector: 'site', rndA: turn.bus.random.bytes(8) };
      return { kind: 'challenge', rndA: pd.handshake.rndA };
    case 'prove':
      if (pd.handshake?.proof === undefined) break;
      return { kind: 'cryptogram', cryptogram: pd.handshake.proof.cryptogram };
    case 'install':
      if (pd.key === undefined) break;
      return { kind: 'keyset', key: pd.key };
    case 'identify':
      return { kind: 'id' };
    case 'online':
      return { kind: 'poll' };
    default:
      return pd.stage satisfies never;
  }
  throw new Error(`OSDP stage ${pd.stage} was entered without what it stands on`);
}

/** All that is asked of a reader after it has come up, and for `read-state`. */
export function snapshotReads(pd: Pd): readonly StatusKind[] {
  const wanted: StatusKind[] = ['local-status'];
  if (pd.options.inputs.length > 0 && canDo(pd, CAPABILITY.contacts)) wanted.push('input-status');
  if (pd.options.strike !== undefined && canDo(pd, CAPABILITY.outputs)) {
    wanted.push('output-status');
  }
  return wanted.filter((each) => !pd.unknown.has(each));
}
