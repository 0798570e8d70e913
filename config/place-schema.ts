/** Where people stand, the keys that hang there, and names for groups of both. */
import { z } from 'zod';
import { SECRET } from './secrets.ts';
import { name, openId } from './values.ts';

const slot = z.int().min(1).max(4096);

export const accessPointSchema = z
  .strictObject({
    name: z.string().min(1).max(64).optional().describe('for people; the id without it'),
    box: name.optional().describe('device that opens the slots of the key box here'),
    slots: z
      .array(slot)
      .max(4096)
      .optional()
      .describe('slots of the box that are used; without it, all'),
    disabledSlots: z
      .array(slot)
      .max(4096)
      .default([])
      .describe('slots that are neither opened nor offered'),
    locks: z.array(name).max(64).default([]).describe('devices that lock the doors here'),
    readers: z.array(name).max(64).default([]).describe('readers and keypads that people use here'),
    slotReaders: z
      .record(z.string().regex(/^[1-9]\d{0,3}$/, 'the number of a slot'), name)
      .default({})
      .describe('readers inside slots, by the number of the slot'),
    holdMs: z.int().min(100).max(30_000).default(5000).describe('how long an opening lasts'),
    heldOpenMs: z
      .int()
      .min(5000)
      .max(3_600_000)
      .default(60_000)
      .describe('a door open for longer is reported as held open'),
    area: z
      .strictObject({
        enters: name.describe('area that one is in after passing here'),
        leaves: name.optional().describe('area that one was in before'),
      })
      .optional()
      .describe('for anti-passback'),
  })
  .refine(({ box, locks }) => box !== undefined || locks.length > 0, {
    error: 'something to open: a box, or locks',
  })
  .refine(
    ({ box, slots, slotReaders }) =>
      box !== undefined || (slots === undefined && Object.keys(slotReaders).length === 0),
    { error: 'the box that these slots are of', path: ['box'] },
  );

export type AccessPointConfig = Readonly<z.output<typeof accessPointSchema>>;

export const FOB = /^([0-9A-Fa-f]{10}|[a-z0-9]+:[1-9]\d{0,3}:[0-9A-Fa-f]+)$/;

export const keySchema = z
  .strictObject({
    name: z.string().min(1).max(128).describe('what people call it'),
    fob: z
      .string()
      .max(1100)
      .refine((text) => FOB.test(text) || SECRET.test(text), {
        error:
          'the 10 hex digits of a fob, technology:bits:hex, or where that is: credential:NAME or file:/PATH',
      })
      .optional()
      .describe('number of the fob on its ring'),
    home: name.optional().describe('access point where it belongs'),
    slot: slot.optional().describe('slot of its home where it hangs on the first start'),
    roaming: z.boolean().default(false).describe('may be returned at any box'),
    virtual: z.boolean().default(false).describe('there is no key of metal: only a code to give'),
    notes: z.string().max(2000).optional(),
  })
  .refine(({ slot: at, home }) => at === undefined || home !== undefined, {
    error: 'the home whose slot it hangs in',
    path: ['home'],
  })
  .refine((key) => !key.virtual || (key.slot === undefined && key.fob === undefined), {
    error: 'false, for a key that has a fob or hangs in a slot',
    path: ['virtual'],
  });

export type KeyConfig = Readonly<z.output<typeof keySchema>>;

export const targetSchema = z.strictObject({
  kind: z.enum(['key', 'lock', 'slot', 'location']),
  id: openId.describe('a key, a device, `box:7` for slot 7 of device box, or an access point'),
});

export const accessLevelSchema = z.array(targetSchema).max(256);

export type TargetConfig = Readonly<z.output<typeof targetSchema>>;
