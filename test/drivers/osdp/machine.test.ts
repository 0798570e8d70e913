import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scan } from '../../../drivers/osdp/frame.ts';
import type { DeviceSurroundings } from '../../../simulator/device.ts';
import { SimulatedOsdpPd } from '../../../simulator/devices/osdp-pd.ts';
import { bench, keyOf } from './bench.ts';
import { toHex } from './hex.ts';

const STRIKE = { strike: { output: 1 } };

for (const security of ['secure', 'clear'] as const) {
  const reader = security === 'clear' ? { key: 'off' } : {};

  test(`${security}: a card shown is a card read`, async () => {
    await using site = await bench([reader]);
    await site.online();
    assert.equal(site.seen(0, 'session'), security);
    site.do(0, 'show', { card: '123,4567' });
    await site.clock.advance(200);
    const [card, ...more] = site.ofKind('card-read');
    assert.equal(more.length, 0);
    assert.equal(card?.bitCount, 26);
    assert.equal(card?.technology, 'wiegand');
    assert.equal(toHex(card?.bits ?? new Uint8Array()), 'BD88EB80');
  });

  test(`${security}: a code typed, key by key or all at once, is one code`, async () => {
    await using site = await bench([reader]);
    await site.online();
    site.do(0, 'press', { keys: '1122#' });
    await site.clock.advance(1000);
    site.do(0, 'press', { keys: '0070#', together: true });
    await site.clock.advance(500);
    assert.deepEqual(
      site.ofKind('code-entered').map(({ digits }) => digits),
      ['1122', '0070'],
    );
    assert.equal(site.ofKind('keypad').length, 8);
  });

  test(`${security}: an unlock is one pulse timed by the reader, seen to happen and to end`, async () => {
    await using site = await bench([{ ...reader, options: STRIKE }]);
    await site.online();
    assert.deepEqual(
      site.ofKind('lock-state').map(({ state, first }) => [state, first]),
      [['locked', true]],
    );
    const id = site.ask(0, { kind: 'unlock', hold: 3000 });
    await site.clock.advance(400);
    const { result, sent, acknowledged, observed } = site.resultOf(id);
    assert.deepEqual([result, sent, acknowledged, observed], ['done', true, true, true]);
    assert.equal(site.seen(0, 'outputs', 1, 'isOn'), true);
    await site.clock.advance(4000);
    assert.equal(site.seen(0, 'outputs', 1, 'isOn'), false);
    assert.equal(site.seen(0, 'outputs', 1, 'pulses'), 1);
    assert.deepEqual(
      site.ofKind('lock-state').map(({ state }) => state),
      ['locked', 'unlocked', 'locked'],
    );
  });

  test(`${security}: a door contact and an exit button are told with the wiring they have`, async () => {
    const inputs = [
      { input: 0, as: 'door-contact', activeWhen: 'open' },
      { input: 2, as: 'exit-button' },
    ];
    await using site = await bench([{ ...reader, options: { inputs } }]);
    site.do(0, 'input', { input: 0, closed: true });
    await site.online();
    site.do(0, 'input', { input: 0, closed: false });
    await site.clock.advance(300);
    site.do(0, 'input', { input: 2, closed: true });
    await site.clock.advance(300);
    assert.deepEqual(
      site.ofKind('door-contact').map(({ isOpen, first }) => [isOpen, first]),
      [
        [false, true],
        [true, false],
      ],
    );
    assert.deepEqual(
      site.ofKind('input').map(({ input, active, first }) => [input, active, first]),
      [
        [2, false, true],
        [2, true, false],
      ],
    );
  });

  test(`${security}: a reader that starts again is back at once, and half a code joins nothing`, async () => {
    await using site = await bench([reader]);
    await site.online();
    site.do(0, 'press', { keys: '12' });
    await site.clock.advance(500);
    site.do(0, 'reboot');
    await site.clock.advance(1500);
    site.do(0, 'press', { keys: '34#' });
    await site.clock.advance(1000);
    assert.deepEqual(
      site.ofKind('code-entered').map(({ digits }) => digits),
      ['34'],
    );
    assert.equal(site.ofKind('offline').length, 0);
    assert.deepEqual(
      site.ofKind('power').map(({ state }) => state),
      ['rebooted', 'rebooted'],
    );
    assert.deepEqual(site.seen(0, 'leds', 0), { colour: 'red', isBlinking: false });
  });

  test(`${security}: lost and broken frames lose neither card nor key`, async () => {
    await using site = await bench([reader], { seed: 7 });
    await site.online();
    site.bus.setFaults({ lose: 0.05, noise: 0.2, stray: 0.1 });
    for (let shown = 0; shown < 20; shown += 1) {
      site.do(0, 'show', { card: `1,${shown}` });
      await site.clock.advance(3000);
    }
    const numbers = site.ofKind('card-read').map(({ bits }) => toHex(bits));
    assert.equal(new Set(numbers).size, numbers.length, 'none twice');
    assert.equal(numbers.length, 20, 'none lost');
  });
}

