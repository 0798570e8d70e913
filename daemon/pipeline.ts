/** The middle of the daemon on one screen: what happens -> answer (pure) -> journal -> wire. */
import {
  type Actuation,
  type ActuationId,
  actuationId,
  type DeviceEvent,
} from '../drivers/contract/device.ts';
import { type Clock, type Timer, type Uptime, uptime } from '../drivers/contract/time.ts';
import {
  answerAtStart,
  answerTo,
  answerToCommand,
  answerToTimer,
  nextWake,
} from './access/answer.ts';
import type { Answer, Asked } from './access/answered.ts';
import type { Command } from './access/command.ts';
import type { RecordedEntry, Stamp } from './access/entry.ts';
import type { Inbox } from './inbox.ts';
import type { Site } from './site/site.ts';
import type { EvidenceRow, Journal } from './store/ports.ts';

/** All that can happen at a site, in the order in which it is answered. */
export type Happening =
  | { readonly kind: 'device'; readonly event: DeviceEvent }
  | {
      readonly kind: 'command';
      readonly command: Command;
      /** Committed with the intent: the command's id and counter (P3). */
      readonly rows: readonly EvidenceRow[];
      readonly answered: (outcome: CommandOutcome) => void;
    }
  | { readonly kind: 'timer' };

/** What became of a command before anything moved; how the moving went is a later event. */
export interface CommandOutcome {
  readonly refused: Answer['refused'];
  readonly recorded: readonly RecordedEntry[];
  /** Resolves once intent and rows are on the disk, before the wire. */
  readonly committed: Promise<void>;
  /** Ids of what was asked of devices; their results follow as events. */
  readonly asked: readonly ActuationId[];
  /** Ids under which it goes on although nothing can be stored; `undefined`: then nothing moves. */
  readonly unstored: readonly ActuationId[] | undefined;
}

export interface PipelineParts {
  readonly inbox: Inbox<Happening>;
  readonly site: Site;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly actuate: (actuation: Actuation) => void;
  readonly heard: (event: DeviceEvent) => void;
  readonly storageFailed: (error: unknown) => void;
}

/** From its decision on an opening waits at most this long for disk and wire together (P6). */
const OPENING_WAIT = 2000;

/** Names what is asked of devices: by the entry that it rests on, and what moves nothing by a number of its own. */
class ActuationIds {
  #last = 0;

  of(asked: Asked, recorded: readonly RecordedEntry[]): ActuationId {
    const intent = asked.intent === undefined ? undefined : recorded[asked.intent];
    if (intent !== undefined) return actuationId(`a-${intent.seq}`);
    this.#last += 1;
    // Its entry comes after it; that it failed is told all the same.
    const isFirst = asked.atOnce === true && asked.intent !== undefined;
    return actuationId(`${isFirst ? 'f' : 'n'}-${this.#last}`);
  }

  /** For what goes on without its entry, neither on the disk nor kept in memory. */
  unstored(): ActuationId {
    this.#last += 1;
    return actuationId(`u-${this.#last}`);
  }
}

/** Runs until the inbox is closed. One answer at a time; commits are grouped, and the wire waits for its own. */
export async function runPipeline(outer: PipelineParts): Promise<void> {
  const parts = { ...outer, ids: new ActuationIds() };
  const { inbox, site, journal, clock } = parts;
  const timer = new WakeUp(clock, {
    next: () => {
      const stamp = site.stamp();
      return nextWake(site.knowledgeForTimer(stamp), stamp);
    },
    fire: () => inbox.put({ kind: 'timer' }),
  });
  const start = site.stamp();
  record(answerAtStart(site.knowledgeForTimer(start), start), start, [], parts);
  timer.look();

  for await (const happening of inbox) {
    const stamp = site.stamp();
    switch (happening.kind) {
      case 'device': {
        site.notice(happening.event); // who is online
        record(
          answerTo(happening.event, site.knowledgeFor(happening.event, stamp), stamp),
          stamp,
          [],
          parts,
        );
        parts.heard(happening.event);
        break;
      }
      case 'command': {
        const known = site.knowledgeForCommand(happening.command, stamp);
        const answer = answerToCommand(happening.command, known, stamp);
        happening.answered(record(answer, stamp, happening.rows, parts));
        break;
      }
      case 'timer':
        record(answerToTimer(site.knowledgeForTimer(stamp), stamp), stamp, [], parts);
        break;
      default:
        happening satisfies never;
    }
    timer.look();
  }
  timer.cancel();
  await journal.append({ stamp: site.stamp(), entries: [] }).committed.catch(parts.storageFailed);
}

