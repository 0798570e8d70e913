/**
 * From a Debian with nothing on it to a guest who is let in, by the page on installing alone: its commands are run as
 * they stand, in their order, and its example of a config is what is wired. Hands and hardware are the simulator's.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { packages } from '../../daemon/packaging/main.ts';
import { simulatedKinds } from '../../simulator/devices/catalogue.ts';
import { type Simulator, startSimulator } from '../../simulator/simulator.ts';
import { readHardware } from '../../simulator/site/hardware-file.ts';
import { tryUntilDone } from '../daemon/cli/commission-site.ts';
import { ended } from '../daemon/cli/process.ts';
import { until } from '../real-time.ts';
import { cannot } from './debian-archive.ts';
import { DebianRoot } from './debian-root.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'systemd/README.md'), 'utf8');
const ARCHITECTURE = process.arch === 'arm64' ? 'arm64' : 'amd64';
const GATEWAYS = { 'box-bus': '192.168.10.20:4001', 'pad-bus': '192.168.10.21:4001' } as const;
const skip = cannot('unshare', 'chroot');

/** Commands of a section, one a line. */
function commandsOf(heading: string): readonly string[] {
  const section = PAGE.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  const blocks = [...section.matchAll(/^```sh pi\n(.*?)^```$/gms)].map(([, text = '']) => text);
  const lines = blocks.join('').trim().split('\n');
  assert.ok(lines.length > 0 && lines[0] !== '', `${heading} has commands`);
  return lines;
}

const exampleConfig = /^```yaml\n(.*?)^```$/ms.exec(PAGE)?.[1] ?? '';

async function wired(directory: string): Promise<Simulator> {
  const file = join(directory, 'wired.yaml');
  const free = Object.values(GATEWAYS).reduce(
    // Any free port; two buses may not name the same place.
    (text, address, index) => text.replace(address, `127.0.0.${index + 1}:0`),
    exampleConfig,
  );
  writeFileSync(
    file,
    `site: { id: harbour-12, zone: Europe/Stockholm }\nstore: { directory: ${directory} }\n${free}`,
  );
  return startSimulator({
    ...readHardware(file, new Map()),
    contents: [], // it is proven empty
    directory: join(directory, 'hardware'),
    kinds: simulatedKinds,
    controlPort: 0,
  });
}

test('by the page alone: installed, proven, and a guest let in', { skip }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-guest-'));
  const bundle = join(ROOT, 'dist', `guest-${process.pid}`);
  t.after(() => {
    rmSync(directory, { recursive: true });
    rmSync(bundle, { recursive: true, force: true });
  });
  const [deb = ''] = await packages({
    architectures: [ARCHITECTURE],
    directory,
    bundle,
    compression: 'none',
  });
  await using simulator = await wired(directory);
  await using debian = new DebianRoot();
  debian.setClock();
  let pin = '';

  /** Does what a line of the page says, with what stands in the way of this place replaced. */
  const perform = async (line: string): Promise<string> => {
    const command = line.replace(/\bsudo (-u latchkey )?(?=latchkey|systemd|apt|systemctl)/, '');
    switch (true) {
      case /^apt install /.test(command):
        // No other machine is asked for anything: what apt would do with the file, dpkg does.
        await debian.install(deb);
        await debianWithFreePort(debian);
        return '';
      case command === 'systemctl start latchkey':
        await debian.startDaemon();
        return '';
      case command === 'systemctl stop latchkey':
        await debian.stopDaemon();
        return '';
      case command.startsWith('sudoedit /etc/latchkey/config.yaml'):
        return edit(debian, simulator);
      case command.startsWith('latchkey commission '):
        return proven(debian, simulator, command);
      default:
        return debian.run(command);
    }
  };
  const follow = async (heading: string) => {
    let said = '';
    for (const line of commandsOf(heading)) said += await perform(line);
    return said;
  };

  await follow('1. Install');
  await debian.startDaemon(); // as the package would, where systemd runs
  assert.match(await debian.run('latchkey status'), /not-set-up/);
  assert.match(await follow('2. Name'), /right .*2 buses, 2 devices, 1 access point, 1 key/);
  await follow('3. Prove');

  const letIn = commandsOf('4. Let');
  const put = letIn.findIndex((line) => line.includes('grants put'));
  for (const [index, line] of letIn.entries()) {
    if (line.includes('keys place')) {
      await simulator.hardware.handle('box', 'stock', { slot: 3, fob: '0F00012A03' });
    }
    if (index === put + 1) await guestTypes();
    const said = await perform(line);
    if (index === put) pin = /PIN of .*: (\d+)/.exec(said)?.[1] ?? '';
    if (line.includes('journal')) assert.match(said, /access\.granted.*\n(.*\n)*.*access\.opened/);
    if (line.includes('setup-code')) assert.match(said, /^([A-Z2-9]{4}-){3}[A-Z2-9]{4}\n$/);
  }

  async function guestTypes(): Promise<void> {
    assert.match(pin, /^\d{6}$/, 'the code was shown');
    const before = pulses(simulator);
    await simulator.hardware.handle('keypad', 'press', { keys: `${pin}#`, gap: 20 });
    await until(() => pulses(simulator) === before + 1);
    while (!/access\.opened/.test(await debian.run('latchkey journal')));
  }

  await follow('Keep it running');
});

/** Other programs of this machine may have the port of the default config. */
async function debianWithFreePort(debian: DebianRoot): Promise<void> {
  const config = debian.read('etc/latchkey/config.yaml');
  debian.write('usr/lib/latchkey/config/packaged.yaml', config.replace(':4180', ':0'));
  debian.write('etc/latchkey/config.yaml', config.replace(':4180', ':0'));
}

/** Puts the example of the page where `init` left room for it. */
function edit(debian: DebianRoot, simulator: Simulator): string {
  let example = exampleConfig;
  for (const [bus, address] of Object.entries(GATEWAYS)) {
    assert.ok(example.includes(address), `${bus} is in the example`);
    example = example.replace(address, simulator.addresses[bus] ?? '');
  }
  const config = debian.read('etc/latchkey/config.yaml');
  const edited = config.replace('buses: {}\ndevices: {}\naccessPoints: {}\n', example);
  assert.notEqual(edited, config);
  debian.write('etc/latchkey/config.yaml', `${edited}\napi: { listen: "127.0.0.1:0" }\n`);
  return '';
}

/** A person beside the box, who does what the command asks for. */
async function proven(debian: DebianRoot, simulator: Simulator, command: string): Promise<string> {
  const given = [...command.split(' '), '--yes', '--who', 'Ida', '--without', 'keypad:fob'];
  const child = debian.begin(...given);
  child.stdin?.end();
  let said = '';
  const hear = (chunk: Buffer) => {
    const before = said.length;
    said += chunk;
    for (const line of said.slice(said.lastIndexOf('\n', before) + 1).split('\n')) {
      const [, device, slot] = /(\S+) slot (\d+): open\. Shut it/.exec(line) ?? [];
      if (device !== undefined)
        void tryUntilDone(() =>
          simulator.hardware.handle(device, 'close-door', { slot: Number(slot) }),
        );
      if (/, at keypad, with the key/.test(line)) {
        void simulator.hardware.handle('keypad', 'press', { keys: '86420#', gap: 10 });
      }
    }
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  assert.equal(await ended(child), 0, said);
  return said;
}

function pulses(simulator: Simulator): number {
  const { slots } = Object(simulator.hardware.device('box')?.look());
  return Number(Object(Object(slots)[3]).pulses);
}
