/** A simulated OSDP reader with keypad, LED, buzzer, display, inputs and outputs. */
import { createHash } from 'node:crypto';
import { type Timer, type Uptime, uptime } from '../../drivers/contract/time.ts';
import type { Command } from '../../drivers/osdp/commands.ts';
import { BROADCAST, FRAME_MAX, type Frame, scan } from '../../drivers/osdp/frame.ts';
import type { OsdpOptions } from '../../drivers/osdp/options.ts';
import { NAK, type Reply } from '../../drivers/osdp/replies.ts';
import { fromHex } from '../../drivers/wire/hex.ts';
import { NOTHING_HELD, receive } from '../../drivers/wire/receive-buffer.ts';
import { type Arguments, numberIn, yesOrNo } from '../arguments.ts';
import type { DeviceSurroundings, SimJson, SimulatedDevice, Verb } from '../device.ts';
import { CARD_ARGUMENTS, cardIn, headIn, keyIn, keysIn, verb } from './osdp-pd-hands.ts';
import { PdFace, PdOutputs } from './osdp-pd-parts.ts';
import { PdTalk } from './osdp-pd-talk.ts';

export interface SimulatedOsdpPdOptions {
  readonly address: number;
  /** SCBK as 32 hex digits; without one the reader is as delivered, with the default key. */
  readonly key?: string | undefined;
  /** Speed at which it listens; without one it follows the host. */
  readonly baudRate?: number;
  readonly inputs?: number;
  readonly outputs?: number;
  readonly serial?: number;
  /** Milliseconds between the end of a command and the beginning of the reply. */
  readonly turnaround?: number;
  readonly secureOnly?: boolean;
  readonly clearKeysetAck?: boolean;
  /** What hangs on it, for whoever looks: outputs and inputs by number. */
  readonly wiring?: PdWiring;
  /** Its first poll after a start is answered with "power was lost"; default true, as most readers do. */
  readonly announcesStart?: boolean;
}

/** Of the door beside it; `null` where there is none. */
export interface PdWiring {
  readonly [name: string]: number | boolean | null;
  readonly strike: number | null;
  /** The strike lets go without current. */
  readonly opensWithoutPower: boolean;
  readonly contact: number | null;
  /** The contact is closed while the door is open. */
  readonly closedIsOpen: boolean;
  readonly exit: number | null;
}

/** A frame cut by a longer silence is thrown away. */
const GAP = 200;
/** Events that wait to be fetched; when there are more, the oldest are lost, as in a real one. */
const EVENTS_MAX = 32;
/** After a new address was confirmed, until it counts. */
const MOVES_AFTER = 100;

/** As the driver's config describes it: the reader that an installer would have put there. */
export function simulatedOsdpPd(
  name: string,
  { address, secureChannel, serial, strike, inputs }: OsdpOptions,
  around: DeviceSurroundings,
): SimulatedOsdpPd {
  const most = (...numbers: readonly number[]) => Math.max(3, ...numbers) + 1;
  return new SimulatedOsdpPd(
    name,
    {
      address,
      key: secureChannel === 'off' ? undefined : simulatedOsdpKey(secureChannel.key),
      inputs: most(...inputs.map(({ input }) => input)),
      outputs: most(strike?.output ?? 0),
      wiring: wiringOf(strike, inputs),
      ...(serial === undefined ? {} : { serial: Number.parseInt(serial, 16) }),
    },
    around,
  );
}

function wiringOf(strike: OsdpOptions['strike'], inputs: OsdpOptions['inputs']): PdWiring {
  const contact = inputs.find((each) => each.as === 'door-contact');
  return {
    strike: strike?.output ?? null,
    opensWithoutPower: strike?.energised === 'locks',
    contact: contact?.input ?? null,
    closedIsOpen: contact?.activeWhen !== 'open',
    exit: inputs.find((each) => each.as === 'exit-button')?.input ?? null,
  };
}

