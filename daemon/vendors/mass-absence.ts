/**
 * Lists that have lost most of what they had, twice in a row, are rarely so many revocations and often a fault at the
 * vendor: an index that is being built, a key of another account. A revocation wins all the same (P6), so what is
 * doubted is doubted for a bounded time: the lists are read once more after a pause; what they leave out and shows
 * itself when asked for by its id contradicts them, which holds for as long as a vendor's own box may be behind
 * (vendor-apis.md 2.9), no longer. Either way a person is alarmed. Nothing that was taken back so is lost: the next
 * lists that have it bring it back.
 */
import { type Millis, pause } from '../../drivers/contract/time.ts';
import type { Entry } from '../access/entry.ts';
import { Doubt } from './doubt.ts';
import { VendorError } from './http.ts';
import type { Reading } from './reading.ts';
import type { VendorRecord } from './vendor-record.ts';
import type { VendorSync } from './vendor-sync.ts';

export interface MassAbsenceParts {
  readonly sync: VendorSync;
  /** Asks for one thing by its id: `false` says nothing, since not every vendor documents the call. @throws VendorError */
  readonly isShown: (kind: string, ref: string, signal: AbortSignal) => Promise<boolean>;
}

/** Fewer are revoked by hand in one go. */
const MANY = 3;
const AGAIN_AFTER: Millis = 30_000;
const ASKED_MOST = 5;

export class MassAbsence {
  readonly #parts: MassAbsenceParts;
  readonly #doubt: Doubt;

  constructor(parts: MassAbsenceParts) {
    this.#parts = parts;
    this.#doubt = new Doubt(parts.sync);
  }

  /**
   * After all lists were read: what is to be written down with the revocations that follow from them.
   * @param again reads them once more.
   * @throws VendorError where they contradict what is shown by itself
   */
  async confirmed(
    reading: Reading,
    kinds: readonly string[],
    again: () => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<readonly Entry[]> {
    if (many(reading, kinds).length > 0) {
      await pause(this.#parts.sync.desk.clock, AGAIN_AFTER, signal);
      if (!signal.aborted) await again();
    }
    const missing = many(reading, kinds);
    if (signal.aborted) return [];
    if (missing.length > 0) await this.#contradict(missing, signal);
    await this.#doubt.end();
    const { length } = missing;
    return length === 0 ? [] : [massEntry(this.#parts.sync, 'mass-revoked', length)];
  }

  async #contradict(missing: readonly VendorRecord[], signal: AbortSignal): Promise<void> {
    const { sync, isShown } = this.#parts;
    if (this.#doubt.isOver) return;
    const step = Math.max(1, Math.floor(missing.length / ASKED_MOST));
    const asked = missing.filter((_, at) => at % step === 0).slice(0, ASKED_MOST);
    for (const { kind, ref } of asked) {
      if (ref === undefined || !(await isShown(kind, ref, signal))) continue;
      await this.#doubt.begin(massEntry(sync, 'mass-absence', missing.length));
      throw new VendorError(
        'malformed',
        `the lists leave out ${missing.length} things, yet one that is asked for by itself is there`,
      );
    }
  }
}

/** An alarm: that so many are doubted, or that so many were taken back. */
export function massEntry(
  { vendor }: VendorSync,
  what: 'mass-absence' | 'mass-revoked',
  grants: number,
): Entry {
  return { type: 'grant.vendor_drift', body: { vendor, what, grants, alarm: true } };
}

/** What is missing of kinds that have lost more than half, and at least so many, of what was there. */
function many(reading: Reading, kinds: readonly string[]): readonly VendorRecord[] {
  return kinds.flatMap((kind) => {
    const { missing, known } = reading.absent(kind);
    return missing.length >= MANY && missing.length * 2 > known ? missing : [];
  });
}

/**
 * @param asked for the thing `ref`, resolving to the id that the answer has; an answer other than the thing itself says
 *   nothing.
 * @throws VendorError where no vendor answered
 */
export async function isAnswered(asked: Promise<string>, ref: string): Promise<boolean> {
  try {
    return (await asked) === ref;
  } catch (error) {
    const isAway =
      !(error instanceof VendorError) ||
      ['unreachable', 'limited', 'held-back'].includes(error.code);
    if (isAway) throw error;
    return false;
  }
}
