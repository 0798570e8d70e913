/** Failures that are expected of the outside: a device gone, a file wrong. Anything else is an assertion. */

/** The way to a device failed: the device is offline and will be tried again. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
  readonly code: LinkErrorCode;
  constructor(code: LinkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type LinkErrorCode =
  | 'missing' // no such path, host or adapter
  | 'refused' // no permission, locked by another process, connection refused
  | 'other-device' // the name is there, but another device answers to it
  | 'closed' // was open, is no longer
  | 'timed-out'
  | 'failed';

/** One fault of the operator's input, told so that it can be mended. */
export interface Fault {
  /** Where: `devices.box.address`. Empty for the whole file. */
  readonly path: string;
  /** What was found there, shortened and without secrets. */
  readonly found: string;
  /** What would do. */
  readonly remedy: string;
  /** Line of the file, from 1, where there is one. */
  readonly line?: number;
}

/** `config.yaml:12: devices.box.address: found 12; at most 9`, as editors and eyes find it. */
export function faultLine({ path, line, found, remedy }: Fault, file = ''): string {
  const place = file === '' || line === undefined ? file : `${file}:${line}`;
  return [place, path, `found ${found}; ${remedy}`].filter((part) => part !== '').join(': ');
}

/** The operator's input is wrong: all faults at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly Fault[];
  /** @param file that they are in, where it is one that somebody writes */
  constructor(faults: readonly Fault[], file?: string) {
    super(faults.map((fault) => faultLine(fault, file)).join('\n'));
    this.faults = faults;
  }
}
