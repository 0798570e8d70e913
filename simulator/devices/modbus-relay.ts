/**
 * A Modbus RTU relay and input board (Waveshare class) with the box behind it: coils from 0000, flash-on from 0200,
 * flash-off from 0400, all at 00FF, inputs from 0000, mode registers from 1000.
 */
import { type Timer, uptime } from '../../drivers/contract/time.ts';
import { crc16Modbus } from '../../drivers/wire/crc16.ts';
import type { Scanned } from '../../drivers/wire/receive-buffer.ts';
import { numberIn, yesOrNo } from '../arguments.ts';
import type { DeviceSurroundings } from '../device.ts';
import { type LockBoard, SimulatedLockBoard } from './lock-board.ts';

/** As the driver `modbus-relay` parses them. */
export interface SimulatedModbusOptions {
  readonly address?: number;
  readonly relays?: number;
  readonly inputs?: number;
  readonly slots?: ReadonlyMap<
    number,
    {
      readonly relay: number;
      readonly door?: number | undefined;
      readonly presence?: number | undefined;
    }
  >;
  readonly strike?: { readonly relay: number; readonly contact?: number | undefined } | undefined;
  readonly polarity?: {
    readonly door: 'normal' | 'inverted';
    readonly presence: 'normal' | 'inverted';
  };
}

const ALL = 0x00ff;
const FLASH_ON = 0x0200;
const FLASH_OFF = 0x0400;
const MODES = 0x1000;
const UNIT_ADDRESS = 0x4000;
/** A relay that is switched on rather than pulsed holds its solenoid; nobody ends it but the host. */
const HELD_MS = 3_600_000;

export function simulatedModbusRelay(
  name: string,
  options: SimulatedModbusOptions,
  around: DeviceSurroundings,
): SimulatedLockBoard {
  const registers = new Registers(options, around);
  const board = new SimulatedLockBoard(
    name,
    {
      kind: 'modbus-relay',
      address: options.address ?? 1,
      slots: Math.max(...(options.slots?.keys() ?? []), options.relays ?? 8),
      pulseMs: 500,
      doorInverted: options.polarity?.door === 'inverted',
      presenceInverted: options.polarity?.presence === 'inverted',
      verbs: {
        'set-mode': {
          what: 'sets what an input does to its relay, as from the factory',
          arguments: {
            relay: 'number of the relay',
            mode: '0 nothing, 1 linkage, 2 toggle, 3 edge',
          },
          run(given) {
            const relay = numberIn(given, 'relay', { from: 1, to: registers.modes.length });
            registers.modes[relay - 1] = numberIn(given, 'mode', { from: 0, to: 3 });
            return null;
          },
        },
        'set-input': {
          what: 'closes or opens a contact at an input that belongs to no slot: a button, a fire alarm',
          arguments: { input: 'number of the input', 'active?': 'true (the default) or false' },
          run(given) {
            const input = numberIn(given, 'input', { from: 1, to: options.inputs ?? 8 });
            registers.contacts[input - 1] = yesOrNo(given, 'active', true);
            return null;
          },
        },
        refuse: {
          what: 'answers its next requests with an exception',
          arguments: { code: '1 to 6; 6 is busy', 'count?': 'how many; 1 is the default' },
          run(given) {
            registers.exception = numberIn(given, 'code', { from: 1, to: 6 });
            registers.exceptions = numberIn(given, 'count', { from: 0, to: 1e6, otherwise: 1 });
            return null;
          },
        },
        'stick-modes': {
          what: 'lets its mode registers keep what they hold, whatever is written',
          arguments: {},
          run() {
            registers.sticks = true;
            return null;
          },
        },
      },
    },
    around,
    {
      scan: scanRequest,
      most: 40,
      serve: (request: Uint8Array, on) => registers.serve(request, on),
    },
  );
  registers.follow(board);
  board.alsoLose(() => registers.allFall(board));
  board.alsoShow(() => ({ coils: registers.coilsOn, modes: [...registers.modes] }));
  return board;
}

class Registers {
  readonly modes: number[];
  /** Contacts at inputs that no slot uses. */
  readonly contacts: boolean[];
  sticks = false;
  exception = 0;
  /** Requests that are still answered by `exception`. */
  exceptions = 0;
  readonly #around: DeviceSurroundings;
  readonly #coils: boolean[];
  readonly #timers = new Map<number, Timer>();
  readonly #slots: NonNullable<SimulatedModbusOptions['slots']>;
  #before: readonly boolean[] = [];

