/** Devices with how their wires are, and what may be asked of one directly. */
import { z } from 'zod';
import type { DeviceId } from '../../drivers/contract/device.ts';
import { credentialId, grantId } from '../access/model.ts';
import type { DeviceView, SiteDesk } from './desk.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { ApiError } from './errors.ts';
import { deviceName, holdMs, knownDevice, openId, why } from './fields.ts';
import { outcomeSchema, type Requests } from './requests.ts';
import { reason } from './site.ts';

const deviceSchema = z.object({
  id: z.string(),
  driver: z.string(),
  bus: z.string(),
  port: z.string(),
  online: z.boolean(),
  link: z.string().describe('up, silent, garbage, refusing, port-missing or other-device'),
  detail: z.string(),
  lastProofMs: z.number().nullable().describe('since it last proved that it is there'),
  identity: z.string().nullable(),
  queued: z.int(),
  lockState: z.string().nullable(),
  batteryPercent: z.number().nullable(),
  tamper: z.boolean().nullable(),
  onPowerLoss: z.string().nullable().describe('fail-safe, fail-secure, or as it is wired'),
  statistics: z.object({
    polls: z.number(),
    replies: z.number(),
    retries: z.number(),
    timeouts: z.number(),
    checksumErrors: z.number(),
    noiseBytes: z.number(),
    actuations: z.number(),
  }),
});
export type DeviceReply = z.infer<typeof deviceSchema>;

const params = z.strictObject({ device: deviceName });
const openBody = z.strictObject({ holdMs, why });

export function deviceEndpoints(desk: SiteDesk, requests: Requests): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/api/v1/devices',
      scope: 'read',
      summary: 'All devices, with their wires',
      reply: z.object({ devices: z.array(deviceSchema) }),
      call: () => ({ devices: desk.devices().map(deviceReply) }),
    }),
    endpoint({
      method: 'GET',
      path: '/api/v1/devices/{device}',
      scope: 'read',
      summary: 'One device',
      params,
      reply: deviceSchema,
      call: ({ params: { device } }) => deviceReply(found(desk, device)),
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/devices/{device}/unlock',
      opens: true,
      scope: 'operate',
      summary: 'Opens a lock for a while',
      params,
      body: openBody,
      reply: outcomeSchema,
      call({ params: { device }, body, ...asked }) {
        const lock = lockAt(desk, device);
        const hold = body.holdMs === undefined ? {} : { hold: body.holdMs };
        return requests.command({ kind: 'unlock', device: lock, ...hold, ...reason(body) }, asked);
      },
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/devices/{device}/lock',
      scope: 'operate',
      summary: 'Locks a lock that can be locked',
      params,
      body: z.strictObject({ why }),
      reply: outcomeSchema,
      call({ params: { device }, body, ...asked }) {
        const lock = lockAt(desk, device);
        return requests.command({ kind: 'lock', device: lock, ...reason(body) }, asked);
      },
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/devices/{device}/keypad-reset',
      scope: 'operate',
      summary: 'Ends the wait after wrong codes at a keypad',
      params,
      body: z.strictObject({ why }),
      reply: outcomeSchema,
      call({ params: { device }, body, ...asked }) {
        const keypad = knownDevice(desk.devices(), device);
        if (!desk.ports().site.keypads.has(keypad)) {
          throw new ApiError('bad_request', `${device} takes no codes`, 'device');
        }
        return requests.command({ kind: 'keypad.reset', device: keypad, ...reason(body) }, asked);
      },
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/devices/{device}/adopt',
      scope: 'admin',
      summary: 'Accepts the other adapter that is found on the wire of this device',
      params,
      body: z.strictObject({}),
      reply: z.object({ device: z.string(), link: z.string() }),
      call({ params: { device }, principal }) {
        const { id, link } = found(desk, device);
        if (link !== 'other-device') {
          const why = `no other adapter was found on the wire of ${device}: its link is ${link}`;
          throw new ApiError('conflict', why, 'device');
        }
        desk.adopt(id, principal.name);
        return { device: id, link: found(desk, device).link };
      },
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/credentials/{credential}/disable',
      scope: 'operate',
      summary: 'Lets a credential open nothing until it is enabled: a fob that was lost',
      params: z.strictObject({ credential: openId }),
      body: credentialBody,
      reply: outcomeSchema,
      call({ params: { credential }, body, ...asked }) {
        const of = credentialOf(credential, body.grant);
        return requests.command({ kind: 'credential.disable', ...of, ...reason(body) }, asked);
      },
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/credentials/{credential}/enable',
      scope: 'admin',
      summary: 'Lets a credential count again that was disabled, by hand or by wrong PINs',
      params: z.strictObject({ credential: openId }),
      body: credentialBody,
      reply: outcomeSchema,
      call({ params: { credential }, body, ...asked }) {
        const of = credentialOf(credential, body.grant);
        return requests.command({ kind: 'credential.enable', ...of, ...reason(body) }, asked);
      },
    }),
  ];
}

const credentialBody = z.strictObject({
  grant: openId.optional().describe('as this grant has it; all that are called so, if missing'),
  why,
});

function credentialOf(credential: string, grant: string | undefined) {
  const id = credentialId(credential);
  return grant === undefined ? { credential: id } : { credential: id, grant: grantId(grant) };
}

function found(desk: SiteDesk, name: string): DeviceView {
  const device = desk.devices().find(({ id }) => id === name);
  if (device === undefined) throw new ApiError('not_found', `there is no device ${name}`, 'device');
  return device;
}

/** A lock of an access point: a box is opened by its slots, and only those have a place in the rules. */
function lockAt(desk: SiteDesk, name: string): DeviceId {
  const device = knownDevice(desk.devices(), name);
  if (desk.ports().site.accessPoints.some(({ locks }) => locks.includes(device))) return device;
  throw new ApiError('bad_request', `${name} is no lock of an access point`, 'device');
}

function deviceReply(device: DeviceView): DeviceReply {
  const { lastSeen: _, ...statistics } = device.statistics;
  return {
    id: device.id,
    driver: device.driver,
    bus: device.bus,
    port: device.port,
    online: device.online,
    link: device.link,
    detail: device.detail,
    lastProofMs: device.lastProofMs ?? null,
    identity: device.identity ?? null,
    queued: device.queued,
    lockState: device.lockState ?? null,
    batteryPercent: device.batteryPercent ?? null,
    tamper: device.tamper ?? null,
    onPowerLoss: device.onPowerLoss ?? null,
    statistics: { ...statistics },
  };
}
