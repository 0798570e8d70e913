/**
 * The reader's side of an OSDP bus: sequence numbers, the reply kept for a command that comes twice, secure channel.
 * It behaves as libosdp 3.2 was measured to, its oddities with it.
 */
import { type Millis, type Random, type Uptime, uptime } from '../../drivers/contract/time.ts';
import { type Command, decodeCommand } from '../../drivers/osdp/commands.ts';
import {
  BROADCAST,
  beforeMac,
  encode,
  type Frame,
  hasMac,
  SECURITY,
} from '../../drivers/osdp/frame.ts';
import { encodeReply, NAK, type Reply } from '../../drivers/osdp/replies.ts';
import {
  clientCryptogram,
  initialMac,
  isSame,
  macOf,
  SCBK_DEFAULT,
  type SessionKeys,
  seal,
  serverCryptogram,
  sessionKeys,
  unseal,
} from '../../drivers/osdp/secure-channel.ts';

/** A reader forgets its session when it was not spoken to for so long. */
const SESSION_FOR: Millis = 8000;

export interface PdTalkOptions {
  readonly random: Random;
  readonly cuid: Uint8Array;
  address: number;
  /** SCBK; without one a challenge for it is answered with a key of zeros, as libosdp was seen to do. */
  key: Uint8Array | undefined;
  /** It also takes challenges with the default key. */
  takesDefaultKey: boolean;
  /** Refuses each challenge with NAK 5. */
  refusesKey: boolean;
  /** Serves nothing but identification in clear. */
  secureOnly: boolean;
  /** Answers KEYSET in clear, as some readers do. */
  clearKeysetAck: boolean;
  /** What the device does with a command. */
  execute(command: Command): Reply;
}

const NO_KEY = new Uint8Array(16);

interface Session {
  readonly keys: SessionKeys;
  readonly selector: number;
  /** Proved on both sides; before, the server cryptogram is awaited. */
  readonly expected: Uint8Array | undefined;
  /** R-MAC of our last reply. */
  readonly mac: Uint8Array;
}

export class PdTalk {
  readonly options: PdTalkOptions;
  #expected = 0;
  #last: { readonly sequence: number; readonly reply: Uint8Array } | undefined;
  #session: Session | undefined;
  #heardAt: Uptime = uptime(0);
  /** Handshakes that came to their end. */
  sessions = 0;

  constructor(options: PdTalkOptions) {
    this.options = options;
  }

  get session(): 'clear' | 'default-key' | 'secure' {
    if (!this.#isProved) return 'clear';
    return this.#session?.selector === 0 ? 'default-key' : 'secure';
  }

  get #isProved(): boolean {
    return this.#session !== undefined && this.#session.expected === undefined;
  }

  /** As after a start: nothing is remembered but the key and the address. */
  forget(): void {
    this.#expected = 0;
    this.#last = undefined;
    this.#session = undefined;
  }

  /** A frame with our address came broken. */
  broken(): void {
    if (this.#isProved) this.#session = undefined;
  }

  isMine(address: number): boolean {
    return address === this.options.address || address === BROADCAST;
  }

  /** The bytes of the reply; the same again for a command that comes again. */
  answer(frame: Frame, now: Uptime): Uint8Array {
    if (now - this.#heardAt > SESSION_FOR) this.#session = undefined;
    this.#heardAt = now;
    const { sequence } = frame;
    if (sequence === 0) this.forget();
    else if (this.#last?.sequence === sequence) return this.#last.reply;
    if (sequence !== this.#expected) {
      return encode(this.#clear({ ...frame, sequence: this.#expected }, nak(NAK.sequence)));
    }
    const reply = encode(this.#reply(frame));
    this.#last = { sequence, reply };
    this.#expected = sequence === 3 ? 1 : sequence + 1;
    return reply;
  }

  /** BUSY stands outside of sequence and session. */
  busy(frame: Frame): Uint8Array {
    return encode(this.#clear({ ...frame, sequence: 0 }, { kind: 'busy' }));
  }

  #reply(frame: Frame): Frame {
    if (hasMac(frame.security)) return this.#underSession(frame);
    const command = decodeCommand(frame);
    if (this.#session !== undefined && this.#isProved) {
      // Clear text inside a session: refused under the session, which goes on.
      const mac = this.#session.mac;
      return this.#sealed(frame, nak(NAK['secure-channel-required']), mac, this.#session);
    }
    switch (command.kind) {
      case 'challenge':
        return this.#challenged(frame, command.rndA);
      case 'cryptogram':
        return this.#proved(frame, command.cryptogram);
      case 'keyset':
        return this.#clear(frame, nak(NAK['secure-channel-required']));
      case 'id':
      case 'capabilities':
      case 'comset':
        return this.#clear(frame, this.options.execute(command));
      case 'refused':
        return this.#clear(frame, nak(REFUSALS[command.why]));
      default:
        return this.#clear(
          frame,
          this.options.secureOnly
            ? nak(NAK['secure-channel-required'])
            : this.options.execute(command),
        );
    }
  }

  #challenged(frame: Frame, rndA: Uint8Array): Frame {
    const { key, refusesKey, takesDefaultKey, random, cuid } = this.options;
    const selector = frame.security?.data[0] ?? 1;
    if (refusesKey || (selector === 0 && !takesDefaultKey && key !== undefined)) {
      return this.#clear(frame, nak(NAK['secure-channel-failed']));
    }
    const keys = sessionKeys(selector === 0 ? SCBK_DEFAULT : (key ?? NO_KEY), rndA);
    const rndB = random.bytes(8);
    const expected = serverCryptogram(keys, rndA, rndB);
    this.#session = { keys, selector, expected, mac: initialMac(keys, expected) };
    return {
      ...this.#clear(frame, {
        kind: 'client-cryptogram',
        cuid,
        rndB,
        cryptogram: clientCryptogram(keys, rndA, rndB),
      }),
      security: { type: SECURITY.clientCryptogram, data: Uint8Array.of(selector) },
    };
  }

  #proved(frame: Frame, cryptogram: Uint8Array): Frame {
    const session = this.#session;
    if (session?.expected === undefined || !isSame(session.expected, cryptogram)) {
      this.#session = undefined;
      return this.#clear(frame, nak(NAK['secure-channel-failed']));
    }
    this.#session = { ...session, expected: undefined };
    this.sessions += 1;
    return {
      ...this.#clear(frame, { kind: 'initial-mac', mac: session.mac }),
      security: { type: SECURITY.initialMac, data: Uint8Array.of(1) },
    };
  }

