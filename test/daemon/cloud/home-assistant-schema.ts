/**
 * What Home Assistant takes as device-based discovery, and nothing beyond it (conventions 1.1): its abbreviations are
 * written out as it does, then every key must be one that it knows. Read only: there is no platform in it that needs a
 * command topic, which a lock does, so that a lock is shown as a binary sensor.
 */
import { z } from 'zod';

const ABBREVIATIONS: Readonly<Record<string, string>> = {
  dev: 'device',
  o: 'origin',
  cmps: 'components',
  p: 'platform',
  uniq_id: 'unique_id',
  stat_t: 'state_topic',
  t: 'topic',
  val_tpl: 'value_template',
  dev_cla: 'device_class',
  ent_cat: 'entity_category',
  avty: 'availability',
  avty_mode: 'availability_mode',
  evt_typ: 'event_types',
  unit_of_meas: 'unit_of_measurement',
  stat_cla: 'state_class',
  def_ent_id: 'default_entity_id',
  ic: 'icon',
  cmd_t: 'command_topic',
  pl_open: 'payload_open',
};
const IN_DEVICE: Readonly<Record<string, string>> = {
  ids: 'identifiers',
  cns: 'connections',
  mf: 'manufacturer',
  mdl: 'model',
  mdl_id: 'model_id',
  sn: 'serial_number',
  hw: 'hw_version',
  sw: 'sw_version',
  sa: 'suggested_area',
  cu: 'configuration_url',
};
const IN_ORIGIN: Readonly<Record<string, string>> = { sw: 'sw_version', url: 'support_url' };

function written(value: object, names: Readonly<Record<string, string>>): Record<string, unknown> {
  const full = Object.entries(value).map(([name, inner]) => [names[name] ?? name, inner]);
  const found = Object.fromEntries(full);
  if (Object.keys(found).length !== full.length) throw new Error('a key is there twice');
  return found;
}

const word = z.string().min(1).max(255);
const topic = z.string().regex(/^[^#+\0]{1,256}$/, 'a topic without wildcards');
const template = z.string().regex(/^\{\{ [^{}]+ \}\}$/, 'one Jinja expression');
const availability = {
  availability: z
    .array(
      z.strictObject({
        topic,
        value_template: template.optional(),
        payload_available: word.optional(),
        payload_not_available: word.optional(),
      }),
    )
    .min(1)
    .optional(),
  availability_mode: z.enum(['all', 'any', 'latest']).optional(),
};
const entity = {
  ...availability,
  unique_id: z.string().regex(/^[a-zA-Z0-9_-]+$/),
  name: word.nullable().optional(),
  icon: word.optional(),
  default_entity_id: word.optional(),
  qos: z.literal([0, 1, 2]).optional(),
  state_topic: topic,
  value_template: template.optional(),
  /** `config` is not for what can only be read. */
  entity_category: z.literal('diagnostic').optional(),
};

const component = z.discriminatedUnion('platform', [
  z.strictObject({
    ...entity,
    platform: z.literal('binary_sensor'),
    device_class: z
      .enum(['door', 'lock', 'tamper', 'problem', 'connectivity', 'battery', 'occupancy'])
      .optional(),
    payload_on: word.optional(),
    payload_off: word.optional(),
    expire_after: z.int().positive().optional(),
    off_delay: z.int().positive().optional(),
  }),
  z
    .strictObject({
      ...entity,
      platform: z.literal('sensor'),
      device_class: z.enum(['battery', 'timestamp', 'duration']).optional(),
      unit_of_measurement: word.optional(),
      state_class: z.enum(['measurement', 'total', 'total_increasing']).optional(),
      expire_after: z.int().positive().optional(),
    })
    .refine((it) => it.device_class !== 'battery' || it.unit_of_measurement === '%', 'in per cent')
    .refine((it) => it.device_class !== 'timestamp' || it.state_class === undefined, 'no class'),
  z.strictObject({
    ...entity,
    platform: z.literal('event'),
    event_types: z.array(word).min(1),
    device_class: z.enum(['button', 'doorbell', 'motion']).optional(),
  }),
  // Not an entity: it has no id, no name and no state.
  z.strictObject({ platform: z.literal('tag'), topic, value_template: template.optional() }),
]);

const discovery = z.strictObject({
  ...availability,
  device: z
    .strictObject({
      identifiers: z.array(word).optional(),
      connections: z.array(z.tuple([word, word])).optional(),
      name: word.optional(),
      manufacturer: word.optional(),
      model: word.optional(),
      model_id: word.optional(),
      serial_number: word.optional(),
      hw_version: word.optional(),
      sw_version: word.optional(),
      suggested_area: word.optional(),
      configuration_url: z.url().optional(),
      via_device: word.optional(),
    })
    .refine(
      ({ identifiers = [], connections = [] }) => identifiers.length + connections.length > 0,
      'known by an identifier or a connection',
    ),
  origin: z.strictObject({
    name: word,
    sw_version: word.optional(),
    support_url: z.url().optional(),
  }),
  components: z.record(z.string().regex(/^[a-zA-Z0-9_-]+$/), component),
  qos: z.literal([0, 1, 2]).optional(),
  encoding: word.optional(),
  state_topic: topic.optional(),
});
export type Discovery = z.infer<typeof discovery>;

const objects = z.record(z.string(), z.record(z.string(), z.unknown()));

/** @throws ZodError where Home Assistant would not take it, or would drop a part of it. */
export function readDiscovery(text: string): Discovery {
  const root = written(z.record(z.string(), z.unknown()).parse(JSON.parse(text)), ABBREVIATIONS);
  const { device, origin, components } = objects.parse({
    device: root['device'],
    origin: root['origin'],
    components: root['components'],
  });
  return discovery.parse({
    ...root,
    device: written(device ?? {}, IN_DEVICE),
    origin: written(origin ?? {}, IN_ORIGIN),
    components: Object.fromEntries(
      Object.entries(objects.parse(components)).map(([name, each]) => [
        name,
        written(each, ABBREVIATIONS),
      ]),
    ),
  });
}
