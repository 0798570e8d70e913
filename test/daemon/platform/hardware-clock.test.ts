import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readHardwareClock } from '../../../daemon/platform/hardware-clock.ts';

/** What Linux shows of its clocks, as files. */
function clocks(t: TestContext, ...each: readonly Readonly<Record<string, string>>[]) {
  const root = mkdtempSync(join(tmpdir(), 'latchkey-rtc-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const machine = join(root, 'machine-id');
  writeFileSync(machine, '8f2c0d6b3a5e4f7f9d1b0c2e4a6f8d7b\n');
  for (const [n, files] of each.entries()) {
    mkdirSync(join(root, 'rtc', `rtc${n}`), { recursive: true });
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(root, 'rtc', `rtc${n}`, name), text);
  }
  return { root: join(root, 'rtc'), machine };
}

const PI = { name: 'rpi-rtc rpi_rtc\n', hctosys: '1\n', since_epoch: '1804500000\n' };

test('the clock with the battery tells whole seconds since 1970, and which one it is', (t) => {
  const { root, machine } = clocks(t, PI);
  const found = readHardwareClock(root, machine);
  assert.equal(found?.at, 1_804_500_000_000);
  assert.match(found.name, /^[0-9a-f]{16}$/);
  writeFileSync(machine, 'another machine\n');
  assert.notEqual(readHardwareClock(root, machine)?.name, found.name);
});

test('of several, the one counts that the clock of the system was set from', (t) => {
  const other = { name: 'rtc-ds1307\n', hctosys: '0\n', since_epoch: '946684800\n' };
  const { root, machine } = clocks(t, other, PI);
  assert.equal(readHardwareClock(root, machine)?.at, 1_804_500_000_000);
});

test('without such a clock, or one that answers with an error or rubbish, nothing is read', (t) => {
  assert.equal(readHardwareClock('/nowhere/at/all'), undefined);
  for (const files of [{ name: 'rtc-pcf8523\n' }, { ...PI, since_epoch: '-1\n' }]) {
    const { root, machine } = clocks(t, files);
    assert.equal(readHardwareClock(root, machine), undefined);
  }
});
