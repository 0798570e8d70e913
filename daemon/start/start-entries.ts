/** What a start has to tell: that it happened, and what was found broken, lost or moved before it. */
import { plain } from '../access/body.ts';
import type { Entry, JsonObject } from '../access/entry.ts';
import type { OpenedGrants } from '../store/grants-open.ts';
import type { Unrecorded } from '../store/grants-start.ts';
import type { OpenedJournal } from '../store/journal-open.ts';
import { RECOVERED_MARK } from '../store/journal-state.ts';
import type { EvidenceRow } from '../store/ports.ts';

export interface StartFacts
  extends Pick<OpenedJournal, 'recovered' | 'dirty'>,
    Pick<OpenedGrants, 'lost' | 'behind' | 'moved' | 'unrecorded'> {
  readonly versions: Readonly<Record<string, string>>;
}

export function startEntries(facts: StartFacts): readonly Entry[] {
  const { recovered, dirty, lost, behind, moved, unrecorded, versions } = facts;
  const entries: Entry[] = [
    { type: 'system.started', body: { versions: { ...versions }, clean: !dirty } },
  ];
  if (recovered !== undefined) {
    entries.push(
      recovery('journal', recovered.kind, recovered.reason, {
        ...(recovered.lostFrom === undefined ? {} : { lostFrom: recovered.lostFrom }),
        ...(recovered.previousEpoch === undefined
          ? {}
          : { previousEpoch: recovered.previousEpoch }),
      }),
    );
  }
  if (lost !== undefined) entries.push(recovery('grants', 'lost', lost.reason, {}));
  for (const { source, have, mark } of behind) {
    entries.push(
      recovery('grants', 'rolled-back', `${source} was at ${have}, and had been at ${mark}`, {
        source,
      }),
    );
  }
  for (const { grant, fault, before, after } of moved) {
    entries.push(
      fault === undefined
        ? {
            type: 'grant.zone_changed',
            body: {
              grant,
              start: { before: before.start ?? null, after: after.start ?? null },
              end: { before: before.end ?? null, after: after.end ?? null },
            },
          }
        : { type: 'grant.window_empty', body: { grant, fault, alarm: true } },
    );
  }
  // A journal that is older than the grants is no news of each revocation: it had told of them.
  return recovered === undefined ? [...entries, ...unrecorded.map(revokedEntry)] : entries;
}

/** That the journal was recovered is told at each start until it stands in the journal itself. */
export function startRows({ recovered, unrecorded }: StartFacts): readonly EvidenceRow[] {
  return [
    ...(recovered === undefined
      ? []
      : [{ table: 'mark', name: RECOVERED_MARK, value: undefined } as const]),
    ...unrecorded.map(({ grant, rev, at }) => ({ table: 'tombstone', grant, rev, at }) as const),
  ];
}

/** The daemon ended between the revocation and its record. */
function revokedEntry({ grant, rev, source, holder }: Unrecorded): Entry {
  const body = plain({ grant, rev, source, by: 'start' });
  return { type: 'grant.revoked', ...(holder === undefined ? {} : { sub: holder }), body };
}

function recovery(file: string, kind: string, reason: string, more: JsonObject): Entry {
  return { type: 'system.storage_recovered', body: { file, kind, reason, ...more, alarm: true } };
}
