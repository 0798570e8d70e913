/** Things with all that belongs to them, in one answer: `get_related` of grants, methods and spaces. */
import { z } from 'zod';
import { bodies } from './access-code.ts';
import { grantBody, methodBody } from './access-grant.ts';
import { deviceBody } from './dialect-devices.ts';
import type { DialectParts } from './dialect-parts.ts';
import { displayName, personBody } from './dialect-people.ts';
import { devicesIn, entranceBody, isIn, spaceBody } from './dialect-places.ts';
import { type Call, endpoint, listOf, READ, type SeamEndpoint, uuid, uuids } from './endpoint.ts';
import type { Grant } from './grant-making.ts';
import { invalid, notFound } from './seam-error.ts';

const choice = { include: listOf(z.string()).optional(), exclude: listOf(z.string()).optional() };
const keys = listOf(z.string().min(1)).optional();

export function relatedEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  const { shelves, devices } = parts;
  return [
    endpoint(
      '/access_grants/get_related',
      READ,
      z.object({ access_grant_ids: uuids.optional(), access_grant_keys: keys, ...choice }),
      (asked, call) => {
        const { access_grant_ids: ids = [], access_grant_keys = [] } = asked;
        if (ids.length + access_grant_keys.length === 0)
          throw invalid('access_grant_ids', 'at least one');
        const wanted = ids.map((id) => id.toLowerCase());
        const found = shelves.grants
          .all()
          .filter(
            ({ fields, record }) =>
              wanted.includes(fields.access_grant_id) ||
              wanted.includes(record.ref ?? '') ||
              access_grant_keys.includes(fields.access_grant_key ?? ''),
          );
        if (found.length === 0) throw notFound('access_grant');
        return {
          batch: chosen(
            { access_grants: grantBodies(found, parts, call), ...aroundGrants(found, parts, call) },
            asked,
          ),
        };
      },
    ),
    endpoint(
      '/access_methods/get_related',
      READ,
      z.object({ access_method_ids: uuids, ...choice }),
      (asked, call) => {
        const wanted = new Set(asked.access_method_ids.map((id) => id.toLowerCase()));
        const found = shelves.grants
          .all()
          .filter(({ fields }) => fields.methods.some((each) => wanted.has(each.access_method_id)));
        if (found.length === 0) throw notFound('access_method');
        const around = aroundGrants(found, parts, call);
        const access_methods = around.access_methods.filter((each) =>
          wanted.has(each.access_method_id),
        );
        const access_grants = grantBodies(found, parts, call);
        return { batch: chosen({ ...around, access_grants, access_methods }, asked) };
      },
    ),
    endpoint(
      '/spaces/get_related',
      READ,
      z.object({ space_ids: uuids.optional(), space_keys: keys, ...choice }),
      (asked) => {
        const found = devices
          .spaces()
          .filter(
            ({ uuid, name }) =>
              asked.space_ids?.some((id) => id.toLowerCase() === uuid) === true ||
              asked.space_keys?.includes(name) === true,
          );
        if (found.length === 0) throw notFound('space');
        const isThere = (test: (space: (typeof found)[number]) => boolean) => found.some(test);
        const batch = {
          spaces: found.map((space) => spaceBody(space, parts)),
          devices: devices
            .all()
            .filter((each) =>
              isThere((space) => devicesIn(space, parts).some(({ uuid }) => uuid === each.uuid)),
            )
            .map((each) => deviceBody(each, parts)),
          acs_entrances: devices
            .entrances()
            .filter((each) => isThere((space) => isIn(each, space)))
            .map((each) => entranceBody(each, parts)),
        };
        return { batch: chosen(batch, asked) };
      },
    ),
    ...(['devices', 'entrances'] as const).map((what) =>
      endpoint(
        `/user_identities/list_accessible_${what}`,
        READ,
        z.object({ user_identity_id: uuid }),
        ({ user_identity_id }, call) => {
          const id = user_identity_id.toLowerCase();
          const isKnown = shelves.people.find((each) => each.user_identity_id === id) !== undefined;
          if (!isKnown) throw notFound('user_identity');
          const found = shelves.grants.all().filter(({ fields }) => fields.user_identity_id === id);
          const around = aroundGrants(found, parts, call);
          return what === 'devices'
            ? { devices: around.devices }
            : { acs_entrances: around.acs_entrances };
        },
      ),
    ),
  ];
}

function grantBodies(found: readonly Grant[], parts: DialectParts, { isPrivate }: Call) {
  const { shelves, devices } = parts;
  return found.map(({ fields }) => {
    const person = shelves.people.find((each) => each.user_identity_id === fields.user_identity_id);
    const holderName = displayName(person?.fields);
    return grantBody(fields, { workspace: devices.workspace, isPrivate, holderName });
  });
}

function aroundGrants(found: readonly Grant[], parts: DialectParts, call: Call) {
  const { shelves, devices } = parts;
  const has = (pick: (grant: Grant) => readonly string[]) => new Set(found.flatMap(pick));
  const grants = has(({ fields }) => [fields.access_grant_id]);
  const deviceIds = has(({ fields }) => fields.device_ids);
  const entranceIds = has(({ fields }) => fields.acs_entrance_ids);
  const spaceIds = has(({ fields }) => fields.space_ids);
  const people = has(({ fields }) => [fields.user_identity_id]);
  const about = { workspace: devices.workspace, isPrivate: call.isPrivate };
  return {
    access_methods: found.flatMap(({ fields }) =>
      fields.methods.map((each) => methodBody(each, about)),
    ),
    access_codes: bodies(parts, call)
      .filter(({ grant }) => grant !== undefined && grants.has(grant))
      .map(({ body }) => body),
    devices: devices
      .all()
      .filter(({ uuid }) => deviceIds.has(uuid))
      .map((each) => deviceBody(each, parts)),
    acs_entrances: devices
      .entrances()
      .filter(({ uuid }) => entranceIds.has(uuid))
      .map((each) => entranceBody(each, parts)),
    spaces: devices
      .spaces()
      .filter(({ uuid }) => spaceIds.has(uuid))
      .map((each) => spaceBody(each, parts)),
    user_identities: shelves.people
      .all()
      .filter(({ fields }) => people.has(fields.user_identity_id))
      .map(({ fields }) => personBody(fields, devices.workspace)),
  };
}

function chosen<Batch extends object>(
  batch: Batch,
  asked: {
    readonly include?: readonly string[] | undefined;
    readonly exclude?: readonly string[] | undefined;
  },
): Partial<Batch> {
  const { include, exclude = [] } = asked;
  const picked: Partial<Batch> = { ...batch };
  for (const name of Object.keys(batch)) {
    const isIn = (include === undefined || include.includes(name)) && !exclude.includes(name);
    if (!isIn) Reflect.deleteProperty(picked, name);
  }
  return picked;
}
