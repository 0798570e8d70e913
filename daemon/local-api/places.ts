/** Access points as a person stands before them: slots with their doors and keys, locks, readers. */
import { z } from 'zod';
import { type DeviceId, type SlotNumber, slotNumber } from '../../drivers/contract/device.ts';
import { uptime } from '../../drivers/contract/time.ts';
import { doorId, slotId } from '../access/ledger.ts';
import { LONG_CODE, waitLeft } from '../access/lockout.ts';
import { type AccessPoint, holderId } from '../access/model.ts';
import type { SiteDesk } from './desk.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { ApiError } from './errors.ts';
import { holdMs, openId, placeName, slotField, why } from './fields.ts';
import { outcomeSchema, type Requests } from './requests.ts';
import { reason } from './site.ts';

const doorSchema = z.enum(['open', 'closed']).nullable().describe('null: not known');

const slotSchema = z.object({
  slot: z.int(),
  door: doorSchema,
  present: z.boolean().nullable().describe('something lies in it; null: it cannot tell'),
  enabled: z.boolean(),
  keys: z.array(z.object({ id: z.string(), name: z.string() })).describe('as custody has it'),
  flags: z.array(z.string()),
  reader: z.string().nullable(),
});
export type SlotReply = z.infer<typeof slotSchema>;

const placeSchema = z.object({
  id: z.string(),
  box: z.object({ device: z.string(), online: z.boolean(), slots: z.array(slotSchema) }).nullable(),
  locks: z.array(z.object({ device: z.string(), online: z.boolean(), door: doorSchema })),
  readers: z.array(
    z.object({
      device: z.string(),
      online: z.boolean(),
      codes: z.boolean(),
      waitMs: z.number().describe('codes are not looked at for so long'),
    }),
  ),
  holdMs: z.int(),
  heldOpenMs: z.int(),
});
export type PlaceReply = z.infer<typeof placeSchema>;

const pointParams = z.strictObject({ accessPoint: placeName });
const slotParams = pointParams.extend({ slot: slotField });

export function placeEndpoints(desk: SiteDesk, requests: Requests): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/api/v1/access-points',
      scope: 'read',
      summary: 'All access points, with slots and keys',
      reply: z.object({ accessPoints: z.array(placeSchema) }),
      call: () => ({
        accessPoints: desk.ports().site.accessPoints.map((point) => placeReply(desk, point)),
      }),
    }),
    endpoint({
      method: 'GET',
      path: '/api/v1/access-points/{accessPoint}',
      scope: 'read',
      summary: 'One access point',
      params: pointParams,
      reply: placeSchema,
      call: ({ params }) => placeReply(desk, pointAt(desk, params.accessPoint)),
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/access-points/{accessPoint}/slots/{slot}/open',
      opens: true,
      scope: 'operate',
      summary: 'Opens a slot; the key in it leaves with the holder named',
      params: slotParams,
      body: z.strictObject({ holdMs, why, holder: openId.optional() }),
      reply: outcomeSchema,
      call({ params, body, ...asked }) {
        const { device, slot } = slotAt(desk, params);
        return requests.command(
          {
            kind: 'slot.open',
            device,
            slot,
            ...(body.holdMs === undefined ? {} : { hold: body.holdMs }),
            ...(body.holder === undefined ? {} : { holder: holderId(body.holder) }),
            ...reason(body),
          },
          asked,
        );
      },
    }),
    endpoint({
      method: 'POST',
      path: '/api/v1/access-points/{accessPoint}/slots/{slot}/prove',
      scope: 'operate',
      summary: 'Somebody has looked into the slot: what was in doubt about it is no more',
      params: slotParams,
      body: z.strictObject({ why }),
      reply: outcomeSchema,
      call({ params, body, ...asked }) {
        const { device, slot } = slotAt(desk, params);
        return requests.command({ kind: 'slot.prove', device, slot, ...reason(body) }, asked);
      },
    }),
  ];
}

export function pointAt(desk: SiteDesk, name: string): AccessPoint {
  const point = desk.ports().site.accessPoints.find(({ id }) => id === name);
  if (point !== undefined) return point;
  throw new ApiError('not_found', `there is no access point ${name}`, 'accessPoint');
}

function slotAt(
  desk: SiteDesk,
  at: { readonly accessPoint: string; readonly slot: number },
): { readonly device: DeviceId; readonly slot: SlotNumber } {
  const { box } = pointAt(desk, at.accessPoint);
  const slot = slotNumber(at.slot);
  if (box?.slots.includes(slot)) return { device: box.device, slot };
  throw new ApiError('not_found', `there is no slot ${at.slot} at ${at.accessPoint}`, 'slot');
}

function placeReply(desk: SiteDesk, point: AccessPoint): PlaceReply {
  const { site, state, ledger } = desk.ports();
  const { box } = point;
  const stamp = desk.stamp();
  const now = { boot: stamp.boot, uptime: stamp.uptime, startedAt: uptime(state.startedAt) };
  return {
    id: point.id,
    box:
      box === undefined
        ? null
        : {
            device: box.device,
            online: state.online.has(box.device),
            slots: slotsReply(desk, point, box),
          },
    locks: point.locks.map((device) => ({
      device,
      online: state.online.has(device),
      door: door(ledger.get('slot', doorId(device))?.doorOpen),
    })),
    readers: point.readers.map((device) => {
      const row = ledger.get('keypad', device);
      const wait = (digits: number) => waitLeft(row, digits, now, site.policies.lockout);
      return {
        device,
        online: state.online.has(device),
        codes: site.keypads.has(device),
        waitMs: Math.max(wait(1), wait(LONG_CODE)),
      };
    }),
    holdMs: point.hold,
    heldOpenMs: point.heldOpenAfter,
  };
}

function slotsReply(
  desk: SiteDesk,
  { slotReaders }: AccessPoint,
  box: NonNullable<AccessPoint['box']>,
): SlotReply[] {
  const { ledger } = desk.journal;
  const names = new Map(desk.grants.keys().map((key) => [String(key.id), key.name]));
  const lying = new Map<string, { id: string; name: string }[]>();
  for (const [id, { place }] of ledger.all('key')) {
    if (place.kind !== 'slot') continue;
    const at = slotId(place.box, place.slot);
    lying.set(at, [...(lying.get(at) ?? []), { id, name: names.get(id) ?? id }]);
  }
  return box.slots.map((slot) => {
    const id = slotId(box.device, slot);
    const row = ledger.get('slot', id);
    return {
      slot,
      door: door(row?.doorOpen),
      present: row?.present ?? null,
      enabled: !box.disabledSlots.includes(slot),
      keys: lying.get(id) ?? [],
      flags: [...(row?.flags ?? [])],
      reader: slotReaders.get(slot) ?? null,
    };
  });
}

function door(isOpen: boolean | undefined): 'open' | 'closed' | null {
  return isOpen === undefined ? null : isOpen ? 'open' : 'closed';
}
