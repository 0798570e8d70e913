/** Accesses at Keycafe: what is taken, what can be edited, and what vanishes from the lists. */
import {
  type AccessRequest,
  accessRequestSchema,
  accessUpdateSchema,
} from '../../daemon/vendors/keycafe/wire.ts';
import type { Clock } from '../../drivers/contract/time.ts';
import { isLike } from './keycafe-page.ts';
import { Refused } from './refused.ts';

export interface SimulatedAccess {
  readonly id: number;
  readonly bookingCode: string;
  readonly keys: readonly number[];
  body: AccessRequest;
}

export interface AccessesParts {
  readonly clock: Clock;
  /** Of boxes whose location is not told. */
  readonly zone?: string | undefined;
  /** All that is known of a person who has an account. */
  readonly personLike: (user: NonNullable<AccessRequest['user']>) => object | undefined;
}

export class KeycafeAccesses {
  readonly all = new Map<number, SimulatedAccess>();
  readonly #parts: AccessesParts;

  constructor(parts: AccessesParts) {
    this.#parts = parts;
  }

  at(id: number): SimulatedAccess {
    const found = this.all.get(id);
    if (found === undefined) throw new Refused(404, 'access.notFound');
    return found;
  }

  /** The request as it is read; what it names must be there. */
  read(body: unknown): AccessRequest {
    const read = accessRequestSchema.safeParse(body);
    if (!read.success) throw new Refused(400, 'access.invalid');
    const { key, user, name } = read.data;
    if (user == null && name == null) throw new Refused(400, 'access.name.required');
    if (key == null) throw new Refused(400, 'key.required');
    checkBounds(read.data);
    return read.data;
  }

  edit(id: number, body: unknown): object {
    const access = this.at(id);
    const read = accessUpdateSchema.safeParse(body);
    if (!read.success) throw new Refused(400, 'access.invalid');
    if (access.body.accessStartDate === undefined) throw new Refused(400, 'access.ongoing');
    if (access.keys.length !== 1) throw new Refused(400, 'access.multipleKeys');
    if (access.body.timeZone === undefined && read.data.timeZone !== undefined) {
      throw new Refused(400, 'access.timeZone.notAllowed');
    }
    const { name, ...rest } = read.data;
    const given = Object.fromEntries(
      Object.entries(rest).filter(([, value]) => value !== undefined),
    );
    const edited = { ...access.body, ...given, ...(name === undefined ? {} : { name }) };
    checkBounds(edited);
    access.body = edited;
    return this.shown(access);
  }

  /** Ended ones vanish, without an event. */
  list(query: URLSearchParams): readonly object[] {
    const key = query.get('key');
    const user = query.get('user');
    return [...this.all.values()]
      .filter(({ body }) => !this.#isOver(body))
      .filter(({ keys }) => key === null || keys.includes(Number(key)))
      .filter(({ body }) => user === null || body.user?.id === user)
      .filter(({ body }) => isLike(query.get('query'), body.name, body.user?.email))
      .map((access) => this.shown(access));
  }

  /** By the wall clock of its zone; a floating one by that of the box. */
  #isOver({ accessEndDate, accessEndTime, timeZone }: AccessRequest): boolean {
    if (accessEndDate === undefined) return false;
    const { clock, zone = 'Europe/Stockholm' } = this.#parts;
    const now = wallClock(clock.now(), timeZone ?? zone);
    return `${accessEndDate} ${accessEndTime ?? '00:00'}` <= now;
  }

  shown({ id, bookingCode, keys, body }: SimulatedAccess): object {
    const { key: _key, startDate: _start, endDate: _end, user, ...fields } = body;
    const all = keys.map((each) => ({ id: each }));
    return {
      id,
      bookingCode,
      ...(body.accessStartDate === undefined ? {} : { checkinLink: `https://guest.example/${id}` }),
      ...fields,
      ...(user == null
        ? {}
        : {
            user: {
              ...user,
              ...(user.id === undefined ? {} : { id: Number(user.id) }),
              ...this.#parts.personLike(user),
            },
          }),
      ...(all.length === 1 ? { key: all[0] } : { keys: all }),
    };
  }
}

/** By zone: one takes a tenth of a millisecond to make, and each access of each list asks for the time. */
const wallClocks = new Map<string, Intl.DateTimeFormat>();

/** `2026-03-02 10:00` */
function wallClock(at: number, timeZone: string): string {
  const known = wallClocks.get(timeZone);
  const clock =
    known ?? new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  if (known === undefined) wallClocks.set(timeZone, clock);
  return clock.format(at);
}

/** Both ends or none, and the end after the start. */
function checkBounds(body: AccessRequest): void {
  const { accessStartDate, accessStartTime, accessEndDate, accessEndTime, timeZone } = body;
  const given = [accessStartDate, accessStartTime, accessEndDate, accessEndTime].filter(
    (each) => each !== undefined,
  );
  if (given.length === 0) return;
  const start = `${accessStartDate} ${accessStartTime}`;
  if (given.length < 4 || start >= `${accessEndDate} ${accessEndTime}`) {
    throw new Refused(400, 'access.dates.invalid');
  }
  if (timeZone !== undefined && !Intl.supportedValuesOf('timeZone').includes(timeZone)) {
    throw new Refused(400, 'access.timeZone.invalid');
  }
}
