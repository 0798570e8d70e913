/** All metrics, in the order in which they are printed. */
import type { Metric } from './measure.ts';
import { decide, decideFlat } from './metrics/decide.ts';
import { decideBurst, decideDurable } from './metrics/durable.ts';
import { memory } from './metrics/memory.ts';
import { peers } from './metrics/peers.ts';
import { delta, resyncSame, snapshot, syncUndisturbed } from './metrics/sync.ts';
import { wireToWire } from './metrics/wire.ts';

export const metrics: readonly Metric[] = [
  decide,
  decideFlat,
  decideDurable,
  decideBurst,
  wireToWire,
  snapshot,
  delta,
  syncUndisturbed,
  resyncSame,
  memory,
  peers,
];
