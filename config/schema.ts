/** Every setting, with its bounds and default. `load.ts` adds what only shows between settings. */
import { z } from 'zod';
import {
  type BusConfig,
  busSchema,
  type DeviceConfig,
  deviceCommon,
  inputSchema,
} from './hardware-schema.ts';
import {
  apiSchema,
  cloudSchema,
  homeAssistantSchema,
  logSchema,
  vendorsSchema,
} from './online-schema.ts';
import { accessLevelSchema, accessPointSchema, keySchema } from './place-schema.ts';
import { secretsSchema, siteSchema, storeSchema } from './site-schema.ts';
import { name, openId } from './values.ts';

const named = <T extends z.ZodType>(value: T, most: number) =>
  z
    .record(name, value)
    .refine((found) => Object.keys(found).length <= most, { error: `at most ${most} of them` });

/** Without the devices, whose shape is their driver's own. */
export const sections = {
  site: siteSchema.describe('the site, and the choices that hold everywhere in it'),
  store: storeSchema.describe('where the daemon keeps what it must not lose'),
  secrets: secretsSchema.prefault({}).describe('where its secrets are'),
  buses: named(busSchema, 64).default({}).describe('wires, gateways and radios, by name'),
  devices: named(z.looseObject(deviceCommon.shape), 512)
    .default({})
    .describe('what is on them, by name'),
  inputs: z.array(inputSchema).max(256).default([]).describe('what is wired to inputs of devices'),
  accessPoints: named(accessPointSchema, 128).default({}).describe('where people stand, by name'),
  keys: z
    .record(openId, keySchema)
    .default({})
    .describe('keys that are known from the start; more come from clouds and people'),
  accessLevels: named(accessLevelSchema, 256)
    .default({})
    .describe('names for several targets, for grants'),
  cloud: cloudSchema.optional().describe('the own cloud'),
  homeAssistant: homeAssistantSchema
    .optional()
    .describe('shows the site to Home Assistant, read only, over its own broker; off without it'),
  vendors: vendorsSchema.prefault({}).describe('clouds of vendors'),
  api: apiSchema.prefault({}).describe('the local API'),
  log: logSchema.prefault({}),
} as const;

export const configSchema = z.strictObject(sections);

type Read = z.output<typeof configSchema>;

/** A checked config: every reference in it leads somewhere. */
export type Config = Readonly<Omit<Read, 'devices' | 'buses'>> & {
  readonly buses: Readonly<Record<string, BusConfig>>;
  readonly devices: Readonly<Record<string, DeviceConfig>>;
};
