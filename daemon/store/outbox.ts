/** The outbox is a watermark on the journal: what lies above it, the cloud has not acknowledged. Nothing is deleted. */

export class Outbox {
  readonly #epoch: string;
  #acknowledged: number;

  constructor(epoch: string, acknowledged: number) {
    this.#epoch = epoch;
    this.#acknowledged = acknowledged;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /**
   * Where the watermark would go: `undefined` when it stays, because the acknowledgement is of another epoch or of
   * something already acknowledged. An acknowledgement of what was never written counts only as far as was written.
   */
  target(epoch: string, seq: number, written: number): number | undefined {
    if (epoch !== this.#epoch || !Number.isSafeInteger(seq)) return undefined;
    const target = Math.min(seq, written);
    return target > this.#acknowledged ? target : undefined;
  }

  /** Once it is on the disk. */
  raise(seq: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, seq);
  }
}
