/** What a command on desired state answers. */
import type { Entry, JsonObject } from '../access/entry.ts';
import type { GrantId } from '../access/model.ts';
import type { EvidenceRow, GrantWriteResult, PutOutcome } from '../store/ports.ts';
import type { ReplyCode } from './messages.ts';

/** What came of a command on desired state, with what is to be committed together with its reply. */
export interface DeskResult {
  readonly code: ReplyCode | null;
  readonly msg: string | null;
  readonly data: JsonObject;
  readonly entries: readonly Entry[];
  readonly rows: readonly EvidenceRow[];
  /** Grants whose openings must be withdrawn before the reply: their revocation is not effective earlier. */
  readonly withdraw: readonly GrantId[];
}

export function done(data: JsonObject, entries: readonly Entry[]): DeskResult {
  return { code: null, msg: null, data, entries, rows: [], withdraw: [] };
}

export function refused(code: ReplyCode, msg: string, data: JsonObject = {}): DeskResult {
  return { code, msg, data, entries: [], rows: [], withdraw: [] };
}

/** Of the only change that was written. */
export function outcomeOf(written: GrantWriteResult): PutOutcome {
  return (written.kind === 'written' ? written.outcomes[0] : undefined) ?? 'stale';
}
