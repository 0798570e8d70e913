/** Chance that follows a seed: the same seed draws the same numbers on every machine. */
import type { Random } from '../drivers/contract/time.ts';

/** xoshiro128** (Blackman and Vigna), its state filled from the seed by splitmix32. Not fit for secrets. */
export function seededRandom(seed: number): Random {
  const [a, b, c, d] = [splitmix(seed, 1), splitmix(seed, 2), splitmix(seed, 3), splitmix(seed, 4)];
  const state = new Uint32Array([a, b, c, d | 1]);
  const next = () => draw(state);
  return {
    fraction: () => next() / 2 ** 32,
    bytes(length) {
      const drawn = new Uint8Array(length);
      for (let at = 0; at < length; at += 4) {
        const word = next();
        for (let byte = 0; byte < 4 && at + byte < length; byte += 1) {
          drawn[at + byte] = word >>> (8 * byte);
        }
      }
      return drawn;
    },
  };
}

function draw(state: Uint32Array): number {
  const [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = state;
  const result = Math.imul(rotate(Math.imul(s1, 5), 7), 9) >>> 0;
  const t2 = s2 ^ s0;
  const t3 = s3 ^ s1;
  state[1] = s1 ^ t2;
  state[0] = s0 ^ t3;
  state[2] = t2 ^ (s1 << 9);
  state[3] = rotate(t3, 11);
  return result;
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function splitmix(seed: number, step: number): number {
  let word = (Math.floor(seed) + Math.imul(step, 0x9e3779b9)) | 0;
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}
