/** What the config may say of one OSDP reader. */
import { z } from 'zod';
import { pinRules } from '../wire/pin-rules.ts';
import { rearmMs } from '../wire/reader-options.ts';
import { WIEGAND_FORMATS } from '../wire/wiegand.ts';
import { COLOURS } from './commands.ts';

const tenths = (what: string, fallback: number) =>
  z.number().int().min(100).max(25_500).multipleOf(100).default(fallback).describe(what);

const secureChannel = z.union([
  z.literal('off').describe('clear text: whoever is on the wire reads and writes it'),
  z.strictObject({
    key: z
      .string()
      .regex(/^(credential:[A-Za-z0-9._-]{1,64}|file:\/.{1,1024})$/, {
        error: 'not the key itself: credential:NAME, or file:/PATH',
      })
      .describe('where the key of this reader (SCBK, 16 bytes) is: credential:NAME, or file:/PATH'),
  }),
]);

const install = z.strictObject({
  until: z.iso
    .datetime({ offset: true })
    .describe('end of the install window, with its offset; over once reached, at the latest'),
  from: z
    .strictObject({
      address: z.number().int().min(0).max(126).default(0).describe('address of delivery'),
      baudRate: z.number().int().min(9600).max(230_400).default(9600).describe('speed of delivery'),
    })
    .optional()
    .describe('where a new reader answers; it alone may be wired there. It is moved by COMSET'),
});

const strike = z.strictObject({
  output: z.number().int().min(0).max(31).describe('output of the reader, from 0'),
  energised: z
    .enum(['unlocks', 'locks'])
    .default('unlocks')
    .describe('`unlocks`: fail-secure strike; `locks`: fail-safe magnet'),
});

const input = z.strictObject({
  input: z.number().int().min(0).max(31).describe('input of the reader, from 0'),
  as: z
    .enum(['door-contact', 'exit-button', 'other'])
    .describe('what is wired to it; all but the door contact are reported by number'),
  activeWhen: z
    .enum(['closed', 'open'])
    .default('closed')
    .describe('contact that counts as active: of a door contact, the one with the door open'),
});

const feedback = z
  .strictObject({
    led: z.number().int().min(0).max(15).default(0).describe('LED that the person sees'),
    idle: z.enum(COLOURS).default('red').describe('colour while nothing happens'),
    granted: z.enum(COLOURS).default('green').describe('colour of a granted presentation'),
    denied: z.enum(COLOURS).default('red').describe('blinks, so that it differs from idle'),
    wait: z.enum(COLOURS).default('amber').describe('blinks slowly'),
    grantedMs: tenths('how long "granted" shows', 3000),
    deniedMs: tenths('how long "denied" shows', 2000),
    sound: z.boolean().default(true).describe('beep for granted and denied'),
    keySound: z
      .boolean()
      .default(false)
      .describe('beep for each digit; most keypads beep by themselves'),
    text: z.boolean().default(true).describe('show texts where the reader has a display'),
  })
  .prefault({});

const fields = z.strictObject({
  address: z.number().int().min(0).max(126).describe('address of the reader on its bus'),
  secureChannel: secureChannel.describe('has no default: clear text must be written down'),
  check: z
    .enum(['crc', 'checksum'])
    .default('crc')
    .describe('trailer of our frames; secure channel needs crc'),
  install: install.optional().describe('time-limited leave to give a new reader its key'),
  serial: z
    .string()
    .regex(/^[0-9A-Fa-f]{8}$/)
    .optional()
    .describe('serial number, 8 hex digits; another reader at the address is then not used'),
  reader: z.number().int().min(0).max(7).default(0).describe('which head of the device'),
  pollMs: z
    .number()
    .int()
    .min(10)
    .max(200)
    .default(50)
    .describe('time between polls; on a slow bus the wire sets it'),
  formats: z
    .array(z.enum(WIEGAND_FORMATS))
    .default([])
    .describe(
      'card formats in use here; any other is malformed. None: every length, parity checked',
    ),
  parity: z.boolean().default(true).describe('false only for a reader that sends none'),
  reverseBytes: z
    .boolean()
    .default(false)
    .describe('for readers that send a serial number backwards; prove it by enrolling a card'),
  rearmMs,
  entry: pinRules.prefault({}).describe('how a code is typed on the keypad of the reader'),
  strike: strike.optional().describe('lock at an output of the reader'),
  inputs: z.array(input).max(32).default([]).describe('what is wired to the inputs'),
  feedback: feedback.describe('what the person sees and hears'),
});

export const osdpOptions = fields.superRefine((options, context) => {
  const fault = (path: string, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message });
  if (options.secureChannel === 'off' && options.install?.from === undefined && options.install) {
    fault('install', 'there is no key to install with secureChannel off and no address to move');
  }
  if (options.secureChannel !== 'off' && options.check === 'checksum') {
    fault('check', 'secure channel needs crc');
  }
  const numbers = options.inputs.map((each) => each.input);
  if (new Set(numbers).size < numbers.length) fault('inputs', 'an input is named twice');
  if (options.inputs.filter((each) => each.as === 'door-contact').length > 1) {
    fault('inputs', 'a reader has one door contact');
  }
});

export type OsdpOptions = z.output<typeof osdpOptions>;
