/** One relay and input board for the bus. The board times the pulse, so that no relay stays on if we die meanwhile. */
import { slotNumber } from '../contract/device.ts';
import type { BusFacts, MachineDevice } from '../contract/machine.ts';
import type { Millis } from '../contract/time.ts';
import type { Answer, Bit, Board, BoardProtocol, Exchange, Reading } from '../wire/board.ts';
import {
  dataBits,
  dataWords,
  exceptionText,
  MODBUS_MOST,
  type ModbusFrame,
  READ_COILS,
  READ_INPUTS,
  READ_REGISTERS,
  readRequest,
  scanModbus,
  WRITE_COIL,
  WRITE_COILS,
  WRITE_REGISTER,
  writeCoilsRequest,
  writeRequest,
} from './frame.ts';
import type { ModbusRelayOptions } from './options.ts';

const REPLY_WITHIN: Millis = 300;
/** The board counts pulses in these. */
const PULSE_UNIT: Millis = 100;

type Modbus = Exchange<ModbusFrame>;

export function modbusProtocol(
  devices: readonly MachineDevice<ModbusRelayOptions>[],
  { baudRate }: Pick<BusFacts, 'baudRate'>,
): BoardProtocol<ModbusFrame> {
  const units = new Set(devices.map(({ options }) => options.address));
  return {
    scan: (bytes) => scanModbus(bytes, units),
    most: MODBUS_MOST,
    // 3.5 characters of 11 bits; fixed above 19200 (serial-hardware 2.4).
    gap: baudRate > 19_200 ? 1.75 : (3.5 * 11 * 1000) / baudRate,
    speaker: (frame) => (frame.kind === 'request' ? 'host' : frame.unit),
  };
}

/** `isHeldOpen`: fire holds the strike open; setting the board up must not shut it. */
export function modbusBoard(
  { id, options }: MachineDevice<ModbusRelayOptions>,
  isHeldOpen: () => boolean,
): Board<ModbusFrame> {
  const { address: unit, registers, slots, strike } = options;
  const seen = readingOf(options);
  return {
    device: id,
    address: unit,
    hasSlot: (slot) => slots.has(slot),
    setup: [
      // First what no write can be mistaken for: it tells whether the adapter echoes.
      reading(unit, READ_COILS, registers.coils, options.relays, () => ({
        kind: 'next',
        // A pulse of an earlier life of ours, or of another master, ends here.
        exchanges: isHeldOpen() ? slotsOff(options) : [allOff(options)],
      })),
      ...(registers.modes === null ? [] : [modesRead(options, registers.modes, true)]),
    ],
    status: reading(unit, READ_INPUTS, registers.inputs, options.inputs, (data) => ({
      kind: 'reading',
      reading: seen(dataBits(data, options.inputs)),
    })),
    open(slot, hold) {
      const relay = slots.get(slot)?.relay;
      if (relay === undefined) throw new RangeError(`the board has no slot ${slot}`);
      return pulse(options, relay, hold, options.pulseMostMs);
    },
    ...(strike !== undefined && {
      strike: {
        unlock: (hold: Millis) => pulse(options, strike.relay, hold, strike.holdMostMs),
        lock: () => writing(unit, WRITE_COIL, registers.coils + strike.relay - 1, 0),
      },
    }),
    hasContact: (slot) => slots.get(slot)?.door !== undefined,
    unasked: () => undefined,
    timing: {
      pollEvery: options.pollMs,
      retries: 2,
      debounce: options.debounce,
      confirmAfter: [200, 500, 800],
      pulse: (hold) => pulseOf(hold, options.pulseMostMs),
      slotRest: options.slotRestMs,
    },
  };
}

/** What inputs say of slots and strike; which input is whose is worked out once. */
function readingOf(options: ModbusRelayOptions): (bits: readonly boolean[]) => Reading {
  const { slots, strike, polarity } = options;
  const most = Math.max(0, ...slots.keys());
  const wiring = Array.from({ length: most }, (_, index) => slots.get(slotNumber(index + 1)));
  const doors = wiring.map((slot) => slot?.door);
  const presence = wiring.map((slot) => slot?.presence);
  const taken = new Set([...doors, ...presence, strike?.contact]);
  const isFree = Array.from({ length: options.inputs }, (_, index) => !taken.has(index + 1));
  const doorFlips = polarity.door === 'normal';
  const presenceFlips = polarity.presence === 'inverted';
  return (bits) => {
    const at = (input: number | undefined, flips: boolean): Bit =>
      input === undefined ? undefined : bits[input - 1] !== flips;
    const contact = at(strike?.contact, doorFlips);
    return {
      doors: doors.map((input) => at(input, doorFlips)),
      presence: presence.map((input) => at(input, presenceFlips)),
      inputs: bits.map((bit, index) => (isFree[index] ? bit : undefined)),
      ...(contact !== undefined && { contact }),
    };
  };
}