test('what the person sees and hears', async () => {
  await using site = await bench([{}]);
  await site.online();
  const shows = async (signal: 'granted' | 'denied' | 'wait' | 'idle', text?: string) => {
    site.ask(0, { kind: 'feedback', signal, ...(text === undefined ? {} : { text }) });
    await site.clock.advance(500);
    return site.seen(0, 'leds', 0);
  };
  assert.deepEqual(await shows('granted', 'SLOT 12'), { colour: 'green', isBlinking: false });
  assert.equal(site.seen(0, 'text'), 'SLOT 12');
  assert.equal(site.seen(0, 'beeps'), 1);
  assert.deepEqual(await shows('denied'), { colour: 'red', isBlinking: true });
  assert.equal(site.seen(0, 'beeps'), 4);
  assert.deepEqual(await shows('wait'), { colour: 'amber', isBlinking: true });
  assert.deepEqual(await shows('idle'), { colour: 'red', isBlinking: false });
  assert.equal(site.ofKind('actuation-result').length, 0);
});

test('a wrong key never becomes clear text, nor the default key', async () => {
  await using site = await bench([{ key: keyOf(9), options: STRIKE }]);
  await site.clock.advance(60_000);
  assert.equal(site.ofKind('online').length, 0);
  assert.equal(site.ofKind('offline').length, 1);
  assert.equal(site.ofKind('offline')[0]?.why, 'answers, but gives no secure session');
  const [fault] = site.ofKind('fault');
  assert.equal(fault?.fault, 'secure-channel');
  for (const bytes of site.sent) {
    const found = scan(bytes);
    assert.ok(found.kind === 'frame');
    assert.ok([0x61, 0x62, 0x76].includes(found.frame.code), `sent ${toHex(bytes)}`);
    if (found.frame.code === 0x76) assert.deepEqual([...(found.frame.security?.data ?? [])], [1]);
  }
  const id = site.ask(0, { kind: 'unlock', hold: 1000 });
  await site.clock.advance(100);
  assert.equal(site.resultOf(id).result, 'refused');
});

test('a reader as delivered is not used outside an install window', async () => {
  await using site = await bench([{ pd: { key: undefined }, key: keyOf(0) }]);
  await site.clock.advance(30_000);
  assert.equal(site.ofKind('online').length, 0);
  assert.equal(site.seen(0, 'session'), 'clear');
});

for (const clearKeysetAck of [false, true]) {
  const acked = clearKeysetAck ? 'in clear' : 'under the session';
  test(`inside an install window a new reader gets its key (acknowledged ${acked})`, async () => {
    const install = { until: '2026-03-02T09:10:00Z' };
    await using site = await bench([
      { pd: { key: undefined, clearKeysetAck }, key: keyOf(0), options: { install } },
    ]);
    await site.online();
    assert.equal(site.seen(0, 'session'), 'secure');
    site.do(0, 'show', { card: '1,2' });
    await site.clock.advance(300);
    assert.equal(site.ofKind('card-read').length, 1);
    assert.deepEqual(
      site.ofKind('fault').map(({ state }) => state),
      ['raised', 'cleared'],
      'that a key was written is told',
    );
  });
}

