/** Access points, boxes and slots as Keycafe's locations, boxes and bins, with numbers of their own. */
import type { SlotNumber } from '../../../drivers/contract/device.ts';
import type { AccessPoint, KeyId } from '../../access/model.ts';
import type { VendorSync } from '../vendor-sync.ts';
import { derivedId } from './local-id.ts';
import { KeycafeRefusal } from './reply.ts';
import type { KeycafePlaces } from './thing.ts';

export interface BoxBookParts {
  readonly sync: VendorSync;
  readonly places: KeycafePlaces;
}

export class BoxBook {
  readonly #parts: BoxBookParts;

  constructor(parts: BoxBookParts) {
    this.#parts = parts;
  }

  /** @throws KeycafeRefusal */
  named(number: string): AccessPoint {
    const found = this.points().find((point) => this.locationNumber(point) === Number(number));
    if (found !== undefined) return found;
    throw new KeycafeRefusal(
      400,
      'key.homeLocation.invalid',
      'there is no such location',
      'homeLocation',
    );
  }

  locationNumber({ id }: Pick<AccessPoint, 'id'>): number {
    const { locations } = this.#parts.places;
    const given = Object.entries(locations).find(([, ours]) => ours === id)?.[0];
    return Number(given ?? derivedId('location', id));
  }

  points(): readonly AccessPoint[] {
    return this.#parts.sync.desk.ports().site.accessPoints;
  }

  location(point: AccessPoint): {
    readonly id: number;
    readonly name: string;
    readonly timezone: string;
  } {
    return {
      id: this.locationNumber(point),
      name: point.id,
      timezone: this.#parts.sync.desk.about.zone,
    };
  }

  locations(): readonly object[] {
    return this.points()
      .filter(({ box }) => box !== undefined)
      .map((point) => this.location(point));
  }

  boxes(): readonly object[] {
    return this.points().flatMap((point) =>
      point.box === undefined
        ? []
        : [
            {
              id: Number(derivedId('box', point.box.device)),
              name: point.box.device,
              location: this.location(point),
            },
          ],
    );
  }

  /** Slots, with the key that lies in each. */
  bins(
    box: string | undefined,
    brief: (key: KeyId) => object,
  ): readonly {
    readonly id: number;
    readonly slot: SlotNumber;
    readonly point: AccessPoint;
    readonly shown: object;
  }[] {
    const { grants, journal } = this.#parts.sync.desk;
    const keys = grants
      .keys()
      .map((key) => ({ key, place: journal.ledger.get('key', key.id)?.place }));
    return this.points().flatMap((point) => {
      const { box: device } = point;
      if (device === undefined) return [];
      const boxId = Number(derivedId('box', device.device));
      if (box !== undefined && String(boxId) !== box) return [];
      return device.slots.map((slot) => {
        const id = this.#binNumber(`${device.device}:${slot}`);
        const inside = keys.find(
          ({ place }) =>
            place?.kind === 'slot' && place.box === device.device && place.slot === slot,
        );
        const isDisabled = device.disabledSlots.includes(slot);
        const key = inside === undefined ? null : brief(inside.key.id);
        return {
          id,
          slot,
          point,
          shown: { id, name: String(slot), box: { id: boxId }, key, disabled: isDisabled },
        };
      });
    });
  }

  #binNumber(slot: string): number {
    const given = Object.entries(this.#parts.places.bins).find(([, ours]) => ours === slot)?.[0];
    return Number(given ?? derivedId('bin', slot));
  }
}
