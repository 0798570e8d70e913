/** The wire as an AsyncAPI 3 document, made from the schemas that read it; `write-schema.ts` writes it down. */
import { z } from 'zod';
import { ENTRY_CLASSES } from '../access/entry.ts';
import { COMMAND_BODIES, COMMAND_TYPES, RULES } from './commands.ts';
import {
  ACK_EXAMPLE,
  CHECKPOINT_EXAMPLE,
  COMMAND_EXAMPLES,
  DEVICE_EXAMPLE,
  EVENT_EXAMPLE,
  LOG_EXAMPLE,
  REPLY_EXAMPLES,
  STATE_EXAMPLE,
  STATUS_EXAMPLE,
} from './examples.ts';
import {
  ACK_TYP,
  ackSchema,
  CHECKPOINT_TYP,
  COMMAND_TYP,
  checkpointSchema,
  deviceStateSchema,
  envelopeSchema,
  eventSchema,
  eventsSchema,
  logLineSchema,
  replySchema,
  stateSchema,
  statusSchema,
} from './messages.ts';
import { EXPIRY_SECONDS, LARGEST } from './topics.ts';
import { understoodGrantSchema } from './wire-grant.ts';

type Json = { readonly [name: string]: unknown };

/** As a sender has to write it; JSON Schema 2020-12. */
function schemaOf(schema: z.ZodType): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
}

/** Every schema of the wire, by name. */
export function wireSchemas(): Json {
  const bodies = COMMAND_TYPES.map((type) => [`body.${type}`, schemaOf(COMMAND_BODIES[type])]);
  return {
    envelope: schemaOf(envelopeSchema),
    ...Object.fromEntries(bodies),
    grant: schemaOf(understoodGrantSchema),
    reply: schemaOf(replySchema),
    event: schemaOf(eventSchema),
    events: schemaOf(eventsSchema),
    status: schemaOf(statusSchema),
    state: schemaOf(stateSchema),
    device: schemaOf(deviceStateSchema),
    log: schemaOf(logLineSchema),
    ack: schemaOf(ackSchema),
    checkpoint: schemaOf(checkpointSchema),
  };
}

/** JSON Schema alone, for validators. */
export function schemaDocument(): Json {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'https://latchkey.example/wire/1/messages.json',
    title: 'Messages between a bridge and its cloud, wire version 1',
    $defs: wireSchemas(),
  };
}

export function asyncApiDocument(version: string): Json {
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Latchkey, bridge to cloud',
      version,
      description:
        'A bridge at a site and the cloud that owns it, over any MQTT broker. The broker is not trusted: commands ' +
        'are signed for one bridge, fresh, and counted; secrets in them are sealed to it.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    channels: channels(),
    operations: operations(),
    components: { schemas: wireSchemas(), messages: messages() },
  };
}

const PARAMETERS = {
  root: { description: 'First levels of all topics, one to three', default: 'latchkey' },
  bridge: { description: 'Bridge id; common name of its certificate, and its client id' },
};

function channel(address: string, names: readonly string[], more: Json = {}): Json {
  return {
    address: `{root}/1/{bridge}/${address}`,
    parameters: { ...PARAMETERS, ...more },
    messages: Object.fromEntries(
      names.map((name) => [name, { $ref: `#/components/messages/${name}` }]),
    ),
  };
}

function channels(): Json {
  const commands = COMMAND_TYPES.map((type) => [
    type,
    {
      ...channel(`cmd/${type}`, [`command.${type}`]),
      description: `At most ${LARGEST.command} bytes.`,
    },
  ]);
  return {
    ...Object.fromEntries(commands),
    ack: { ...channel('ack', ['ack']), description: 'Up to which event the cloud has all.' },
    reply: channel('res/{requester}', ['reply'], {
      requester: { description: 'As signed in the command; one client of the cloud' },
    }),
    events: channel('evt/{class}', ['events'], {
      class: { enum: [...ENTRY_CLASSES], description: 'Class of all events in the message' },
    }),
    status: channel('status', ['status']),
    state: channel('state', ['state']),
    device: channel('dev/{device}/state', ['device'], {
      device: { description: 'Name of the device in the site’s config' },
    }),
    log: { ...channel('log', ['log']), description: 'Only where the site’s config says so.' },
  };
}