/** Record, then do: nothing moves before the entry it rests on is on the disk (P2). */
function record(
  answer: Answer,
  stamp: Stamp,
  rows: readonly EvidenceRow[],
  parts: PipelineParts & { readonly ids: ActuationIds },
): CommandOutcome {
  const { journal, site, ids } = parts;
  site.remember(answer.pending ?? []);
  const wasSafe = journal.isSafe;
  for (const asked of answer.actuations) {
    if (asked.atOnce) send(asked, ids.of(asked, []), stamp, parts);
  }
  // What the world did, and what is allowed while nothing can be stored, is told later; what moves only once it is
  // stored is forgotten where it is not.
  const moves = answer.actuations.some(({ intent, atOnce }) => intent !== undefined && !atOnce);
  const { recorded, committed, isKept } =
    answer.entries.length + rows.length === 0
      ? { recorded: [], committed: Promise.resolve(), isKept: false }
      : journal.append({ stamp, entries: answer.entries, rows, keep: !wasSafe || !moves });

  const later = answer.actuations.filter((asked) => asked.atOnce === undefined);
  const named = later.map((asked) => ({ asked, id: ids.of(asked, recorded) }));
  // The rules granted this knowing that nothing can be stored (policy `auditFull`): it may go on without. A command
  // that brings rows may not: its id would be forgotten, and the same command could come again (P3).
  const without =
    wasSafe || rows.length > 0
      ? undefined
      : isKept === true
        ? named
        : later.map((asked) => ({ asked, id: ids.unstored() }));
  const go = (all: typeof named) => {
    for (const { asked, id } of all) send(asked, id, stamp, parts);
  };
  committed.then(
    () => go(named),
    (error: unknown) => {
      parts.storageFailed(error);
      go(without ?? []);
    },
  );
  return {
    refused: answer.refused,
    recorded,
    committed,
    asked: idsOf(named),
    unstored: without === undefined ? undefined : idsOf(without),
  };
}

/** Of what moves something; feedback has no result. */
function idsOf(
  all: readonly { readonly asked: Asked; readonly id: ActuationId }[],
): readonly ActuationId[] {
  return all.filter(({ asked }) => asked.intent !== undefined).map(({ id }) => id);
}

function send(
  asked: Asked,
  id: ActuationId,
  stamp: Stamp,
  { clock, actuate }: PipelineParts,
): void {
  const { intent: _intent, atOnce, notBefore = stamp.uptime, ...what } = asked;
  const actuation: Actuation = {
    ...what,
    id,
    expiresAt: uptime(notBefore + OPENING_WAIT),
    ...(atOnce && { urgent: true }),
  };
  if (notBefore > clock.uptime()) clock.wakeAt(notBefore, () => actuate(actuation));
  else actuate(actuation);
}

/**
 * One timer, looked at again whenever something was answered, and only ever moved to an earlier moment: what comes again
 * so often after now (the release of a lock for fire) would be put off by each event, for as long as there are any.
 */
class WakeUp {
  readonly #clock: Clock;
  readonly #of: { next(): ReturnType<typeof nextWake>; fire(): void };
  #timer: { readonly at: Uptime; readonly timer: Timer } | undefined;
  #looking: Timer | undefined;

  constructor(clock: Clock, of: { next(): ReturnType<typeof nextWake>; fire(): void }) {
    this.#clock = clock;
    this.#of = of;
  }

  /**
   * In a turn of its own, and once for all that was answered until then: it looks at the whole site, and what was just
   * recorded is on its way to disk and door meanwhile.
   */
  look(): void {
    this.#looking ??= this.#clock.wakeAt(this.#clock.uptime(), () => {
      this.#looking = undefined;
      const at = this.#of.next();
      if (at === undefined || (this.#timer !== undefined && this.#timer.at <= at)) return;
      this.#timer?.timer.cancel();
      const timer = this.#clock.wakeAt(at, () => {
        this.#timer = undefined;
        this.#of.fire();
      });
      this.#timer = { at, timer };
    });
  }

  cancel(): void {
    this.#looking?.cancel();
    this.#timer?.timer.cancel();
  }
}
