/** Seam names everything by a UUID, and IntServ much. What the site names in its own way gets one that follows from that name. */
import { createHash } from 'node:crypto';
import type { Random } from '../../drivers/contract/time.ts';

/** Version 8 (RFC 9562 5.8): the same for the same parts, here and after a restart. */
export function uuidOf(...parts: readonly string[]): string {
  const digest = createHash('sha256').update(parts.join('\0')).digest();
  return written(digest.subarray(0, 16), 8);
}

/** Version 4. */
export function drawnUuid(random: Random): string {
  return written(Buffer.from(random.bytes(16)), 4);
}

function written(bytes: Uint8Array, version: 4 | 8): string {
  const made = Buffer.from(bytes);
  made[6] = ((made[6] ?? 0) & 0x0f) | (version << 4);
  made[8] = ((made[8] ?? 0) & 0x3f) | 0x80;
  const hex = made.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
