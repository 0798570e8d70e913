/** Waiting for the outside world in tests of real ports: until something holds, never for a length of time. */

/** Looks again each turn of the event loop or so; rejects after `within` milliseconds, which is only a safety net. */
export async function until(reached: () => boolean, within = 10_000): Promise<void> {
  const end = performance.now() + within;
  while (!reached()) {
    if (performance.now() > end) throw new Error(`not reached within ${within} ms: ${reached}`);
    await new Promise((again) => setTimeout(again, 1));
  }
}
