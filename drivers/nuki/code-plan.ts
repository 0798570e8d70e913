/**
 * Which grants are in the keypad's memory when: a cache of limited size, written to within a daily budget. Pure; what
 * comes out is done by `put-code` and `remove-code`, and told to people where it cannot be done.
 */
import { unfitDigits } from './keypad-code.ts';

export interface WantedCode {
  /** The grant's id. */
  readonly entry: string;
  readonly digits: string;
  readonly from: number | undefined;
  readonly until: number | undefined;
  /** Limits that the keypad has no field for, in words (a schedule, counted uses); empty where it holds all. */
  readonly inexpressible: readonly string[];
}

export interface CodeLimits {
  /** Entries that may be ours; the rest is for codes made by the owner. */
  readonly entriesMax: number;
  /** Writes left today. Removals are never held back. */
  readonly writesLeft: number;
  /** How long before its start a code is put in at the latest. */
  readonly leadMs: number;
}

export interface Cannot {
  readonly entry: string;
  readonly why: string;
}

export interface CodePlan {
  /** To be taken out first: revoked or over. */
  readonly remove: readonly string[];
  /** To be put in now, the one that begins first at the head. */
  readonly put: readonly string[];
  /** Expected to find room, or budget, in time. */
  readonly later: readonly { readonly entry: string; readonly at: number }[];
  /** Will not be in the keypad when it begins; known as early as the grant is. */
  readonly cannot: readonly Cannot[];
}

/** `held`: entries the lock holds, by a fresh reading. An entry that is held and wanted stays where it is. */
export function planCodes(
  wanted: readonly WantedCode[],
  held: ReadonlySet<string>,
  limits: CodeLimits,
  now: number,
): CodePlan {
  const cannot: Cannot[] = [];
  const live = wanted.filter(({ until }) => until === undefined || until > now);
  const fit = live.filter((code) => {
    const why = unfitDigits(code.digits) ?? inexpressible(code);
    if (why !== undefined) cannot.push({ entry: code.entry, why });
    return why === undefined;
  });
  const ordered = fit.toSorted(
    (a, b) =>
      begin(a) - begin(b) ||
      (a.until ?? Infinity) - (b.until ?? Infinity) ||
      (a.entry < b.entry ? -1 : 1),
  );
  // Rooms are handed out by start; a room is free again at the end of its code.
  const roomFreeAt: number[] = [];
  const seated: { readonly code: WantedCode; readonly from: number }[] = [];
  for (const code of ordered) {
    if (roomFreeAt.length < limits.entriesMax) {
      roomFreeAt.push(code.until ?? Infinity);
      seated.push({ code, from: now });
      continue;
    }
    const earliest = Math.min(...roomFreeAt);
    const start = Math.max(begin(code), now);
    if (earliest > start) {
      cannot.push({ entry: code.entry, why: 'the keypad is full when it begins' });
      continue;
    }
    roomFreeAt[roomFreeAt.indexOf(earliest)] = code.until ?? Infinity;
    seated.push({ code, from: earliest });
  }
  const put: string[] = [];
  const later: { entry: string; at: number }[] = [];
  for (const { code, from } of seated) {
    // One that is held but whose room belongs to an earlier code until then goes out, and comes back.
    if (held.has(code.entry) && from <= now) continue;
    if (from > now) later.push({ entry: code.entry, at: from });
    else if (put.length < limits.writesLeft) put.push(code.entry);
    else if (begin(code) > now + limits.leadMs)
      later.push({ entry: code.entry, at: begin(code) - limits.leadMs });
    else cannot.push({ entry: code.entry, why: "the day's writes to the keypad are used up" });
  }
  const staying = new Set(seated.filter(({ from }) => from <= now).map(({ code }) => code.entry));
  return {
    remove: [...held].filter((entry) => !staying.has(entry)).toSorted(),
    put,
    later,
    cannot,
  };
}

function begin({ from }: WantedCode): number {
  return from ?? -Infinity;
}

/** P5: a limit that the lock would not hold makes the code refuse here rather than open there. */
function inexpressible(code: WantedCode): string | undefined {
  if (code.inexpressible.length === 0) return undefined;
  return `the keypad cannot hold ${code.inexpressible.join(' and ')}`;
}
