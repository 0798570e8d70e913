/** A code shown under threat. */
import type { DeviceId } from '../../drivers/contract/device.ts';
import { plain } from './body.ts';
import type { Entry } from './entry.ts';
import type { Knowledge, KnownMatch } from './knowledge.ts';

/** Goes to the alarm channel and nowhere else; nothing at the door or in other entries tells it. */
export function duress(
  reader: DeviceId,
  { grant }: KnownMatch,
  known: Knowledge,
  refusedFor: string | undefined,
): Entry {
  const body = plain({
    accessPoint: known.point?.id,
    grant: grant.id,
    rev: grant.rev,
    refused: refusedFor,
    alarm: true,
    silent: true,
  });
  return { type: 'security.duress', device: reader, sub: grant.holder, body };
}
