/** What time it is: nobody knows, somebody lies, or the night has an hour twice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../config/schema.ts';
import { instant } from '../../drivers/contract/time.ts';
import { FLAT_KEY, hours, minutes, STORE_KEY, simulatedSite } from '../site.ts';

const at = (text: string) => instant(Date.parse(text));
const reason = (site: { last(type: 'access.denied'): { body: { [name: string]: unknown } } }) =>
  site.last('access.denied').body['reason'];

const slotTarget = (slot: number) => ({ kind: 'slot', id: `box:${slot}` }) as const;

test('no RTC and no network: what certainly ended stays ended, grace lasts its hours, staff get in', async () => {
  await using site = await simulatedSite({ seed: 21, onDisk: true, at: '2026-03-02T09:00:00Z' });
  const stay = {
    kind: 'instants',
    start: at('2026-03-02T08:00Z'),
    end: at('2026-03-05T10:00Z'),
  } as const;
  const gone = {
    kind: 'instants',
    start: at('2026-03-01T08:00Z'),
    end: at('2026-03-02T08:30Z'),
  } as const;
  await site.put({ id: 'stay', pin: '482913', window: stay });
  await site.put({ id: 'gone', pin: '390817', window: gone });
  await site.put({
    id: 'manager',
    pin: '771204',
    key: STORE_KEY.key,
    more: { options: { staff: true } },
  });
  await site.advance(minutes(3));

  site.cut();
  site.hasTimeServer = false;
  site.clock.shiftWall(-hours(24 * 400)); // the clock of a board without a battery
  await site.restart(minutes(20));
  assert.equal(site.daemon.desk.stamp().clock.state, 'broken');
  assert.ok(site.daemon.desk.stamp().clock.lo >= at('2026-03-02T09:02Z'), 'time never goes back');

  await site.type('390817#');
  assert.equal(reason(site), 'expired');
  await site.type('482913#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot], 'grace');
  await site.takeKey(FLAT_KEY.slot);
  await site.type('771204#');
  assert.equal(site.pulses(STORE_KEY.slot), 1);
});

test('an RTC that time servers proved and no network: a limited grant opens as ever, and no grace is spent', async () => {
  await using site = await simulatedSite({
    seed: 29,
    onDisk: true,
    at: '2026-03-02T09:00:00Z',
    withHardwareClock: true,
  });
  const stay = {
    kind: 'instants',
    start: at('2026-03-02T08:00Z'),
    end: at('2026-03-05T10:00Z'),
  } as const;
  await site.put({ id: 'stay', pin: '482913', window: stay });
  // At the first start nobody had vouched for it yet.
  for (const state of ['floor', 'trusted']) {
    site.hasTimeServer = true;
    await site.advance(minutes(3));
    site.cut();
    site.hasTimeServer = false;
    await site.restart(minutes(40));
    assert.equal(site.daemon.desk.stamp().clock.state, state);
  }
  assert.equal(site.daemon.desk.stamp().clock.graceLeft, undefined);
  await site.type('482913#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  const changes = site.journal.filter(({ type }) => type === 'system.clock_state');
  assert.equal(changes.at(-1)?.body['by'], 'rtc');
});

test('no RTC and no network: once grace is spent, a limited grant is refused, also after more restarts', async () => {
  await using site = await simulatedSite({
    seed: 22,
    onDisk: true,
    at: '2026-03-02T09:00:00Z',
    change: (config) => ({
      ...config,
      site: { ...config.site, policies: { ...config.site.policies, graceHours: 1 } },
    }),
  });
  const stay = {
    kind: 'instants',
    start: at('2026-03-02T08:00Z'),
    end: at('2026-03-09T10:00Z'),
  } as const;
  await site.put({ id: 'stay', pin: '482913', window: stay });
  await site.advance(minutes(2));
  site.hasTimeServer = false;
  for (let cuts = 0; cuts < 5; cuts += 1) {
    site.cut();
    await site.restart(); // each start costs a quarter of an hour of grace
  }
  await site.type('482913#');
  assert.equal(reason(site), 'clock-untrusted');
  site.hasTimeServer = true;
  await site.advance(minutes(1));
  await site.type('482913#');
  assert.equal(site.pulses(FLAT_KEY.slot), 1);
});

test('NTP lying: a leap into the future opens no stay early, and alarms', async () => {
  await using site = await simulatedSite({ seed: 23, at: '2026-03-02T09:00:00Z' });
  const later = {
    kind: 'instants',
    start: at('2026-03-04T09:00Z'),
    end: at('2026-03-06T09:00Z'),
  } as const;
  const now = {
    kind: 'instants',
    start: at('2026-03-02T08:00Z'),
    end: at('2026-03-02T12:00Z'),
  } as const;
  await site.put({ id: 'later', pin: '390817', window: later });
  await site.put({ id: 'now', pin: '482913', key: STORE_KEY.key, window: now });
  await site.advance(minutes(2));
  site.hasTimeServer = false; // nobody vouches for the new time
  site.clock.shiftWall(hours(60));
  await site.advance(minutes(1));
  assert.ok(site.types('security').includes('security.clock_jump'));
  await site.type('390817#');
  assert.equal(site.pulseCount, 0);
  assert.equal(reason(site), 'not-yet-valid');
  await site.type('482913#');
  assert.equal(site.pulses(STORE_KEY.slot), 1, 'who may come in now still may');
});

test('NTP lying: a time server that vouches for its lie opens nothing early and ends nothing, until a person states the time', async () => {
  // An hour of grace, so that the stay need not begin half a day later to be certainly ahead.
  const change = (config: Config): Config => ({
    ...config,
    site: { ...config.site, policies: { ...config.site.policies, graceHours: 1 } },
  });
  await using site = await simulatedSite({
    seed: 27,
    at: '2026-03-02T09:00:00Z',
    change,
    isSwift: true,
  });
  const window = (start: string, end: string) =>
    ({ kind: 'instants', start: at(start), end: at(end) }) as const;
  await site.put({
    id: 'later',
    pin: '390817',
    window: window('2026-03-02T11:00Z', '2026-03-06T09:00Z'),
  });
  await site.put({
    id: 'now',
    pin: '482913',
    key: STORE_KEY.key,
    window: window('2026-03-02T08:00Z', '2026-03-03T12:00Z'),
  });
  await site.advance(minutes(2));
  site.clock.shiftWall(hours(60)); // and the time server goes on saying so
  await site.advance(minutes(30));
  assert.equal(site.daemon.desk.stamp().clock.state, 'broken');
  const alarms = site.types('security').filter((type) => type === 'security.clock_jump');
  assert.equal(alarms.length, 1);
  await site.type('390817#');
  assert.equal(site.pulseCount, 0);
  assert.equal(reason(site), 'not-yet-valid');
  await site.type('482913#');
  assert.equal(site.pulses(STORE_KEY.slot), 1, 'who may come in now still may');
  await site.takeKey(STORE_KEY.slot);

  const { desk } = site.daemon;
  const real = () => instant(site.clock.now() - hours(60));
  assert.equal(desk.stateTime(real(), minutes(1), 'panel:anna'), true);
  await site.advance(100);
  assert.equal(site.last('system.config_changed').body['by'], 'panel:anna');
  site.clock.shiftWall(-hours(60)); // somebody saw to the time server
  await site.advance(minutes(1));
  assert.equal(desk.stamp().clock.state, 'trusted');
  assert.equal(desk.stateTime(real(), minutes(1), 'panel:anna'), false, 'nothing to confirm');
  await site.advance(minutes(90));
  await site.type('390817#');
  assert.equal(site.pulses(FLAT_KEY.slot), 1);
});

test('NTP lying: a leap into the past revives no stay that has ended', async () => {
  await using site = await simulatedSite({ seed: 24, at: '2026-03-02T09:00:00Z' });
  const gone = {
    kind: 'instants',
    start: at('2026-03-01T08:00Z'),
    end: at('2026-03-02T09:01Z'),
  } as const;
  await site.put({ id: 'gone', pin: '390817', window: gone });
  await site.advance(minutes(2));
  site.clock.shiftWall(-hours(20)); // and the time server agrees with it
  await site.advance(minutes(1));
  await site.type('390817#');
  assert.equal(site.pulseCount, 0);
  assert.equal(reason(site), 'expired');
});

test('night of the clock change, 2026-10-25 in Stockholm: the hour that comes twice is open twice, a stay ends at its later end', async () => {
  await using site = await simulatedSite({ seed: 25, at: '2026-10-25T00:28:00Z', isSwift: true });
  const schedule = {
    zone: 'Europe/Stockholm',
    weekly: [{ days: [7], from: '02:00', to: '02:30' }],
  } as const;
  const wall = {
    kind: 'wall',
    start: '2026-10-24T15:00',
    end: '2026-10-25T02:10',
    zone: 'Europe/Stockholm',
  } as const;
  const slot = 2;
  await site.put({ id: 'cleaner', pin: '482913', more: { schedule, targets: [slotTarget(slot)] } });
  await site.put({ id: 'stay', pin: '390817', more: { targets: [slotTarget(1)] }, window: wall });
  const opens = async (text: string, pin: string, number: number) => {
    await site.advance(Math.max(0, at(text) - site.clock.now()));
    const before = site.pulses(number);
    await site.type(`${pin}#`);
    if (site.pulses(number) === before) return reason(site);
    await site.advance(2000);
    site.hand('box', 'close-door', { slot: number });
    await site.advance(3000);
    return 'granted';
  };
  assert.equal(await opens('2026-10-25T00:28Z', '482913', slot), 'granted', '02:28 the first time');
  assert.equal(await opens('2026-10-25T00:31Z', '482913', slot), 'outside-schedule', '02:31');
  assert.equal(await opens('2026-10-25T00:31Z', '390817', 1), 'granted', '02:31, the stay goes on');
  assert.equal(
    await opens('2026-10-25T01:01Z', '482913', slot),
    'granted',
    '02:01 the second time',
  );
  assert.equal(await opens('2026-10-25T01:08Z', '390817', 1), 'granted', '02:08 the second time');
  assert.equal(await opens('2026-10-25T01:11Z', '390817', 1), 'expired', '02:11 the second time');
});

test('night of the clock change, 2026-03-29 in Stockholm: the hour that never comes opens nothing, and moves a start to after it', async () => {
  await using site = await simulatedSite({ seed: 26, at: '2026-03-29T00:50:00Z' });
  const schedule = {
    zone: 'Europe/Stockholm',
    weekly: [{ days: [7], from: '02:00', to: '03:00' }],
  } as const;
  const wall = {
    kind: 'wall',
    start: '2026-03-29T02:30',
    end: '2026-03-29T12:00',
    zone: 'Europe/Stockholm',
  } as const;
  await site.put({ id: 'cleaner', pin: '482913', key: STORE_KEY.key, more: { schedule } });
  await site.put({ id: 'stay', pin: '390817', window: wall });
  await site.type('390817#');
  assert.equal(reason(site), 'not-yet-valid');
  await site.advance(at('2026-03-29T01:01:00Z') - site.clock.now());
  await site.type('482913#');
  assert.equal(reason(site), 'outside-schedule');
  await site.type('390817#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
});

test('P5: a wall clock that was set back sets back no lock, whose codes go by its own', async () => {
  const seed = 37;
  await using site = await simulatedSite({
    seed,
    onDisk: true,
    withLock: true,
    at: '2026-03-02T09:00:00Z',
  });
  const { lock } = site;
  assert.ok(lock);
  const isRight = () => Math.abs(lock.clock - site.clock.now()) < minutes(1);
  await site.advance(minutes(1));
  lock.moveClock(-minutes(10));
  await site.advance(minutes(3));
  assert.ok(isRight(), 'time is known, and it is set');

  const back = hours(24 * 400);
  site.hasTimeServer = false;
  site.clock.shiftWall(-back);
  lock.moveClock(back); // on the door nothing has changed
  await site.advance(minutes(5));
  assert.ok(!isRight());
});
