/** A Bluetooth adapter and a lock as hardware of a config: on the air for any host, and on the bench top for hands. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { catalogue } from '../../drivers/catalogue.ts';
import { simulatedKinds } from '../../simulator/devices/catalogue.ts';
import { startSimulator } from '../../simulator/simulator.ts';
import { hasChromium, openBrowser } from '../browser.ts';
import { latchkey } from '../daemon/cli/process.ts';

const ADDRESS = '54:d2:72:ab:cd:ef';

test('a lock of a config is heard on the air, and its battery is drained by hand', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-air-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const options = catalogue
    .get('nuki-smart-lock')
    ?.options.parse({ address: ADDRESS, authorization: 'credential:front' });
  await using simulator = await startSimulator({
    description: {
      buses: { radio: { ble: 'tcp:127.0.0.1:0' } },
      devices: { front: { driver: 'nuki-smart-lock', bus: 'radio', options } },
    },
    directory,
    kinds: simulatedKinds,
    contents: [],
    controlPort: 0,
  });
  const { stdout, stderr } = await latchkey([
    'ble',
    'scan',
    '--adapter',
    `tcp:${simulator.addresses['radio']}`,
    '--seconds',
    '2',
    '--json',
  ]);
  assert.match(stdout, new RegExp(ADDRESS), stderr);

  if (!hasChromium(t)) return;
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(`${simulator.url}/bench-top`);
    await page.getByRole('switch', { name: 'Battery of front drained' }).click();
    await page
      .getByRole('switch', { name: 'Battery of front drained', checked: true })
      .waitFor({ timeout: 10_000 });
    const lock = page.getByRole('region', { name: 'Lock front' });
    await lock.getByText('battery 5 %').waitFor();
    await lock.getByRole('button', { name: 'Unlock by hand' }).click();
    await lock.getByRole('button', { name: 'Lock by hand' }).waitFor();
    await page.getByRole('switch', { name: 'Jam the bolt of front' }).click();
    await page.getByRole('switch', { name: 'Jam the bolt of front', checked: true }).waitFor();
  } finally {
    await browser.close();
  }
  const { battery, state, isJammed } = Object(simulator.hardware.device('front')?.look());
  assert.deepEqual([battery, state, isJammed], [5, 'unlocked', true]);
});
