/** The installer's guided run: a process of its own on the ports of simulated hardware, with a person's hands. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type CommissionSite, commissioned, commissionSite, type Hand } from './commission-site.ts';
import { ended, latchkey, printed, start } from './process.ts';

const BOX = `buses: { box-bus: { serial: "@/box-bus", baudRate: 19200 } }
devices:
  box: { driver: kerong-cu16, bus: box-bus, address: 2, slots: 3, pulseMs: 100 }
`;

const READERS = `buses:
  lobby: { tcp: "127.0.0.1:0" }
  pad-bus: { serial: "@/pad-bus", baudRate: 9600 }
  door-bus: { serial: "@/door-bus", baudRate: 9600 }
devices:
  fobs: { driver: rdm6300, bus: lobby }
  keypad: { driver: wiegand-serial, bus: pad-bus }
  door:
    driver: osdp
    bus: door-bus
    address: 1
    secureChannel: off
    strike: { output: 0 }
    inputs: [{ input: 0, as: door-contact }]
`;

const shutsDoors =
  (site: CommissionSite): Hand =>
  (line) => {
    const [, device, slot] = /(\S+) slot (\d+): open\. Shut it/.exec(line) ?? [];
    if (device !== undefined) site.do(device, 'close-door', { slot: Number(slot) });
  };

const usesReaders =
  (site: CommissionSite): Hand =>
  (line) => {
    if (/Hold a fob to fobs/.test(line)) site.do('fobs', 'show', { fob: '0F00012ABC', ms: 300 });
    if (/Hold a fob to door/.test(line)) site.do('door', 'show', { card: '123,4567' });
    if (/, at keypad, with the key/.test(line))
      site.do('keypad', 'press', { keys: '86420#', gap: 10 });
    if (/, at door, with the key/.test(line)) site.do('door', 'press', { keys: '97531#' });
    if (/Open the door of door/.test(line)) {
      site.do('door', 'input', { input: 0, closed: true });
      site.do('door', 'input', { input: 0, closed: false });
    }
  };

// Each waits for a person most of its time, so all may wait together.
describe('commission', { concurrency: true, timeout: 60_000 }, () => {
  test('a box is proven slot by slot, each opened once; the sheet is signed and the fragment holds', async () => {
    await using site = await commissionSite(BOX);
    const { status, output, sheet } = await site.run(['--yes', '--who', 'Ida'], shutsDoors(site));
    assert.equal(status, 0, output);
    assert.equal(sheet.result, 'accepted');
    assert.equal(sheet.who, 'Ida');
    const slots = sheet.proofs.filter(({ part }) => part === 'slot');
    assert.deepEqual(
      slots.map(({ slot, result }) => [slot, result]),
      [1, 2, 3].map((slot) => [slot, 'proven']),
    );
    assert.ok(slots.every(({ openMs = 0, shutMs = 0 }) => openMs > 0 && shutMs > 0));
    assert.deepEqual(pulses(site), [1, 1, 1]);
    assert.equal(sheet.proofs.find(({ part }) => part === 'presence')?.result, 'proven');
    await holds(site);

    const json = join(site.out, 'acceptance.json');
    const text = join(site.out, 'acceptance.txt');
    const held = [json, text].map(async (file) => {
      const good = await latchkey(['commission', 'verify', file, '--config', site.config]);
      assert.equal(good.status, 0, good.stdout + good.stderr);
      assert.match(good.stdout, /^intact .*accepted, hut-1/);
      writeFileSync(file, readFileSync(file, 'utf8').replace('Ida', 'Eve'));
      const changed = await latchkey(['commission', 'verify', file, '--json']);
      assert.equal(changed.status, 1);
      assert.match(JSON.parse(changed.stdout).why, /not what was signed/);
    });
    await Promise.all(held);
  });

  test('door and presence bits that are wired the other way round are learned', async () => {
    await using site = await commissionSite(BOX);
    await site.simulator.hardware.handle('box', 'invert');
    await site.simulator.hardware.handle('box', 'invert', { sensor: 'presence' });
    const { status, output, sheet } = await site.run(['--yes'], shutsDoors(site));
    assert.equal(status, 0, output);
    assert.equal(sheet.devices[0]?.learned.length, 2);
    assert.match(sheet.proofs.at(-1)?.seen ?? '', /bit inverted/);
    assert.deepEqual(pulses(site), [1, 1, 1]);
    assert.match(
      await holds(site),
      /polarity: \{ presence: inverted, door: inverted \}|polarity: \{ door: inverted, presence: inverted \}/,
    );
  });

  test('a jammed slot and a lying sensor are reported with what was seen, and the others proven', async () => {
    await using site = await commissionSite(BOX);
    await site.simulator.hardware.handle('box', 'jam', { slot: 2 });
    await site.simulator.hardware.handle('box', 'lie', { slot: 3 });
    const { status, sheet } = await site.run(['--yes'], shutsDoors(site));
    assert.equal(status, 1);
    assert.equal(sheet.result, 'not-accepted');
    const [one, two, three] = sheet.proofs.filter(({ part }) => part === 'slot');
    assert.equal(one?.result, 'proven');
    assert.equal(two?.result, 'failed');
    assert.match(two?.seen ?? '', /stayed at "shut": jammed/);
    assert.match(three?.seen ?? '', /the other way round than those before/);
    assert.equal(sheet.open.length, 2);
    assert.deepEqual(pulses(site), [1, 1, 1]);
  });

  test('readers, a keypad and a door are proven over pty and TCP; no digit and no number is kept', async () => {
    await using site = await commissionSite(READERS);
    mkdirSync(site.out);
    const trace = join(site.out, 'door-bus.osdpcap');
    const { status, output, sheet } = await site.run(
      ['--yes', '--within', '5', '--without', 'keypad:fob', '--osdp-trace', trace],
      usesReaders(site),
    );
    assert.equal(status, 0, output);
    const seen = sheet.proofs.map(({ device, part, result, seen: what }) => [
      `${device} ${part}`,
      result,
      what,
    ]);
    assert.deepEqual(
      seen.filter(([what]) => what !== 'door lock'),
      [
        ['fobs fob', 'proven', 'em4100, 40 bits'],
        ['keypad fob', 'not-fitted', 'it has none'],
        ['keypad pin', 'proven', '5 digits'],
        ['door contact', 'proven', 'opened and shut'],
        ['door fob', 'proven', 'wiegand, 26 bits'],
        ['door pin', 'proven', '5 digits'],
      ],
    );
    assert.equal(sheet.proofs.find(({ part }) => part === 'lock')?.result, 'proven');
    assert.ok(sheet.devices.find(({ device }) => device === 'door')?.hardware);
    const frames = readFileSync(trace, 'utf8').trimEnd().split('\n');
    const told = frames.map((line) => JSON.parse(line)).map(({ io, data }) => `${io} ${data}`);
    assert.match(told[0] ?? '', /^output 53 01 /); // to the reader at address 1, and what it answered
    assert.ok(told.some((frame) => /^input 53 81 .{9}50 (00 )+/.test(frame)));
    assert.ok(told.some((frame) => /^input 53 81 .{9}53 (00 )+/.test(frame)));
    assert.equal(statSync(trace).mode & 0o777, 0o600);
    const kept = readdirSync(site.out).map((name) => readFileSync(join(site.out, name), 'utf8'));
    const keys = '39 37 35 33 31';
    for (const secret of ['86420', '97531', '0F00012ABC', '0f00012abc', '4567', keys]) {
      for (const text of [output, ...kept]) assert.ok(!text.includes(secret), secret);
    }
  });

  test('a dead reader, wrong checks and swapped wires are told apart', async () => {
    await using site = await commissionSite(READERS);
    await site.simulator.hardware.handle('door', 'power', { on: false });
    await site.simulator.hardware.handle('keypad', 'swap-wires');
    await site.simulator.hardware.handle('fobs', 'garble');
    const { status, sheet } = await site.run(
      ['--yes', '--within', '2', '--without', 'keypad:fob'],
      usesReaders(site),
    );
    assert.equal(status, 1);
    assert.equal(sheet.result, 'not-accepted');
    const failed = new Map(sheet.proofs.map((each) => [`${each.device} ${each.part}`, each]));
    assert.match(failed.get('fobs fob')?.seen ?? '', /wrong checks/);
    assert.equal(failed.get('keypad pin')?.result, 'failed');
    assert.equal(failed.get('door lock')?.result, 'not-tried');
    assert.ok(
      sheet.open.some((line) => /^door: silent/.test(line)),
      sheet.open.join('\n'),
    );
  });

  test('what is on bare wires is found, named, proven, and put into the fragment', async () => {
    const wires = `buses: { box-bus: { serial: "@/box-bus" }, lobby: { tcp: "127.0.0.1:0" } }\n`;
    await using site = await commissionSite(
      `${wires}devices:
  box: { driver: kerong-cu48b, bus: box-bus, address: 3, slots: 2, pulseMs: 100 }
  fobs: { driver: rdm6300, bus: lobby }
`,
      wires,
    );
    const child = site.begin(
      ['--bus', 'box-bus', '--who', 'Ida'],
      (line) => {
        if (/Name for kerong-cu48b at address 3/.test(line))
          child.stdin?.write('wrong name\nbox\n');
        if (/How many slots/.test(line)) child.stdin?.write('2\n');
        if (/Begin\?|empty of keys\?/.test(line)) child.stdin?.write('y\n');
      },
      shutsDoors(site),
    );
    const { status, output, sheet } = await commissioned(child, site.out);
    assert.equal(status, 0, output);
    assert.equal(sheet.devices[0]?.found, true);
    assert.deepEqual(pulses(site), [1, 1]);
    assert.match(
      await holds(site),
      /box: \{ driver: kerong-cu48b, bus: box-bus, address: 3, slots: 2 \}/,
    );
  });

  test('Ctrl-C ends the run: what was proven is written, and nothing more is opened', async () => {
    await using site = await commissionSite(BOX);
    const child = site.begin(['--yes'], (line) => {
      if (/slot 2: open\. Shut/.test(line)) child.kill('SIGINT');
      else shutsDoors(site)(line);
    });
    const { status, sheet, output } = await commissioned(child, site.out);
    assert.equal(status, 1, output);
    assert.equal(sheet.result, 'interrupted');
    const slots = sheet.proofs.filter(({ part }) => part === 'slot');
    assert.deepEqual(
      slots.map(({ slot, result }) => [slot, result]),
      [
        [1, 'proven'],
        [2, 'failed'],
      ],
    );
    assert.deepEqual(pulses(site), [1, 1, 0]);
  });

  test('beside a running daemon nothing is touched; wrong arguments are told', async () => {
    await using site = await commissionSite(BOX);
    writeFileSync(join(site.directory, 'pepper'), '07'.repeat(32), { mode: 0o600 });
    writeFileSync(
      site.config,
      `${readFileSync(site.config, 'utf8')}secrets: { pinPepper: "file:${site.directory}/pepper" }\napi: { listen: "127.0.0.1:0" }\n`,
    );
    const daemon = start(['run', '--config', site.config]);
    await printed(daemon, /"event":"started"/);
    const beside = await latchkey(['commission', '--config', site.config, '--yes']);
    assert.equal(beside.status, 2);
    assert.match(beside.stderr, /the daemon runs \(process \d+\).*stop it first/);
    daemon.kill('SIGTERM');
    await ended(daemon);
    assert.deepEqual(pulses(site), [0, 0, 0]);

    const nowhere = join(site.directory, 'nowhere', 'x.osdpcap');
    const [none, bus, part, sheet, who, trace] = await Promise.all([
      latchkey(['commission']),
      latchkey(['commission', '--config', site.config, '--bus', 'nowhere']),
      latchkey(['commission', '--config', site.config, '--without', 'box']),
      latchkey(['commission', 'verify', site.config]),
      latchkey(['commission', '--config', site.config, '--without', 'none:fob']),
      latchkey(['commission', '--config', site.config, '--osdp-trace', nowhere, '--yes']),
    ]);
    const statuses = [none, bus, part, sheet, who, trace].map(({ status }) => status);
    assert.deepEqual(statuses, [2, 2, 2, 1, 2, 2]);
    assert.match(trace.stderr, /--osdp-trace: .*no such file.*name a file that can be written/);
    assert.match(who.stderr, /there is no device none/);
    assert.match(bus.stderr, /there is no bus nowhere; there are box-bus/);
    assert.match(sheet.stdout, /no signature in it/);
  });
});

function pulses(site: CommissionSite): readonly number[] {
  const look: unknown = site.simulator.hardware.device('box')?.look();
  const { slots } = Object(look);
  return Object.values(Object(slots)).map((slot) => Number(Object(slot).pulses));
}

/** The fragment in the place of the config's own sections passes check-config; resolves with its text. */
async function holds(site: CommissionSite): Promise<string> {
  const fragment = readFileSync(join(site.out, 'devices.yaml'), 'utf8');
  const head = readFileSync(site.config, 'utf8').split('buses:')[0];
  const pasted = join(site.directory, 'pasted.yaml');
  writeFileSync(pasted, `${head}${fragment}`);
  const checked = await latchkey(['check-config', pasted]);
  assert.equal(checked.status, 0, checked.stdout + checked.stderr);
  return fragment;
}