  #underSession(frame: Frame): Frame {
    const session = this.#session;
    const opened =
      session !== undefined && session.expected === undefined
        ? unseal(session.keys, session.mac, frame)
        : undefined;
    if (session === undefined || opened === undefined) {
      this.#session = undefined;
      return this.#clear(frame, nak(NAK['secure-channel-required']));
    }
    const command = decodeCommand({ code: frame.code, data: opened.data });
    if (command.kind === 'keyset') return this.#rekeyed(frame, command.key, opened.mac, session);
    const reply =
      command.kind === 'refused' ? nak(REFUSALS[command.why]) : this.options.execute(command);
    const isStatus = command.kind.endsWith('-status') && reply.kind.endsWith('-status');
    return isStatus
      ? this.#halfSealed(frame, reply, opened.mac, session)
      : this.#sealed(frame, reply, opened.mac, session);
  }

  /** The old session ends with this reply; a challenge with the new key is awaited. */
  #rekeyed(frame: Frame, key: Uint8Array, mac: Uint8Array, session: Session): Frame {
    this.options.key = key;
    this.options.takesDefaultKey = false;
    const reply = this.options.clearKeysetAck
      ? this.#clear(frame, { kind: 'ack' })
      : this.#sealed(frame, { kind: 'ack' }, mac, session);
    this.#session = undefined;
    return reply;
  }

  #sealed(frame: Frame, reply: Reply, commandMac: Uint8Array, session: Session): Frame {
    const head = { address: this.#address(frame), from: 'pd', sequence: frame.sequence } as const;
    const sealed = seal(session.keys, commandMac, { ...head, ...encodeReply(reply) });
    this.#session = { ...session, mac: sealed.mac };
    return sealed.frame;
  }

  /** libosdp 3.2 answers a status command as type 15: a valid MAC, data in clear. */
  #halfSealed(frame: Frame, reply: Reply, commandMac: Uint8Array, session: Session): Frame {
    const covered: Frame = {
      ...this.#clear(frame, reply),
      security: { type: SECURITY.commandMac, data: new Uint8Array() },
    };
    const mac = macOf(session.keys, beforeMac(covered), commandMac);
    this.#session = { ...session, mac };
    return { ...covered, mac: mac.slice(0, 4) };
  }

  /** Always with a CRC, whatever the command came with. */
  #clear(frame: Frame, reply: Reply): Frame {
    return {
      address: this.#address(frame),
      from: 'pd',
      sequence: frame.sequence,
      check: 'crc',
      security: undefined,
      ...encodeReply(reply),
      mac: undefined,
    };
  }

  #address(frame: Frame): number {
    return frame.address === BROADCAST ? BROADCAST : this.options.address;
  }
}

const REFUSALS = {
  unknown: NAK['unknown-command'],
  length: NAK.length,
  record: NAK.record,
} as const;

function nak(code: number): Reply {
  return { kind: 'nak', nak: code, data: new Uint8Array() };
}