/** Seen from the bridge: it receives commands and sends everything else. */
function operations(): Json {
  const operation = (action: string, name: string, mqtt: Json, more: Json = {}) => ({
    action,
    channel: { $ref: `#/channels/${name}` },
    bindings: { mqtt: { bindingVersion: '0.2.0', qos: 1, ...mqtt } },
    ...more,
  });
  const reply = {
    reply: {
      address: {
        description: 'res/{requester}, the requester as signed in the command',
        location: '$message.payload#/requester',
      },
      channel: { $ref: '#/channels/reply' },
    },
  };
  const commands = COMMAND_TYPES.map((type) => [
    `receive.${type}`,
    operation('receive', type, { retain: false, messageExpiryInterval: RULES[type].life }, reply),
  ]);
  return {
    ...Object.fromEntries(commands),
    'receive.ack': operation('receive', 'ack', {
      retain: false,
      messageExpiryInterval: EXPIRY_SECONDS.ack,
    }),
    'send.reply': operation('send', 'reply', {
      retain: false,
      messageExpiryInterval: EXPIRY_SECONDS.reply,
    }),
    'send.events': operation('send', 'events', { retain: false }),
    'send.status': operation('send', 'status', { retain: true }),
    'send.state': operation('send', 'state', { retain: true }),
    'send.device': operation('send', 'device', { retain: true }),
    'send.log': operation('send', 'log', {
      qos: 0,
      retain: false,
      messageExpiryInterval: EXPIRY_SECONDS.log,
    }),
  };
}

/** A compact JWS: text, and what is inside once its signature was checked. */
function signed(title: string, typ: string, inside: Json, extra: Json = {}): Json {
  return {
    title,
    contentType: 'application/jose',
    payload: {
      type: 'string',
      description: `Compact JWS, header {"alg":"Ed25519","kid":…,"typ":"${typ}"}`,
      contentMediaType: 'application/jose',
      contentSchema: inside,
    },
    ...extra,
  };
}

function messages(): Json {
  const commands = COMMAND_TYPES.map((type) => {
    const { life, counter, nonce, powers } = RULES[type];
    const proof = [...(counter ? ['ctr'] : []), ...(nonce ? ['nonce'] : [])].join(' and ');
    const inside = {
      allOf: [
        { $ref: '#/components/schemas/envelope' },
        {
          properties: {
            type: { const: type },
            body: { $ref: `#/components/schemas/body.${type}` },
          },
        },
      ],
    };
    const more = {
      summary: `Signed by ${powers.join('-* or ')}-*; lives at most ${life} s; fresh by ${proof}.`,
      correlationId: { description: 'Id of the command', location: '$message.payload#/id' },
      'x-body-example': COMMAND_EXAMPLES[type],
    };
    return [`command.${type}`, signed(`Command ${type}`, COMMAND_TYP, inside, more)];
  });
  const plain = (name: string, title: string, examples: readonly object[]) => ({
    title,
    contentType: 'application/json',
    payload: { $ref: `#/components/schemas/${name}` },
    examples: examples.map((payload) => ({ payload })),
  });
  return {
    ...Object.fromEntries(commands),
    ack: signed(
      'Acknowledgement of events',
      ACK_TYP,
      { $ref: '#/components/schemas/ack' },
      {
        'x-payload-example': ACK_EXAMPLE,
      },
    ),
    checkpoint: signed(
      'Checkpoint of the journal, in the body of system.checkpoint',
      CHECKPOINT_TYP,
      { $ref: '#/components/schemas/checkpoint' },
      { 'x-payload-example': CHECKPOINT_EXAMPLE },
    ),
    reply: {
      ...plain('reply', 'Reply', REPLY_EXAMPLES),
      correlationId: { description: 'Id of the command', location: '$message.payload#/id' },
    },
    events: plain('events', 'Event, or batch of events', [
      EVENT_EXAMPLE,
      { v: 1, batch: [EVENT_EXAMPLE] },
    ]),
    status: plain('status', 'Whether the bridge is connected', [STATUS_EXAMPLE]),
    state: plain('state', 'Summary of the bridge', [STATE_EXAMPLE]),
    device: plain('device', 'State of one device', [DEVICE_EXAMPLE]),
    log: plain('log', 'Line of the operator’s log', [LOG_EXAMPLE]),
  };
}
