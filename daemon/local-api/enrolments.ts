/**
 * Enrolling a fob or card by showing it. Its number never leaves the box: whoever asked gets a ticket, names it where
 * a number would stand, and it is good for a while, for them alone.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Millis, type Uptime, uptime } from '../../drivers/contract/time.ts';
import type { SiteDesk } from './desk.ts';
import { type Endpoint, endpoint, type Principal } from './endpoint.ts';
import { ApiError } from './errors.ts';
import { deviceName, knownDevice } from './fields.ts';

const GOOD_FOR: Millis = 10 * 60_000;
const TICKETS_MAX = 64;
const WITHIN_MAX = 60_000;

interface Ticket {
  readonly by: string;
  readonly number: string;
  readonly until: Uptime;
}

export class Enrolments {
  readonly #desk: SiteDesk;
  readonly #tickets = new Map<string, Ticket>();

  constructor(desk: SiteDesk) {
    this.#desk = desk;
  }

  keep(number: string, { by }: Principal): string {
    this.#forget();
    const [oldest] = this.#tickets.keys();
    if (this.#tickets.size >= TICKETS_MAX && oldest !== undefined) this.#tickets.delete(oldest);
    const ticket = randomUUID();
    const until = uptime(this.#desk.clock.uptime() + GOOD_FOR);
    this.#tickets.set(ticket, { by, number, until });
    return ticket;
  }

  /** The number behind a ticket, as often as it is asked for while it is good: a call may be repeated. */
  number(ticket: string, { by }: Principal, field: string): string {
    this.#forget();
    const found = this.#tickets.get(ticket);
    if (found !== undefined && found.by === by) return found.number;
    throw new ApiError('bad_request', 'this showing is over; show it once more', field);
  }

  #forget(): void {
    const now = this.#desk.clock.uptime();
    for (const [ticket, { until }] of this.#tickets) if (until <= now) this.#tickets.delete(ticket);
  }
}

export function enrolmentEndpoints(desk: SiteDesk, enrolments: Enrolments): readonly Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path: '/api/v1/enrolments',
      scope: 'admin',
      summary:
        'Waits for a fob or card to be shown, which then opens nothing; gives a ticket for it, never its number',
      body: z.strictObject({
        reader: deviceName.optional().describe('any, if missing'),
        withinMs: z.int().min(1000).max(WITHIN_MAX).default(30_000),
      }),
      reply: z.object({
        ticket: z.string().nullable().describe('null: nothing was shown in time'),
        known: z
          .object({ key: z.string().nullable(), grants: z.array(z.string()) })
          .describe('what it is already: the fob of a key, a credential of grants'),
      }),
      async call({ body, principal, signal }) {
        const reader =
          body.reader === undefined ? undefined : knownDevice(desk.devices(), body.reader);
        const number = await desk.nextCard(reader, body.withinMs, signal);
        if (number === undefined) return { ticket: null, known: { key: null, grants: [] } };
        const index = desk.secrets.indexFob(number);
        const grants = desk.grants
          .byCredential(index)
          .filter(({ revoked }) => revoked === undefined)
          .map(({ grant }) => grant.id);
        return {
          ticket: enrolments.keep(number, principal),
          known: { key: desk.grants.keyByFob(index)?.id ?? null, grants },
        };
      },
    }),
  ];
}
