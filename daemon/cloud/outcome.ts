/** What came of an action, in the words of a reply (conventions 1.6: `done` is `ok`, anything else has a code). */
import type { EntryType, JsonObject } from '../access/entry.ts';
import type { Journal } from '../store/ports.ts';
import type { ReplyCode } from './messages.ts';
import type { ActionOutcome } from './site-actions.ts';

/** Reasons that have a code of their own; all others are `denied`, with the reason in the data. */
const CODES: ReadonlyMap<string, ReplyCode> = new Map([
  ['device-unknown', 'not_found'],
  ['device-offline', 'device_offline'],
  ['lockdown', 'lockdown'],
  ['clock-untrusted', 'clock_untrusted'],
  ['storage-unsafe', 'storage_full'],
  ['not-found', 'not_found'],
  ['busy', 'busy'],
  ['timeout', 'timeout'],
  ['jammed', 'jammed'],
  ['unsupported', 'unsupported'],
  ['conflict', 'conflict'],
  ['bad-request', 'bad_request'],
  ['limit-exceeded', 'limit_exceeded'],
  ['storage-full', 'storage_full'],
  ['internal', 'internal'],
]);

export function codeOf({ result, reason }: ActionOutcome): ReplyCode | null {
  if (result === 'done') return null;
  const code = reason === undefined ? undefined : CODES.get(reason);
  if (code !== undefined) return code;
  if (result === 'unknown') return 'unknown';
  if (reason !== undefined) return 'denied';
  return result === 'refused' ? 'denied' : 'internal';
}

export function outcomeData({ result, reason, data }: ActionOutcome): JsonObject {
  return { ...data, result, ...(reason === undefined ? {} : { reason }) };
}

type Result = ActionOutcome['result'];

/** Entries that name the command itself, and what they mean for it. */
const OF_COMMAND: ReadonlyMap<EntryType, Result> = new Map<EntryType, Result>([
  ['access.denied', 'refused'],
  ['security.lockdown', 'done'],
  ['security.lockdown_released', 'done'],
  ['security.lockout_cleared', 'done'],
  ['system.config_changed', 'done'],
]);

/** Entries that name the opening, whose id is the seq of the intent. */
const OF_OPENING: ReadonlyMap<EntryType, Result> = new Map<EntryType, Result>([
  ['access.opened', 'done'],
  ['access.open_failed', 'failed'],
  ['access.jammed', 'failed'],
  ['access.withdrawn', 'refused'],
  ['access.unknown_outcome', 'unknown'],
]);

function updateOutcome({ result, version }: JsonObject): ActionOutcome {
  const found = (['done', 'failed'] as const).find((each) => each === result);
  return { result: found ?? 'unknown', data: { version: version ?? '' } };
}

/** How far back a command that moves something can lie: it lives seconds, and the daemon was down since. */
const RECENT = 20_000;

/** What the journal knows of a command whose process died before it answered; `unknown` where it knows nothing. */
export function outcomeInJournal(
  journal: Pick<Journal, 'read' | 'lastSeq'>,
  command: string,
): ActionOutcome {
  const types: readonly EntryType[] = [
    'access.commanded',
    'system.update_finished',
    ...OF_COMMAND.keys(),
  ];
  const named = journal
    .read({ types, text: command, after: journal.lastSeq - RECENT, backwards: true, limit: 10 })
    .find(({ body }) => Object.values(body).includes(command));
  if (named === undefined) return { result: 'unknown' };
  if (named.type === 'system.update_finished') return updateOutcome(named.body);
  const result = OF_COMMAND.get(named.type);
  if (result !== undefined) return { result };
  const ended = journal
    .read({ types: [...OF_OPENING.keys()], after: named.seq, limit: 1_000 })
    .find(({ body }) => body['opening'] === named.seq);
  return { result: (ended && OF_OPENING.get(ended.type)) ?? 'unknown' };
}
