/** Moments as vendors write them. */
import { z } from 'zod';
import { type Instant, instant } from '../../drivers/contract/time.ts';

/** ISO 8601 of a day that exists, with a zone or offset: without one it would be of whatever zone this machine has. */
export const moment = z.iso.datetime({ offset: true });

/** Some tell more digits of a second than are kept here; what is beyond milliseconds makes nothing wider. */
export function instantOf(text: string, edge: 'start' | 'end'): Instant {
  const isBeyond = /\.\d{3}\d*[1-9]/.test(text);
  return instant(Date.parse(text) + (isBeyond && edge === 'start' ? 1 : 0));
}