test('after its end, and without a wall clock, an install window is closed', async () => {
  const over = { install: { until: '2026-03-02T08:59:00Z' } };
  const open = { install: { until: '2027-03-02T08:59:00Z' } };
  await using late = await bench([{ pd: { key: undefined }, key: keyOf(0), options: over }]);
  await using blind = await bench([{ pd: { key: undefined }, key: keyOf(0), options: open }], {
    noWall: true,
  });
  for (const site of [late, blind]) {
    await site.clock.advance(20_000);
    assert.equal(site.ofKind('online').length, 0);
    assert.equal(site.seen(0, 'sessions'), 0);
  }
});

test('inside an install window a new reader is moved from where it was delivered', async () => {
  const install = { until: '2026-03-02T09:10:00Z', from: { address: 0, baudRate: 9600 } };
  await using site = await bench(
    [
      { address: 3, pd: { baudRate: 38_400 } },
      {
        address: 5,
        pd: { address: 0, baudRate: 9600, key: undefined },
        key: keyOf(1),
        options: { install },
      },
    ],
    { baudRate: 38_400 },
  );
  await site.online(0);
  await site.online(1);
  assert.equal(site.seen(1, 'address'), 5);
  assert.equal(site.seen(1, 'session'), 'secure');
  assert.equal(site.ofKind('offline', 0).length, 0, 'the others go on meanwhile');
});

test('a busy reader is asked again and loses nothing', async () => {
  await using site = await bench([{ options: STRIKE }]);
  await site.online();
  site.do(0, 'busy', { times: 3 });
  site.do(0, 'show', { card: '1,2' });
  const id = site.ask(0, { kind: 'unlock', hold: 1000 });
  await site.clock.advance(2000);
  assert.equal(site.resultOf(id).result, 'done');
  assert.equal(site.seen(0, 'outputs', 1, 'pulses'), 1);
  assert.equal(site.ofKind('card-read').length, 1);
  assert.equal(site.seen(0, 'sessions'), 1, 'in the same session');
});

test('an unlock to a reader that stays busy is not done late', async () => {
  await using site = await bench([{ options: STRIKE }]);
  await site.online();
  site.do(0, 'busy', { times: 8 });
  const id = site.ask(0, { kind: 'unlock', hold: 1000 }, 1000);
  await site.clock.advance(10_000);
  assert.notEqual(site.resultOf(id).result, 'done');
  assert.equal(site.seen(0, 'outputs', 1, 'pulses'), 0);
});

test('an unlock whose reply is lost is not a second pulse', async () => {
  await using site = await bench([{ options: STRIKE }]);
  await site.online();
  site.do(0, 'drop-reply', { times: 2 });
  const id = site.ask(0, { kind: 'unlock', hold: 3000 }, 5000);
  await site.clock.advance(3000);
  assert.equal(site.resultOf(id).result, 'done');
  assert.equal(site.seen(0, 'outputs', 1, 'pulses'), 1);
});

test('an unlock is not sent after its time, nor taken up when the reader is back', async () => {
  await using site = await bench([{ options: STRIKE }]);
  await site.online();
  site.do(0, 'mute', { on: true });
  await site.clock.advance(300);
  const id = site.ask(0, { kind: 'unlock', hold: 1000 });
  await site.clock.advance(2500);
  const { result, sent } = site.resultOf(id);
  assert.ok(result === 'unknown' ? sent : result === 'refused');
  site.do(0, 'mute', { on: false });
  await site.clock.advance(30_000);
  assert.equal(site.seen(0, 'outputs', 1, 'pulses'), 0);
});

test('an unlock taken back before it was sent is refused', async () => {
  await using site = await bench([{ options: STRIKE }]);
  await site.online();
  site.do(0, 'mute', { on: true });
  await site.clock.advance(1600);
  const id = site.ask(0, { kind: 'unlock', hold: 1000 });
  site.running.withdraw(id);
  const { result, sent, detail } = site.resultOf(id);
  assert.deepEqual([result, sent, detail], ['refused', false, 'withdrawn']);
});

