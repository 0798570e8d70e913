/** What a start has to tell: that it happened, and what was found broken, lost or moved before it. */
import type { Entry, JsonObject } from '../access/entry.ts';
import type { OpenedGrants } from '../store/grants-open.ts';
import type { OpenedJournal } from '../store/journal-open.ts';
import { RECOVERED_MARK } from '../store/journal-state.ts';
import type { EvidenceRow } from '../store/ports.ts';

export interface StartFacts
  extends Pick<OpenedJournal, 'recovered' | 'dirty'>,
    Pick<OpenedGrants, 'lost' | 'behind' | 'moved'> {
  readonly versions: Readonly<Record<string, string>>;
}

export function startEntries(facts: StartFacts): readonly Entry[] {
  const { recovered, dirty, lost, behind, moved, versions } = facts;
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
  return entries;
}

/** That the journal was recovered is told at each start until it stands in the journal itself. */
export function startRows({ recovered }: StartFacts): readonly EvidenceRow[] {
  return recovered === undefined ? [] : [{ table: 'mark', name: RECOVERED_MARK, value: undefined }];
}

function recovery(file: string, kind: string, reason: string, more: JsonObject): Entry {
  return { type: 'system.storage_recovered', body: { file, kind, reason, ...more, alarm: true } };
}
