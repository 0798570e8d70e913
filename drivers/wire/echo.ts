/**
 * Takes our own bytes off what comes back where the adapter's receiver stays on (serial-hardware 2.3). Exactly the
 * bytes just sent are taken, by content and order: a fast reply behind them is kept.
 */
import { joinBytes } from './hex.ts';

export interface Echo {
  /**
   * `sure`: the adapter echoes, whatever else comes first is a collision. `maybe`: not yet known, found out by a
   * request that no reply can equal. `none`: it does not.
   */
  readonly mode: 'sure' | 'maybe' | 'none';
  readonly expected: Uint8Array;
  /** How many of `expected` have come back. */
  readonly matched: number;
}

export interface Stripped {
  readonly echo: Echo;
  /** What the other side said. */
  readonly rest: Uint8Array;
  /** The whole echo has come back; in `maybe` mode the adapter is known to echo from here on. */
  readonly isComplete: boolean;
  /** Something else came back in place of the echo: a collision. */
  readonly isMismatch: boolean;
}

const NOTHING = new Uint8Array(0);

export function noEcho(mode: Echo['mode']): Echo {
  return { mode, expected: NOTHING, matched: 0 };
}

export function expectEcho(echo: Echo, sent: Uint8Array): Echo {
  return echo.mode === 'none' ? echo : { mode: echo.mode, expected: sent, matched: 0 };
}

/** Noise of an idle line (00, FF) may stand before the echo. */
export function stripEcho(echo: Echo, chunk: Uint8Array): Stripped {
  const { expected, mode } = echo;
  if (expected.length === 0) return { echo, rest: chunk, isComplete: false, isMismatch: false };
  let { matched } = echo;
  let at = 0;
  while (at < chunk.length && matched < expected.length) {
    const byte = chunk[at];
    if (byte === expected[matched]) matched += 1;
    else if (matched > 0 || (byte !== 0x00 && byte !== 0xff)) {
      const rest = joinBytes(expected.subarray(0, matched), chunk.subarray(at));
      return { echo: noEcho(mode), rest, isComplete: false, isMismatch: mode === 'sure' };
    }
    at += 1;
  }
  if (matched < expected.length) {
    return { echo: { ...echo, matched }, rest: NOTHING, isComplete: false, isMismatch: false };
  }
  return { echo: noEcho('sure'), rest: chunk.subarray(at), isComplete: true, isMismatch: false };
}