test('what cannot be timed, or is not there, is refused', async () => {
  await using site = await bench([{ options: STRIKE }, {}]);
  await site.online();
  for (const [place, hold] of [
    [0, 0],
    [0, -5],
    [0, Number.NaN],
    [0, 6_553_600],
    [1, 1000],
  ] as const) {
    const id = site.ask(place, { kind: 'unlock', hold });
    assert.equal(site.resultOf(id).result, 'refused');
  }
  await site.clock.advance(500);
  assert.equal(site.seen(0, 'outputs', 1, 'pulses'), 0);
});

test('a fail-safe magnet is released for the time and energised again', async () => {
  const strike = { output: 0, energised: 'locks' };
  await using site = await bench([{ options: { strike } }]);
  await site.online();
  const lock = site.ask(0, { kind: 'lock' });
  await site.clock.advance(300);
  assert.equal(site.resultOf(lock).result, 'done');
  assert.equal(site.seen(0, 'outputs', 0, 'isOn'), true);
  const id = site.ask(0, { kind: 'unlock', hold: 1000 });
  await site.clock.advance(300);
  assert.deepEqual([site.resultOf(id).result, site.resultOf(id).observed], ['done', true]);
  assert.equal(site.seen(0, 'outputs', 0, 'isOn'), false);
  await site.clock.advance(2000);
  assert.equal(site.seen(0, 'outputs', 0, 'isOn'), true);
});

test('an output that does not exist is a failure', async () => {
  await using site = await bench([{ options: { strike: { output: 9 } } }]);
  await site.online();
  const id = site.ask(0, { kind: 'unlock', hold: 1000 });
  await site.clock.advance(300);
  assert.equal(site.resultOf(id).result, 'failed');
});

test('a silent reader is offline after eight seconds, and back when it answers', async () => {
  await using site = await bench([{}]);
  await site.online();
  site.do(0, 'mute', { on: true });
  const from = site.clock.uptime();
  await site.clock.runUntil(() => site.ofKind('offline').length > 0, 20_000);
  const after = site.clock.uptime() - from;
  assert.ok(after >= 7900 && after <= 8100, `after ${after} ms`);
  assert.equal(site.ofKind('offline')[0]?.why, 'silent');
  site.do(0, 'mute', { on: false });
  await site.clock.advance(31_000);
  assert.equal(site.ofKind('online').length, 2);
  site.do(0, 'show', { card: '1,2' });
  await site.clock.advance(300);
  assert.equal(site.ofKind('card-read').length, 1);
});

test('tamper is told once each way', async () => {
  await using site = await bench([{}]);
  await site.online();
  for (const open of [true, true, false]) {
    site.do(0, 'tamper', { open });
    await site.clock.advance(200);
  }
  assert.deepEqual(
    site.ofKind('tamper').map(({ state }) => state),
    ['raised', 'cleared'],
  );
  assert.deepEqual(
    site.ofKind('power').map(({ state }) => state),
    ['rebooted'],
  );
});

test('another reader at the address is told, and with a serial in the config not used', async () => {
  await using site = await bench([{}, { options: { serial: '01020304' } }]);
  await site.online();
  site.do(0, 'replace', { serial: 77 });
  site.do(1, 'replace', { serial: 78 });
  await site.clock.advance(20_000);
  assert.deepEqual(
    [0, 1].map((place) => site.ofKind('fault', place).map((each) => [each.fault, each.state])),
    [[['identity-changed', 'raised']], [['identity-changed', 'raised']]],
  );
  assert.equal(site.ofKind('offline', 0).length, 0);
  assert.equal(site.ofKind('offline', 1).length, 1);
  assert.deepEqual(
    site.ofKind('identity', 0).map(({ serial }) => serial),
    ['01020304', '0000004D'],
  );
});

