/** The operator's log: one JSON object a line on stdout, for journald. Evidence goes into the journal, not here. */
import { type DestinationStream, pino } from 'pino';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** What a line may carry; anything else is told by its `message` or left out. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  /** `event` is a fixed name, `bus.offline`, by which lines are found again; what varies goes into `fields`. */
  error(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  debug(event: string, fields?: LogFields): void;
  /** From which level on lines are written from now on. */
  from(level: LogLevel): void;
  /** The same, with these fields in each line. */
  with(fields: LogFields): Log;
}

/** Fields that hold what nobody may read, at any of the depths that our lines have. */
const SECRET_FIELDS = [
  'digits',
  'pin',
  'code',
  'fob',
  'card',
  'number',
  'secret',
  'token',
  'password',
  'authorization',
  'pepper',
  'key',
  'credential',
  'bits',
  'sealed',
];

/** A key's id is logged as `keyId`, the code of an error as `errorCode`: `key` and `code` alone are hidden. */
export function openLog(level: LogLevel, to?: DestinationStream): Log {
  const logger = pino(
    {
      level,
      // Host name and process id are known to journald.
      base: null,
      messageKey: 'event',
      timestamp: () => `,"at":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        censor: '(hidden)',
      },
      serializers: { error: errorFields },
    },
    to ?? pino.destination({ dest: 1, sync: true }),
  );
  return new PinoLog(logger);
}

interface Lines {
  error(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  info(fields: object, event: string): void;
  debug(fields: object, event: string): void;
  child(fields: object): Lines;
  level: string;
}

class PinoLog implements Log {
  readonly #lines: Lines;

  constructor(lines: Lines) {
    this.#lines = lines;
  }

  error(event: string, fields: LogFields = {}): void {
    this.#lines.error(fields, event);
  }

  warn(event: string, fields: LogFields = {}): void {
    this.#lines.warn(fields, event);
  }

  info(event: string, fields: LogFields = {}): void {
    this.#lines.info(fields, event);
  }

  debug(event: string, fields: LogFields = {}): void {
    this.#lines.debug(fields, event);
  }

  from(level: LogLevel): void {
    this.#lines.level = level;
  }

  with(fields: LogFields): Log {
    return new PinoLog(this.#lines.child(fields));
  }
}

/** With the stack, since an error in the log is a fault of ours; what is expected is logged in words. */
function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack, cause } = error;
  return {
    name,
    message,
    stack,
    ...('code' in error ? { errorCode: String(error.code) } : {}),
    ...(cause === undefined
      ? {}
      : { cause: cause instanceof Error ? cause.message : String(cause) }),
  };
}
