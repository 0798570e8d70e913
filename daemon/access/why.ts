/** Why a decision was what it was: replayed on what it knew, compared bit for bit, and told in a sentence. */
import { createHash } from 'node:crypto';
import { textIn, toJson } from './body.ts';
import { decide } from './decide.ts';
import type { Decision } from './decision.ts';
import type { JsonObject, RecordedEntry } from './entry.ts';
import { inOrder, readEvidence } from './evidence.ts';
import type { Knowledge } from './knowledge.ts';
import type { ClockInterval, Reason } from './model.ts';
import type { Presentation } from './presentation.ts';

export type Explanation =
  | { readonly kind: 'no-evidence'; readonly sentence: string }
  | {
      readonly kind: 'explained';
      /** The replay gave the recorded decision, bit for bit, and the evidence is that of the chain. */
      readonly isSame: boolean;
      readonly decision: Decision;
      readonly clock: ClockInterval;
      readonly tzdata: string;
      readonly sentence: string;
      /** What differs, where something does. */
      readonly differences: readonly string[];
    };

export function explain(entry: RecordedEntry): Explanation {
  const evidence = readEvidence(entry.evidence);
  const shown = evidence?.known.presentation;
  if (evidence === undefined || entry.evidence === undefined) {
    return { kind: 'no-evidence', sentence: `Entry ${entry.seq} (${entry.type}) is no decision.` };
  }
  const { known, clock } = evidence;
  const presentation = shown ?? { kind: 'malformed', what: 'card', fault: 'no access point' };
  const decision = decide(known, presentation, clock);
  const differences: string[] = [];
  if (inOrder(toJson(decision)) !== inOrder(evidence.decision)) {
    differences.push('the replay decides otherwise than the evidence says');
  }
  const hash = textIn(entry.body, 'evidence');
  if (hash !== undefined && hash !== hashOf(entry.evidence)) {
    differences.push('the evidence is not the one that the entry names');
  }
  if (!tellsTheSame(entry, decision)) differences.push('the entry says otherwise than the replay');
  return {
    kind: 'explained',
    isSame: differences.length === 0,
    decision,
    clock,
    tzdata: known.tzdata,
    sentence: sentenceOf(decision, known, clock),
    differences,
  };
}

/** The store keeps evidence as text and names the hash of that text; read back, it is the same text. */
function hashOf(evidence: JsonObject): string {
  return createHash('sha256').update(JSON.stringify(evidence)).digest('hex');
}

function tellsTheSame({ type, body }: RecordedEntry, decision: Decision): boolean {
  if (decision.kind === 'denied') {
    return type === 'access.denied' && textIn(body, 'reason') === decision.reason;
  }
  return type === 'access.granted' && textIn(body, 'grant') === decision.grant;
}

/** What would be decided with this knowledge; leaves no trace, since nothing here can write. */
export function whatIf(
  known: Knowledge,
  presentation: Presentation,
  clock: ClockInterval,
): { readonly decision: Decision; readonly sentence: string } {
  const asked: Knowledge = { ...known, presentation };
  const decision = decide(asked, presentation, clock);
  return { decision, sentence: sentenceOf(decision, asked, clock) };
}

/** Which rule, grant revision, clock state and tzdata version decided. */
function sentenceOf(decision: Decision, known: Knowledge, clock: ClockInterval): string {
  const grant =
    decision.grant === undefined
      ? ''
      : ` under grant ${decision.grant}${decision.rev === undefined ? '' : ` revision ${decision.rev}`}`;
  const where = known.point === undefined ? '' : ` at ${known.point.id}`;
  const facts = `clock ${clock.state} ${clockText(clock)}, tzdata ${known.tzdata}`;
  if (decision.kind === 'denied') {
    return `Denied${where}${grant}: ${decision.reason}, ${RULES[decision.reason]} (${facts}).`;
  }
  const opens = decision.opens
    .map((each) =>
      each.kind === 'slot' ? `slot ${each.slot} of ${each.device}` : `lock ${each.device}`,
    )
    .join(' and ');
  const what = opens === '' ? 'nothing to open' : `opens ${opens}`;
  const rule = decision.isReturn
    ? 'a return is taken whatever became of its grant'
    : 'every check passed';
  return `Granted${where}${grant}: ${decision.operation} ${what}; ${rule} (${facts}).`;
}

function clockText({ lo, hi }: ClockInterval): string {
  const from = new Date(lo).toISOString();
  return Number.isFinite(hi) ? `${from} to ${new Date(hi).toISOString()}` : `not before ${from}`;
}

/** Each reason in the words of the rule behind it. */
export const RULES: { readonly [R in Reason]: string } = {
  'device-unknown': 'the reader belongs to no access point',
  malformed: 'what was read is no whole card or code',
  'locked-out': 'too many wrong tries at this keypad',
  'unknown-credential': 'no grant carries what was shown',
  'ambiguous-credential': 'different holders share it for different things',
  'choice-required': 'it may open several things and none was chosen',
  'second-factor-required': 'card and PIN of one grant must come together within 10 seconds',
  'credential-disabled': 'ten wrong PINs in a row disabled it',
  revoked: 'the grant was revoked',
  superseded: 'another grant replaced this one',
  'wrong-access-point': 'the grant names nothing here, or the key belongs elsewhere',
  'operation-not-allowed': 'the grant does not allow this operation',
  'unsupported-limit': 'the grant has a limit that cannot be kept here',
  'not-yet-valid': 'its window has not begun',
  expired: 'its window is over',
  'outside-schedule': 'its weekly schedule does not hold now',
  holiday: 'an exception date or holiday closes its schedule today',
  'clock-untrusted': 'the clock is not sure enough for this grant and policy',
  'uses-exhausted': 'its uses are spent, or their count is not confirmed',
  'anti-passback': 'its holder has not left the area since entering it',
  'key-not-here': 'the key is not in this box, or another key lies in the slot',
  'key-held-by-another': 'somebody else has the key',
  'slot-disabled': 'the slot is out of use',
  'box-full': 'no slot is free',
  lockdown: 'a lockdown is in force',
  'device-offline': 'what would be opened cannot be reached',
  'storage-unsafe': 'what happens could not be recorded',
};
