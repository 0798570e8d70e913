/**
 * Keycafe's own calls to us: one event each, doubled and out of order (vendor-apis 2.6). An event is only a reason to
 * look: what is true is read, so neither order nor a forged body can change anything here.
 */
import { basicOf, type DialectRoute, isSameSecret } from '../dialect.ts';
import { eventSchema } from './wire.ts';

export interface WebhookParts {
  /** `USERNAME:PASSWORD`. */
  readonly secret: string;
  readonly heard: () => void;
}

/** Ids of events that came before; Keycafe repeats for hours, not for good. */
const REMEMBERED = 1000;

export function webhookRoute({ secret, heard }: WebhookParts): DialectRoute {
  const seen = new Set<string>();
  return {
    method: 'POST',
    path: '/hooks/keycafe',
    perMinute: 600,
    handle: async (request) => {
      const shown = basicOf(request);
      if (!isSameSecret(secret, shown === undefined ? '' : `${shown.name}:${shown.password}`)) {
        return { status: 401 };
      }
      const event = eventSchema.safeParse(request.body);
      if (!event.success) return { status: 400 };
      if (!seen.has(event.data.id)) {
        seen.add(event.data.id);
        for (const old of [...seen].slice(0, -REMEMBERED)) seen.delete(old);
        heard();
      }
      // Only 200 counts as received.
      return { status: 200 };
    },
  };
}
