/** Seam answers what takes time with an attempt to ask after. Its row is committed with the intent (P2, P3). */
import { z } from 'zod';
import { instant } from '../../../drivers/contract/time.ts';
import type { Command } from '../../access/command.ts';
import type { Json } from '../../access/entry.ts';
import type { EvidenceRow } from '../../store/ports.ts';
import type { VendorDesk } from '../desk.ts';
import { drawnUuid } from '../uuid.ts';
import { notFound } from './seam-error.ts';

const attemptSchema = z.object({
  action_attempt_id: z.string(),
  action_type: z.enum([
    'LOCK_DOOR',
    'UNLOCK_DOOR',
    'CREATE_ACCESS_CODE',
    'UPDATE_ACCESS_CODE',
    'DELETE_ACCESS_CODE',
    'ASSIGN_CREDENTIAL',
  ]),
  status: z.enum(['pending', 'success', 'error']),
  result: z.record(z.string(), z.json()).nullable(),
  error: z.object({ type: z.string(), message: z.string() }).nullable(),
});
export type ActionAttempt = Readonly<z.infer<typeof attemptSchema>>;
export type ActionType = ActionAttempt['action_type'];

type WithoutWho<T> = T extends Command ? Omit<T, 'by' | 'id'> : never;

/** How long an attempt can be asked after. */
const KEPT_MS = 24 * 3_600_000;
/** Of those that are listed without being named. */
const LISTED_MOST = 500;

export class ActionAttempts {
  readonly #desk: VendorDesk;
  readonly #underWay = new Set<string>();
  /** Newest last. */
  readonly #recent = new Map<string, string>();

  constructor(desk: VendorDesk) {
    this.#desk = desk;
  }

  /** Resolves once the intent is on the disk. @throws StorageError */
  async command(
    type: ActionType,
    device: string,
    command: WithoutWho<Command>,
    by: string,
    /** Asked for with it, such as the other locks of one door; it succeeds when all have. */
    others: readonly WithoutWho<Command>[] = [],
  ): Promise<ActionAttempt> {
    const attempt = this.#begin(type, device);
    const id = attempt.action_attempt_id;
    this.#underWay.add(id);
    const asked = this.#desk.command({ ...command, by, id }, [this.#row(attempt)]);
    const more = others.map((each) => this.#desk.command({ ...each, by }, []));
    try {
      await Promise.all([asked, ...more].map(({ recorded }) => recorded));
    } catch (error) {
      this.#underWay.delete(id);
      throw error;
    }
    const outcomes = Promise.all([asked, ...more].map(({ outcome }) => outcome));
    void outcomes.then(async (all) => {
      const { result, reason } = all.find((each) => each.result !== 'done') ?? { result: 'done' };
      const word = reason ?? result;
      const ended: ActionAttempt =
        result === 'done'
          ? { ...attempt, status: 'success', result: { was_confirmed_by_device: true } }
          : { ...attempt, status: 'error', error: { type: errorType(word), message: word } };
      try {
        await this.#store(ended);
      } catch {
        // The disk is full: its own alarm tells so, and the attempt is then one whose outcome was lost.
      }
      this.#underWay.delete(id);
    });
    return attempt;
  }

  /** Done already when it is answered. */
  async done(
    type: ActionType,
    device: string,
    result: Readonly<Record<string, Json>>,
  ): Promise<ActionAttempt> {
    const attempt: ActionAttempt = {
      ...this.#begin(type, device),
      status: 'success',
      result: z.record(z.string(), z.json()).parse(result),
    };
    await this.#store(attempt);
    return attempt;
  }

  /** It never began. */
  async failed(type: ActionType, device: string, word: string, message: string) {
    const attempt: ActionAttempt = {
      ...this.#begin(type, device),
      status: 'error',
      error: { type: word, message },
    };
    await this.#store(attempt);
    return attempt;
  }

  /** @throws SeamError 404 */
  get(id: string): ActionAttempt {
    const read = attemptSchema.safeParse(this.#desk.journal.command(id)?.reply);
    if (!read.success) throw notFound('action_attempt');
    if (read.data.status !== 'pending' || this.#underWay.has(id)) return read.data;
    return {
      ...read.data,
      status: 'error',
      error: { type: 'unknown_outcome', message: 'its outcome was lost in a restart' },
    };
  }

  recent(device: string | undefined): readonly ActionAttempt[] {
    return [...this.#recent]
      .filter(([, of]) => device === undefined || of === device)
      .map(([id]) => this.get(id));
  }

  #begin(action_type: ActionType, device: string): ActionAttempt {
    const action_attempt_id = drawnUuid(this.#desk.random);
    this.#recent.set(action_attempt_id, device);
    const [oldest] = this.#recent.keys();
    if (this.#recent.size > LISTED_MOST && oldest !== undefined) this.#recent.delete(oldest);
    return { action_attempt_id, action_type, status: 'pending', result: null, error: null };
  }

  #row(attempt: ActionAttempt): EvidenceRow {
    const expires = instant(this.#desk.clock.now() + KEPT_MS);
    return {
      table: 'command',
      id: attempt.action_attempt_id,
      reply: attempt satisfies Json,
      expires,
    };
  }

  #store(attempt: ActionAttempt): Promise<void> {
    const { journal } = this.#desk;
    return journal.append({ stamp: this.#desk.stamp(), entries: [], rows: [this.#row(attempt)] })
      .committed;
  }
}

function errorType(word: string): string {
  return word.replaceAll('-', '_');
}
