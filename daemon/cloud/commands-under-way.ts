/**
 * Commands that were taken on: each is done at most once, and answered exactly once. What was decided is on the disk
 * before the broker gets its acknowledgement; what moves, moves after that (P2, P3).
 */
import { type Clock, type Millis, uptime } from '../../drivers/contract/time.ts';
import type { Entry } from '../access/entry.ts';
import { type EvidenceRow, type Journal, StorageError } from '../store/ports.ts';
import { type Addressed, evidenceOf, type Refused, rowExpiry } from './admission.ts';
import { CommandDesk, type CommandDeskParts, type Work } from './command-desk.ts';
import type { DeskResult } from './desk-result.ts';
import type { Envelope, Reply, WireCommand } from './messages.ts';
import { codeOf, outcomeData, outcomeInJournal } from './outcome.ts';
import { type Publish, Replies, type Unanswered } from './replies.ts';
import { errorPart, okPart, type ReplyPart, refusedPart } from './reply-part.ts';
import type { ActionOutcome, Attempt, LongAction } from './site-actions.ts';
import type { Topics } from './topics.ts';

export interface CommandsParts extends CommandDeskParts {
  readonly topics: Topics;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly publish: Publish;
  /** What the retained state says has changed (grants, lockdown, keys). */
  readonly stateChanged: () => void;
  readonly grantsChanged: () => void;
}

/** A command that is not done after this time is told to be `accepted`. */
const ACCEPTED_AFTER: Millis = 1_000;

/** A command that has no final reply yet. */
interface UnderWay {
  /** Who sent copies of it meanwhile: each is told the end once more, not once a copy. An update takes long. */
  readonly askedAgain: Set<string>;
  /** When a copy of it may be acknowledged: it is on the disk, or could not be put there. */
  readonly recorded: Promise<unknown>;
  /** `undefined`: the daemon stops, and its next start has the answer. */
  readonly reply: Promise<Reply | undefined>;
}

/** To be called when the next message may be looked at. */
export type Pass = () => void;

export class CommandsUnderWay {
  readonly #parts: CommandsParts;
  readonly #desk: CommandDesk;
  readonly #replies: Replies;
  /** By command id. */
  readonly #underWay = new Map<string, UnderWay>();

  constructor(parts: CommandsParts) {
    this.#parts = parts;
    this.#desk = new CommandDesk(parts);
    this.#replies = new Replies(parts.journal, parts.topics, parts.publish);
  }

  has(id: string): boolean {
    return this.#underWay.has(id);
  }

  async execute(command: WireCommand, kid: string, pass: Pass): Promise<void> {
    const evidence = this.#evidence(command, kid);
    let work: Work;
    try {
      work = this.#desk.begin(command, kid, evidence);
    } catch (problem) {
      if (!(problem instanceof StorageError)) throw problem;
      return this.replyOnly(command, { code: 'storage_full', msg: 'could not be stored' });
    }
    switch (work.kind) {
      case 'attempt':
        return this.#attempt(command, work.attempt, pass);
      case 'desired':
        return this.#desired(command, kid, work.result, pass);
      case 'answer': {
        const settled = this.#settle(command, kid, work.part, work.entries, []);
        pass();
        return settled;
      }
      default:
        return work satisfies never;
    }
  }

  /** Not to be done, and its row says so: it stays refused, and has one answer whenever it comes again. */
  refuse(envelope: Envelope, kid: string, refused: Refused): Promise<void> {
    return this.#settle(envelope, kid, refusedPart(refused), [], []);
  }

  /** Without a row: it will be refused again in the same words. */
  replyOnly(envelope: Addressed, refused: Refused): void {
    void this.#replies.send(envelope.requester, this.#reply(envelope, refusedPart(refused)));
  }

  /** It was taken on before. */
  async answerAgain(envelope: Envelope, pass: Pass): Promise<void> {
    const { id, requester } = envelope;
    const under = this.#underWay.get(id);
    if (under !== undefined) {
      pass();
      if (!under.askedAgain.has(requester)) {
        under.askedAgain.add(requester);
        void under.reply.then((reply) => {
          if (reply !== undefined) void this.#replies.send(requester, { ...reply, dup: true });
        });
      }
      await under.recorded;
      return;
    }
    const stored = this.#replies.stored(id);
    if (stored !== undefined) {
      void this.#replies.send(requester, { ...stored, dup: true });
      return;
    }
    // Taken on, but its answer was lost with the process that worked on it.
    const { type, exp } = envelope;
    await this.#conclude({ id, type, requester, exp });
  }

