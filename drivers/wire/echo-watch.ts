/** Finds out whether the adapter gives our own bytes back, and whether they come back as sent. */
import { type Echo, expectEcho, noEcho, stripEcho } from './echo.ts';

export interface EchoWatch {
  readonly echo: Echo;
  /** Echoes in a row that did not come although the adapter was sure to echo. */
  readonly misses: number;
  /** Replies in a row without our own bytes before them. */
  readonly free: number;
}

/** Misses until it is a fault, and replies without echo until the adapter is taken for one that does not. */
const ENOUGH = 3;

export function watchEcho(isConfigured: boolean): EchoWatch {
  return { echo: noEcho(isConfigured ? 'sure' : 'maybe'), misses: 0, free: 0 };
}

/** Known: then a reply that equals its request is no echo. */
export function isEchoKnown({ echo, free }: EchoWatch): boolean {
  return echo.mode === 'sure' || free >= ENOUGH;
}

/** It is found out only by a probe: a request that no reply can equal. */
export function echoOf(watch: EchoWatch, sent: Uint8Array, isProbe: boolean): EchoWatch {
  const { echo } = watch;
  const isLookedFor = echo.mode === 'sure' || isProbe;
  return { ...watch, echo: isLookedFor ? expectEcho(echo, sent) : noEcho(echo.mode) };
}

export function expectNothing(watch: EchoWatch): EchoWatch {
  return { ...watch, echo: noEcho(watch.echo.mode) };
}

/** A probe was answered, and nothing of ours came before it. */
export function answeredAlone(watch: EchoWatch): EchoWatch {
  return watch.echo.mode === 'maybe' ? { ...watch, free: watch.free + 1 } : watch;
}

export interface WatchedEcho {
  readonly watch: EchoWatch;
  /** What the other side said. */
  readonly rest: Uint8Array;
  readonly verdict: 'mismatch' | 'well' | undefined;
}

/**
 * Takes the echo off. After several that did not come it is found out anew, so that a wrong setting does not go on
 * swallowing the replies that equal their requests.
 */
export function hearEcho(watch: EchoWatch, chunk: Uint8Array, isProbe: boolean): WatchedEcho {
  const { echo, rest, isComplete, isMismatch } = stripEcho(watch.echo, chunk);
  if (isMismatch) {
    const misses = watch.misses + 1;
    if (misses < ENOUGH) return { watch: { ...watch, echo, misses }, rest, verdict: undefined };
    return { watch: { echo: noEcho('maybe'), misses, free: 0 }, rest, verdict: 'mismatch' };
  }
  const isProven = isComplete && isProbe;
  const misses = isProven ? 0 : watch.misses;
  return { watch: { ...watch, echo, misses }, rest, verdict: isProven ? 'well' : undefined };
}
