/** Commands of callers: put through the pipeline once for each idempotency key, however often they are asked (P3). */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { instant } from '../../drivers/contract/time.ts';
import { isObject, objectIn } from '../access/body.ts';
import type { Command } from '../access/command.ts';
import type { Json, JsonObject } from '../access/entry.ts';
import type { DeskOutcome, SiteDesk } from './desk.ts';
import type { Asked } from './endpoint.ts';
import { ApiError } from './errors.ts';

/** How long a repeated call gets the answer of the first. */
const REMEMBER_MS = 24 * 3_600_000;

export const outcomeSchema = z.object({
  command: z.string().describe('id of the command in the journal'),
  result: z.enum(['done', 'refused', 'failed', 'unknown']),
  reason: z.string().optional(),
  data: z.record(z.string(), z.json()).optional(),
  dup: z.boolean().describe('this was done before; the answer is that of then'),
});

type CommandAsked = Pick<Asked<unknown, unknown, unknown>, 'principal' | 'idempotency'>;
interface Outcome extends DeskOutcome {
  readonly command: string;
  readonly dup: boolean;
}
interface UnderWay {
  readonly fingerprint: string;
  readonly attempt: Promise<DeskOutcome>;
}
type WithoutWho<T> = T extends Command ? Omit<T, 'by' | 'id'> : never;

export class Requests {
  readonly #desk: SiteDesk;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(desk: SiteDesk) {
    this.#desk = desk;
  }

  /**
   * @throws ApiError where the key was given for something else before.
   * @throws StorageError when the intent could not be recorded; nothing has moved then.
   */
  async command(command: WithoutWho<Command>, asked: CommandAsked): Promise<Outcome> {
    const { principal, idempotency } = asked;
    const { by } = principal;
    const id = idempotency === undefined ? randomUUID() : `${by}:${idempotency.key}`;
    const whole: Command = { ...command, by, id };
    if (idempotency === undefined) return told(id, await this.#carryOut(whole, []), false);
    const { fingerprint } = idempotency;
    const joined = this.#underWay.get(id);
    if (joined !== undefined) {
      refuseOther(joined.fingerprint, fingerprint);
      return told(id, await joined.attempt, true);
    }
    const before = this.#desk.journal.command(id);
    if (before !== undefined) {
      const { asked: first, outcome } = storedReply(before.reply);
      refuseOther(first, fingerprint);
      if (outcome !== undefined) return told(id, outcome, true);
      throw new ApiError(
        'conflict',
        'its outcome was lost in a restart; look at the site, then ask anew',
      );
    }
    const attempt = this.#once(whole, id, fingerprint);
    this.#underWay.set(id, { fingerprint, attempt });
    try {
      return told(id, await attempt, false);
    } finally {
      this.#underWay.delete(id);
    }
  }

  /** The row without an outcome goes with the intent: after a crash it says that this was begun (P2). */
  async #once(command: Command, id: string, asked: string): Promise<DeskOutcome> {
    const { clock, journal } = this.#desk;
    const expires = instant(clock.now() + REMEMBER_MS);
    const row = { table: 'command', id, expires } as const;
    const outcome = await this.#carryOut(command, [{ ...row, reply: { asked } }]);
    const reply: JsonObject = {
      asked,
      result: outcome.result,
      ...(outcome.reason === undefined ? {} : { reason: outcome.reason }),
      ...(outcome.data === undefined ? {} : { data: outcome.data }),
    };
    await journal.append({ stamp: this.#desk.stamp(), entries: [], rows: [{ ...row, reply }] })
      .committed;
    return outcome;
  }

  async #carryOut(
    command: Command,
    rows: Parameters<SiteDesk['command']>[1],
  ): Promise<DeskOutcome> {
    const { recorded, outcome } = this.#desk.command(command, rows);
    await recorded;
    return outcome;
  }
}

function told(command: string, outcome: DeskOutcome, dup: boolean): Outcome {
  const { result, reason, data } = outcome;
  if (result === 'refused' && reason === 'busy') {
    throw new ApiError('busy', 'too much is under way; ask again');
  }
  if (result === 'refused' && reason === 'not-found') {
    throw new ApiError('not_found', 'there is no such thing to do it with');
  }
  return {
    command,
    result,
    ...(reason === undefined ? {} : { reason }),
    ...(data === undefined ? {} : { data }),
    dup,
  };
}

/** A key names one request: whoever gives it to another would take the outcome of the first for its own. */
function refuseOther(first: string | undefined, now: string): void {
  if (first === undefined || first === now) return;
  throw new ApiError(
    'idempotency_key_reused',
    'something else was asked with this key; take a new one for each request',
    'Idempotency-Key',
  );
}

interface Stored {
  /** Not known of rows that an earlier version wrote. */
  readonly asked: string | undefined;
  /** `undefined`: begun, and not known to have ended. */
  readonly outcome: DeskOutcome | undefined;
}

/** As `#once` wrote it. */
function storedReply(reply: Json | undefined): Stored {
  if (reply === undefined) return { asked: undefined, outcome: undefined };
  const { asked, result, reason } = storedSchema.parse(reply);
  const data = isObject(reply) ? objectIn(reply, 'data') : undefined;
  if (result === undefined) return { asked, outcome: undefined };
  return {
    asked,
    outcome: {
      result,
      ...(reason === undefined ? {} : { reason }),
      ...(data === undefined ? {} : { data }),
    },
  };
}

const storedSchema = outcomeSchema
  .pick({ result: true, reason: true })
  .partial()
  .extend({ asked: z.string().optional() });
