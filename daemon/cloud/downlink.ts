/**
 * From the broker's bytes to a reply: a command is admitted, done at most once, and answered exactly once. The broker
 * gets its acknowledgement when what was decided is on the disk; what moves, moves after that (P2, P3).
 */
import { type Clock, type Millis, uptime } from '../../drivers/contract/time.ts';
import type { Entry } from '../access/entry.ts';
import { type EvidenceRow, type Journal, StorageError } from '../store/ports.ts';
import {
  type Addressed,
  type Admission,
  admit,
  evidenceOf,
  type Refused,
  rowExpiry,
} from './admission.ts';
import type { ReceivedMessage } from './broker.ts';
import { CommandDesk, type CommandDeskParts } from './command-desk.ts';
import type { SessionNonces } from './freshness.ts';
import type { DeskResult } from './grant-desk.ts';
import { parseJson, verifyCompact } from './jws.ts';
import { ACK_TYP, ackSchema, type Envelope, type Reply, type WireCommand } from './messages.ts';
import { codeOf, outcomeData, outcomeInJournal } from './outcome.ts';
import { Refusals } from './refusals.ts';
import { type Publish, Replies, type Unanswered } from './replies.ts';
import { errorPart, okPart, plain, type ReplyPart, refusedPart } from './reply-part.ts';
import type { Attempt } from './site-actions.ts';
import { LARGEST, type Topics } from './topics.ts';
import { powerOf } from './trust-store.ts';

export interface DownlinkParts extends CommandDeskParts {
  readonly topics: Topics;
  readonly journal: Journal;
  readonly nonces: SessionNonces;
  readonly clock: Clock;
  readonly publish: Publish;
  /** What the retained state says has changed (grants, lockdown, keys). */
  readonly stateChanged: () => void;
  readonly grantsChanged: () => void;
}

/** A command that is not done after this time is told to be `accepted`. */
const ACCEPTED_AFTER: Millis = 1_000;

export class Downlink {
  readonly #parts: DownlinkParts;
  readonly #desk: CommandDesk;
  readonly #refusals: Refusals;
  readonly #replies: Replies;
  /** Final replies to come, by command id. */
  readonly #underWay = new Map<string, Promise<Reply>>();

  constructor(parts: DownlinkParts) {
    this.#parts = parts;
    this.#desk = new CommandDesk(parts);
    this.#refusals = new Refusals(parts.journal, parts.stamp, parts.clock);
    this.#replies = new Replies(parts.journal, parts.topics, parts.publish);
  }

  /** Messages refused since the start. */
  get refused(): number {
    return this.#refusals.count;
  }

  /** Resolves when the broker may have its acknowledgement. */
  async receive(message: ReceivedMessage): Promise<void> {
    if (message.topic === this.#parts.topics.ack) return this.#receiveAck(message);
    const admission = admit(message, { ...this.#parts, underWay: this.#underWay });
    switch (admission.kind) {
      case 'silent': {
        const { type, kid, id } = admission;
        const known = {
          ...(kid === undefined ? {} : { kid }),
          ...(id === undefined ? {} : { id }),
        };
        return this.#refusals.record(type, { topic: shortened(message.topic), ...known });
      }
      case 'duplicate':
        return this.#answerAgain(admission.envelope);
      case 'stale': {
        const { envelope, refused, type, kid } = admission;
        await this.#refusals.record(type, {
          id: envelope.id,
          command: envelope.type.slice(0, 64),
          kid,
        });
        return this.#replyOnly(envelope, refused);
      }
      case 'refused':
        return this.#refuse(admission);
      case 'command':
        return this.#execute(admission.command, admission.kid);
      default:
        return admission satisfies never;
    }
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
    while (this.#underWay.size > 0) await Promise.all(this.#underWay.values());
    await this.#commit([], [this.#replies.row]);
  }

  async #receiveAck(message: ReceivedMessage): Promise<void> {
    const { trust, stamp, topics, events } = this.#parts;
    const facts = { topic: 'ack' };
    if (message.retain) return this.#refusals.record('security.retained_command', facts);
    if (message.payload.length > LARGEST.ack) {
      return this.#refusals.record('security.malformed_command', facts);
    }
    const { clock } = stamp();
    const token = Buffer.from(message.payload).toString('latin1');
    const verified = verifyCompact(token, ACK_TYP, (kid) =>
      powerOf(kid) === 'cc' ? trust.key(kid, clock) : undefined,
    );
    if (verified.kind !== 'verified') {
      const unknown = verified.kind === 'unknown-key';
      return this.#refusals.record(
        unknown ? 'security.unknown_key' : 'security.bad_signature',
        facts,
      );
    }
    const read = ackSchema.safeParse(parseJson(verified.payload));
    if (!read.success) return this.#refusals.record('security.malformed_command', facts);
    if (read.data.aud !== topics.bridge)
      return this.#refusals.record('security.wrong_audience', facts);
    // An old one harms nothing: the watermark never goes back.
    await events.acknowledge(read.data.epoch, read.data.seq);
  }

