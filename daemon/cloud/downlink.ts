/**
 * From the broker's bytes to a command that is taken on, refused or passed over.
 *
 * Commands are looked at one after another: the next has its turn when this one's evidence has its place in the
 * journal, so that a copy or a used counter is known by then. Waiting for the disk is no part of a turn: what comes
 * meanwhile shares the next commit.
 */
import { type AdmissionParts, admit, refusedUnread } from './admission.ts';
import type { ReceivedMessage } from './broker.ts';
import { type CommandsParts, CommandsUnderWay, type Pass } from './commands-under-way.ts';
import type { SessionNonces } from './freshness.ts';
import { type Checked, type Compact, checkAhead, parseJson, readCompact, verified } from './jws.ts';
import { ACK_TYP, ackSchema, COMMAND_TYP } from './messages.ts';
import { Refusals } from './refusals.ts';
import { LARGEST } from './topics.ts';
import { powerOf } from './trust-store.ts';

export interface DownlinkParts extends CommandsParts {
  readonly nonces: SessionNonces;
}

export class Downlink {
  readonly #parts: DownlinkParts;
  readonly #admission: AdmissionParts;
  readonly #refusals: Refusals;
  readonly #commands: CommandsUnderWay;
  #turn: Promise<void> = Promise.resolve();
  #isClosed = false;
  /** Messages that wait for their turn, or have it. */
  #inTurn = 0;

  constructor(parts: DownlinkParts) {
    this.#parts = parts;
    this.#refusals = new Refusals(parts.journal, parts.stamp, parts.clock);
    this.#commands = new CommandsUnderWay(parts);
    this.#admission = { ...parts, underWay: this.#commands };
  }

  /** Messages refused since the start. */
  get refused(): number {
    return this.#refusals.count;
  }

  /** Resolves when the broker may have its acknowledgement. Called in the order of arrival. */
  async receive(message: ReceivedMessage): Promise<void> {
    const isAck = message.topic === this.#parts.topics.ack;
    const compact =
      refusedUnread(message, isAck ? LARGEST.ack : LARGEST.command) === undefined
        ? readCompact(
            Buffer.from(message.payload).toString('latin1'),
            isAck ? ACK_TYP : COMMAND_TYP,
          )
        : undefined;
    // Alone, the check is made when its turn comes, at once: another thread would take longer to be asked.
    const ahead = this.#inTurn > 0 && compact !== undefined ? this.#checkAhead(compact) : undefined;
    const before = this.#turn;
    const { promise, resolve: pass } = Promise.withResolvers<void>();
    this.#turn = promise;
    this.#inTurn += 1;
    void promise.then(() => {
      this.#inTurn -= 1;
    });
    try {
      await before;
      const checked = await ahead;
      // Its session is over, and so is the journal soon: the broker was told nothing, and brings it again.
      if (this.#isClosed) return;
      if (isAck) await this.#receiveAck(message, compact, checked, pass);
      else await this.#receiveCommand(message, compact, checked, pass);
    } finally {
      pass();
    }
  }

  #checkAhead(compact: Compact): Promise<Checked> | undefined {
    const { trust, stamp } = this.#parts;
    const key = trust.key(compact.kid, stamp().clock);
    return key === undefined ? undefined : checkAhead(compact, key);
  }

  async #receiveCommand(
    message: ReceivedMessage,
    compact: Compact | undefined,
    ahead: Checked | undefined,
    pass: Pass,
  ): Promise<void> {
    const admission = admit(message, compact, this.#admission, ahead);
    switch (admission.kind) {
      case 'silent': {
        const { type, kid, id } = admission;
        const known = {
          ...(kid === undefined ? {} : { kid }),
          ...(id === undefined ? {} : { id }),
        };
        const told = this.#refusals.record(type, { topic: shortened(message.topic), ...known });
        pass();
        return told;
      }
      case 'duplicate':
        return this.#commands.answerAgain(admission.envelope, pass);
      case 'stale': {
        const { envelope, refused, type, kid } = admission;
        const facts = { id: envelope.id, command: envelope.type.slice(0, 64), kid };
        const told = this.#refusals.record(type, facts);
        pass();
        await told;
        return this.#commands.replyOnly(envelope, refused);
      }
      case 'refused': {
        const { envelope, refused, type, kid } = admission;
        const facts = { id: envelope.id, command: envelope.type.slice(0, 64), kid };
        const reason = refused.reason === undefined ? {} : { reason: refused.reason };
        const told =
          type === undefined ? undefined : this.#refusals.record(type, { ...facts, ...reason });
        const settled = this.#commands.refuse(envelope, kid, refused);
        pass();
        await Promise.all([told, settled]);
        return;
      }
      case 'command':
        return this.#commands.execute(admission.command, admission.kid, pass);
      default:
        return admission satisfies never;
    }
  }

  async #receiveAck(
    message: ReceivedMessage,
    compact: Compact | undefined,
    ahead: Checked | undefined,
    pass: Pass,
  ): Promise<void> {
    const { trust, stamp, topics, events } = this.#parts;
    const facts = { topic: 'ack' };
    const unread = refusedUnread(message, LARGEST.ack);
    if (unread !== undefined) return this.#refusals.record(unread, facts);
    const { clock } = stamp();
    const keyOf = (kid: string) => (powerOf(kid) === 'cc' ? trust.key(kid, clock) : undefined);
    const found = verified(compact, keyOf, ahead);
    if (found.kind !== 'verified') {
      const unknown = found.kind === 'unknown-key';
      return this.#refusals.record(
        unknown ? 'security.unknown_key' : 'security.bad_signature',
        facts,
      );
    }
    const read = ackSchema.safeParse(parseJson(found.payload));
    if (!read.success) return this.#refusals.record('security.malformed_command', facts);
    if (read.data.aud !== topics.bridge)
      return this.#refusals.record('security.wrong_audience', facts);
    // An old one harms nothing: the watermark never goes back.
    const acknowledged = events.acknowledge(read.data.epoch, read.data.seq);
    pass();
    await acknowledged;
  }

  /** Before the first session: commands that a stop of the daemon left without an answer get one. */
  resume(): Promise<void> {
    return this.#commands.resume();
  }

  /** After each connect: replies that found no session. */
  flush(): Promise<void> {
    return this.#commands.flush();
  }

  /** Settles when no command is under way, and what was answered is noted as answered. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#commands.close();
  }
}

function shortened(topic: string): string {
  return topic.slice(0, 128);
}