  /** Before the first session: commands that a stop of the daemon left without an answer get one. */
  async resume(): Promise<void> {
    for (const each of this.#replies.unanswered) {
      const stored = this.#replies.stored(each.id);
      // It may have been given before the stop: this is a copy.
      if (stored !== undefined) void this.#replies.send(each.requester, { ...stored, dup: true });
      else await this.#conclude(each);
    }
  }

  /** After each connect: replies that found no session. */
  async flush(): Promise<void> {
    await this.#replies.flush();
  }

  /** Settles when no command is under way, and what was answered is noted as answered. */
  async close(): Promise<void> {
    while (this.#underWay.size > 0) {
      await Promise.all([...this.#underWay.values()].map(({ reply }) => reply));
    }
    const rows = this.#replies.settled();
    if (rows.length > 0) await this.#commit([], rows);
  }

  /** Effect, then evidence with the reply, then the broker's acknowledgement. */
  async #desired(
    command: WireCommand,
    kid: string,
    work: Promise<DeskResult>,
    pass: Pass,
  ): Promise<void> {
    let result: DeskResult;
    try {
      result = await work;
    } catch (problem) {
      if (!(problem instanceof StorageError)) throw problem;
      return this.replyOnly(command, { code: 'storage_full', msg: 'could not be stored' });
    }
    const { code, msg, data, entries, rows, withdraw } = result;
    if (withdraw.length === 0) {
      const part: ReplyPart = { status: code === null ? 'ok' : 'error', code, msg, data };
      const settled = this.#settle(command, kid, part, entries, rows);
      pass();
      await settled;
      if (code === null) this.#changed(command);
      return;
    }
    // A revocation: known for good first, then nothing under it may reach a wire, and only then it is answered (P6).
    const first = [...this.#evidence(command, kid), ...rows];
    const known = this.#commit(entries, first);
    const answered = known.then((isStored) =>
      isStored ? this.#withdrawn(command, data, withdraw) : this.#notStored(command),
    );
    this.#begun(command.id, { recorded: known, reply: answered });
    pass();
    const reply = await answered;
    this.#changed(command);
    void this.#replies.send(command.requester, reply);
  }

  async #withdrawn(
    command: WireCommand,
    data: DeskResult['data'],
    withdraw: DeskResult['withdraw'],
  ): Promise<Reply> {
    const states = await Promise.all(withdraw.map((id) => this.#parts.site.withdrawOpenings(id)));
    const devices = states.flat().map(({ device, state }) => ({ dev: device, state }));
    const effective: Entry[] = withdraw.map((grant, at) => ({
      type: 'grant.revocation_effective',
      body: { grant, devices: (states[at] ?? []).map(({ device, state }) => [device, state]) },
    }));
    const reply = this.#reply(command, okPart({ ...data, devices }));
    await this.#commit(effective, [this.#replyRow(command, reply)]);
    return reply;
  }

  #notStored(command: Envelope | WireCommand): Reply {
    return this.#reply(command, errorPart('storage_full', 'could not be stored'));
  }

  /** A copy that comes meanwhile is answered with this one's reply. */
  #begun(id: string, work: Omit<UnderWay, 'askedAgain'>): void {
    this.#underWay.set(id, { ...work, askedAgain: new Set() });
    void work.reply.finally(() => this.#underWay.delete(id));
  }

  #changed({ type }: WireCommand): void {
    if (type === 'grants.compare') return;
    this.#parts.grantsChanged();
    this.#parts.stateChanged();
  }

  /** Something that takes its time: acknowledged once the intent is on the disk, answered when it is known. */
  async #attempt(command: WireCommand, attempt: Attempt, pass: Pass): Promise<void> {
    const { clock } = this.#parts;
    let isDone = false;
    const recorded = attempt.recorded.then(
      () => true,
      (problem: unknown) => {
        if (problem instanceof StorageError) return false;
        throw problem;
      },
    );
    const soon = clock.wakeAt(uptime(clock.uptime() + ACCEPTED_AFTER), () => {
      if (isDone) return;
      const part: ReplyPart = { status: 'accepted', code: null, msg: null, data: {} };
      void this.#replies.sendInterim(command.requester, this.#reply(command, part));
    });
    const finished = ended(attempt).then(async (outcome) => {
      isDone = true;
      soon.cancel();
      if (outcome === undefined) return undefined;
      const wasRecorded = await recorded;
      const code = wasRecorded ? codeOf(outcome) : 'storage_full';
      const msg = code === null || code === 'denied' ? null : `${outcome.reason ?? outcome.result}`;
      const status = code === null ? 'ok' : 'error';
      const reply = this.#reply(command, { status, code, msg, data: outcomeData(outcome) });
      if (wasRecorded) await this.#commit([], [this.#replyRow(command, reply)]);
      this.#parts.stateChanged();
      return reply;
    });
    this.#begun(command.id, { recorded, reply: finished });
    this.#sendWhenKnown(command.requester, finished);
    await attempt.placed;
    pass();
    await recorded;
  }

