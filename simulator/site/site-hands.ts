/** What people do at the demo's box and readers, and what they see there. */
import { type Clock, type Millis, pause } from '../../drivers/contract/time.ts';
import type { Hardware } from '../hardware.ts';

const BOX = 'box';
const LOOK_EVERY: Millis = 20;
const OPENS_WITHIN: Millis = 5000;
/** Until a person has seen that nothing opens. */
const NOTHING_OPENS: Millis = 1500;

interface SlotLook {
  readonly door: string;
  readonly pulses: number;
}

export class SiteHands {
  readonly #hardware: Hardware;
  readonly #clock: Clock;

  constructor(hardware: Hardware, clock: Clock) {
    this.#hardware = hardware;
    this.#clock = clock;
  }

  async press(keypad: string, keys: string): Promise<void> {
    await this.#hardware.handle(keypad, 'press', { keys });
  }

  /** Holds a fob to a reader as long as a person does, then takes it away. */
  async show(reader: string, fob: string): Promise<void> {
    await this.#hardware.handle(reader, 'show', { fob });
    await pause(this.#clock, 300);
    await this.#hardware.handle(reader, 'remove');
  }

  pulses(slot: number): number {
    return this.#slots()[slot]?.pulses ?? 0;
  }

  /** How often a lock on the air has turned its bolt back. */
  unlocked(lock: string): number {
    return Number(Object(Object(this.#hardware.device(lock)?.look())['runs'])['unlock'] ?? 0);
  }

  /** Waits until the slot's door has sprung open. */
  async opened(slot: number): Promise<void> {
    await this.#until(() => this.#slots()[slot]?.door === 'open', `slot ${slot} did not open`);
  }

  /** Does something, and answers which slot springs open upon it. */
  async opening(act: () => Promise<void>): Promise<number> {
    const open = () =>
      Object.entries(this.#slots())
        .filter(([, { door }]) => door === 'open')
        .map(([slot]) => Number(slot));
    const before = new Set(open());
    await act();
    let found: number | undefined;
    await this.#until(() => {
      found = open().find((slot) => !before.has(slot));
      return found !== undefined;
    }, 'no slot opened');
    return found ?? 0;
  }

  /** Takes what lies in an open slot, and shuts its door. */
  async takeOut(slot: number): Promise<void> {
    await this.#hardware.handle(BOX, 'take-key', { slot });
    await pause(this.#clock, 700);
    await this.#hardware.handle(BOX, 'close-door', { slot });
  }

  async putIn(slot: number, fob: string): Promise<void> {
    await this.#hardware.handle(BOX, 'put-key', { slot, fob });
    await pause(this.#clock, 700);
    await this.#hardware.handle(BOX, 'close-door', { slot });
  }

  /** As long as somebody waits before believing that nothing will open. */
  async quiet(): Promise<void> {
    await pause(this.#clock, NOTHING_OPENS);
  }

  #slots(): Readonly<Record<string, SlotLook>> {
    const look = this.#hardware.device(BOX)?.look();
    if (look === null || typeof look !== 'object' || !('slots' in look)) {
      throw new Error('the demo has a box');
    }
    return look['slots'] as unknown as Readonly<Record<string, SlotLook>>;
  }

  async #until(reached: () => boolean, otherwise: string): Promise<void> {
    const end = this.#clock.uptime() + OPENS_WITHIN;
    while (!reached()) {
      if (this.#clock.uptime() > end) throw new Error(otherwise);
      await pause(this.#clock, LOOK_EVERY);
    }
  }
}
