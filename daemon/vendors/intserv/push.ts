/** Access keys told to IntServ. `add` is an upsert by key, so one whose answer is lost may be asked for again. */
import type { Grant } from '../../access/model.ts';
import { answerIn } from '../answer.ts';
import { type HttpReply, VendorError } from '../http.ts';
import { type Settled, sentOf, type Task } from '../outward.ts';
import type { VendorHost } from '../vendor-host.ts';
import type { PlaceState } from '../vendor-record.ts';
import type { VendorSync } from '../vendor-sync.ts';
import type { AccessKeyBook, Kept } from './key-book.ts';
import { cannotExpress, datesOf, type IntservPlaces } from './mapping.ts';
import { accessKeySchema, type Status, statusSchema } from './wire.ts';

export interface AccessKeyPushParts {
  readonly sync: VendorSync;
  readonly host: VendorHost;
  readonly book: AccessKeyBook;
  readonly places: IntservPlaces;
}

export class AccessKeyPush {
  readonly #parts: AccessKeyPushParts;

  constructor(parts: AccessKeyPushParts) {
    this.#parts = parts;
  }

  /** The full state each time: whether what is left out is kept or cleared is written nowhere. */
  async add(task: Task, signal: AbortSignal): Promise<Settled> {
    const { sync } = this.#parts;
    const { record, stored } = task;
    if (stored === undefined) return { record: sync.changed(record, 'gone') };
    const kept =
      record.origin === 'mirror'
        ? this.#keptOf(stored.grant)
        : (this.#parts.book.kept(stored.grant.id) ?? 'its number cannot be read any more');
    const cannot = typeof kept === 'string' ? kept : this.#cannot(task, kept);
    if (typeof kept === 'string' || cannot !== undefined) {
      // Theirs must not stay wider than ours.
      if (record.ref !== undefined) await this.#remove(record.ref, signal);
      const { ref: _ref, ...rest } = record;
      return {
        record: sync.changed(rest, 'cannot', { detail: cannot ?? '', sent: sentOf(stored) }),
      };
    }
    const reply = await this.#told(task, kept, signal);
    if (reply === undefined) return this.removedThere(task);
    const shown = answerIn(reply.body, accessKeySchema, '/accesskeys/add');
    const { tries: _tries, ...rest } = record;
    const places: PlaceState[] = [{ place: 'intserv', state: 'pending' }];
    const extra = { ...record.extra, ...(shown.person == null ? {} : { person: shown.person.id }) };
    const more = { ref: shown.id, sent: sentOf(stored), places, extra };
    return { record: sync.changed(rest, 'in-step', more) };
  }

  /** `undefined`: the key that is to be changed is there no more. */
  async #told(
    { record: { ref }, stored }: Task,
    kept: Kept,
    signal: AbortSignal,
  ): Promise<HttpReply | undefined> {
    if (stored === undefined) return undefined;
    const body = {
      ...(ref === undefined ? {} : { id: ref }),
      key: kept.key,
      ...(kept.pin === undefined ? {} : { pin: kept.pin }),
      ...datesOf(stored.window.start, stored.window.end),
      access_levels: kept.access_levels,
      ...(ref === undefined ? { person: this.#personOf(stored.grant, kept) } : {}),
    };
    try {
      return await this.#parts.host.call({ method: 'POST', path: '/accesskeys/add', body, signal });
    } catch (error) {
      const isRefused =
        error instanceof VendorError && ['refused', 'not-found'].includes(error.code);
      if (!isRefused || ref === undefined || (await this.#isKnown(ref, signal))) throw error;
      return undefined;
    }
  }

  /** Somebody took it away there: the narrower of the two holds, so it opens nothing here any more either. */
  removedThere({ record, stored }: Pick<Task, 'record' | 'stored'>): Settled {
    const { sync } = this.#parts;
    const { places: _places, tries: _tries, ...rest } = record;
    if (record.origin === 'mirror') {
      const { ref: _ref, ...kept } = rest;
      const detail = 'removed at the vendor';
      return { record: sync.changed(kept, 'cannot', { detail, sent: sentOf(stored) }) };
    }
    const extra = { ...record.extra, goneAt: 'vendor' };
    return { revoke: true, record: sync.changed(rest, 'gone', { extra }) };
  }

  async revoke(task: Task, signal: AbortSignal): Promise<Settled> {
    const { sync } = this.#parts;
    const { record } = task;
    if (record.ref !== undefined) await this.#remove(record.ref, signal);
    else await this.#removeByKey(task, signal);
    const { places: _places, ...rest } = record;
    return { record: sync.changed(rest, 'gone') };
  }

  /** A create whose answer was lost: it may be there, under an id that nobody told us. */
  async #removeByKey({ record, stored }: Task, signal: AbortSignal): Promise<void> {
    if (stored === undefined) return;
    const kept =
      record.origin === 'mirror'
        ? this.#keptOf(stored.grant)
        : this.#parts.book.kept(stored.grant.id);
    if (kept === undefined || typeof kept === 'string') return;
    const body = { key: kept.key };
    try {
      await this.#parts.host.call({ method: 'POST', path: '/accesskeys/remove', body, signal });
    } catch (error) {
      if (!(error instanceof VendorError) || !['refused', 'not-found'].includes(error.code))
        throw error;
    }
  }

  /** Where the latest change of one has arrived. */
  async placesOf(ref: string, signal: AbortSignal): Promise<readonly PlaceState[]> {
    const body = { id: ref };
    const reply = await this.#parts.host.call({
      method: 'POST',
      path: '/accesskeys/status',
      body,
      signal,
    });
    return placesIn(answerIn(reply.body, statusSchema, '/accesskeys/status'));
  }

  /** Unknown is as good as removed; which of 400 and 404 says so is written nowhere, so `status` is asked. */
  async #remove(ref: string, signal: AbortSignal): Promise<void> {
    const { host } = this.#parts;
    try {
      await host.call({ method: 'POST', path: '/accesskeys/remove', body: { id: ref }, signal });
    } catch (error) {
      if (!(error instanceof VendorError)) throw error;
      if (error.code === 'not-found') return;
      if (error.code !== 'refused' || (await this.#isKnown(ref, signal))) throw error;
    }
  }

  async #isKnown(ref: string, signal: AbortSignal): Promise<boolean> {
    return (await this.placesIfKnown(ref, signal)) !== undefined;
  }

  /** `undefined`: there is no such access key any more. */
  async placesIfKnown(
    ref: string,
    signal: AbortSignal,
  ): Promise<readonly PlaceState[] | undefined> {
    try {
      return await this.placesOf(ref, signal);
    } catch (error) {
      // Which of them says so is written nowhere (vendor-apis.md 4.4); no other does.
      if (error instanceof VendorError && [400, 404, 410].includes(error.status ?? 0)) {
        return undefined;
      }
      throw error;
    }
  }

  #cannot({ stored, record }: Task, kept: Kept): string | undefined {
    if (stored === undefined || record.origin !== 'mirror') return undefined;
    return cannotExpress(stored.grant, kept.access_levels);
  }