  constructor(options: SimulatedModbusOptions, around: DeviceSurroundings) {
    const { relays = 8, inputs = 8 } = options;
    this.#around = around;
    this.#coils = Array.from({ length: relays }, () => false);
    this.modes = Array.from({ length: relays }, () => 0);
    this.contacts = Array.from({ length: inputs }, () => false);
    this.#slots =
      options.slots ??
      new Map(this.#coils.map((_, index) => [index + 1, { relay: index + 1, door: index + 1 }]));
  }

  /** Numbers of the relays that are on. */
  get coilsOn(): readonly number[] {
    return this.#coils.flatMap((on, index) => (on ? [index + 1] : []));
  }

  /** An input in linkage mode drives its relay by itself. */
  follow(board: SimulatedLockBoard): void {
    this.#before = this.inputs(board);
    board.box.watch(() => {
      const now = this.inputs(board);
      for (const [index, active] of now.entries()) {
        if (active === this.#before[index] || this.modes[index] !== 1) continue;
        this.#switch(board, index, active);
      }
      this.#before = now;
    });
  }

  /** Without power no relay is held. */
  allFall(board: LockBoard): void {
    for (const index of this.#coils.keys()) this.#switch(board, index, false);
  }

  inputs(board: LockBoard): readonly boolean[] {
    const inputs = [...this.contacts];
    const doors = board.hookBits();
    const presence = board.presenceBits();
    for (const [slot, wiring] of this.#slots) {
      if (wiring.door !== undefined) inputs[wiring.door - 1] = doors[slot - 1] ?? false;
      if (wiring.presence !== undefined) inputs[wiring.presence - 1] = presence[slot - 1] ?? false;
    }
    return inputs;
  }

  serve(request: Uint8Array, board: LockBoard): Uint8Array | undefined {
    const [unit, fn = 0] = request;
    if (unit !== board.address) return undefined;
    const view = new DataView(request.buffer, request.byteOffset, request.byteLength);
    const address = view.getUint16(2);
    const value = view.getUint16(4);
    const isRefused = this.exceptions > 0;
    if (isRefused) this.exceptions -= 1;
    const reply = isRefused ? this.exception : this.#reply(fn, address, value, request, board);
    return typeof reply === 'number'
      ? sealed(board.address, fn + 0x80, reply)
      : sealed(board.address, fn, ...reply);
  }

  /** The rest of the reply, or the number of an exception. */
  #reply(
    fn: number,
    address: number,
    value: number,
    request: Uint8Array,
    board: LockBoard,
  ): readonly number[] | number {
    const same = request.subarray(2, 6);
    switch (fn) {
      case 0x01:
        return bits(this.#coils, address, value);
      case 0x02:
        return bits(this.inputs(board), address, value);
      case 0x03:
        if (address === UNIT_ADDRESS && value === 1) return [2, 0, board.address];
        return words(this.modes, address - MODES, value);
      case 0x05:
        return this.#writeCoil(address, value, board) ?? [...same];
      case 0x06:
        if (this.modes[address - MODES] === undefined) return 2;
        if (!this.sticks) this.modes[address - MODES] = value;
        return [...same];
      case 0x0f:
        if (address + value > this.#coils.length) return 2;
        for (let index = 0; index < value; index += 1) {
          const byte = request[7 + (index >> 3)] ?? 0;
          this.#switch(board, address + index, ((byte >> (index & 7)) & 1) === 1);
        }
        return [...same];
      default:
        return 1;
    }
  }

  #writeCoil(address: number, value: number, board: LockBoard): number | undefined {
    const relays = this.#coils.length;
    if (address >= FLASH_ON && address < FLASH_ON + relays) {
      this.#switch(board, address - FLASH_ON, true, value * 100);
      return undefined;
    }
    if (address >= FLASH_OFF && address < FLASH_OFF + relays) {
      this.#switch(board, address - FLASH_OFF, false);
      return undefined;
    }
    if (value !== 0 && value !== 0xff00) return 3;
    if (address === ALL) {
      for (let index = 0; index < relays; index += 1) this.#switch(board, index, value !== 0);
      return undefined;
    }
    if (address >= relays) return 2;
    this.#switch(board, address, value !== 0);
    return undefined;
  }

  #switch(board: LockBoard, index: number, on: boolean, length = HELD_MS): void {
    this.#timers.get(index)?.cancel();
    this.#timers.delete(index);
    this.#coils[index] = on;
    const slot = [...this.#slots].find(([, { relay }]) => relay === index + 1)?.[0];
    if (!on) {
      if (slot !== undefined) board.box.release(slot);
      return;
    }
    if (slot !== undefined) board.pulse(slot, length);
    const at = uptime(this.#around.clock.uptime() + length);
    this.#timers.set(
      index,
      this.#around.clock.wakeAt(at, () => {
        this.#coils[index] = false;
      }),
    );
  }
}

/** Frames of a master; those of fixed length are eight bytes, 0F tells its own. */
function scanRequest(bytes: Uint8Array): Scanned<Uint8Array> {
  const fn = bytes[1] ?? 0;
  const length = fn === 0x0f || fn === 0x10 ? 9 + (bytes[6] ?? 0) : 8;
  if (length > 40) return { kind: 'noise', length: 1 };
  if (bytes.length < length) return { kind: 'need-more' };
  const frame = bytes.slice(0, length);
  return crc16Modbus(frame) === 0
    ? { kind: 'frame', length, frame }
    : { kind: 'noise', length: 1, checksum: true };
}

function bits(of: readonly boolean[], start: number, count: number): readonly number[] | number {
  if (count < 1 || start + count > of.length) return 2;
  const bytes = Array.from({ length: Math.ceil(count / 8) }, () => 0);
  for (let index = 0; index < count; index += 1) {
    if (of[start + index]) bytes[index >> 3] = (bytes[index >> 3] ?? 0) + 2 ** (index % 8);
  }
  return [bytes.length, ...bytes];
}

function words(of: readonly number[], start: number, count: number): readonly number[] | number {
  if (start < 0 || count < 1 || start + count > of.length) return 2;
  return [2 * count, ...of.slice(start, start + count).flatMap((word) => [word >> 8, word & 255])];
}

function sealed(...bytes: readonly number[]): Uint8Array {
  const crc = crc16Modbus(Uint8Array.from(bytes));
  return Uint8Array.from([...bytes, crc & 0xff, crc >> 8]);
}
