/** What came of an action, in the words of a reply (conventions 1.6: `done` is `ok`, anything else has a code). */
import type { JsonObject } from '../access/entry.ts';
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
