/** The operator's log before its library is there: what is said meanwhile is said in order as soon as it is. */
import type { Log, LogFields, LogLevel } from './log.ts';

type Said = (log: Log) => void;

/** Nothing is loaded before the first line, nor before `load`. */
export class LateLog implements Omit<Log, 'with'> {
  #level: LogLevel;
  #log: Log | undefined;
  #held: Said[] = [];
  #loading: Promise<void> | undefined;

  constructor(level: LogLevel) {
    this.#level = level;
  }

  /** Resolves when lines are written as they are said. */
  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  error(event: string, fields?: LogFields): void {
    this.#say((log) => log.error(event, fields));
  }

  warn(event: string, fields?: LogFields): void {
    this.#say((log) => log.warn(event, fields));
  }

  info(event: string, fields?: LogFields): void {
    this.#say((log) => log.info(event, fields));
  }

  debug(event: string, fields?: LogFields): void {
    this.#say((log) => log.debug(event, fields));
  }

  from(level: LogLevel): void {
    this.#level = level;
    this.#log?.from(level);
  }

  async #load(): Promise<void> {
    const { openLog } = await import('./log.ts');
    const log = openLog(this.#level);
    this.#log = log;
    for (const say of this.#held) say(log);
    this.#held = [];
  }

  #say(line: Said): void {
    if (this.#log !== undefined) {
      line(this.#log);
      return;
    }
    this.#held.push(line);
    void this.load();
  }
}