/** Ended by the board's own timer. */
function pulse(
  { address, registers }: ModbusRelayOptions,
  relay: number,
  hold: Millis,
  most: Millis,
): Modbus {
  const coil = registers.flashOn + relay - 1;
  return writing(address, WRITE_COIL, coil, pulseOf(hold, most) / PULSE_UNIT);
}

function pulseOf(hold: Millis, most: Millis): Millis {
  return Math.ceil(Math.min(Math.max(hold, PULSE_UNIT), most) / PULSE_UNIT) * PULSE_UNIT;
}

function reading(
  unit: number,
  fn: number,
  start: number,
  count: number,
  meaning: (data: Uint8Array) => Answer<ModbusFrame>,
): Modbus {
  const dataBytes = fn === READ_REGISTERS ? 2 * count : Math.ceil(count / 8);
  return {
    bytes: readRequest(unit, fn, start, count),
    replyBytes: dataBytes + 5,
    within: REPLY_WITHIN,
    isProbe: true,
    answer(frame) {
      if (frame.kind === 'exception' && frame.fn === fn) return refusal(fn, start, frame.code);
      if (frame.kind !== 'data' || frame.fn !== fn) return undefined;
      return frame.data.length === dataBytes ? meaning(frame.data) : undefined;
    },
  };
}

/** The reply repeats the request, so that an adapter's echo looks like success (serial-hardware 2.3). */
function writing(unit: number, fn: number, address: number, value: number): Modbus {
  return {
    bytes: writeRequest(unit, fn, address, value),
    replyBytes: 8,
    within: REPLY_WITHIN,
    isProbe: false,
    answer: (frame) => writtenAs(frame, fn, address, value),
  };
}

function writtenAs(
  frame: ModbusFrame,
  fn: number,
  address: number,
  value: number,
): Answer<ModbusFrame> | undefined {
  if (frame.kind === 'exception' && frame.fn === fn) return refusal(fn, address, frame.code);
  const isIt =
    frame.kind === 'written' &&
    frame.fn === fn &&
    frame.address === address &&
    frame.value === value;
  return isIt ? { kind: 'acknowledged' } : undefined;
}

function allOff({ address: unit, relays, registers }: ModbusRelayOptions): Modbus {
  if (registers.allCoils !== null) return writing(unit, WRITE_COIL, registers.allCoils, 0);
  const off = Array.from({ length: relays }, () => false);
  return {
    bytes: writeCoilsRequest(unit, registers.coils, off),
    replyBytes: 8,
    within: REPLY_WITHIN,
    isProbe: false,
    answer: (frame) => writtenAs(frame, WRITE_COILS, registers.coils, relays),
  };
}

/** All but the strike. */
function slotsOff({ address, relays, registers, strike }: ModbusRelayOptions): readonly Modbus[] {
  return Array.from({ length: relays }, (_, index) => index)
    .filter((index) => index + 1 !== strike?.relay)
    .map((index) => writing(address, WRITE_COIL, registers.coils + index, 0));
}

/** A relay whose input drives it would fire its solenoid when the door moves: disarmed, and read back. */
function modesRead(options: ModbusRelayOptions, modes: number, isFirst: boolean): Modbus {
  const { address: unit, relays } = options;
  return reading(unit, READ_REGISTERS, modes, relays, (data) => {
    const armed = dataWords(data).flatMap((mode, index) => (mode === 0 ? [] : [index]));
    if (armed.length === 0) return { kind: 'acknowledged' };
    const names = armed.map((index) => index + 1).join(', ');
    const detail = `relays driven by their inputs: ${names}`;
    if (!isFirst) return { kind: 'unsafe', fault: 'linkage-mode', detail };
    const disarming = armed.map((index) => writing(unit, WRITE_REGISTER, modes + index, 0));
    return {
      kind: 'next',
      exchanges: [...disarming, modesRead(options, modes, false)],
      because: { fault: 'linkage-mode', detail },
    };
  });
}

function refusal(fn: number, address: number, code: number): Answer<ModbusFrame> {
  const what = `function ${fn}, address ${address}: ${exceptionText(code)}`;
  return { kind: 'refused', detail: what };
}
