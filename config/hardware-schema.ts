/** Wires and what is on them. */
import { z } from 'zod';
import { WAYS } from './bus-way.ts';
import { filePath, hostAndPort, name } from './values.ts';

export const busSchema = z
  .strictObject({
    serial: filePath
      .optional()
      .describe('a serial port, by a name that stays: /dev/serial/by-id/…'),
    tcp: hostAndPort.optional().describe('a serial gateway on the network, HOST:PORT'),
    ble: z
      .string()
      .regex(/^(hci\d{1,2}|tcp:.+:\d{1,5}|\/dev\/.+)$/, 'an adapter, such as hci0')
      .optional()
      .describe('a Bluetooth adapter: hci0; or H4 on a serial port, or tcp:HOST:PORT'),
    input: filePath
      .optional()
      .describe('a reader that acts as a keyboard: /dev/input/by-id/…-event-kbd'),
    baudRate: z
      .int()
      .min(300)
      .max(921_600)
      .optional()
      .describe('speed of the line; without it, the factory speed of the driver'),
    latencyMs: z
      .int()
      .min(0)
      .max(1000)
      .default(0)
      .describe('what a gateway or adapter adds to each answer'),
    echo: z
      .boolean()
      .default(false)
      .describe('our own bytes come back: an adapter with its receiver left on'),
    via: z
      .enum(['bluez', 'hci'])
      .optional()
      .describe(
        'Bluetooth through the system (bluez, also when missing), or straight to the adapter (hci)',
      ),
  })
  .refine((bus) => WAYS.filter((way) => bus[way] !== undefined).length === 1, {
    error: 'exactly one of serial, tcp, ble and input',
  });

export type BusConfig = Readonly<z.output<typeof busSchema>>;

/** What every device has; the rest are the options of its driver. */
export const deviceCommon = z.strictObject({
  driver: z.string().describe('what it is; `latchkey drivers` lists them'),
  bus: name.describe('name of the bus it is on'),
});

export interface DeviceConfig {
  readonly driver: string;
  readonly bus: string;
  /** As the driver's own schema read them. */
  readonly options: unknown;
}

export const inputSchema = z
  .strictObject({
    device: name.describe('device that the wire goes to'),
    input: z.int().min(0).max(255).describe('number of the input, as the device counts'),
    does: z.enum(['rex', 'fire', 'tamper']).describe('exit button, fire alarm, or cover contact'),
    accessPoint: name.optional().describe('where the exit button is'),
    locks: z.array(name).max(64).default([]).describe('locks that a fire alarm releases'),
  })
  .refine(({ does, locks }) => (does === 'fire') === locks.length > 0, {
    error: 'a fire input names the locks that it releases, no other input does',
    path: ['locks'],
  })
  .refine(({ does, accessPoint }) => does !== 'rex' || accessPoint !== undefined, {
    error: 'the access point that the exit button belongs to',
    path: ['accessPoint'],
  });

export type InputConfig = Readonly<z.output<typeof inputSchema>>;