/** The key that a simulated reader holds for a credential of the config (`credential:name`), 32 hex digits. */
export function simulatedOsdpKey(credential: string): string {
  return createHash('sha256').update(`simulated ${credential}`).digest('hex').slice(0, 32);
}

export class SimulatedOsdpPd implements SimulatedDevice {
  readonly name: string;
  readonly kind = 'osdp';
  readonly verbs: Readonly<Record<string, Verb>>;
  readonly #options: SimulatedOsdpPdOptions;
  readonly #around: DeviceSurroundings;
  readonly #talk: PdTalk;
  readonly #inputs: boolean[];
  readonly #outputs: PdOutputs;
  readonly #face: PdFace;
  #held: Uint8Array = NOTHING_HELD;
  #heldAt: Uptime = uptime(0);
  #hasPower = true;
  #isTampered = false;
  /** It has started and not yet said so in a status. */
  #isFresh = true;
  #isMute = false;
  #busyPolls = 0;
  #wrongCrc = 0;
  #dropped = 0;
  #events: readonly Reply[] = [];
  #serial: number;
  #listensAt: number | undefined;
  #hostAt: number | undefined;
  /** Replies not yet on the wire; gone with the power. */
  readonly #speaking = new Set<Timer>();

  constructor(name: string, options: SimulatedOsdpPdOptions, surroundings: DeviceSurroundings) {
    this.name = name;
    this.#options = options;
    this.#around = surroundings;
    this.#serial = options.serial ?? 0x01020304;
    this.#listensAt = options.baudRate;
    this.#inputs = Array.from({ length: options.inputs ?? 4 }, () => false);
    this.#outputs = new PdOutputs(surroundings.clock, options.outputs ?? 4);
    this.#face = new PdFace(surroundings.clock);
    this.#talk = new PdTalk({
      random: surroundings.random,
      cuid: fromHex('C3B2070004030201'),
      address: options.address,
      key: options.key === undefined ? undefined : keyIn({ key: options.key }),
      takesDefaultKey: options.key === undefined,
      refusesKey: false,
      secureOnly: options.secureOnly ?? false,
      clearKeysetAck: options.clearKeysetAck ?? false,
      execute: (command) => this.#execute(command),
    });
    this.verbs = this.#makeVerbs();
    this.#start();
  }

  hear(bytes: Uint8Array): void {
    const knowsBoth = this.#listensAt !== undefined && this.#hostAt !== undefined;
    if (!this.#hasPower || (knowsBoth && this.#listensAt !== this.#hostAt)) return;
    const now = this.#around.clock.uptime();
    if (now - this.#heldAt > GAP) this.#held = NOTHING_HELD;
    this.#heldAt = now;
    const { frames, held, checksumErrors } = receive(
      this.#held,
      bytes,
      (each) => {
        const found = scan(each);
        if (found.kind !== 'noise') return found;
        // A broken frame is only felt by the one to whom it seems to be addressed.
        const isFelt = found.fault === 'check' && this.#talk.isMine(each[1] ?? 0);
        return { kind: 'noise', length: found.length, checksum: isFelt };
      },
      FRAME_MAX,
    );
    this.#held = held;
    if (checksumErrors > 0) this.#talk.broken();
    for (const frame of frames) this.#serve(frame, now);
  }

  lineSpeed(baudRate: number): void {
    this.#hostAt = baudRate;
  }

  power(on: boolean): void {
    if (on === this.#hasPower) return;
    this.#hasPower = on;
    if (on) this.#start();
    else this.#stop();
  }

  look(): SimJson {
    return {
      address: this.#talk.options.address,
      session: this.#talk.session,
      sessions: this.#talk.sessions,
      ...this.#face.look(),
      inputs: [...this.#inputs],
      outputs: this.#outputs.look(),
      wiring: this.#options.wiring === undefined ? null : { ...this.#options.wiring },
      hasPower: this.#hasPower,
      tamper: this.#isTampered,
      waitingEvents: this.#events.length,
    };
  }

  #start(): void {
    this.#talk.forget();
    this.#isFresh = this.#options.announcesStart ?? true;
    this.#events = this.#isFresh
      ? [{ kind: 'local-status', tamper: this.#isTampered, powerLost: true }]
      : [];
  }

  #stop(): void {
    for (const timer of this.#speaking) timer.cancel();
    this.#speaking.clear();
    this.#talk.forget();
    this.#held = NOTHING_HELD;
    this.#events = [];
    this.#face.powerOff();
    this.#outputs.powerOff();
  }

  #serve(frame: Frame, now: Uptime): void {
    if (frame.from !== 'cp' || !this.#talk.isMine(frame.address) || this.#isMute) return;
    if (this.#busyPolls > 0) {
      this.#busyPolls -= 1;
      this.#say(this.#talk.busy(frame));
      return;
    }
    const bytes = this.#talk.answer(frame, now).slice();
    if (this.#dropped > 0) {
      this.#dropped -= 1;
      return;
    }
    if (this.#wrongCrc > 0) {
      this.#wrongCrc -= 1;
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 0x01;
    }
    this.#say(bytes);
  }

  /** With a mark byte before it, as libosdp does. */
  #say(bytes: Uint8Array): void {
    const at = uptime(this.#around.clock.uptime() + (this.#options.turnaround ?? 3));
    const timer = this.#around.clock.wakeAt(at, () => {
      this.#speaking.delete(timer);
      this.#around.say(Uint8Array.of(0xff, ...bytes));
    });
    this.#speaking.add(timer);
  }

  #execute(command: Command): Reply {
    switch (command.kind) {
      case 'poll': {
        const [event, ...rest] = this.#events;
        this.#events = rest;
        return event ?? { kind: 'ack' };
      }
      case 'id':
        return { kind: 'id', ...PRODUCT, serial: this.#serial };
      case 'capabilities':
        return { kind: 'capabilities', capabilities: this.#capabilities() };
      case 'local-status': {
        const powerLost = this.#isFresh;
        this.#isFresh = false;
        return { kind: 'local-status', tamper: this.#isTampered, powerLost };
      }
      case 'input-status':
        return { kind: 'input-status', states: [...this.#inputs] };
      case 'output-status':
        return { kind: 'output-status', states: this.#outputs.states };
      case 'reader-status':
        return { kind: 'reader-status', states: [0] };
      case 'output':
        return this.#outputs.drive(command.controls) ? { kind: 'ack' } : nak(NAK.record);
      case 'led':
        this.#face.light(command.records);
        return { kind: 'ack' };
      case 'buzzer':
        this.#face.beep(command);
        return { kind: 'ack' };
      case 'text':
        this.#face.write(command.text);
        return { kind: 'ack' };
      case 'comset':
        return this.#move(command.address, command.baudRate);
      case 'receive-size':
      case 'abort':
      case 'keep-active':
        return { kind: 'ack' };
      case 'keyset':
      case 'challenge':
      case 'cryptogram':
      case 'manufacturer':
        return nak(NAK['unknown-command']);
      default:
        return command satisfies never;
    }
  }

  #capabilities() {
    const able = (name: number, compliance: number, count: number) => ({
      function: name,
      compliance,
      count,
    });
    return [
      able(1, 1, this.#inputs.length),
      able(2, 1, this.#outputs.states.length),
      able(3, 1, 0),
      able(4, 4, 1),
      able(5, 2, 1),
      able(6, 1, 1),
      able(8, 1, 0),
      able(9, 1, this.#talk.options.takesDefaultKey ? 1 : 0),
      able(10, 0x92, 3),
    ];
  }

  /** The answer leaves from the old address, at the old speed; then both change. */
  #move(address: number, baudRate: number): Reply {
    const { clock } = this.#around;
    clock.wakeAt(uptime(clock.uptime() + MOVES_AFTER), () => {
      if (address !== BROADCAST) this.#talk.options.address = address;
      this.#listensAt = baudRate;
      this.#talk.forget();
    });
    return { kind: 'com', address, baudRate };
  }

  #report(event: Reply): void {
    if (!this.#hasPower) return;
    this.#events = [...this.#events, event].slice(-EVENTS_MAX);
  }

  #makeVerbs(): Readonly<Record<string, Verb>> {
    return {
      show: verb('holds a card to the reader', CARD_ARGUMENTS, (given) =>
        this.#report({ kind: 'raw', format: 1, ...cardIn(given), reader: headIn(given) }),
      ),
      press: verb(
        'presses keys one after the other',
        { keys: 'such as "1234#"', 'together?': 'true: all of them in one report' },
        (given) => this.#press(keysIn(given), yesOrNo(given, 'together', false)),
      ),
      tamper: verb('opens or closes the housing', { open: 'true or false' }, (given) => {
        this.#isTampered = yesOrNo(given, 'open');
        this.#report({ kind: 'local-status', tamper: this.#isTampered, powerLost: false });
      }),
      input: verb(
        'closes or opens the contact at an input',
        { input: 'from 0', closed: 'true or false' },
        (given) => {
          const input = numberIn(given, 'input', { from: 0, to: this.#inputs.length - 1 });
          this.#inputs[input] = yesOrNo(given, 'closed');
          this.#report({ kind: 'input-status', states: [...this.#inputs] });
        },
      ),
      reboot: verb('interrupts its supply for a moment', {}, () => {
        this.power(false);
        this.power(true);
      }),
      replace: verb('puts another one in its place', { serial: 'its number' }, (given) => {
        this.power(false);
        this.#serial = numberIn(given, 'serial', { from: 0, to: 0xffff_ffff });
        this.power(true);
      }),
      ...this.#faultVerbs(),
    };
  }

  #faultVerbs(): Readonly<Record<string, Verb>> {
    const times = (given: Arguments) =>
      numberIn(given, 'times', { from: 0, to: 1e6, otherwise: 1 });
    const howOften = { 'times?': 'how often, once is the default' };
    const { options } = this.#talk;
    return {
      busy: verb('lets it answer BUSY', howOften, (given) => {
        this.#busyPolls = times(given);
      }),
      mute: verb('lets it say nothing', { 'on?': 'true (the default) or false' }, (given) => {
        this.#isMute = yesOrNo(given, 'on', true);
      }),
      garble: verb('lets it say wrong CRCs', howOften, (given) => {
        this.#wrongCrc = times(given);
      }),
      'drop-reply': verb('lets it obey and say nothing', howOften, (given) => {
        this.#dropped = times(given);
      }),
      'set-key': verb('gives it a key', { key: '32 hex digits' }, (given) => {
        options.key = keyIn(given);
        options.takesDefaultKey = false;
        this.#talk.forget();
      }),
      'default-key': verb('puts it back to the key of delivery', {}, () => {
        options.key = undefined;
        options.takesDefaultKey = true;
        this.#talk.forget();
      }),
      'refuse-key': verb(
        'lets it refuse handshakes',
        { 'on?': 'true (the default) or false' },
        (given) => {
          options.refusesKey = yesOrNo(given, 'on', true);
          this.#talk.forget();
        },
      ),
    };
  }

  #press(bytes: readonly number[], together: boolean): void {
    for (const group of together ? [bytes] : bytes.map((byte) => [byte])) {
      this.#report({ kind: 'keypad', reader: 0, keys: Uint8Array.from(group) });
    }
  }
}

const PRODUCT = { oui: fromHex('C3B2A1'), model: 7, version: 1, firmware: [1, 2, 3] } as const;

function nak(code: number): Reply {
  return { kind: 'nak', nak: code, data: new Uint8Array() };
}
