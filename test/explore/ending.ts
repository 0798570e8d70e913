/** How a life ends: everything is mended; then all must be as promised, without a hand on the daemon. */
import { NO_FAULTS } from '../../simulator/lane.ts';
import { minutes } from '../site.ts';
import { disagreement } from './agreement.ts';
import { mendBoard, trueClock } from './faults.ts';
import type { Life } from './life.ts';
import { closeDoor } from './people.ts';
import { Secrets } from './secrets.ts';
import { Broken } from './watcher.ts';

/** @throws Broken */
export async function ending(life: Life): Promise<void> {
  life.say('everything is mended');
  const { site, watcher } = life;
  await mends(life);
  await site.advance(minutes(6));
  watcher.check();
  const { journal } = site.daemon.desk;
  if (!journal.isSafe) throw new Broken('P8', 'the disk is well again, the store is not');
  const apart = await disagreement(life);
  if (apart !== undefined) throw new Broken('P5', `the vendors are mended, and ${apart}`);
  hasAll(life);
  await life.isStillOfUse('P11');
  keepsSecrets(life);
  watcher.check();
  await site.stop();
  watcher.files();
  watcher.told();
}

async function mends(life: Life): Promise<void> {
  const { site } = life;
  for (const bus of site.buses.values()) {
    bus.mend();
    bus.setFaults(NO_FAULTS);
  }
  for (const port of site.ports.values()) await port.plug();
  mendBoard(life);
  site.daemon.desk.journal.failWrites('full', 0);
  trueClock(life);
  life.cable.mend();
  life.world.mend();
  for (const slot of site.openSlots()) closeDoor(life, slot);
}

/** P8: the cloud has every entry once, and none that was not written. */
function hasAll({ cloud, site }: Life): void {
  const { lastSeq } = site.daemon.desk.journal;
  const told = cloud.events;
  const seqs = told.map(({ seq }) => seq).toSorted((a, b) => a - b);
  // It came when the site was running, and is told everything from there.
  const first = seqs[0] ?? 1;
  const astray = seqs.find((seq, n) => seq !== first + n);
  if (astray !== undefined)
    throw new Broken('P8', `the cloud has no entry before ${astray}, or that one twice`);
  if (cloud.forged > 0) throw new Broken('P8', 'the cloud was told what was not written');
  if ((seqs.at(-1) ?? 0) < lastSeq - 20)
    throw new Broken('P8', `of ${lastSeq} entries the cloud has ${told.length}`);
}

/** P10, in all that left the daemon and all that it keeps. */
function keepsSecrets({ exchange, given, site }: Life): void {
  const secrets = new Secrets(given.codes);
  for (const { event, fields } of site.log)
    secrets.look(`the log: ${event}`, JSON.stringify(fields));
  for (const { type, body, seq } of site.journal)
    secrets.look(`entry ${seq} ${type}`, JSON.stringify(body));
  for (const { topic, payload } of exchange.passed)
    secrets.look(topic, Buffer.from(payload).toString('latin1'));
  secrets.lookIn(site.storeDirectory);
  if (secrets.found !== undefined) throw new Broken('P10', secrets.found);
}
