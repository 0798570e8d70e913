/** Settings of relay and input boards: which relay opens which slot, which input tells of it, where the registers are. */
import { z } from 'zod';

const register = z.int().min(0).max(0xffff);
const number = z.int().min(1).max(64);

const slot = z.strictObject({
  relay: number.describe('relay that powers the lock, from 1'),
  door: number.optional().describe('input of the door contact, from 1'),
  presence: number.optional().describe('input of the sensor for what lies in the slot, from 1'),
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
      .record(z.string().regex(/^[1-9][0-9]{0,3}$/), slot)
      .optional()
      .describe(
        'slot number to relay and inputs; left out: slot, relay and door input have one number',
      ),
    registers: registers.prefault({}),
    polarity: z
      .strictObject({
        door: polarity.describe('normal: input active is shut'),
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
    slots: slots === undefined ? oneToOne(options.relays, options.inputs) : asMap(slots),
  }))
  .check(({ value, issues }) => {
    const used = new Map<string, number>();
    for (const [slotNumber, wiring] of value.slots) {
      for (const name of ['relay', 'door', 'presence'] as const) {
        const terminal = wiring[name];
        if (terminal === undefined) continue;
        const most = name === 'relay' ? value.relays : value.inputs;
        const path = ['slots', String(slotNumber), name];
        const key = `${name === 'relay' ? 'relay' : 'input'} ${terminal}`;
        const other = used.get(key);
        if (terminal > most) {
          const message = `the board has 1 to ${most}`;
          issues.push({ code: 'custom', input: terminal, path, message });
        } else if (other !== undefined) {
          const message = `${key} is used by slot ${other} already`;
          issues.push({ code: 'custom', input: terminal, path, message });
        }
        used.set(key, slotNumber);
      }
    }
  });

export type ModbusRelayOptions = z.infer<typeof modbusRelayOptions>;

export interface SlotWiring {
  readonly relay: number;
  readonly door?: number | undefined;
  readonly presence?: number | undefined;
}

function oneToOne(relays: number, inputs: number): ReadonlyMap<number, SlotWiring> {
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
