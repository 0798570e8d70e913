/** How the core tells the rest of the daemon, which may still be on its way. */
import type { DeviceEvent } from '../drivers/contract/device.ts';
import type { JsonObject } from './access/entry.ts';

/** What the rest of the daemon wants to hear of, once it is there. */
export interface CoreListener {
  /** An event that was answered. Those from before it was there are told first. */
  heard(event: DeviceEvent): void;
  /** A card shown to be enrolled is no presentation. */
  takesCard(event: DeviceEvent): boolean;
  clockChanged(): void;
  storageChanged(): void;
  log(event: string, fields: JsonObject): void;
}

/** What devices say meanwhile; they say it again when they are asked, and the journal has what was decided. */
const MISSED_MOST = 4096;

/** The rest of the daemon, and what it missed while it was being loaded: some hundred milliseconds, no more. */
export class Rest {
  #listener: CoreListener | undefined;
  #missed: DeviceEvent[] = [];

  get listener(): CoreListener | undefined {
    return this.#listener;
  }

  hear(event: DeviceEvent): void {
    if (this.#listener !== undefined) this.#listener.heard(event);
    else if (this.#missed.length < MISSED_MOST) this.#missed.push(event);
  }

  listen(listener: CoreListener): void {
    this.#listener = listener;
    const missed = this.#missed;
    this.#missed = [];
    for (const event of missed) listener.heard(event);
  }
}
