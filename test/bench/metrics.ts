/** All metrics, in the order in which they are printed. */
import type { Metric } from './measure.ts';

export const metrics: readonly Metric[] = [];
