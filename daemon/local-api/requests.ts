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

type CommandAsked = Pick<Asked<unknown, unknown, unknown>, 'principal' | 'idempotencyKey'>;
interface Outcome extends DeskOutcome {
  readonly command: string;
  readonly dup: boolean;
}
type WithoutWho<T> = T extends Command ? Omit<T, 'by' | 'id'> : never;

export class Requests {
  readonly #desk: SiteDesk;
  readonly #underWay = new Map<string, Promise<DeskOutcome>>();

  constructor(desk: SiteDesk) {
    this.#desk = desk;
  }

  /** @throws StorageError when the intent could not be recorded; nothing has moved then. */
  async command(command: WithoutWho<Command>, asked: CommandAsked): Promise<Outcome> {
    const { principal, idempotencyKey } = asked;
    const { by } = principal;
    const id = idempotencyKey === undefined ? randomUUID() : `${by}:${idempotencyKey}`;
    const whole: Command = { ...command, by, id };
    if (idempotencyKey === undefined) return told(id, await this.#carryOut(whole, []), false);
    const joined = this.#underWay.get(id);
    if (joined !== undefined) return told(id, await joined, true);
    const before = this.#desk.journal.command(id);
    if (before?.reply !== undefined) return told(id, outcomeIn(before.reply), true);
    if (before !== undefined) {
      throw new ApiError(
        'conflict',
        'its outcome was lost in a restart; look at the site, then ask anew',
      );
    }
    const attempt = this.#once(whole, id);
    this.#underWay.set(id, attempt);
    try {
      return told(id, await attempt, false);
    } finally {
      this.#underWay.delete(id);
    }
  }

  /** The row without a reply goes with the intent: after a crash it says that this was begun (P2). */
  async #once(command: Command, id: string): Promise<DeskOutcome> {
    const { clock, journal } = this.#desk;
    const expires = instant(clock.now() + REMEMBER_MS);
    const row = { table: 'command', id, expires } as const;
    const outcome = await this.#carryOut(command, [{ ...row, reply: undefined }]);
    const reply: JsonObject = {
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

/** As `#once` wrote it. */
function outcomeIn(reply: Json): DeskOutcome {
  const { result, reason } = storedOutcome.parse(reply);
  const data = isObject(reply) ? objectIn(reply, 'data') : undefined;
  return {
    result,
    ...(reason === undefined ? {} : { reason }),
    ...(data === undefined ? {} : { data }),
  };
}

const storedOutcome = outcomeSchema.omit({ command: true, dup: true });
