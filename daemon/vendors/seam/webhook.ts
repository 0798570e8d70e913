/**
 * Seam's calls to us, signed by Svix (vendor-apis.md 3.7). An event is only a reason to look: what is true is read, so
 * neither order nor repetition can change anything here.
 */
import { timingSafeEqual } from 'node:crypto';
import type { ClockInterval } from '../../access/model.ts';
import type { DialectRequest, DialectRoute } from '../dialect.ts';
import { signature, TOLERANCE_MS } from './svix.ts';
import { eventSchema, type SeamEvent } from './wire.ts';

/** Ids of messages that came before; Svix repeats for days, but not more than a few. */
const REMEMBERED = 2000;

export type Verdict = 'genuine' | 'unsigned' | 'wrong-signature' | 'out-of-time';

/**
 * @param secret `whsec_` and base64
 * @param clock where it is not trusted, the age of the message cannot be judged and is not; its signature still is
 */
export function verify(
  { headers, raw }: Pick<DialectRequest, 'headers' | 'raw'>,
  secret: string,
  clock: ClockInterval,
): Verdict {
  const read = (name: string) => headers[`svix-${name}`] ?? headers[`webhook-${name}`];
  const id = read('id');
  const timestamp = read('timestamp');
  const signatures = read('signature');
  if (id === undefined || timestamp === undefined || signatures === undefined) return 'unsigned';
  if (!/^\d{1,12}$/.test(timestamp)) return 'unsigned';
  const isClockKnown = clock.state === 'trusted' || clock.state === 'holdover';
  const at = Number(timestamp) * 1000;
  if (isClockKnown && (at < clock.lo - TOLERANCE_MS || at > clock.hi + TOLERANCE_MS)) {
    return 'out-of-time';
  }
  const wanted = signature(secret, id, timestamp, raw);
  const isSigned = signatures.split(' ').some((each) => {
    const [version, text = ''] = each.split(',', 2);
    const shown = Buffer.from(text, 'base64');
    return version === 'v1' && shown.length === wanted.length && timingSafeEqual(shown, wanted);
  });
  return isSigned ? 'genuine' : 'wrong-signature';
}

export interface WebhookParts {
  readonly secret: () => string;
  readonly clock: () => ClockInterval;
  readonly heard: (event: SeamEvent) => void;
  /** Once for each kind until one is genuine again: a clock that is off refuses every one of them. */
  readonly refused: (verdict: Exclude<Verdict, 'genuine'>) => void;
}

export function webhookRoute({ secret, clock, heard, refused }: WebhookParts): DialectRoute {
  const seen = new Set<string>();
  let last: Verdict = 'genuine';
  return {
    method: 'POST',
    path: '/hooks/seam',
    perMinute: 600,
    handle: async (request) => {
      const verdict = verify(request, secret(), clock());
      const isNews = verdict !== last;
      last = verdict;
      if (verdict !== 'genuine') {
        if (isNews) refused(verdict);
        return { status: 401 };
      }
      const event = eventSchema.safeParse(request.body);
      if (!event.success) return { status: 400 };
      if (!seen.has(event.data.event_id)) {
        seen.add(event.data.event_id);
        for (const old of [...seen].slice(0, -REMEMBERED)) seen.delete(old);
        heard(event.data);
      }
      return { status: 204 };
    },
  };
}
