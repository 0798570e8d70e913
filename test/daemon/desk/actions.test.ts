import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceId, slotNumber } from '../../../drivers/contract/device.ts';
import { instant } from '../../../drivers/contract/time.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { OwnCloud } from '../../../simulator/site/own-cloud.ts';
import { FLAT_KEY, simulatedSite } from '../../site.ts';
import { Exchange } from '../cloud/cloud-and-bridge.ts';

test('the journal names the key that signed a command, and the person where the cloud names one', async () => {
  const exchange = new Exchange();
  await using site = await simulatedSite({ seed: 5, broker: exchange });
  const key = site.enrolment.senders.find(({ kid }) => kid.startsWith('cc-'));
  assert.ok(key);
  await using cloud = await site.settling(
    OwnCloud.join({ broker: exchange, key, clock: site.clock, random: seededRandom(5) }),
  );
  const lockdown = { scope: 'site', level: 'deny_entry', allowStaff: true } as const;
  await site.settling(cloud.client.send('lockdown', lockdown));
  assert.equal(site.last('security.lockdown').body['by'], `cloud:${key.kid}`);
  await site.settling(
    cloud.client.send('slot.open', { dev: 'box', slot: 5, by: 'p_7', reason: 'stranded' }),
  );
  assert.equal(site.last('access.commanded').body['by'], 'p_7');
});

test('P6: a lockdown takes back an opening that its driver holds until the solenoid has rested', async () => {
  const exchange = new Exchange();
  await using site = await simulatedSite({ seed: 6, broker: exchange });
  const key = site.enrolment.senders.find(({ kid }) => kid.startsWith('cc-'));
  assert.ok(key);
  await using cloud = await site.settling(
    OwnCloud.join({ broker: exchange, key, clock: site.clock, random: seededRandom(6) }),
  );
  await site.advance(5000);
  const open = () => cloud.client.send('slot.open', { dev: 'box', slot: 5, reason: 'stranded' });
  assert.equal((await site.settling(open())).status, 'ok');
  const pulses = site.pulseCount;
  const second = open();
  await site.advance(50);
  const lockdown = { scope: 'site', level: 'deny_entry', allowStaff: true } as const;
  await site.settling(cloud.client.send('lockdown', lockdown));
  const { status } = await site.settling(second);
  await site.advance(10_000);
  assert.equal(site.pulseCount, pulses);
  assert.notEqual(status, 'ok');
});

test('P6: a grant that is changed takes back an opening that its driver holds until the solenoid has rested', async () => {
  await using site = await simulatedSite({ seed: 7 });
  await site.put({ id: 'stay', pin: '482913' });
  const box = deviceId('box');
  const slot = slotNumber(FLAT_KEY.slot);
  const openedWhile = async (change: () => Promise<void>) => {
    await site.command({ kind: 'slot.open', by: 'anna', device: box, slot });
    const pulses = site.pulseCount;
    const decided = site.types('access').filter((type) => type === 'access.granted').length;
    site.hand('keypad', 'press', { keys: '482913#' });
    const isDecided = () =>
      site.types('access').filter((type) => type === 'access.granted').length > decided;
    await site.clock.runUntil(isDecided, 3000);
    await change();
    await site.advance(5000);
    site.hand('box', 'close-door', { slot });
    await site.advance(60_000);
    return site.pulseCount - pulses;
  };
  assert.equal(await openedWhile(async () => {}), 1);
  const end = instant(site.clock.now() - 1);
  const over = { id: 'stay', rev: 2, pin: '482913', window: { kind: 'instants', end } } as const;
  assert.equal(await openedWhile(() => site.put(over)), 0);
});
