/** The schema as editors understand it, with every driver's options. */
import { z } from 'zod';
import { catalogue } from '../drivers/catalogue.ts';
import type { DriverEntry } from '../drivers/contract/machine.ts';
import { deviceCommon } from './hardware-schema.ts';
import { configSchema } from './schema.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** JSON Schema 2020-12; for the `# yaml-language-server: $schema=…` line of a config. */
export function configJsonSchema(
  drivers: ReadonlyMap<string, DriverEntry> = catalogue,
): JsonSchema {
  const whole = jsonSchema(configSchema);
  const devices = whole.properties?.['devices'];
  if (typeof devices !== 'object') throw new TypeError('the schema has devices');
  devices.additionalProperties = { oneOf: [...drivers.values()].map(deviceSchema) };
  return { ...whole, title: 'Latchkey config' };
}

function deviceSchema(entry: DriverEntry): JsonSchema {
  const { $schema: _, ...options } = jsonSchema(entry.options);
  const common = jsonSchema(deviceCommon).properties ?? {};
  return {
    ...options,
    title: entry.title,
    type: 'object',
    properties: {
      driver: { const: entry.name, description: entry.title },
      ...(common['bus'] === undefined ? {} : { bus: common['bus'] }),
      ...options.properties,
    },
    required: ['driver', 'bus', ...(options.required ?? [])],
    additionalProperties: false,
  };
}

function jsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' });
}
