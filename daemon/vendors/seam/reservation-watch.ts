/** Sees the first use of a later reservation at a door, and takes that door from the earlier ones. Repeats harmlessly. */
import { textIn } from '../../access/body.ts';
import type { RecordedEntry } from '../../access/entry.ts';
import { grantId } from '../../access/model.ts';
import { StorageError } from '../../store/ports.ts';
import type { SyncChange } from '../sync-change.ts';
import { BY, type DialectParts } from './dialect-parts.ts';
import { withChanges } from './grant-changes.ts';
import type { Grant } from './grant-making.ts';
import { DEVICE_CODE } from './mapping.ts';
import { nameOf, opens, overriddenIn, withoutOverridden } from './reservation.ts';

const CURSOR = 'reservations';
const PAGE = 500;

export class ReservationWatch {
  readonly #parts: DialectParts;
  readonly #log: (message: string) => void;
  #seq: number;
  #turn: Promise<void> = Promise.resolve();

  constructor(parts: DialectParts, log: (message: string) => void) {
    this.#parts = parts;
    this.#log = log;
    const { grants, journal } = parts.desk;
    const stored = grants.cursor('seam', CURSOR);
    this.#seq = typeof stored === 'number' ? stored : journal.lastSeq;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      this.#turn = this.#turn.then(() => this.#look()).catch(reject);
    };
    const stop = this.#parts.desk.journal.follow((entries) => {
      if (entries.some(({ type }) => type === 'access.opened')) look();
    });
    look();
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    try {
      await promise;
    } finally {
      stop();
      await this.#turn;
    }
  }

  async #look(): Promise<void> {
    try {
      for (;;) {
        const { journal } = this.#parts.desk;
        const entries = journal.read({ after: this.#seq, types: ['access.opened'], limit: PAGE });
        const last = entries.at(-1);
        if (last === undefined) return;
        for (const entry of entries) await this.#used(entry);
        this.#seq = last.seq;
      }
    } catch (error) {
      // Looked at again with the next opening; the disk has its own alarm.
      if (!(error instanceof StorageError)) throw error;
      this.#log(error.message);
    }
  }

  async #used({ seq, body, device }: RecordedEntry): Promise<void> {
    const { sync, shelves } = this.#parts;
    if (textIn(body, 'operation') === 'dropoff') return;
    const id = textIn(body, 'grant') ?? '';
    const of = sync.record(id)?.extra?.['of'];
    const used = shelves.grants.at(typeof of === 'string' ? of : id);
    if (used?.fields.reservation_key === undefined) return;
    const key = textIn(body, 'key');
    const lock = textIn(body, 'lock') ?? device;
    const thing = key === undefined ? `lock ${lock}` : nameOf({ kind: 'key', id: key });
    await sync.alone(async () => {
      const changes = shelves.grants.all().flatMap((grant) => this.#change(grant, used, thing));
      await sync.applyNow(changes, { by: BY, cursors: [{ name: CURSOR, value: seq }] });
    });
  }

  #change(grant: Grant, used: Grant, thing: string): readonly SyncChange[] {
    const { sync, desk, devices } = this.#parts;
    const { fields, id } = grant;
    const isOther =
      fields.reservation_key !== undefined &&
      fields.reservation_key !== used.fields.reservation_key &&
      Date.parse(fields.created_at) < Date.parse(used.fields.created_at);
    const stored = desk.grants.grant(grantId(id));
    const record = sync.record(id);
    if (!isOther || stored === undefined || record === undefined) return [];
    if (overriddenIn(record).includes(thing)) return [];
    const { accessLevels } = desk.ports().site.policies;
    const ofDevice = this.#deviceCodes(id, thing);
    if (!opens(stored.grant.targets, thing, accessLevels) && ofDevice.length === 0) return [];
    const { rev, ...before } = stored.grant;
    const overridden = [...overriddenIn(record), thing];
    const doors = devices
      .entrances()
      .filter(({ point }) =>
        point.locks.some((lock) => nameOf({ kind: 'lock', id: lock }) === thing),
      );
    const lost = doors.map(({ uuid }) => ({ what: 'lost', door: uuid }) as const);
    const extra = { ...withChanges(record, rev + 1, lost), overridden };
    const next = { ...record, extra };
    const isLive = stored.revoked === undefined;
    const change: SyncChange = isLive
      ? { id, grant: withoutOverridden(before, next, accessLevels), record: next }
      : { id, record: next };
    return [change, ...ofDevice];
  }

  /** A device that has another code than the grant's has a grant of its own here. */
  #deviceCodes(id: string, thing: string): readonly SyncChange[] {
    const { sync, desk } = this.#parts;
    return [...sync.records()].flatMap(([own, { kind, extra }]) => {
      if (kind !== DEVICE_CODE || extra?.['of'] !== id) return [];
      const targets = desk.grants.grant(grantId(own))?.grant.targets ?? [];
      return targets.some((target) => nameOf(target) === thing) ? [{ id: own, revoke: true }] : [];
    });
  }
}
