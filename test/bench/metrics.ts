/** All metrics, in the order in which they are printed. */
import type { Metric } from './measure.ts';
import { backlog } from './metrics/backlog.ts';
import { ble } from './metrics/ble.ts';
import { bus9600, bus115200 } from './metrics/bus.ts';
import { command, commandRate } from './metrics/command.ts';
import { decide, decideFlat } from './metrics/decide.ts';
import { decideBurst, decideDurable } from './metrics/durable.ts';
import { fleet } from './metrics/fleet.ts';
import { lists } from './metrics/lists.ts';
import { memory } from './metrics/memory.ts';
import { peers } from './metrics/peers.ts';
import { serialCpu } from './metrics/serial.ts';
import { start, startAll } from './metrics/start.ts';
import { delta, resyncSame, snapshot, syncUndisturbed } from './metrics/sync.ts';
import { wireToWire } from './metrics/wire.ts';

export const metrics: readonly Metric[] = [
  // First: a process that has grown takes longer to start another, and that would count on both sides.
  start,
  startAll,
  decide,
  decideFlat,
  decideDurable,
  decideBurst,
  wireToWire,
  command,
  commandRate,
  snapshot,
  delta,
  syncUndisturbed,
  resyncSame,
  backlog,
  fleet,
  memory,
  serialCpu,
  bus9600,
  bus115200,
  ble,
  lists,
  peers,
];
