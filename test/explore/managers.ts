/** What managers and the cloud ask, drawn. */
import { type Grant, grantId, type Window } from '../../daemon/access/model.ts';
import { deviceId, slotNumber } from '../../drivers/contract/device.ts';
import { instant } from '../../drivers/contract/time.ts';
import type { Life } from './life.ts';
import { KEYS } from './parts.ts';

const GRANTS = 6;
export const PINS = Array.from({ length: GRANTS }, (_, n) => String(481_900 + n * 1117));

export async function putsGrant(life: Life): Promise<void> {
  const n = life.draw(GRANTS);
  const id = `g-${n}`;
  if (life.dead.has(id)) return;
  const now = life.began + life.site.clock.uptime();
  const edge = () => instant(now + (life.draw(20) - 8) * life.pace.edge);
  const [first, second] = [edge(), edge()];
  const window: Window = life.chance(0.4)
    ? { kind: 'ongoing' }
    : {
        kind: 'instants',
        start: instant(Math.min(first, second)),
        end: instant(Math.max(first, second) + 1),
      };
  await put(life, {
    id,
    pin: life.one(PINS),
    window,
    ...(life.chance(0.3) ? { fob: '1F00644BB6' } : {}),
    ...(life.chance(0.3) ? { slot: 1 + life.draw(16) } : { key: life.one(KEYS).key }),
    ...(life.chance(0.3) ? { uses: 1 + life.draw(3) } : {}),
    ...(life.chance(0.2) ? { staff: true } : {}),
  });
}

/** Puts it as the own cloud would, and remembers what was put. */
export async function put(
  life: Life,
  wish: {
    readonly id: string;
    readonly pin: string;
    readonly fob?: string;
    readonly key?: string;
    readonly slot?: number;
    readonly uses?: number;
    readonly staff?: boolean;
    readonly window: Window;
  },
): Promise<void> {
  const { id, pin, fob, key, slot, uses, staff, window } = wish;
  const rev = (life.revs.get(id) ?? 0) + 1;
  const more: Partial<Grant> = {
    ...(slot === undefined ? {} : { targets: [{ kind: 'slot', id: `box:${slot}` }] }),
    ...(uses === undefined ? {} : { uses: { max: uses } }),
    ...(staff === undefined ? {} : { options: { staff } }),
  };
  life.say(`grant ${id} rev ${rev}: ${pin} ${JSON.stringify({ key, window, ...more })}`);
  const optional = {
    ...(fob === undefined ? {} : { fob }),
    ...(key === undefined ? {} : { key }),
  };
  await life.site.put({ id, rev, pin, window, more, ...optional });
  life.revs.set(id, rev);
  const stored = life.site.daemon.desk.grants.grant(grantId(id));
  if (stored !== undefined) life.watcher.put(stored.grant);
}

export async function revokesGrant(life: Life): Promise<void> {
  const id = `g-${life.draw(GRANTS)}`;
  const rev = life.revs.get(id);
  if (rev === undefined || life.dead.has(id) || !life.site.daemon.desk.journal.isSafe) return;
  life.say(`revokes ${id}`);
  try {
    await life.site.revoke(id, rev + 1);
  } catch {
    return life.say('  which could not be stored, and is not acknowledged');
  }
  life.dead.add(id);
  life.watcher.revoked(id);
}

export function commands(life: Life): void {
  const slot = slotNumber(1 + life.draw(16));
  life.say(`the manager opens ${slot}`);
  void life.site.daemon.desk.command(
    { kind: 'slot.open', by: 'anna', device: deviceId('box'), slot },
    [],
  ).outcome;
}

export async function signedCommand(life: Life): Promise<void> {
  if (life.cloud.client.state === undefined) return;
  const slot = 1 + life.draw(16);
  life.say(`the cloud opens ${slot}`);
  life.cloud.ask('slot.open', { dev: 'box', slot }).catch(() => {}); // no answer is an answer here
  await life.pass(life.draw(1500));
}

export async function lockdown(life: Life): Promise<void> {
  if (life.lockdowns > 0 && life.chance(0.8)) {
    for (const [, { id }] of [...life.site.daemon.desk.journal.ledger.all('lockdown')])
      void life.site.daemon.desk.command({ kind: 'release', by: 'anna', lockdown: id }, []).outcome;
    life.lockdowns = 0;
    return life.say('the lockdown is released');
  }
  life.lockdowns += 1;
  life.say('lockdown');
  void life.site.daemon.desk.command(
    {
      kind: 'lockdown',
      by: 'anna',
      lockdown: `l-${life.draw(1e6)}`,
      scope: 'site',
      allowStaff: life.chance(0.5),
    },
    [],
  ).outcome;
}
