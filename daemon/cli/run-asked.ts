/** The one command line that no parser is waited for: what the service runs. Everything else is `program.ts`'s to read. */
import type { Millis } from '../../drivers/contract/time.ts';
import type { RunOptions } from './daemon-process.ts';

const STOP_WITHIN: Millis = 15_000;

/** `run --config FILE`, and nothing more, with the defaults of `run.ts`; `undefined` for all other lines. */
export function runAsked(argv: readonly string[]): RunOptions | undefined {
  const [command, option, config, ...more] = argv;
  if (command !== 'run' || option !== '--config' || more.length > 0) return undefined;
  if (config === undefined || config.startsWith('-')) return undefined;
  return { config, set: new Map(), stopWithin: STOP_WITHIN };
}
