/** One example of each message of wire v1, for the published schema; each is validated by a test. */
import type { BodyIn } from './client.ts';
import type { CommandType } from './commands.ts';
import type {
  Ack,
  Checkpoint,
  Reply,
  WireDeviceState,
  WireEvent,
  WireLogLine,
  WireState,
  WireStatus,
} from './messages.ts';

const SEALED = `eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSJ9..${'A'.repeat(16)}.${'B'.repeat(8)}.${'C'.repeat(22)}`;
const X = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
const EPOCH = '01a1f0c2-4a7e-7c31-9f52-6f0d6a1b2c3d';

const grant = {
  id: 'g-77',
  rev: 3,
  holder: 'p_8c1d',
  credentials: [
    { id: 'c-1', kind: 'pin' as const, sealed: SEALED },
    { id: 'c-2', kind: 'fob' as const, sealed: SEALED },
  ],
  targets: [{ kind: 'key', id: 'flat-7' }],
  window: {
    kind: 'wall',
    start: '2026-11-23T10:00',
    end: '2026-11-30T12:00',
    zone: 'Europe/Stockholm',
  },
  schedule: { zone: 'site', weekly: [{ days: [1], from: '10:00', to: '12:00' }] },
  uses: { max: 4 },
  operations: ['pickup', 'dropoff'],
  options: { remindMinutes: 30 },
};

export const COMMAND_EXAMPLES: { readonly [T in CommandType]: BodyIn<T> } = {
  'grant.put': { grant },
  'grant.revoke': { id: 'g-77', rev: 4 },
  'grants.snapshot': {
    snap: '01a20d01',
    version: 12,
    part: 1,
    parts: 1,
    grants: [grant],
    digest: '9f'.repeat(32),
  },
  'grants.delta': { from: 12, to: 13, put: [grant], revoke: [{ id: 'g-12', rev: 2 }] },
  'grants.compare': { bucket: 17, after: 'g-12' },
  'key.put': {
    key: { id: 'flat-7', rev: 1, name: 'Flat 7', home: 'lobby', sealedFob: SEALED },
  },
  'key.remove': { id: 'flat-7', rev: 2 },
  unlock: { dev: 'lk-01', ms: 5000, by: 'usr-9', reason: 'app' },
  'slot.open': { dev: 'box', slot: 3, ms: 5000, by: 'usr-9', reason: 'stranded guest' },
  lock: { dev: 'lk-01' },
  lockdown: { scope: 'site', level: 'deny_entry', allowStaff: true },
  release: { lockdownId: '01a200cb-7018-7ca5-8be3-fe9fc6e38376' },
  config: { version: 4, set: { 'log.level': 'debug', 'policies.auditFull': null } },
  ping: { echo: 'hello' },
  time: { unixMs: 1_795_305_600_000, errMs: 200 },
  'keypad.reset': { dev: 'keypad' },
  'uses.confirm': { grant: 'g-7c21', count: 1 },
  'events.resend': { epoch: EPOCH, from: 1040, to: 1042 },
  'device.identify': { dev: 'box' },
  'device.add': {
    dev: 'box-2',
    settings: { driver: 'kerong-cu16', bus: 'cabinet', address: 1 },
    wire: { serial: '/dev/serial/by-id/usb-FTDI_2' },
  },
  'device.remove': { dev: 'box-2' },
  'diag.get': {},
  'update.start': { settings: { version: '1.2.0' } },
  'key.rotate': {
    add: { kid: 'cc-2027a', jwk: { kty: 'OKP', crv: 'Ed25519', x: X } },
    retire: 'cc-2026a',
  },
};

export const REPLY_EXAMPLES: readonly Reply[] = [
  {
    v: 1,
    id: '01a200cb-7018-7ca5-8be3-fe9fc6e38376',
    type: 'slot.open',
    status: 'ok',
    dup: false,
    code: null,
    msg: null,
    data: { result: 'done' },
    ts: 1_795_305_601_200,
    clock: 'trusted',
  },
  {
    v: 1,
    id: '01a200cb-7018-7ca5-8be3-fe9fc6e38377',
    type: 'unlock',
    status: 'error',
    dup: false,
    code: 'device_offline',
    msg: 'device-offline',
    data: { result: 'refused', reason: 'device-offline' },
    ts: 1_795_305_601_200,
    clock: 'holdover',
  },
];

export const EVENT_EXAMPLE: WireEvent = {
  v: 1,
  epoch: EPOCH,
  seq: 1042,
  id: '01a200cc-1b2c-7d3e-8f40-112233445566',
  type: 'access.granted',
  ts: '2026-11-22T00:54:50.543Z',
  clock: { state: 'holdover', errMs: 420, lo: 1_795_308_890_123, hi: 1_795_308_890_963 },
  boot: 'b3f1',
  mono: 918_273_645,
  dev: 'box',
  sub: 'p_8c1d',
  body: { grant: 'g-77', method: 'pin', slot: 3 },
  prev: '4b'.repeat(32),
  hash: '7c'.repeat(32),
};

export const STATUS_EXAMPLE: WireStatus = {
  v: 1,
  online: true,
  session: '9accda0d64021322',
  bdSeq: 17,
  ts: 1_795_305_600_000,
  reason: 'connected',
};

export const STATE_EXAMPLE: WireState = {
  v: 1,
  ts: 1_795_305_600_000,
  bridge: 'kb-7f3a91',
  site: 'harbour-12',
  nonces: ['q7mJ2v8sTz0K', 'b1CkYp3dWw9e'],
  caps: ['grants.compare', 'key.put', 'outbox-gap-ranges', 'signed-checkpoints'],
  epoch: EPOCH,
  lastSeq: 1042,
  acked: 1040,
  grantsVersion: 13,
  grantsDigest: '9f'.repeat(32),
  grants: 212,
  clock: { state: 'trusted', errMs: 40 },
  counters: { 'cc-2026a': '4711' },
  lockdowns: [],
  versions: { latchkey: '0.1.0', node: '24.21.0', tzdata: '2026c' },
};

export const DEVICE_EXAMPLE: WireDeviceState = {
  v: 1,
  ts: 1_795_305_600_000,
  dev: 'box',
  driver: 'kerong-cu16',
  link: 'up',
  proofAgeMs: 40,
  tamper: false,
  slots: { '3': { open: false, key: true }, '7': { open: true, key: false } },
};

export const LOG_EXAMPLE: WireLogLine = {
  v: 1,
  ts: 1_795_305_600_000,
  event: 'cloud-online',
  fields: { broker: 'mqtts://broker.example:8883', protocol: 'mqtt-5' },
};

export const ACK_EXAMPLE: Ack = {
  v: 1,
  aud: 'kb-7f3a91',
  iat: 1_795_305_600,
  epoch: EPOCH,
  seq: 1042,
};

export const CHECKPOINT_EXAMPLE: Checkpoint = {
  v: 1,
  bridge: 'kb-7f3a91',
  epoch: EPOCH,
  seq: 1000,
  hash: '7c'.repeat(32),
  ts: 1_795_305_600_000,
};
