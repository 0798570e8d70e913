/**
 * The site as Seam's devices: a lock is a device, and so is each key (as `keynest_key`, the precedent for key boxes);
 * a door with locks is an entrance, a group of places a space. Their ids follow from their names
 * here, but for those that Seam has given one.
 */
import type { DeviceId } from '../../../drivers/contract/device.ts';
import type { AccessPoint, Key, Target } from '../../access/model.ts';
import type { VendorDesk } from '../desk.ts';
import { uuidOf } from '../uuid.ts';
import { NO_PLACES, refOf, type SeamPlaces } from './places.ts';

export type SiteDevice =
  | {
      readonly kind: 'lock';
      readonly uuid: string;
      readonly device: DeviceId;
      readonly point: AccessPoint;
    }
  | { readonly kind: 'key'; readonly uuid: string; readonly key: Key };

export interface SiteEntrance {
  readonly uuid: string;
  readonly point: AccessPoint;
}

export interface SiteSpace {
  readonly uuid: string;
  readonly name: string;
  readonly targets: readonly Target[];
}

export class SiteDevices {
  readonly #desk: VendorDesk;
  readonly #places: SeamPlaces;

  constructor(desk: VendorDesk, places: SeamPlaces = NO_PLACES) {
    this.#desk = desk;
    this.#places = places;
  }

  get workspace(): string {
    return uuidOf('workspace', this.#desk.about.site);
  }

  get account(): string {
    return uuidOf('connected-account', this.#desk.about.site);
  }

  get system(): string {
    return uuidOf('acs-system', this.#desk.about.site);
  }

  all(): readonly SiteDevice[] {
    const { site, grants } = this.#desk.ports();
    const locks = site.accessPoints.flatMap((point) =>
      point.locks.map(
        (device): SiteDevice => ({ kind: 'lock', uuid: this.uuidOfLock(device), device, point }),
      ),
    );
    const keys = grants
      .keys()
      .map((key): SiteDevice => ({ kind: 'key', uuid: this.uuidOfKey(key.id), key }));
    return [...new Map([...locks, ...keys].map((each) => [each.uuid, each])).values()];
  }

  find(uuid: string): SiteDevice | undefined {
    return this.all().find((each) => each.uuid === uuid.toLowerCase());
  }

  entrances(): readonly SiteEntrance[] {
    return this.#desk
      .ports()
      .site.accessPoints.filter(({ locks }) => locks.length > 0)
      .map((point) => ({ uuid: uuidOf('entrance', this.#desk.about.site, point.id), point }));
  }

  spaces(): readonly SiteSpace[] {
    return [...this.#desk.ports().site.policies.accessLevels].map(([name, targets]) => ({
      uuid: uuidOf('space', this.#desk.about.site, name),
      name,
      targets,
    }));
  }

  uuidOfLock(device: string): string {
    return (
      refOf(this.#places, { kind: 'lock', id: device }) ??
      uuidOf('lock', this.#desk.about.site, device)
    );
  }

  uuidOfKey(key: string): string {
    return (
      refOf(this.#places, { kind: 'key', id: key }) ?? uuidOf('key', this.#desk.about.site, key)
    );
  }
}

export function targetOf(device: SiteDevice): Target {
  return device.kind === 'lock'
    ? { kind: 'lock', id: device.device }
    : { kind: 'key', id: device.key.id };
}