test('state and identity are read again when asked for', async () => {
  const inputs = [{ input: 0, as: 'door-contact', activeWhen: 'open' }];
  await using site = await bench([{ options: { ...STRIKE, inputs } }]);
  await site.online();
  const [state, identity] = [
    site.ask(0, { kind: 'read-state' }),
    site.ask(0, { kind: 'identify' }),
  ];
  await site.clock.advance(1000);
  assert.equal(site.resultOf(state).result, 'done');
  assert.equal(site.resultOf(identity).result, 'done');
  assert.deepEqual(
    site.ofKind('door-contact').map(({ isOpen, first }) => [isOpen, first]),
    [
      [true, true],
      [true, true],
    ],
  );
  assert.equal(site.ofKind('identity').length, 2);
});

test('cards that are no cards are told as malformed', async () => {
  await using site = await bench([{ options: { formats: ['h10301'] } }]);
  await site.online();
  site.do(0, 'show', { bits: 'BD88EB00', bitCount: 26 });
  site.do(0, 'show', { bits: 'BD88EB80FF', bitCount: 34 });
  site.do(0, 'show', { bits: 'BD88', bitCount: 26 });
  site.do(0, 'show', { card: '1,2', head: 1 });
  await site.clock.advance(1000);
  assert.equal(site.ofKind('card-read').length, 0);
  assert.equal(site.ofKind('card-malformed').length, 4);
});

test('a card ends a code half typed', async () => {
  await using site = await bench([{}]);
  await site.online();
  site.do(0, 'press', { keys: '12' });
  site.do(0, 'show', { card: '1,2' });
  site.do(0, 'press', { keys: '34#' });
  await site.clock.advance(2000);
  assert.deepEqual(
    site.ofKind('code-entered').map(({ digits }) => digits),
    ['34'],
  );
});

test('a link that goes down forgets half a code and tells all that waited', async () => {
  await using site = await bench([{ options: STRIKE }]);
  await site.online();
  site.do(0, 'mute', { on: true });
  await site.clock.advance(100);
  const id = site.ask(0, { kind: 'unlock', hold: 1000 });
  await site.clock.advance(100);
  await site.port.unplug();
  await site.clock.settle();
  const { result, sent } = site.resultOf(id);
  assert.ok(sent ? result === 'unknown' : result === 'refused');
  assert.equal(site.ofKind('offline').length, 1);
});

test('somebody else asking on the bus is told', async () => {
  await using site = await bench([{}]);
  await site.online();
  site.bus.toHost.carry(Uint8Array.from(Buffer.from('53010800066 0D866'.replace(' ', ''), 'hex')));
  await site.clock.advance(100);
  assert.deepEqual(
    site.ofKind('fault').map(({ fault, state }) => [fault, state]),
    [['foreign-master', 'raised']],
  );
  await site.clock.advance(70_000);
  assert.equal(site.ofKind('fault').at(-1)?.state, 'cleared');
});

test('an adapter that echoes is no foreign master', async () => {
  await using site = await bench([{}]);
  site.bus.echo = true;
  await site.online();
  site.do(0, 'show', { card: '1,2' });
  await site.clock.advance(300);
  assert.equal(site.ofKind('card-read').length, 1);
  assert.equal(site.ofKind('fault').length, 0);
});

test('two readers with one address are told as a clash', async () => {
  await using site = await bench([{}, {}]);
  await site.online();
  const twin = (around: DeviceSurroundings) =>
    new SimulatedOsdpPd('twin', { address: 0, key: keyOf(7) }, around);
  site.bus.attach('twin', twin);
  await site.clock.advance(60_000);
  assert.equal(site.ofKind('fault', 0)[0]?.fault, 'address-clash');
  assert.equal(site.ofKind('offline', 0)[0]?.why, 'answers garbage');
  assert.equal(site.ofKind('fault', 1).length, 0);
  assert.equal(site.ofKind('offline', 1).length, 0);
  site.bus.detach('twin');
  await site.clock.advance(60_000);
  assert.equal(site.ofKind('fault', 0).at(-1)?.state, 'cleared');
});

