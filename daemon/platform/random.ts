/** Chance from the operating system. */
import { randomBytes } from 'node:crypto';
import type { Random } from '../../drivers/contract/time.ts';

/** Both draw from the system's generator, so that even a fraction cannot be foretold. */
export function realRandom(): Random {
  return {
    fraction: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
    bytes: (length) => new Uint8Array(randomBytes(length)),
  };
}
