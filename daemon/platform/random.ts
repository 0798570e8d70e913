/** Chance from the operating system. */
import { randomBytes } from 'node:crypto';
import type { Random } from '../../drivers/contract/time.ts';

/** Drawn at once: ten bytes for an id cost 0.05 µs instead of 1.5 in a loop, and 9 where the loop is busy with commands. */
const POOL_BYTES = 4096;

/** Both draw from the system's generator, so that even a fraction cannot be foretold. */
export function realRandom(): Random {
  let pool = Buffer.alloc(0);
  let used = 0;
  const bytes = (length: number): Uint8Array => {
    if (length > POOL_BYTES) return new Uint8Array(randomBytes(length));
    if (pool.length - used < length) {
      pool = randomBytes(POOL_BYTES);
      used = 0;
    }
    const drawn = new Uint8Array(pool.subarray(used, used + length));
    pool.fill(0, used, used + length); // whoever asked is the only one who has them
    used += length;
    return drawn;
  };
  return {
    fraction: () => Buffer.from(bytes(6)).readUIntBE(0, 6) / 2 ** 48,
    bytes,
  };
}
