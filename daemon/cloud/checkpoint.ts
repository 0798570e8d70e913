/** Signed marks of how far the journal's chain has come: what lies before one that the cloud has cannot be rewritten unseen (conventions 2.6). */
import { type Clock, type Millis, type Timer, uptime } from '../../drivers/contract/time.ts';
import type { RecordedEntry, Stamp } from '../access/entry.ts';
import { type Journal, StorageError } from '../store/ports.ts';
import type { SigningKey } from './jose.ts';
import { signNow } from './jws.ts';
import { CHECKPOINT_TYP, type Checkpoint } from './messages.ts';

const EVERY_ENTRIES = 100;
const EVERY: Millis = 15 * 60_000;

export interface CheckpointParts {
  readonly bridge: string;
  readonly journal: Journal;
  /** The bridge's own key; its public half was given at enrolment. */
  readonly key: SigningKey;
  readonly stamp: () => Stamp;
  readonly clock: Clock;
}

export class Checkpoints {
  readonly #parts: CheckpointParts;
  readonly #unfollow: () => void;
  #since = 0;
  #timer: Timer | undefined;
  #busy = false;

  constructor(parts: CheckpointParts) {
    this.#parts = parts;
    this.#unfollow = parts.journal.follow((entries) => this.#committed(entries));
  }

  close(): void {
    this.#unfollow();
    this.#timer?.cancel();
  }

  #committed(entries: readonly RecordedEntry[]): void {
    const fresh = entries.filter(({ type }) => type !== 'system.checkpoint').length;
    if (fresh === 0) return;
    this.#since += fresh;
    const { clock } = this.#parts;
    if (this.#since >= EVERY_ENTRIES) void this.#make();
    else this.#timer ??= clock.wakeAt(uptime(clock.uptime() + EVERY), () => void this.#make());
  }

  async #make(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#since = 0;
    const { bridge, journal, key, stamp } = this.#parts;
    const now = stamp();
    const point: Checkpoint = {
      v: 1,
      bridge,
      epoch: journal.epoch,
      seq: journal.lastSeq,
      hash: journal.lastHash,
      ts: now.at,
    };
    try {
      const jws = signNow(point, CHECKPOINT_TYP, key);
      const body = { seq: point.seq, hash: point.hash, jws };
      await journal.append({ stamp: now, entries: [{ type: 'system.checkpoint', body }] })
        .committed;
    } catch (problem) {
      if (!(problem instanceof StorageError)) throw problem;
    } finally {
      this.#busy = false;
    }
  }
}
