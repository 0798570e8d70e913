/** What Svix sends for an event of the simulated Seam. Pure. */
import { createHmac } from 'node:crypto';
import type { CloudEvent } from './seam-things.ts';

export interface SignedCall {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** @param at milliseconds since 1970, as the sender's clock has it */
export function signedCall(event: CloudEvent, secret: string, at: number): SignedCall {
  const body = JSON.stringify(event);
  const timestamp = String(Math.floor(at / 1000));
  const id = `msg_${event.event_id}`;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  const headers = {
    'svix-id': id,
    'svix-timestamp': timestamp,
    'svix-signature': `v1,${signature}`,
    'content-type': 'application/json',
  };
  return { headers, body };
}
