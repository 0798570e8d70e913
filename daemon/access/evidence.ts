/** What a decision knew, as stored beside its entry, and read back to replay it. Stays on the box. */
import { instant, type Millis } from '../../drivers/contract/time.ts';
import { isObject, numberIn, objectIn, textIn } from './body.ts';
import type { Decision } from './decision.ts';
import type { Json, JsonObject } from './entry.ts';
import type { Knowledge } from './knowledge.ts';
import type { ClockInterval } from './model.ts';

/** Grows when a replay of older evidence would need to know. */
const FORMAT = 1;

/** Everything that `decide` was given, and what it said. No mark of duress: that goes to the alarm channel only. */
export interface Evidence {
  readonly known: Knowledge;
  readonly clock: ClockInterval;
  readonly decision: Json;
}

/** As it is to be written: JSON has no endless number, a clock without upper bound becomes null in it. */
export function evidenceOf(known: Knowledge, clock: ClockInterval, decision: Decision): object {
  const isMarked = known.matches.some(({ credential }) => credential.duress !== undefined);
  return { format: FORMAT, known: isMarked ? unmarked(known) : known, clock, decision };
}

function unmarked(known: Knowledge): Knowledge {
  const matches = known.matches.map((match) => {
    const { duress: _duress, ...credential } = match.credential;
    return { ...match, credential };
  });
  return { ...known, matches };
}

/** Undefined: not evidence of a decision, or of a later version than this. */
export function readEvidence(evidence: JsonObject | undefined): Evidence | undefined {
  if (evidence === undefined || numberIn(evidence, 'format') !== FORMAT) return undefined;
  const known = objectIn(evidence, 'known');
  const clock = objectIn(evidence, 'clock');
  const decision = evidence['decision'];
  if (!isKnowledge(known) || clock === undefined || decision === undefined) return undefined;
  const state = stateIn(clock);
  const lo = numberIn(clock, 'lo');
  if (state === undefined || lo === undefined) return undefined;
  const hi = numberIn(clock, 'hi') ?? Number.POSITIVE_INFINITY;
  const graceLeft: Millis | undefined = numberIn(clock, 'graceLeft');
  return {
    known,
    decision,
    clock: {
      lo: instant(lo),
      hi: instant(hi),
      state,
      ...(graceLeft === undefined ? {} : { graceLeft }),
    },
  };
}

/** Our own writing under the hash of the chain: that it is whole is enough to believe its shape. */
function isKnowledge(value: unknown): value is Knowledge {
  if (typeof value !== 'object' || value === null) return false;
  const lists = ['matches', 'keys', 'slots', 'openings', 'keypads', 'lockdowns', 'online', 'doors'];
  return lists.every((name) => Array.isArray(Reflect.get(value, name)));
}

function stateIn(clock: JsonObject): ClockInterval['state'] | undefined {
  const states = ['trusted', 'holdover', 'floor', 'broken'] as const;
  return states.find((state) => state === textIn(clock, 'state'));
}

/** JSON with members sorted: the same text for the same data, bit for bit. */
export function inOrder(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(inOrder).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${inOrder(value[name] ?? null)}`);
  return `{${members.join(',')}}`;
}