  /** A grant of another source: only a code that is kept for this can be told; numbers of cards are kept nowhere. */
  #keptOf({ id, credentials, targets, holder }: Grant): Kept | string {
    const { sync, places } = this.#parts;
    const pin = credentials.find(
      ({ kind, combineWith }) => kind === 'pin' && combineWith === undefined,
    );
    if (pin === undefined) return 'it has no code, and numbers of cards are not kept';
    const code = pin.sealed === undefined ? undefined : sync.desk.secrets.reveal(pin.sealed, id);
    if (code === undefined) return 'the digits of its code are not kept';
    const levels = Object.entries(places.levels)
      .filter(([, name]) =>
        targets.some((each) => each.kind === 'access_level' && each.id === name),
      )
      .map(([level]) => level);
    const person = { id: '', first_name: 'Guest', last_name: holder.slice(-8) };
    return { key: { type: 'code', identification: code }, access_levels: levels, person };
  }

  /** IntServ's id of the person where another key of theirs has one; an id that was made up here means nothing there. */
  #personOf({ holder }: Grant, { person }: Kept): object {
    const { sync } = this.#parts;
    for (const { grant } of sync.desk.grants.grantsOf(holder)) {
      const id = sync.record(grant.id)?.extra?.['person'];
      if (typeof id === 'string') return { id };
    }
    return { first_name: person.first_name, last_name: person.last_name };
  }
}

function placesIn({
  status,
  systems_where_applied,
  systems_where_pending,
  systems_where_failed,
}: Status): readonly PlaceState[] {
  const found: PlaceState[] = [
    ...(systems_where_applied ?? []).map(({ system_id, applied_at }) => ({
      place: system_id,
      state: 'active' as const,
      ...(applied_at == null ? {} : { detail: applied_at }),
    })),
    ...(systems_where_pending ?? []).map(({ system_id }) => ({
      place: system_id,
      state: 'pending' as const,
    })),
    ...(systems_where_failed ?? []).map(({ system_id, error_type }) => ({
      place: system_id,
      state: 'failed' as const,
      detail: error_type ?? 'failed',
    })),
  ];
  if (found.length > 0 || status === 'NotApplied' || status === 'Applied') return found;
  return [{ place: 'intserv', state: status === 'Failed' ? 'failed' : 'pending' }];
}
