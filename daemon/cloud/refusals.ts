/** Refused messages in the journal: each kind at once, then counted and told again at most once a minute, so that a flood of forgeries fills no disk. */
import { type Clock, type Millis, type Uptime, uptime } from '../../drivers/contract/time.ts';
import type { EntryType, JsonObject, Stamp } from '../access/entry.ts';
import { type Journal, StorageError } from '../store/ports.ts';

export type RefusalType = Extract<
  EntryType,
  | 'security.bad_signature'
  | 'security.unknown_key'
  | 'security.wrong_audience'
  | 'security.malformed_command'
  | 'security.retained_command'
  | 'security.expired_command'
  | 'security.replayed_command'
>;

const QUIET: Millis = 60_000;

export class Refusals {
  readonly #journal: Pick<Journal, 'append'>;
  readonly #stamp: () => Stamp;
  readonly #clock: Clock;
  readonly #told = new Map<RefusalType, { next: Uptime; suppressed: number }>();
  #count = 0;

  constructor(journal: Pick<Journal, 'append'>, stamp: () => Stamp, clock: Clock) {
    this.#journal = journal;
    this.#stamp = stamp;
    this.#clock = clock;
  }

  /** How many messages were refused since the start, told or not. */
  get count(): number {
    return this.#count;
  }

  /** `facts` holds nothing of the message but its topic, size and, where a trusted key signed it, its id and kid. */
  async record(type: RefusalType, facts: JsonObject): Promise<void> {
    this.#count += 1;
    const now = this.#clock.uptime();
    const told = this.#told.get(type);
    if (told !== undefined && now < told.next) {
      told.suppressed += 1;
      return;
    }
    this.#told.set(type, { next: uptime(now + QUIET), suppressed: 0 });
    const suppressed = told?.suppressed ?? 0;
    const body = { ...facts, alarm: true, ...(suppressed > 0 ? { suppressed } : {}) };
    try {
      await this.#journal.append({ stamp: this.#stamp(), entries: [{ type, body }] }).committed;
    } catch (problem) {
      // A full disk has its own alarm; the message stays refused whether or not it can be written down.
      if (!(problem instanceof StorageError)) throw problem;
    }
  }
}