  async #answerAgain(envelope: Envelope): Promise<void> {
    const { id, requester } = envelope;
    const under = this.#underWay.get(id);
    if (under !== undefined) {
      void under.then((reply) => this.#replies.send(requester, { ...reply, dup: true }));
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

  async #replyOnly(envelope: Addressed, refused: Refused): Promise<void> {
    void this.#replies.send(envelope.requester, this.#reply(envelope, refusedPart(refused)));
  }

  async #refuse({
    envelope,
    kid,
    refused,
    type,
  }: Extract<Admission, { kind: 'refused' }>): Promise<void> {
    if (type !== undefined) {
      const facts = { id: envelope.id, command: envelope.type.slice(0, 64), kid };
      const reason = refused.reason === undefined ? {} : { reason: refused.reason };
      await this.#refusals.record(type, { ...facts, ...reason });
    }
    await this.#settle(envelope, kid, refusedPart(refused), [], []);
  }

  async #execute(command: WireCommand, kid: string): Promise<void> {
    const work = this.#desk.begin(command, kid, this.#evidence(command, kid));
    switch (work.kind) {
      case 'attempt':
        return this.#attempt(command, work.attempt);
      case 'desired':
        return this.#desired(command, kid, work.result);
      case 'answer':
        return this.#settle(command, kid, work.part, work.entries, []);
      default:
        return work satisfies never;
    }
  }

  /** Effect, then evidence with the reply, then the broker's acknowledgement. */
  async #desired(command: WireCommand, kid: string, work: Promise<DeskResult>): Promise<void> {
    let result: DeskResult;
    try {
      result = await work;
    } catch (problem) {
      if (!(problem instanceof StorageError)) throw problem;
      return this.#replyOnly(command, { code: 'storage_full', msg: 'could not be stored' });
    }
    const { code, msg, data, entries, rows, withdraw } = result;
    if (withdraw.length === 0) {
      const part: ReplyPart = { status: code === null ? 'ok' : 'error', code, msg, data };
      await this.#settle(command, kid, part, entries, rows);
      if (code === null) this.#changed(command);
      return;
    }
    // A revocation: known for good first, then nothing under it may reach a wire, and only then it is answered (P6).
    const first = [...this.#evidence(command, kid), ...rows];
    if (!(await this.#commit(entries, first))) {
      return this.#replyOnly(command, { code: 'storage_full', msg: 'could not be stored' });
    }
    const states = await Promise.all(withdraw.map((id) => this.#parts.site.withdrawOpenings(id)));
    const devices = states.flat().map(({ device, state }) => ({ dev: device, state }));
    const effective: Entry[] = withdraw.map((grant, at) => ({
      type: 'grant.revocation_effective',
      body: { grant, devices: (states[at] ?? []).map(({ device, state }) => [device, state]) },
    }));
    const reply = this.#reply(command, okPart({ ...data, devices }));
    await this.#commit(effective, [this.#replyRow(command, reply)]);
    this.#changed(command);
    void this.#replies.send(command.requester, reply);
  }

  #changed({ type }: WireCommand): void {
    if (type === 'grants.compare') return;
    this.#parts.grantsChanged();
    this.#parts.stateChanged();
  }

  /** Something that takes its time: acknowledged once the intent is on the disk, answered when it is known. */
  async #attempt(command: WireCommand, attempt: Attempt): Promise<void> {
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
    const finished = attempt.outcome.then(async (outcome) => {
      isDone = true;
      soon.cancel();
      const wasRecorded = await recorded;
      const code = wasRecorded ? codeOf(outcome) : 'storage_full';
      const msg = code === null || code === 'denied' ? null : `${outcome.reason ?? outcome.result}`;
      const status = code === null ? 'ok' : 'error';
      const reply = this.#reply(command, { status, code, msg, data: outcomeData(outcome) });
      if (wasRecorded) await this.#commit([], [this.#replyRow(command, reply)]);
      this.#parts.stateChanged();
      return reply;
    });
    this.#underWay.set(command.id, finished);
    void finished
      .then((reply) => this.#replies.send(command.requester, reply))
      .finally(() => this.#underWay.delete(command.id));
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
    const stored = await this.#commit(entries, [...evidence, ...rows]);
    const answer = stored
      ? reply
      : this.#reply(command, errorPart('storage_full', 'could not be stored'));
    void this.#replies.send(command.requester, answer);
  }

  /** What is known of a command whose answer was lost: its outcome in the journal, or that nobody can tell. */
  async #conclude(command: Unanswered): Promise<void> {
    const outcome = outcomeInJournal(this.#parts.journal, command.id);
    const code = codeOf(outcome);
    const status = code === null ? 'ok' : 'error';
    const msg = code === null ? null : 'the daemon stopped before this was answered';
    const reply = this.#reply(command, { status, code, msg, data: outcomeData(outcome) });
    await this.#commit([], [this.#replyRow(command, reply)]);
    void this.#replies.send(command.requester, reply);
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
      this.#replies.opened({ id, type, requester, exp }),
    ];
  }

  #replyRow({ id, exp }: Pick<Envelope, 'id' | 'exp'>, reply: Reply): EvidenceRow {
    return { table: 'command', id, reply: plain(reply), expires: rowExpiry(exp) };
  }

  #reply({ id, type }: Pick<Envelope, 'id' | 'type'>, part: ReplyPart): Reply {
    const { at, clock } = this.#parts.stamp();
    return { v: 1, id, type, dup: false, ...part, ts: at, clock: clock.state };
  }
}

function shortened(topic: string): string {
  return topic.slice(0, 128);
}
