/** Who may talk to the daemon, and whom it talks to. */
import { z } from 'zod';
import { targetSchema } from './place-schema.ts';
import { duration, filePath, hostAndPort, name, secretReference } from './values.ts';

/** conventions 1.5. */
export const BRIDGE_ID = /^kb-[a-z0-9]{6,12}$/;

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1|\[::1\])$/;

function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

const brokerUrl = z
  .string()
  .regex(/^(mqtts?|wss?):\/\/[^\s@]+$/, 'mqtts://HOST:PORT, without name and password')
  .refine((text) => URL.canParse(text), {
    error: 'an address such as mqtts://broker.example:8883',
  });

/** Encrypted, or never off this machine. What is no address at all has its own fault. */
function isPrivate(url: string): boolean {
  return /^(mqtts|wss):/.test(url) || !URL.canParse(url) || isLoopback(new URL(url).hostname);
}

const tls = z
  .strictObject({
    ca: filePath.optional().describe('PEM: who signs the broker; without it, the public ones'),
    cert: filePath.optional().describe('PEM: certificate of this box'),
    key: secretReference.optional().describe('PEM: its private key'),
    serverName: z.string().max(253).optional(),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    error: 'cert and key come together',
  });

const mqtt = z
  .strictObject({
    url: brokerUrl.describe('mqtts://, wss://; mqtt:// and ws:// only to this machine'),
    bridgeId: z
      .string()
      .regex(BRIDGE_ID, 'kb- and 6 to 12 of a-z and 0-9, such as kb-7f3a91')
      .describe('name of this box at its cloud; its certificate and MQTT client id are the same'),
    root: z
      .string()
      .regex(
        /^[A-Za-z0-9_-]{1,40}(\/[A-Za-z0-9_-]{1,40}){0,2}$/,
        '1 to 3 levels of letters, digits, "_" and "-"',
      )
      .default('latchkey')
      .describe('first levels of all topics'),
    trust: filePath.describe('file with the keys whose commands count here'),
    username: z.string().max(128).optional(),
    password: secretReference.optional(),
    tls: tls.optional(),
    drainPerSecond: z
      .union([z.literal('unlimited'), z.number().min(1).max(10_000)])
      .default(20)
      .transform((pace) => (pace === 'unlimited' ? Number.POSITIVE_INFINITY : pace))
      .describe('messages a second while a backlog is sent'),
    connectSpread: duration('0s', '10m')
      .prefault('30s')
      .describe('boxes of a fleet connect within this time, not at once'),
    snapshotSpread: duration('0s', '1h').prefault('60s').describe('the same for full snapshots'),
    publishLog: z
      .boolean()
      .default(false)
      .describe('the log is also published, a few lines a second, on the topic log'),
    outbox: z
      .strictObject({
        events: z.int().min(1_000).max(10_000_000).default(200_000),
        mebibytes: z.int().min(1).max(65_536).default(128),
        age: duration('5d', '3660d').prefault('30d'),
      })
      .prefault({})
      .describe('how much waits for the cloud, beyond which the least important is left out'),
  })
  .refine(({ url }) => isPrivate(url), {
    error: 'mqtts:// or wss://: this broker is not on this machine',
    path: ['url'],
  });

export const cloudSchema = z.strictObject({ mqtt });

export const homeAssistantSchema = z.strictObject({
  url: brokerUrl.describe('broker of Home Assistant: mqtt://, mqtts://, ws://, wss://'),
  username: z.string().max(128).optional(),
  password: secretReference.optional(),
  tls: tls.optional(),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,40}$/, '1 to 40 of letters, digits, "_" and "-"')
    .default('homeassistant')
    .describe('where Home Assistant looks for new devices'),
});

export type MqttAccess = Pick<
  z.output<typeof homeAssistantSchema>,
  'url' | 'username' | 'password' | 'tls'
>;

export const SCOPES = ['read', 'operate', 'admin'] as const;

