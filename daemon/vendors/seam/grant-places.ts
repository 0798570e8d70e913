/** The doors and keys of a grant: as they are asked for, and as what the rules decide by. */
import type { Target } from '../../access/model.ts';
import type { DialectParts } from './dialect-parts.ts';
import type { GrantFields } from './fields.ts';
import type { Wanted } from './grant-requests.ts';
import { invalid, notFound } from './seam-error.ts';
import { targetOf } from './site-devices.ts';

type Places = Pick<GrantFields, 'device_ids' | 'acs_entrance_ids' | 'space_ids'>;

/** All of them must be there: nothing is left out of a grant in silence. @throws SeamError 404, or 400 where there are none */
export function placesOf({ devices }: DialectParts, wanted: Wanted): Places {
  const device_ids = [...(wanted.device_ids ?? []), ...(wanted.location?.device_ids ?? [])].map(
    (id) => {
      const found = devices.find(id);
      if (found === undefined) throw notFound('device');
      return found.uuid;
    },
  );
  const wantedEntrances = [
    ...(wanted.acs_entrance_ids ?? []),
    ...(wanted.location?.acs_entrance_ids ?? []),
  ];
  const entrances = devices.entrances();
  const acs_entrance_ids = wantedEntrances.map((id) => {
    const found = entrances.find((each) => each.uuid === id.toLowerCase());
    if (found === undefined) throw notFound('acs_entrance');
    return found.uuid;
  });
  const spaces = devices.spaces();
  const space_ids = [
    ...(wanted.space_ids ?? []).map((id) => spaces.find((each) => each.uuid === id.toLowerCase())),
    ...(wanted.space_keys ?? []).map((each) => spaces.find((space) => space.name === each)),
  ].map((found) => {
    if (found === undefined) throw notFound('space');
    return found.uuid;
  });
  if ((wanted.location_ids ?? []).length > 0) throw notFound('location');
  if (device_ids.length + acs_entrance_ids.length + space_ids.length === 0) {
    throw invalid('device_ids', 'a device, an entrance or a space is needed');
  }
  return {
    device_ids: [...new Set(device_ids)],
    acs_entrance_ids: [...new Set(acs_entrance_ids)],
    space_ids: [...new Set(space_ids)],
  };
}

/** What is no longer at the site opens nothing. */
export function targetsOf({ devices }: DialectParts, places: Places): readonly Target[] {
  const entrances = devices
    .entrances()
    .filter(({ uuid: id }) => places.acs_entrance_ids.includes(id));
  const spaces = devices.spaces().filter(({ uuid: id }) => places.space_ids.includes(id));
  return [
    ...places.device_ids.flatMap((id) => {
      const device = devices.find(id);
      return device === undefined ? [] : [targetOf(device)];
    }),
    ...entrances.flatMap(({ point }) => point.locks.map((id): Target => ({ kind: 'lock', id }))),
    ...spaces.map((space): Target => ({ kind: 'access_level', id: space.name })),
  ];
}