test('a reader that is busy without end is offline, and back when it has time', async () => {
  await using site = await bench([{}]);
  await site.online();
  site.do(0, 'busy', { times: 1000 });
  await site.clock.advance(12_000);
  assert.equal(site.ofKind('offline').length, 1);
  site.do(0, 'busy', { times: 0 });
  await site.clock.advance(5000);
  assert.equal(site.ofKind('online').length, 2);
});

test('a reader that knows checksums only', async () => {
  await using site = await bench([{ key: 'off', options: { check: 'checksum' } }]);
  await site.online();
  site.do(0, 'show', { card: '1,2' });
  await site.clock.advance(300);
  assert.equal(site.ofKind('card-read').length, 1);
  for (const bytes of site.sent) assert.equal((bytes[4] ?? 0) & 0x04, 0);
});

test('a refusal that is shown while the session is lost is shown in the next', async () => {
  await using site = await bench([{}]);
  await site.online();
  await site.clock.advance(1000);
  site.do(0, 'reboot');
  site.ask(0, { kind: 'feedback', signal: 'denied' });
  await site.clock.advance(1000);
  assert.deepEqual(site.seen(0, 'leds', 0), { colour: 'red', isBlinking: true });
  assert.equal(site.seen(0, 'beeps'), 3);
});

test('a slow gateway that cuts every frame into bytes', async () => {
  await using site = await bench([{ options: STRIKE }]);
  site.bus.setFaults({ split: 4, delay: 30 });
  await site.online();
  await site.clock.advance(3000); // until it has nothing old to hand over
  site.do(0, 'show', { card: '1,2' });
  const id = site.ask(0, { kind: 'unlock', hold: 2000 });
  await site.clock.advance(2000);
  assert.equal(site.ofKind('card-read').length, 1);
  assert.equal(site.resultOf(id).result, 'done');
});

test('replies that come twice or late end nothing', async () => {
  await using site = await bench([{}, {}]);
  await site.online();
  site.bus.setFaults({ duplicate: 0.5, delay: 120 }, { direction: 'to-host' });
  for (let shown = 0; shown < 10; shown += 1) {
    site.do(0, 'show', { card: `1,${shown}` });
    await site.clock.advance(2000);
  }
  assert.equal(site.ofKind('card-read').length, 10);
  assert.equal(site.seen(0, 'sessions'), 1);
});

test('what a reader kept while nobody asked opens nothing when it is asked again, and joins no code', async () => {
  await using site = await bench([{ options: { entry: { end: '#' } } }]);
  await site.online();
  site.do(0, 'press', { keys: '12' });
  await site.clock.advance(500);
  site.bus.cut();
  await site.clock.advance(20_000);
  assert.equal(site.ofKind('offline').length, 1);
  site.do(0, 'show', { card: '1,2' });
  site.do(0, 'press', { keys: '34' });
  await site.clock.advance(1000);
  site.bus.mend();
  await site.clock.runUntil(() => site.ofKind('online').length === 2, 60_000);
  await site.clock.advance(1500);
  site.do(0, 'press', { keys: '56#' });
  site.do(0, 'show', { card: '3,4' });
  await site.clock.advance(1500);
  assert.deepEqual(
    site.ofKind('code-entered').map(({ digits }) => digits),
    ['56'],
  );
  assert.equal(site.ofKind('card-read').length, 1);
});

test('a card that its reader repeats twenty times a second is one showing, and another once it was away', async () => {
  await using site = await bench([{}]);
  await site.online();
  const hold = async (card: string, times: number) => {
    for (let time = 0; time < times; time += 1) {
      site.do(0, 'show', { card });
      await site.clock.advance(50);
    }
    await site.clock.advance(300);
  };
  await hold('1,2', 60);
  assert.equal(site.ofKind('card-read').length, 1);
  await hold('1,3', 5);
  assert.equal(site.ofKind('card-read').length, 2);
  await site.clock.advance(2000);
  await hold('1,2', 5);
  assert.equal(site.ofKind('card-read').length, 3);
});