export const apiSchema = z
  .strictObject({
    listen: hostAndPort
      .default('127.0.0.1:4180')
      .describe('HOST:PORT; 0 as port takes any free one'),
    hosts: z
      .array(z.string().regex(/^[A-Za-z0-9.-]{1,253}$/, 'a host name'))
      .max(16)
      .default([])
      .describe('names under which it is called, beside its address and localhost'),
    tls: z
      .strictObject({
        cert: filePath.describe('PEM'),
        key: secretReference.describe('PEM'),
      })
      .optional()
      .describe('needed wherever it can be reached from other machines'),
    panelOpening: z
      .boolean()
      .default(false)
      .describe('people who log in to the panel may open slots and locks'),
    tokens: z
      .array(
        z.strictObject({
          name: z.string().regex(/^[a-z0-9-]{1,32}$/, '1 to 32 of a-z, 0-9 and "-"'),
          scope: z.enum(SCOPES).describe('read; operate: also open and reset; admin: also grant'),
          token: secretReference,
        }),
      )
      .max(64)
      .default([])
      .describe('beside those made by `latchkey token add`'),
  })
  .refine(({ listen, tls }) => tls !== undefined || isLoopback(listen.replace(/:\d+$/, '')), {
    error: 'tls, or a loopback address: other machines can reach this one',
    path: ['listen'],
  });

const vendorId = z.string().regex(/^[A-Za-z0-9_.:-]{1,128}$/, 'an id of the vendor');

/** Of vendors that list what they gave; IntServ lists nothing, all that is there was made from here. */
const staleAfter = duration('5m', '366d')
  .optional()
  .describe(
    'what the vendor gave refuses when nothing was read there for so long; without it, never',
  );

function vendorFields(baseUrl: string) {
  return {
    baseUrl: z.url({ protocol: /^https?$/ }).default(baseUrl),
    credentials: secretReference.describe('API key or token; of Keycafe, EMAIL/token:TOKEN'),
    connect: z.boolean().default(true).describe('keep in step with the vendor’s own cloud'),
    poll: duration('5s', '24h').prefault('60s').describe('between two full readings'),
    dialect: z.boolean().default(false).describe('answer this vendor’s own calls here too'),
    dialectKeys: secretReference
      .optional()
      .describe('what callers of the dialect show, one a line; without it, the credentials'),
  } as const;
}

const keycafe = z.strictObject({
  ...vendorFields('https://www.keycafe.com/v0'),
  staleAfter,
  keys: z
    .record(vendorId, vendorId)
    .default({})
    .describe('keys of this config, by the id that Keycafe gave them'),
  locations: z.record(vendorId, name).default({}).describe('access points, by id of the location'),
  bins: z
    .record(vendorId, z.string().regex(/^[^:]+:[1-9]\d{0,3}$/, 'BOX:SLOT'))
    .default({})
    .describe('slots as box:7, by id of the bin; for reporting what lies where'),
  keyCodes: z
    .boolean()
    .default(false)
    .describe('codes of virtual keys open too, without end; only for a private site'),
  memberRoles: z
    .array(z.string().min(1).max(64))
    .max(16)
    .default([])
    .describe(
      'roles (ADMINISTRATOR) whose members open what they are permitted, without end; only for a private site',
    ),
  reportExchanges: z
    .boolean()
    .default(false)
    .describe('tell Keycafe of pick-ups and drop-offs by its exchange call'),
  webhook: secretReference
    .optional()
    .describe('USERNAME:PASSWORD that Keycafe shows when it reports an event here'),
});

const intserv = z.strictObject({
  ...vendorFields('https://api.intserv.se/v1'),
  levels: z
    .record(z.uuid(), name)
    .default({})
    .describe('access levels of this config, by the id that IntServ gave them'),
  codeLength: z.int().min(4).max(16).default(6).describe('digits of a code that is drawn here'),
  /** Codes longer than this are cut from the left, as the systems behind IntServ do. */
  codeMost: z.int().min(4).max(16).optional(),
});

const seam = z.strictObject({
  ...vendorFields('https://connect.getseam.com'),
  staleAfter,
  devices: z
    .record(vendorId, targetSchema)
    .default({})
    .describe('locks and keys of this config, by the id of the device at Seam'),
  entrances: z
    .record(vendorId, targetSchema)
    .default({})
    .describe('the same, by the id of an entrance'),
  spaces: z.record(vendorId, targetSchema).default({}).describe('the same, by the id of a space'),
  webhook: secretReference
    .optional()
    .describe('whsec_… of the webhook by which Seam reports events here, at /hooks/seam'),
});

export const vendorsSchema = z.strictObject({
  keycafe: keycafe.optional(),
  seam: seam.optional(),
  intserv: intserv.optional(),
});

export const logSchema = z.strictObject({
  level: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
});
