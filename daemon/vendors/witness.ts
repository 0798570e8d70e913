/** A vendor's answer over TLS says what time it is there: a witness for a site that has lost its own (conventions 3.1). */
import { type Clock, type Instant, instant, type Millis } from '../../drivers/contract/time.ts';
import type { HttpClient } from './http.ts';

/** Tells the `Date` of each answer that came over TLS, with the time it took; one that nobody can read is no date. */
export function witnessed(
  http: HttpClient,
  clock: Clock,
  told: (at: Instant, roundTrip: Millis) => void,
): HttpClient {
  return {
    async send(call) {
      const asked = clock.uptime();
      const reply = await http.send(call);
      const at = Date.parse(reply.headers['date'] ?? '');
      if (call.url.startsWith('https:') && Number.isFinite(at)) {
        told(instant(at), clock.uptime() - asked);
      }
      return reply;
    },
  };
}
