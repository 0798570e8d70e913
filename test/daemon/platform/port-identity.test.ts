import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  inputIdentity,
  serialIdentity,
  shortenLatency,
} from '../../../daemon/platform/port-identity.ts';

/** Files and links as the kernel and udev lay them out, in a directory of their own. */
function machine(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'latchkey-sys-'));
  t.after(() => rmSync(root, { recursive: true }));
  const write = (path: string, text: string) => {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };
  const link = (path: string, target: string) => {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    symlinkSync(join(root, target), file);
    return file;
  };
  return {
    roots: { sys: join(root, 'sys'), byId: join(root, 'dev/serial/by-id') },
    write,
    link,
    root,
  };
}

function adapter(on: ReturnType<typeof machine>, tty: string, socket: string, serial?: string) {
  const device = `sys/devices/pci0/usb1/${socket}`;
  on.write(`${device}/idVendor`, '0403\n');
  on.write(`${device}/idProduct`, '6001\n');
  if (serial !== undefined) on.write(`${device}/serial`, `${serial}\n`);
  on.write(`${device}/${socket}:1.0/bInterfaceNumber`, '00\n');
  on.write(`${device}/${socket}:1.0/${tty}/latency_timer`, '16\n');
  on.write(`dev/${tty}`, '');
  on.link(`sys/class/tty/${tty}/device`, `${device}/${socket}:1.0/${tty}`);
  on.link(`sys/bus/usb-serial/devices/${tty}`, `${device}/${socket}:1.0/${tty}`);
}

test('an adapter with a serial number is known by it, wherever it is plugged in', (t) => {
  const on = machine(t);
  adapter(on, 'ttyUSB0', '1-1.2', 'A50285BI');
  adapter(on, 'ttyUSB7', '1-1.4', 'A50285BJ');
  const identity = serialIdentity(join(on.root, 'dev/ttyUSB0'), on.roots);
  assert.equal(identity, 'usb:0403:6001:A50285BI:00');
  assert.notEqual(serialIdentity(join(on.root, 'dev/ttyUSB7'), on.roots), identity);
  const named = on.link('dev/serial/by-id/usb-FTDI_A50285BI-if00-port0', 'dev/ttyUSB0');
  assert.equal(serialIdentity(named, on.roots), identity);
});

test('an adapter without a serial number is known by what it is and by its socket', (t) => {
  const on = machine(t);
  adapter(on, 'ttyUSB0', '1-1.2');
  adapter(on, 'ttyUSB1', '1-1.3');
  const at = (tty: string) => serialIdentity(join(on.root, 'dev', tty), on.roots);
  assert.equal(at('ttyUSB0'), 'usb:0403:6001@1-1.2:1.0');
  assert.equal(at('ttyUSB1'), 'usb:0403:6001@1-1.3:1.0');
});

test('a port outside USB is known by a by-id name on the way to it or beside it, else by its path', (t) => {
  const on = machine(t);
  on.write('dev/ttyAMA0', '');
  const plain = join(on.root, 'dev/ttyAMA0');
  assert.equal(serialIdentity(plain, on.roots), `path:${plain}`);
  on.link('dev/serial/by-id/board-uart', 'dev/ttyAMA0');
  assert.equal(serialIdentity(plain, on.roots), 'by-id:board-uart');
  const through = on.link('run/box', 'dev/serial/by-id/board-uart');
  assert.equal(serialIdentity(through, on.roots), 'by-id:board-uart');
  on.link('loop/a', 'loop/b');
  const loop = on.link('loop/b', 'loop/a');
  assert.equal(serialIdentity(loop, on.roots), `path:${loop}`);
});

test('an input is known by its by-id name', (t) => {
  const on = machine(t);
  on.write('dev/input/event3', '');
  const named = on.link('dev/input/by-id/usb-Reader-event-kbd', 'dev/input/event3');
  assert.equal(inputIdentity(named), 'by-id:usb-Reader-event-kbd');
  const plain = join(on.root, 'dev/input/event3');
  assert.equal(
    inputIdentity(plain, join(on.root, 'dev/input/by-id')),
    'by-id:usb-Reader-event-kbd',
  );
  assert.equal(inputIdentity(plain, join(on.root, 'none')), `path:${plain}`);
});

test('the latency of an adapter is set to 1 ms, and advice is given where that cannot be', (t) => {
  const on = machine(t);
  adapter(on, 'ttyUSB0', '1-1.2', 'A50285BI');
  const port = join(on.root, 'dev/ttyUSB0');
  assert.equal(shortenLatency(port, on.roots.sys), undefined);
  const timer = join(on.roots.sys, 'bus/usb-serial/devices/ttyUSB0/latency_timer');
  assert.equal(readFileSync(timer, 'utf8'), '1');
  assert.equal(shortenLatency(port, on.roots.sys), undefined);
  assert.equal(shortenLatency(join(on.root, 'dev/none'), on.roots.sys), undefined);
  adapter(on, 'ttyUSB1', '1-1.3', 'A50285BJ');
  const forbidden = () => {
    throw new Error('EACCES');
  };
  const other = join(on.root, 'dev/ttyUSB1');
  assert.match(
    shortenLatency(other, on.roots.sys, forbidden) ?? '',
    /ttyUSB1 holds replies back for 16 ms: install the udev rules, or write 1 to .*latency_timer/,
  );
});
