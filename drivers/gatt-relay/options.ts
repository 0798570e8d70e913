/** What the config may say of one BLE relay. */
import { z } from 'zod';

const uuid = z
  .string()
  .toLowerCase()
  .transform((text) => text.replaceAll('-', ''))
  .refine((text) => /^([0-9a-f]{4}|[0-9a-f]{32})$/.test(text), 'a UUID of 4 or 32 hex digits');

const template = z
  .string()
  .regex(/^([0-9A-Fa-f]{2}|\{channel\}|\{tenths\}|\s)+$/)
  .describe('hex, with {channel} and {tenths} for one byte each');

const fields = z.strictObject({
  address: z
    .string()
    .toLowerCase()
    .regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
    .describe('Bluetooth address; `latchkey ble scan` shows it'),
  addressType: z.enum(['public', 'random']).default('public'),
  dialect: z
    .enum(['bt004ble', 'a0', 'custom'])
    .describe('Devantech BT004BLE; the common A0 boards; or the templates below'),
  channel: z.int().min(1).max(8).default(1).describe('relay on the board, counted from 1'),
  password: z
    .string()
    .regex(/^credential:[A-Za-z0-9._-]{1,64}$/)
    .optional()
    .describe('of a bt004ble board, as `credential:name`'),
  allowInsecure: z
    .literal(true)
    .optional()
    .describe('needed for a0 and custom: anybody in radio range can switch such a board'),
  service: uuid.default('ffe0').describe('serial service of the module'),
  write: uuid.default('ffe1'),
  notify: uuid.default('ffe1').describe('where it answers'),
  withResponse: z.boolean().default(true).describe('false for modules that only take commands'),
  unlock: template.optional(),
  lock: template.optional(),
  ack: z
    .string()
    .regex(/^([0-9A-Fa-f]{2}|\.\.|\s)+$/)
    .optional()
    .describe('answer to both, hex with .. for any byte'),
  failSafe: z
    .boolean()
    .default(false)
    .describe('what hangs on the relay opens without power (magnet) or stays locked (strike)'),
  idleMs: z.int().min(500).max(60_000).default(3000),
  pollMs: z
    .int()
    .min(60_000)
    .max(86_400_000)
    .default(1_800_000)
    .describe('it is looked for at least this often'),
});

export const gattRelayOptions = fields.superRefine((options, context) => {
  const fault = (path: string, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message });
  const { dialect, allowInsecure, password } = options;
  if (dialect !== 'bt004ble' && allowInsecure !== true) {
    fault('allowInsecure', `a ${dialect} board proves nothing to nobody: set allowInsecure: true`);
  }
  if (dialect === 'bt004ble' && password === undefined) {
    fault('password', 'a bt004ble board takes nothing before its password');
  }
  if (dialect === 'bt004ble' && options.channel > 4) fault('channel', 'it has relays 1 to 4');
  if (dialect === 'custom' && (options.unlock === undefined || options.lock === undefined)) {
    fault('unlock', 'a custom board needs both templates, unlock and lock');
  }
});

export type GattRelayOptions = z.output<typeof gattRelayOptions>;
