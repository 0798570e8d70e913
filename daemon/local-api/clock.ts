/** What time it is, said by a person where nobody else can, or where a time server is not believed. */
import { z } from 'zod';
import { likelyNow } from '../access/clock-interval.ts';
import type { SiteDesk } from './desk.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { ApiError } from './errors.ts';
import { instantIn, iso, moment } from './fields.ts';

/** A person reads a clock to the minute. */
const ERROR_MS = 60_000;

export function clockEndpoints(desk: SiteDesk): readonly Endpoint[] {
  return [
    endpoint({
      method: 'POST',
      path: '/api/v1/clock',
      scope: 'admin',
      summary:
        'States what time it is, where the box does not know or does not believe its time server',
      body: z.strictObject({
        at: moment.describe('read off another clock'),
        errMs: z.int().min(1000).max(600_000).default(ERROR_MS).describe('how wrong it may be'),
      }),
      reply: z.object({ state: z.string(), at: moment }),
      perMinute: 6,
      call({ body: { at, errMs }, principal }) {
        const { state } = desk.stamp().clock;
        if (state === 'trusted' || state === 'holdover') {
          throw new ApiError('conflict', `time is known (${state}): nothing is to be confirmed`);
        }
        if (!desk.stateTime(instantIn(at), errMs, principal.by)) {
          const { lo } = desk.stamp().clock;
          throw new ApiError('bad_request', `it is certainly later than ${iso(lo)}`, 'at');
        }
        const { clock, at: now } = desk.stamp();
        return { state: clock.state, at: iso(likelyNow(now, clock)) };
      },
    }),
  ];
}
