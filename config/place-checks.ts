/** What only shows between access points, their devices, keys and access levels. */
import type { DriverAbilities } from '../drivers/contract/machine.ts';
import { type Draft, longestHold } from './draft.ts';
import { type FaultList, missing } from './fault-list.ts';
import type { AccessPointConfig, TargetConfig } from './place-schema.ts';

export function checkPlaces(draft: Draft, faults: FaultList): void {
  const places = new Places(draft, faults);
  for (const [id, point] of draft.accessPoints) places.point(id, point);
  places.keys();
  for (const [level, targets] of draft.accessLevels) {
    for (const [index, target] of targets.entries()) {
      places.target(['accessLevels', level, index, 'id'], target);
    }
  }
}

type At = readonly (string | number)[];

class Places {
  readonly #draft: Draft;
  readonly #faults: FaultList;
  /** Device -> the access point that has it, and as what. */
  readonly #taken = new Map<string, string>();

  constructor(draft: Draft, faults: FaultList) {
    this.#draft = draft;
    this.#faults = faults;
  }

  point(id: string, point: AccessPointConfig): void {
    const at = ['accessPoints', id];
    const { box, locks, readers, slotReaders } = point;
    if (box !== undefined) {
      this.#needs([...at, 'box'], box, 'a device with slots', ({ slots }) => slots);
      this.#takes([...at, 'box'], box, `the box of ${id}`);
      this.#slots(at, box, point);
    }
    for (const [index, lock] of locks.entries()) {
      this.#needs([...at, 'locks', index], lock, 'a device that locks', (can) => can.lock);
      const most = longestHold(this.#draft, lock);
      if (most !== undefined && point.holdMs > most) {
        const remedy = `at most ${most}: ${lock} unlocks for no longer`;
        this.#faults.add([...at, 'holdMs'], String(point.holdMs), remedy);
      }
    }
    for (const [index, reader] of readers.entries()) {
      const place = [...at, 'readers', index];
      this.#needs(place, reader, 'a device that reads', (can) => can.cards || can.codes);
      this.#takes(place, reader, `a reader of ${id}`);
    }
    for (const [slot, reader] of Object.entries(slotReaders)) {
      const place = [...at, 'slotReaders', slot];
      this.#needs(place, reader, 'a device that reads fobs', (can) => can.cards);
      this.#takes(place, reader, `in slot ${slot} of ${id}`);
    }
  }

  keys(): void {
    const { keys, accessPoints } = this.#draft;
    const names = this.#draft.named('accessPoints');
    const hung = new Map<string, string>();
    const fobs = new Map<string, string>();
    for (const [id, { home, slot, fob }] of keys) {
      const at = ['keys', id];
      if (fob !== undefined) {
        const other = fobs.get(fob.toLowerCase());
        if (other === undefined) fobs.set(fob.toLowerCase(), id);
        else this.#faults.add([...at, 'fob'], '(hidden)', `another fob: key ${other} has this one`);
      }
      if (home === undefined) continue;
      if (!names.has(home)) {
        this.#faults.add([...at, 'home'], `"${home}"`, missing('access point', home, names));
        continue;
      }
      const point = accessPoints.get(home);
      if (point === undefined || slot === undefined) continue;
      const slots = this.#slotsOf(point);
      if (slots !== undefined && !slots.has(slot)) {
        this.#faults.add([...at, 'slot'], String(slot), `a slot of ${home}: ${range(slots)}`);
      }
      const other = hung.get(`${home} ${slot}`);
      if (other === undefined) hung.set(`${home} ${slot}`, id);
      else
        this.#faults.add([...at, 'slot'], String(slot), `another slot: key ${other} hangs there`);
    }
  }

  target(at: At, { kind, id }: TargetConfig): void {
    const { devices, accessPoints } = this.#draft;
    switch (kind) {
      case 'lock':
        this.#needs(at, id, 'a device that locks', (can) => can.lock);
        return;
      case 'location':
        if (!this.#draft.named('accessPoints').has(id)) {
          this.#faults.add(at, `"${id}"`, missing('access point', id, accessPoints.keys()));
        }
        return;
      case 'slot': {
        const [, box = '', slot = ''] = /^(.*):(\d+)$/.exec(id) ?? [];
        if (slot === '') {
          this.#faults.add(at, `"${id}"`, 'a box and a slot of it, such as box:7');
        } else if (!this.#draft.named('devices').has(box)) {
          this.#faults.add(at, `"${id}"`, missing('device', box, devices.keys()));
        } else if (this.#existing(box)?.has(Number(slot)) === false) {
          this.#faults.add(at, `"${id}"`, `a slot that ${box} has`);
        }
        return;
      }
      case 'key': // keys come from clouds too: one that is not known yet is no fault
        return;
      default:
        kind satisfies never;
    }
  }

  #slots(at: At, box: string, { slots, disabledSlots, slotReaders }: AccessPointConfig): void {
    const has = this.#existing(box);
    if (has === undefined) return;
    for (const [index, slot] of (slots ?? []).entries()) {
      if (has.has(slot)) continue;
      this.#faults.add([...at, 'slots', index], String(slot), `a slot of ${box}: ${range(has)}`);
    }
    const used = slots === undefined ? has : new Set(slots);
    for (const [index, slot] of disabledSlots.entries()) {
      if (used.has(slot)) continue;
      const remedy = `a slot that is used here: ${range(used)}`;
      this.#faults.add([...at, 'disabledSlots', index], String(slot), remedy);
    }
    for (const slot of Object.keys(slotReaders)) {
      if (used.has(Number(slot))) continue;
      const remedy = `a slot that is used here: ${range(used)}`;
      this.#faults.add([...at, 'slotReaders', slot], `slot ${slot}`, remedy);
    }
  }

  #slotsOf(point: AccessPointConfig): ReadonlySet<number> | undefined {
    if (point.box === undefined) return new Set();
    return point.slots === undefined ? this.#existing(point.box) : new Set(point.slots);
  }

  /** Slots of a box device, as far as it was read; undefined where that is not known. */
  #existing(box: string): ReadonlySet<number> | undefined {
    const device = this.#draft.devices.get(box);
    const entry = device === undefined ? undefined : this.#draft.drivers.get(device.driver);
    const slots = entry?.slots?.(device?.options);
    return slots === undefined ? undefined : new Set<number>(slots);
  }

  #needs(at: At, id: string, what: string, can: (abilities: DriverAbilities) => boolean): void {
    const { devices, drivers } = this.#draft;
    if (!this.#draft.named('devices').has(id)) {
      const remedy = missing('device', id, this.#draft.named('devices'));
      this.#faults.add(at, `"${id}"`, remedy);
      return;
    }
    const device = devices.get(id);
    const entry = device === undefined ? undefined : drivers.get(device.driver);
    if (entry === undefined || can(entry.abilities(device?.options))) return;
    this.#faults.add(at, `"${id}" (${entry.name})`, what);
  }

  #takes(at: At, id: string, as: string): void {
    const other = this.#taken.get(id);
    if (other === undefined) this.#taken.set(id, as);
    else this.#faults.add(at, `"${id}"`, `another device: this one is ${other}`);
  }
}

/** `1-16`, or `1, 2, 5`. */
function range(slots: ReadonlySet<number>): string {
  const sorted = [...slots].toSorted((a, b) => a - b);
  const [first = 0] = sorted;
  const last = sorted.at(-1) ?? 0;
  if (sorted.length === 0) return 'it has none';
  if (sorted.length > 1 && last - first === sorted.length - 1) return `${first} to ${last}`;
  return sorted.slice(0, 20).join(', ');
}
