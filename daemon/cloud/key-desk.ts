/** Keys as desired state: what `key.put` and `key.remove` change. */
import type { KeyObject } from 'node:crypto';
import type { Entry } from '../access/entry.ts';
import type { AccessPointId, Key, KeyId } from '../access/model.ts';
import type { GrantChange, GrantStore, Journal, PutOutcome } from '../store/ports.ts';
import { isRecorded } from '../store/recorded.ts';
import type { BodyOf } from './commands.ts';
import { type DeskResult, done, outcomeOf, refused } from './desk-result.ts';
import { checked } from './grant-maker.ts';
import { unseal } from './jose.ts';
import type { CredentialDesk } from './site-actions.ts';

export interface KeyDeskParts {
  readonly grants: GrantStore;
  readonly journal: Pick<Journal, 'read' | 'lastSeq'>;
  readonly desk: CredentialDesk;
  /** Private half of the bridge's sealing key. */
  readonly sealingKey: KeyObject;
}

export class KeyDesk {
  readonly #parts: KeyDeskParts;

  constructor(parts: KeyDeskParts) {
    this.#parts = parts;
  }

  async put({ key: wire }: BodyOf<'key.put'>): Promise<DeskResult> {
    let fob: Key['fob'];
    if (wire.sealedFob !== undefined) {
      const secret = await unseal(wire.sealedFob, this.#parts.sealingKey);
      const index =
        secret === undefined ? undefined : checked(() => this.#parts.desk.indexFob(secret));
      if (index === undefined) {
        return refused('bad_request', 'key.sealedFob: not sealed for this bridge');
      }
      fob = index;
    }
    const key: Key = {
      id: keyIdOf(wire.id),
      name: wire.name,
      rev: wire.rev,
      source: { vendor: 'cloud', ref: wire.id, version: String(wire.rev) },
      ...(fob === undefined ? {} : { fob }),
      virtual: wire.virtual,
      roaming: wire.roaming,
      ...(wire.home === undefined ? {} : { home: wire.home as AccessPointId }),
      ...(wire.notes === undefined ? {} : { notes: wire.notes }),
    };
    const outcome = await this.#write({ kind: 'put-key', key });
    if (outcome === 'stale') return refused('conflict', 'a newer revision is stored');
    const entry: Entry = { type: 'grant.key_put', body: { key: wire.id, rev: wire.rev } };
    return done({ rev: wire.rev, outcome }, this.#unrecorded(entry, outcome));
  }

  async remove({ id, rev }: BodyOf<'key.remove'>): Promise<DeskResult> {
    const key = keyIdOf(id);
    const known = this.#parts.grants.key(key);
    const outcome = await this.#write({ kind: 'remove-key', key, rev });
    if (outcome === 'stale') {
      if (known === undefined) return done({ rev, outcome: 'same' }, []); // it never was here, or is gone by more
      return refused('conflict', 'a newer revision is stored', { have: known.rev });
    }
    const entry: Entry = { type: 'grant.key_removed', body: { key: id, rev } };
    return done({ rev, outcome }, this.#unrecorded(entry, outcome));
  }

  /** What changed nothing may have been written before and then not recorded. */
  #unrecorded(entry: Entry, outcome: PutOutcome): readonly Entry[] {
    return outcome === 'same' && isRecorded(this.#parts.journal, entry, ['key', 'rev'])
      ? []
      : [entry];
  }

  async #write(change: GrantChange): Promise<PutOutcome> {
    return outcomeOf(await this.#parts.grants.write({ source: 'cloud', changes: [change] }));
  }
}

function keyIdOf(text: string): KeyId {
  return text as KeyId;
}