  /** One commit for everything: evidence, entries and the final reply. */
  async #settle(
    command: Envelope | WireCommand,
    kid: string,
    part: ReplyPart,
    entries: readonly Entry[],
    rows: readonly EvidenceRow[],
  ): Promise<void> {
    const reply = this.#reply(command, part);
    const evidence = this.#evidence(command, kid).map((row) =>
      row.table === 'command' ? this.#replyRow(command, reply) : row,
    );
    const stored = this.#commit(entries, [...evidence, ...rows]);
    const answered = stored.then((isStored) => (isStored ? reply : this.#notStored(command)));
    this.#begun(command.id, { recorded: stored, reply: answered });
    void this.#replies.send(command.requester, await answered);
  }

  /** What is known of a command whose answer was lost: its outcome in the journal, or that nobody can tell. */
  async #conclude(command: Unanswered): Promise<void> {
    const resumed = this.#parts.site.resumed(command.id);
    if (resumed !== undefined) {
      const reply = ended(resumed).then((outcome) =>
        outcome === undefined ? undefined : this.#concluded(command, outcome),
      );
      this.#begun(command.id, { recorded: Promise.resolve(), reply });
      this.#sendWhenKnown(command.requester, reply);
      return;
    }
    const outcome = outcomeInJournal(this.#parts.journal, command.id);
    const reply = await this.#concluded(command, outcome);
    void this.#replies.send(command.requester, reply);
  }

  async #concluded(command: Unanswered, outcome: ActionOutcome): Promise<Reply> {
    const code = codeOf(outcome);
    const status = code === null ? 'ok' : 'error';
    const msg = code === null ? null : 'the daemon stopped before this was answered';
    const reply = this.#reply(command, { status, code, msg, data: outcomeData(outcome) });
    await this.#commit([], [this.#replyRow(command, reply)]);
    return reply;
  }

  #sendWhenKnown(requester: string, known: Promise<Reply | undefined>): void {
    void known.then((reply) => {
      if (reply !== undefined) void this.#replies.send(requester, reply);
    });
  }

  async #commit(entries: readonly Entry[], rows: readonly EvidenceRow[]): Promise<boolean> {
    try {
      await this.#parts.journal.append({ stamp: this.#parts.stamp(), entries, rows }).committed;
      return true;
    } catch (problem) {
      if (problem instanceof StorageError) return false;
      throw problem;
    }
  }

  #evidence(command: Envelope | WireCommand, kid: string): readonly EvidenceRow[] {
    const { id, type, requester, exp } = command;
    return [
      ...evidenceOf(command, kid, this.#parts.journal),
      ...this.#replies.opened({ id, type, requester, exp }),
    ];
  }

  #replyRow({ id, exp }: Pick<Envelope, 'id' | 'exp'>, reply: Reply): EvidenceRow {
    return { table: 'command', id, reply: { ...reply }, expires: rowExpiry(exp) };
  }

  #reply({ id, type }: Pick<Envelope, 'id' | 'type'>, part: ReplyPart): Reply {
    const { at, clock } = this.#parts.stamp();
    return { v: 1, id, type, dup: false, ...part, ts: at, clock: clock.state };
  }
}

/** `undefined`: the daemon stops first. */
function ended({ outcome, left }: Partial<LongAction> & Pick<LongAction, 'outcome'>) {
  return left === undefined ? outcome : Promise.race([outcome, left.then(() => undefined)]);
}
