/** What the doctor looked at, how it is, and what to do. */

export const AREAS = [
  'config',
  'secrets',
  'store',
  'disk',
  'ports',
  'clock',
  'api',
  'broker',
  'vendors',
  'service',
] as const;
export type Area = (typeof AREAS)[number];

export interface Finding {
  readonly area: Area;
  /** `advice`: the daemon runs, but not as well as it could, or it could not be seen from here. */
  readonly state: 'well' | 'advice' | 'fault';
  readonly what: string;
  readonly remedy?: string;
}

export function well(area: Area, what: string): Finding {
  return { area, state: 'well', what };
}

export function advice(area: Area, what: string, remedy: string): Finding {
  return { area, state: 'advice', what, remedy };
}

export function fault(area: Area, what: string, remedy: string): Finding {
  return { area, state: 'fault', what, remedy };
}

export function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string')
    return error.code;
  return error instanceof Error ? error.message : String(error);
}
