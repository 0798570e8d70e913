/** Keys: where each is, who has it, since when; and a manager's word on that. */
import { z } from 'zod';
import { slotNumber } from '../../drivers/contract/device.ts';
import type { Command } from '../access/command.ts';
import type { Entry } from '../access/entry.ts';
import type { KeyCustody } from '../access/ledger.ts';
import { accessPointId, holderId, type Key, keyId } from '../access/model.ts';
import type { SiteDesk } from './desk.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import type { Enrolments } from './enrolments.ts';
import { ApiError } from './errors.ts';
import { instantIn, iso, isoOrNull, moment, openId, placeName, why } from './fields.ts';
import { pointAt } from './places.ts';
import { outcomeSchema, type Requests } from './requests.ts';
import { reason } from './site.ts';

const placeSchema = z.union([
  z.object({
    kind: z.literal('slot'),
    accessPoint: z.string().nullable(),
    box: z.string(),
    slot: z.int(),
  }),
  z.object({
    kind: z.literal('holder'),
    holder: z.string(),
    grant: z.string().nullable(),
    since: moment,
    due: moment.nullable(),
  }),
  z.object({ kind: z.literal('unknown'), since: moment.nullable() }),
  z.object({ kind: z.literal('none') }).describe('a virtual key has no place'),
]);

const keySchema = z.object({
  id: z.string(),
  name: z.string(),
  rev: z.int(),
  source: z.string(),
  virtual: z.boolean(),
  roaming: z.boolean(),
  home: z.string().nullable(),
  notes: z.string().nullable(),
  hasFob: z.boolean(),
  place: placeSchema,
  flags: z.array(z.string()).describe('overdue, reminded, lost, doubled, content-unknown'),
});
export type KeyReply = z.infer<typeof keySchema>;

const params = z.strictObject({ key: openId });

/** Where a manager says that a key is. */
const statedPlace = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('slot'),
    accessPoint: placeName,
    slot: z.int().min(1).max(4096),
    why,
  }),
  z.strictObject({ kind: z.literal('holder'), holder: openId, due: moment.optional(), why }),
  z.strictObject({ kind: z.literal('unknown'), why }),
  z.strictObject({ kind: z.literal('lost'), why }),
]);

export function keyEndpoints(
  desk: SiteDesk,
  requests: Requests,
  enrolments: Enrolments,
): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/api/v1/keys',
      scope: 'read',
      summary: 'Where every key is',
      query: z.strictObject({
        text: z.string().max(100).optional(),
        place: z.enum(['slot', 'holder', 'unknown', 'none']).optional(),
        flag: z.string().max(32).optional(),
      }),
      reply: z.object({ keys: z.array(keySchema) }),
      call({ query }) {
        const text = query.text?.toLowerCase();
        const keys = desk.grants
          .keys()
          .map((key) => keyReply(desk, key))
          .filter(({ place }) => query.place === undefined || place.kind === query.place)
          .filter(({ flags }) => query.flag === undefined || flags.includes(query.flag))
          .filter(
            ({ id, name }) => text === undefined || `${id} ${name}`.toLowerCase().includes(text),
          );
        return { keys };
      },
    }),
    endpoint({
      method: 'GET',
      path: '/api/v1/keys/{key}',
      scope: 'read',
      summary: 'Where one key is',
      params,
      reply: keySchema,
      call: ({ params: { key } }) => keyReply(desk, keyAt(desk, key)),
    }),
    endpoint({
      method: 'PUT',
      path: '/api/v1/keys/{key}',
      scope: 'admin',
      summary: 'Makes or changes a key',
      params,
      body: z.strictObject({
        name: z.string().min(1).max(128),
        virtual: z.boolean().default(false),
        roaming: z.boolean().default(false),
        home: placeName.optional(),
        notes: z.string().max(2000).optional(),
        fob: z
          .string()
          .min(1)
          .max(256)
          .optional()
          .describe('number of the fob on its ring; kept hashed'),
      }),
      reply: keySchema,
      async call({ params: { key: id }, body, principal }) {
        if (body.home !== undefined) pointAt(desk, body.home);
        const known = desk.grants.key(keyId(id));
        refuseForeign(known, id);
        const fob = body.fob === undefined ? known?.fob : fobIndex(desk, body.fob);
        // One that was forgotten has a last revision that nobody tells any more: the time is past it.
        const rev = known === undefined ? desk.stamp().at : known.rev + 1;
        const key: Key = {
          id: keyId(id),
          name: body.name,
          rev,
          source: { vendor: 'local', ref: id, version: String(rev) },
          virtual: body.virtual,
          roaming: body.roaming,
          ...(fob === undefined ? {} : { fob }),
          ...(body.home === undefined ? {} : { home: accessPointId(body.home) }),
          ...(body.notes === undefined ? {} : { notes: body.notes }),
        };
        const written = await desk.grants.write({
          source: 'local',
          changes: [{ kind: 'put-key', key }],
        });
        if (written.kind === 'written' && written.outcomes[0] === 'stale') {
          throw new ApiError('conflict', 'this key was forgotten at a later time than now', 'key');
        }
        const { by } = principal;
        await told(desk, { type: 'grant.key_put', body: { key: id, rev, source: 'local', by } });
        return keyReply(desk, key);
      },
    }),
    endpoint({
      method: 'DELETE',
      path: '/api/v1/keys/{key}',
      scope: 'admin',
      summary: 'Forgets a key; where it was last stays in the journal',
      params,
      reply: z.object({ key: z.string(), removed: z.literal(true) }),
      async call({ params: { key: id }, principal }) {
        const key = keyAt(desk, id);
        refuseForeign(key, id);
        const rev = key.rev + 1;
        await desk.grants.write({
          source: 'local',
          changes: [{ kind: 'remove-key', key: key.id, rev }],
        });
        const { by } = principal;
        await told(desk, {
          type: 'grant.key_removed',
          body: { key: id, rev, source: 'local', by },
        });
        return { key: id, removed: true };
      },
    }),
    endpoint({
      method: 'PUT',
      path: '/api/v1/keys/{key}/place',
      scope: 'operate',
      summary: 'States where a key is, or that it is lost',
      params,
      body: statedPlace,
      reply: outcomeSchema,
      call({ params: { key }, body, ...asked }) {
        const id = keyAt(desk, key).id;
        const place = statedAs(desk, body);
        return requests.command({ kind: 'key.correct', key: id, place, ...reason(body) }, asked);
      },
    }),
    endpoint({
      method: 'PUT',
      path: '/api/v1/keys/{key}/fob',
      scope: 'admin',
      summary: 'Attaches a fob to a key',
      params,
      body: z
        .strictObject({
          fob: z.string().min(1).max(256).optional().describe('its number'),
          enrolled: z.uuid().optional().describe('or the ticket of one that was shown'),
          why,
        })
        .refine(({ fob, enrolled }) => (fob === undefined) !== (enrolled === undefined), {
          error: 'a number or the ticket of a showing, one of them',
          path: ['fob'],
        }),
      reply: outcomeSchema,
      call({ params: { key }, body, ...asked }) {
        const id = keyAt(desk, key).id;
        const number =
          body.enrolled === undefined
            ? (body.fob ?? '')
            : enrolments.number(body.enrolled, asked.principal, 'enrolled');
        const fob = fobIndex(desk, number);
        const other = desk.grants.keyByFob(fob);
        if (other !== undefined && other.id !== id) {
          throw new ApiError('conflict', `this fob is on key ${other.id}`, 'fob');
        }
        return requests.command({ kind: 'fob.attach', key: id, fob, ...reason(body) }, asked);
      },
    }),
    endpoint({
      method: 'DELETE',
      path: '/api/v1/keys/{key}/fob',
      scope: 'admin',
      summary: 'Takes the fob off a key',
      params,
      reply: outcomeSchema,
      call: ({ params: { key }, ...asked }) =>
        requests.command({ kind: 'fob.detach', key: keyAt(desk, key).id }, asked),
    }),
  ];
}

