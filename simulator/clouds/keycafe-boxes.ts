/** Keycafe's locations with their SmartBoxes, bins and releases. What a bin looks like is ours (vendor-apis 8). */
import { Refused } from './refused.ts';

export interface SimulatedLocation {
  readonly id: number;
  readonly name: string;
  readonly timezone: string;
}

export interface SimulatedBin {
  readonly id: number;
  /** `B-3` */
  readonly label: string;
  readonly box: number;
  /** The key in it, as the inventory has it. */
  key?: number;
}

interface SimulatedRelease {
  readonly id: number;
  readonly bin: number;
  readonly askedAt: number;
  retrieved: boolean;
  completed: boolean;
}

export interface BoxesParts {
  readonly nextId: () => number;
  readonly uptime: () => number;
}

/** A release that nobody uses ends (vendor-apis 2.3). */
const RELEASE_MS = 20_000;

export class KeycafeBoxes {
  readonly locations = new Map<number, SimulatedLocation>();
  /** By id, at which location. */
  readonly boxes = new Map<number, number>();
  readonly bins = new Map<number, SimulatedBin>();
  readonly #releases = new Map<number, SimulatedRelease>();
  readonly #parts: BoxesParts;

  constructor(parts: BoxesParts) {
    this.#parts = parts;
  }

  /** A location with one box of so many bins; answers the ids of the bins. */
  addLocation(location: SimulatedLocation, binCount = 0): readonly number[] {
    this.locations.set(location.id, location);
    const box = this.#parts.nextId();
    this.boxes.set(box, location.id);
    return Array.from({ length: binCount }, (_, at) => {
      const id = this.#parts.nextId();
      this.bins.set(id, { id, label: `B-${at + 1}`, box });
      return id;
    });
  }

  locationOf(bin: SimulatedBin): number | undefined {
    return this.boxes.get(bin.box);
  }

  bin(id: number): SimulatedBin {
    const found = this.bins.get(id);
    if (found === undefined) throw new Refused(404, 'bin.notFound');
    return found;
  }

  shownBoxes(): readonly object[] {
    return [...this.boxes].map(([id, location]) => ({ id, location: { id: location } }));
  }

  shownBins(box: string | null): readonly object[] {
    return [...this.bins.values()]
      .filter((bin) => box === null || String(bin.box) === box)
      .map(({ id, label, box: at, key }) => ({
        id,
        name: label,
        box: { id: at },
        key: key === undefined ? null : { id: key },
      }));
  }

  release(body: unknown): object {
    const { id: bin } = this.bin(Number(Object(Object(body).bin).id));
    const id = this.#parts.nextId();
    const askedAt = this.#parts.uptime();
    this.#releases.set(id, { id, bin, askedAt, retrieved: false, completed: false });
    return this.shownRelease(id);
  }

  /** The box fetched it, and somebody pressed the button. */
  press(id: number): void {
    const release = this.#releases.get(id);
    if (release === undefined || this.#isExpired(release)) return;
    release.retrieved = true;
    release.completed = true;
  }

  shownRelease(id: number): object {
    const release = this.#releases.get(id);
    if (release === undefined) throw new Refused(404, 'release.notFound');
    const { bin, retrieved, completed } = release;
    return { id, bin: { id: bin }, retrieved, completed, expired: this.#isExpired(release) };
  }

  #isExpired({ askedAt, completed }: SimulatedRelease): boolean {
    return !completed && this.#parts.uptime() - askedAt > RELEASE_MS;
  }
}
