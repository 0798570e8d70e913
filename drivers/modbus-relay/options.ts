/** Settings of relay and input boards: which relay opens which slot, which input tells of it, where the registers are. */
import { z } from 'zod';

const register = z.int().min(0).max(0xffff);
const number = z.int().min(1).max(64);

/** A slot is chosen at a keypad by its number. */
const SLOT_NUMBERS = 'a number from 1 to 999: four digits at a keypad are a code';

const slot = z.strictObject({
  relay: number.describe('relay that powers the lock, from 1'),
  door: number.optional().describe('input of the door contact, from 1'),
  presence: number.optional().describe('input of the sensor for what lies in the slot, from 1'),
});

const strike = z.strictObject({
  relay: number.describe('relay that powers the strike, from 1; a fail-secure one'),
  contact: number.optional().describe('input of the door contact, from 1'),
  holdMostMs: z
    .int()
    .min(100)
    .max(600_000)
    .default(60_000)
    .describe('longest unlocking, whatever is asked for'),
});

/** Waveshare "Modbus RTU Relay (D)" and its like. */
const registers = z.strictObject({
  coils: register.default(0x0000).describe('coil of relay 1'),
  flashOn: register.default(0x0200).describe('coil of relay 1 that takes a pulse in 100 ms units'),
  inputs: register.default(0x0000).describe('discrete input 1'),
  allCoils: register
    .nullable()
    .default(0x00ff)
    .describe('coil for all relays, used only to switch them off; null: each is switched off'),
  modes: register
    .nullable()
    .default(0x1000)
    .describe('mode register of relay 1, where 0 keeps inputs from driving relays; null: has none'),
});

const polarity = z.enum(['normal', 'inverted']).default('normal');

export const modbusRelayOptions = z
  .strictObject({
    address: z.int().min(1).max(247).default(1).describe('unit address'),
    relays: number.default(8).describe('relays on the board'),
    inputs: number.default(8).describe('inputs on the board'),
    slots: z
      .record(z.string().regex(/^[1-9][0-9]{0,2}$/, SLOT_NUMBERS), slot)
      .optional()
      .describe(
        'slot number to relay and inputs; without it and strike, slot, relay and door input have one number',
      ),
    strike: strike.optional().describe('strike of a door at this board'),
    registers: registers.prefault({}),
    polarity: z
      .strictObject({
        door: polarity.describe('of slots and strike; normal: input active is shut'),
        presence: polarity.describe('normal: input active is something there'),
      })
      .prefault({}),
    pulseMostMs: z
      .int()
      .min(100)
      .max(25_000)
      .default(1000)
      .describe('longest pulse, whatever is asked for; keep within what the lock endures'),
    pollMs: z.int().min(100).max(5000).default(300).describe('time between two readings'),
    debounce: z.int().min(1).max(5).default(2).describe('equal readings that make a change'),
    slotRestMs: z.int().min(0).max(60_000).default(1500).describe('rest of one solenoid'),
  })
  .transform(({ slots, ...options }) => ({
    ...options,
    slots: slots === undefined ? unnamed(options) : asMap(slots),
  }))
  .check(({ value, issues }) => {
    const used = new Map<string, string>();
    const wire = (by: string, kind: 'relay' | 'input', at: number, path: readonly string[]) => {
      const most = kind === 'relay' ? value.relays : value.inputs;
      const other = used.get(`${kind} ${at}`);
      if (at > most) issues.push(fault(at, path, `the board has 1 to ${most}`));
      else if (other !== undefined) {
        issues.push(fault(at, path, `${kind} ${at} is used by ${other} already`));
      }
      used.set(`${kind} ${at}`, by);
    };
    for (const [slotNumber, { relay, door, presence }] of value.slots) {
      const place = ['slots', String(slotNumber)];
      const by = `slot ${slotNumber}`;
      wire(by, 'relay', relay, [...place, 'relay']);
      if (door !== undefined) wire(by, 'input', door, [...place, 'door']);
      if (presence !== undefined) wire(by, 'input', presence, [...place, 'presence']);
    }
    const { relay, contact } = value.strike ?? {};
    if (relay !== undefined) wire('the strike', 'relay', relay, ['strike', 'relay']);
    if (contact !== undefined) wire('the strike', 'input', contact, ['strike', 'contact']);
  });

function fault(input: number, path: readonly string[], message: string) {
  return { code: 'custom' as const, input, path: [...path], message };
}

export type ModbusRelayOptions = z.infer<typeof modbusRelayOptions>;

export interface SlotWiring {
  readonly relay: number;
  readonly door?: number | undefined;
  readonly presence?: number | undefined;
}

function unnamed({
  relays,
  inputs,
  strike: own,
}: {
  readonly relays: number;
  readonly inputs: number;
  readonly strike?: unknown;
}): ReadonlyMap<number, SlotWiring> {
  if (own !== undefined) return new Map();
  return new Map(
    Array.from({ length: relays }, (_, index) => {
      const terminal = index + 1;
      const wiring: SlotWiring =
        terminal <= inputs ? { relay: terminal, door: terminal } : { relay: terminal };
      return [terminal, wiring];
    }),
  );
}

function asMap(slots: Readonly<Record<string, SlotWiring>>): ReadonlyMap<number, SlotWiring> {
  return new Map(
    Object.entries(slots)
      .map(([slot, wiring]) => [Number(slot), wiring] as const)
      .sort(([a], [b]) => a - b),
  );
}