function keyAt(desk: SiteDesk, id: string): Key {
  const key = desk.grants.key(keyId(id));
  if (key === undefined) throw new ApiError('not_found', `there is no key ${id}`, 'key');
  return key;
}

/** What a cloud or vendor keeps is changed there: here it would come back as it was. */
function refuseForeign(key: Key | undefined, id: string): void {
  if (key === undefined || key.source.vendor === 'local') return;
  throw new ApiError('conflict', `${id} belongs to ${key.source.vendor}; change it there`, 'key');
}

function fobIndex(desk: SiteDesk, fob: string) {
  try {
    return desk.secrets.indexFob(fob);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ApiError('bad_request', 'the 10 hex digits of a fob, or technology:bits:hex', 'fob');
  }
}

async function told(desk: SiteDesk, entry: Entry): Promise<void> {
  await desk.journal.append({ stamp: desk.stamp(), entries: [entry] }).committed;
  desk.grantsChanged();
}

type StatedPlace = Extract<Command, { kind: 'key.correct' }>['place'];

function statedAs(desk: SiteDesk, stated: z.infer<typeof statedPlace>): StatedPlace {
  switch (stated.kind) {
    case 'slot': {
      const { box } = pointAt(desk, stated.accessPoint);
      const slot = slotNumber(stated.slot);
      if (box === undefined || !box.slots.includes(slot)) {
        throw new ApiError(
          'not_found',
          `there is no slot ${slot} at ${stated.accessPoint}`,
          'slot',
        );
      }
      return { kind: 'slot', box: box.device, slot };
    }
    case 'holder':
      return {
        kind: 'holder',
        holder: holderId(stated.holder),
        ...(stated.due === undefined ? {} : { due: instantIn(stated.due) }),
      };
    case 'unknown':
    case 'lost':
      return { kind: stated.kind };
    default:
      return stated satisfies never;
  }
}

function keyReply(desk: SiteDesk, key: Key): KeyReply {
  const custody = desk.journal.ledger.get('key', key.id);
  const fob = custody?.fob === undefined ? key.fob : custody.fob;
  return {
    id: key.id,
    name: key.name,
    rev: key.rev,
    source: key.source.vendor,
    virtual: key.virtual,
    roaming: key.roaming,
    home: key.home ?? null,
    notes: key.notes ?? null,
    hasFob: fob !== undefined && fob !== null,
    place: key.virtual ? { kind: 'none' } : placeReply(desk, custody),
    flags: [...(custody?.flags ?? [])],
  };
}

function placeReply(desk: SiteDesk, custody: KeyCustody | undefined): KeyReply['place'] {
  const place = custody?.place;
  if (place === undefined) return { kind: 'unknown', since: null };
  switch (place.kind) {
    case 'slot': {
      const point = desk.ports().site.accessPoints.find(({ box }) => box?.device === place.box);
      return {
        kind: 'slot',
        accessPoint: point?.id ?? null,
        box: place.box,
        slot: place.slot,
      };
    }
    case 'holder':
      return {
        kind: 'holder',
        holder: place.holder,
        grant: place.grant ?? null,
        since: iso(place.since),
        due: isoOrNull(place.due),
      };
    case 'unknown':
      return { kind: 'unknown', since: iso(place.since) };
    default:
      return place satisfies never;
  }
}
