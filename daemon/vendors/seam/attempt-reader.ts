/** What Seam has accepted and may not have done yet: asked after until it ends, and told per device until then. */
import type { JsonObject } from '../../access/entry.ts';
import { VendorError } from '../http.ts';
import type { SyncChange } from '../sync-change.ts';
import type { PlaceState, VendorRecord } from '../vendor-record.ts';
import type { VendorSync } from '../vendor-sync.ts';
import type { SeamClient } from './client.ts';
import { type ActionAttempt, actionAttemptSchema } from './wire.ts';

/** `extra` and places of a record whose change Seam has accepted under this attempt. */
export function waitingFor(
  { extra }: VendorRecord,
  attempt: ActionAttempt | undefined,
  device: string,
): Pick<VendorRecord, 'extra' | 'places'> {
  const { attempt: _old, attemptAt: _device, ...kept } = extra ?? {};
  if (attempt === undefined || attempt.status === 'success') {
    return { extra: kept, places: [] };
  }
  const more: JsonObject = { ...kept, attempt: attempt.action_attempt_id, attemptAt: device };
  return { extra: more, places: [placeOf(attempt, device)] };
}

export class AttemptReader {
  readonly #sync: VendorSync;
  readonly #client: SeamClient;

  constructor(sync: VendorSync, client: SeamClient) {
    this.#sync = sync;
    this.#client = client;
  }

  /** @throws VendorError */
  async read(signal: AbortSignal): Promise<void> {
    for (const [id, { extra }] of [...this.#sync.records()]) {
      const action_attempt_id = extra?.['attempt'];
      if (typeof action_attempt_id !== 'string') continue;
      const attempt = await this.#ask(action_attempt_id, signal);
      if (attempt === 'not-told' || attempt?.status === 'pending') continue;
      await this.#sync.alone(async () => {
        const record = this.#sync.record(id);
        // Another was begun meanwhile.
        if (record?.extra?.['attempt'] !== action_attempt_id) return;
        await this.#sync.applyNow([this.#ended(id, record, attempt)], { by: 'seam' });
      });
    }
  }

  async #ask(
    action_attempt_id: string,
    signal: AbortSignal,
  ): Promise<ActionAttempt | 'not-told' | undefined> {
    const asked = { action_attempt_id };
    try {
      return await this.#client.one(
        '/action_attempts/get',
        asked,
        'action_attempt',
        actionAttemptSchema,
        signal,
      );
    } catch (error) {
      if (!(error instanceof VendorError)) throw error;
      // Forgotten there; what is true is read anyway.
      if (error.code === 'not-found') return undefined;
      // What one attempt came to must not keep the others, nor revocations, from being read.
      const isOfThisOne = ['malformed', 'server', 'refused'].includes(error.code);
      if (!isOfThisOne) throw error;
      return 'not-told';
    }
  }

  #ended(id: string, record: VendorRecord, attempt: ActionAttempt | undefined): SyncChange {
    const { attempt: _old, attemptAt, ...extra } = record.extra ?? {};
    if (attempt === undefined || attempt.status === 'success') {
      return { id, record: { ...record, extra, places: [] } };
    }
    const type = attempt.error?.type ?? 'failed';
    // A revocation that failed there is asked for again until it is done.
    if (record.state === 'gone') {
      const detail = `not taken back there: ${type}`;
      return { id, record: this.#sync.changed(record, 'to-revoke', { extra, detail }) };
    }
    const places = [placeOf(attempt, String(attemptAt ?? ''))];
    return { id, record: { ...record, extra, places } };
  }
}

function placeOf({ status, error }: ActionAttempt, place: string): PlaceState {
  if (status === 'pending') return { place, state: 'pending' };
  return { place, state: 'failed', detail: error?.type ?? 'failed' };
}
