/** What Home Assistant is told of a device: one retained config for each, by its device-based discovery (conventions 1.1). Pure. */
import type { EntryType, JsonObject, RecordedEntry } from '../access/entry.ts';
import type { WireDeviceState } from './messages.ts';
import type { Topics } from './topics.ts';

/** `[a-zA-Z0-9_-]`; part of the identity of every entity, so it never changes for a device. */
function objectId(bridge: string, device: string): string {
  return `${bridge}_${device}`.replaceAll('-', '_');
}

export function configTopic(prefix: string, bridge: string, device: string): string {
  return `${prefix}/device/${objectId(bridge, device)}/config`;
}

function bridgeId(bridge: string): string {
  return bridge.replaceAll('-', '_');
}

export function bridgeTopic(prefix: string, bridge: string): string {
  return `${prefix}/device/${bridgeId(bridge)}/config`;
}

/**
 * The daemon itself. To be told before its devices: they name it as `via_device`, and since 2025.12 Home Assistant
 * wants to know a device by then.
 */
export function bridgeConfig(topics: Topics, site: string, version: string): JsonObject {
  const id = bridgeId(topics.bridge);
  return {
    dev: { ids: [id], name: site, mf: 'Latchkey', mdl: 'Latchkey', sn: topics.bridge, sw: version },
    o: { name: 'latchkey', sw: version },
    qos: 1,
    cmps: {
      online: {
        p: 'binary_sensor',
        uniq_id: `${id}_online`,
        name: 'Connection',
        stat_t: topics.status,
        val_tpl: "{{ 'ON' if value_json.online else 'OFF' }}",
        dev_cla: 'connectivity',
        ent_cat: 'diagnostic',
      },
    },
  };
}

/** Events that automations may wait for; anything else stays between site and cloud. */
const EVENT_WORDS: ReadonlyMap<EntryType, string> = new Map<EntryType, string>([
  ['access.granted', 'granted'],
  ['access.denied', 'denied'],
  ['access.opened', 'opened'],
  ['access.forced_open', 'forced'],
  ['access.held_open', 'held_open'],
  ['access.taken', 'key_taken'],
  ['access.returned', 'key_returned'],
  ['device.tamper', 'tamper'],
]);

export function eventTopic(topics: Topics, device: string): string {
  return `${topics.base}/ha/${device}/event`;
}

export function tagTopic(topics: Topics, device: string): string {
  return `${topics.base}/ha/${device}/tag`;
}

/** The event as Home Assistant reads it, or undefined where it is none of its business. Duress looks like any opening. */
export function eventFor({ type, body, stamp }: RecordedEntry): JsonObject | undefined {
  const word = EVENT_WORDS.get(type);
  if (word === undefined) return undefined;
  const { slot, reason, key } = body;
  return {
    event_type: word,
    at: new Date(stamp.at).toISOString(),
    ...(typeof slot === 'number' ? { slot } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    ...(typeof key === 'string' ? { key } : {}),
  };
}

/** Read only: there is no command topic in it, so nobody at that broker can open anything. */
export function discoveryConfig(
  state: WireDeviceState,
  topics: Topics,
  site: string,
  version: string,
): JsonObject {
  const id = objectId(topics.bridge, state.dev);
  const online = (field: string) => `{{ 'online' if value_json.${field} else 'offline' }}`;
  return {
    dev: {
      ids: [id],
      name: `${site} ${state.dev}`,
      mf: 'Latchkey',
      mdl: state.driver,
      sn: state.dev,
      via_device: bridgeId(topics.bridge),
    },
    o: { name: 'latchkey', sw: version },
    qos: 1,
    avty_mode: 'all',
    avty: [
      { topic: topics.status, value_template: online('online') },
      { topic: topics.device(state.dev), value_template: online("link == 'up'") },
    ],
    cmps: components(state, topics, id),
  };
}

function components(state: WireDeviceState, topics: Topics, id: string): JsonObject {
  const from = topics.device(state.dev);
  const flag = (
    name: string,
    word: string,
    condition: string,
    more: JsonObject = {},
  ): JsonObject => ({
    [name]: {
      p: 'binary_sensor',
      uniq_id: `${id}_${name}`,
      name: word,
      stat_t: from,
      val_tpl: `{{ 'ON' if ${condition} else 'OFF' }}`,
      ...more,
    },
  });
  const diagnostic = { ent_cat: 'diagnostic' };
  const slots = Object.keys(state.slots ?? {}).map((slot) => ({
    ...flag(`slot_${slot}_key`, `Key in slot ${slot}`, `value_json.slots['${slot}'].key`, {
      dev_cla: 'occupancy',
    }),
    ...flag(`slot_${slot}_door`, `Door of slot ${slot}`, `value_json.slots['${slot}'].open`, {
      dev_cla: 'door',
    }),
  }));
  return {
    access: {
      p: 'event',
      uniq_id: `${id}_access`,
      name: 'Access',
      stat_t: eventTopic(topics, state.dev),
      evt_typ: [...EVENT_WORDS.values()],
    },
    tag: { p: 'tag', topic: tagTopic(topics, state.dev), val_tpl: '{{ value_json.tag }}' },
    // For the link itself being down, availability would hide the very answer.
    ...flag('link', 'Connection', "value_json.link == 'up'", {
      dev_cla: 'connectivity',
      ...diagnostic,
      avty_mode: 'any',
      avty: [
        {
          topic: topics.status,
          value_template: "{{ 'online' if value_json.online else 'offline' }}",
        },
      ],
    }),
    ...flag('tamper', 'Tamper', 'value_json.tamper', { dev_cla: 'tamper', ...diagnostic }),
    ...(state.lock === undefined
      ? {}
      : flag(
          'lock',
          'Lock',
          "value_json.lock in ['unlocked', 'unlatched', 'unlocking', 'unlatching']",
          {
            dev_cla: 'lock',
          },
        )),
    ...(state.door === undefined
      ? {}
      : flag('door', 'Door', "value_json.door == 'open'", { dev_cla: 'door' })),
    ...(state.battery === undefined
      ? {}
      : {
          battery: {
            p: 'sensor',
            uniq_id: `${id}_battery`,
            name: 'Battery',
            stat_t: from,
            val_tpl: '{{ value_json.battery }}',
            dev_cla: 'battery',
            unit_of_meas: '%',
            stat_cla: 'measurement',
            ...diagnostic,
          },
        }),
    ...Object.assign({}, ...slots),
  };
}
