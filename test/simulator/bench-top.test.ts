import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { benchTopFile } from '../../simulator/bench-top-routes.ts';
import { faultsOf, hasChromium, openBrowser, type StartedSite, startSite } from '../browser.ts';
import { asked } from '../daemon/local-api/panel-bench.ts';

test('the bench top in a browser', async (t) => {
  if (!hasChromium(t)) return;
  await using site = await startSite();
  const browser = await openBrowser();
  try {
    const page = await openBench(browser, site);
    await t.test(
      'a door stays shut until the daemon opens it; then its key is taken and put back',
      () => takingAndPutting(page, site),
    );
    await t.test('keys of a keypad and fobs at a reader reach the journal', () =>
      presenting(page, site),
    );
    await t.test('a code typed faster than the wire is typed in its order', () =>
      typing(page, site),
    );
    await t.test('a bus pulled out is seen by the daemon, and plugged in again', () =>
      unplugging(page, site),
    );
    await t.test('a door opens when its bolt is withdrawn, and its reader lights and beeps', () =>
      throughTheDoor(page, site),
    );
    await t.test('every switch does what it says: power, housing, hook, wire', () =>
      switching(page, site),
    );
    await t.test('the internet goes and comes back, and the clock of the box is set wrong', () =>
      surrounding(page, site),
    );
    await t.test('the power of the box is cut: it is gone, and starts when the power is back', () =>
      cutting(page, site),
    );
    await t.test('axe holds nothing against it, small or large, light or dark', () =>
      accessible(page),
    );
  } finally {
    await browser.close();
  }
});

async function openBench(browser: Browser, { simulator }: StartedSite): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(`${simulator}/bench-top`);
  await page.getByRole('button', { name: 'Pull at door 16' }).waitFor();
  return page;
}

async function takingAndPutting(page: Page, site: StartedSite): Promise<void> {
  await page.getByRole('button', { name: 'Pull at door 7' }).click();
  await page.getByRole('status').filter({ hasText: 'its door is locked' }).waitFor();
  await asked(site, 'POST', 'access-points/lobby/slots/7/open', {});
  const chip = await page.locator('[data-slot="7"] .fob').boundingBox();
  const take = await page.getByRole('button', { name: 'Take key of slot 7' }).boundingBox();
  assert.ok(
    chip !== null && take !== null && chip.y + chip.height <= take.y + 1,
    'beside, not over',
  );
  await page.getByRole('button', { name: 'Take key of slot 7' }).click();
  await page.getByLabel('Fob 0F00012A07').and(page.locator(':checked')).waitFor();
  await page.getByRole('button', { name: 'Put key of slot 7' }).click();
  await page.getByRole('button', { name: 'Take key of slot 7' }).waitFor();
  await page.getByRole('button', { name: 'Shut door 7' }).click();
  await page.getByRole('button', { name: 'Pull at door 7' }).waitFor();
}

/** Looks into the journal until something of that kind is there. */
async function journaled(site: StartedSite, query: string): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    const { entries } = await asked(site, 'GET', `journal?${query}`);
    if (entries.length > 0) return;
    await new Promise((again) => setTimeout(again, 50));
  }
  assert.fail(`nothing in the journal fits ${query}`);
}

async function presenting(page: Page, site: StartedSite): Promise<void> {
  const pad = page.getByRole('region', { name: 'Keypad keypad' });
  for (const key of ['1', '1', '1', '1', '#']) {
    await pad.getByRole('button', { name: key, exact: true }).click();
  }
  await journaled(site, 'types=access.denied&device=keypad');
  const reader = page.getByRole('region', { name: 'Reader fobs' });
  const dataTransfer = await page.evaluateHandle(() => new (Object(globalThis).DataTransfer)());
  await page.locator('.pocket label').first().dispatchEvent('dragstart', { dataTransfer });
  await reader.dispatchEvent('drop', { dataTransfer });
  await page.getByRole('status').filter({ hasText: 'shown at fobs' }).waitFor();
  await page.getByLabel('a stranger').check();
  await page.getByRole('button', { name: 'Show fob at fobs' }).click();
  await journaled(site, 'types=access.denied&device=fobs');
}

async function typing(page: Page, site: StartedSite): Promise<void> {
  await asked(site, 'PUT', 'grants/typist', {
    holder: 'typist',
    credentials: [{ kind: 'pin', pin: '194752' }],
    targets: [{ kind: 'key', id: 'store-room' }],
  });
  // The slower the earlier: sent at one time, the keys would come in the wrong order.
  let left = 5;
  await page.route('**/keypad/press', async (route) => {
    await new Promise((later) => setTimeout(later, 20 * left--));
    await route.continue();
  });
  await page.getByRole('region', { name: 'Keypad keypad' }).evaluate((pad) => {
    for (const key of '194752#') {
      const buttons = [...Object(pad).querySelectorAll('button')].map(Object);
      buttons.find(({ textContent }) => textContent === key)?.click();
    }
  });
  await journaled(site, 'types=access.granted&device=keypad&holder=typist');
  await page.unroute('**/keypad/press');
}

async function unplugging(page: Page, site: StartedSite): Promise<void> {
  const unplug = page.getByRole('switch', { name: 'Unplug box-bus' });
  await unplug.click();
  await page.getByRole('switch', { name: 'Unplug box-bus', checked: true }).waitFor();
  await journaled(site, 'types=device.offline&device=box');
  await unplug.click();
  await page.getByRole('switch', { name: 'Unplug box-bus', checked: false }).waitFor();
}

async function throughTheDoor(page: Page, site: StartedSite): Promise<void> {
  const door = page.getByRole('region', { name: 'Door door' });
  await door.getByRole('button', { name: 'Pull the door' }).click();
  await page.getByRole('status').filter({ hasText: 'the bolt holds the door' }).waitFor();
  await door.getByRole('button', { name: 'Force it' }).click();
  await journaled(site, 'types=access.forced_open&device=door');
  await door.getByRole('button', { name: 'Shut the door' }).click();
  await door.getByText('Bolt out, door shut').waitFor();
  const beeps = async () =>
    Object(await (await fetch(`${site.simulator}/v1/devices/door`)).json()).beeps;
  const before = await beeps();
  await asked(site, 'PUT', 'grants/guest-eve', {
    holder: 'eve',
    credentials: [{ kind: 'pin', pin: '730164' }],
    targets: [{ kind: 'lock', id: 'door' }],
  });
  const pad = page.getByRole('region', { name: 'Keypad door' });
  await pad.getByText('red', { exact: true }).waitFor();
  for (const key of '730164#') await pad.getByRole('button', { name: key, exact: true }).click();
  await pad.getByText('green').waitFor();
  await door.getByText('Bolt withdrawn').waitFor();
  assert.ok((await beeps()) > before, 'its buzzer was told to sound');
  await door.getByRole('button', { name: 'Pull the door' }).click();
  await door.getByText('door open').waitFor();
  await door.getByRole('button', { name: 'Shut the door' }).click();
  await door.getByText('Bolt out, door shut').waitFor();
  await door.getByRole('button', { name: 'Exit button' }).click();
  await journaled(site, 'types=access.egress,device.input&device=door');
}

/** Flips a switch, waits until the journal says what came of it, and flips it back. */
async function switching(page: Page, site: StartedSite): Promise<void> {
  const flip = async (name: string, query: string, back: string | undefined) => {
    const found = page.getByRole('switch', { name, exact: true });
    await found.click();
    await page.getByRole('switch', { name, exact: true, checked: true }).waitFor();
    if (query !== '') await journaled(site, query);
    await found.click();
    await page.getByRole('switch', { name, exact: true, checked: false }).waitFor();
    if (back !== undefined) await journaled(site, back);
  };
  const { lastSeq } = await asked(site, 'GET', 'journal?limit=1');
  const after = `after=${lastSeq}`;
  await flip(
    'Open the housing of door',
    `types=device.tamper&${after}`,
    `types=device.tamper_cleared&${after}`,
  );
  await flip(
    'No power at door',
    `types=device.offline&device=door&${after}`,
    `types=device.online&device=door&${after}`,
  );
  await flip(
    'Cut the wire of box-bus',
    `types=device.offline&device=box&${after}`,
    `types=device.online&device=box&${after}`,
  );
  const jam = page.getByRole('switch', { name: 'Jam slot 3', exact: true });
  await jam.click();
  await asked(site, 'POST', 'access-points/lobby/slots/3/open', {});
  await journaled(site, `types=access.jammed,access.open_failed&${after}`);
  await jam.click();
}

async function surrounding(page: Page, site: StartedSite): Promise<void> {
  const { lastSeq } = await asked(site, 'GET', 'journal?limit=1');
  const internet = page.getByRole('switch', { name: 'Internet off' });
  await internet.click();
  await journaled(site, `types=system.broker_offline&after=${lastSeq}`);
  await page.getByRole('switch', { name: 'Internet off', checked: true }).waitFor();
  await internet.click();
  await journaled(site, `types=system.broker_online&after=${lastSeq}`);
  await page.getByLabel('A day fast').click();
  await journaled(site, `types=security.clock_jump&after=${lastSeq}`);
  const { now } = await asked(site, 'GET', 'status');
  assert.ok(Date.parse(now) > Date.now() + 23 * 3_600_000, 'the clock of the box is a day ahead');
  const right = page.getByLabel('Right', { exact: true });
  await right.click();
  await right.and(page.locator(':checked')).waitFor();
}

async function cutting(page: Page, site: StartedSite): Promise<void> {
  const { startedAt } = await asked(site, 'GET', 'status');
  const power = page.getByRole('switch', { name: 'Power cut at the box' });
  await power.click();
  await page.getByRole('switch', { name: 'Power cut at the box', checked: true }).waitFor();
  const answers = () =>
    fetch(`${site.api}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (await answers()) await new Promise((again) => setTimeout(again, 50));
  await power.click();
  while (!(await answers())) await new Promise((again) => setTimeout(again, 50));
  assert.notEqual((await asked(site, 'GET', 'status')).startedAt, startedAt);
}

async function accessible(page: Page): Promise<void> {
  // One that is open, too: its number stands in the dark.
  await page.getByRole('switch', { name: 'Jam slot 12', exact: true }).click();
  await page.locator('[data-slot="12"].open em').waitFor();
  for (const width of [375, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await faultsOf(page), [], `${width} pixels, ${colorScheme}`);
      if (process.env['LATCHKEY_SHOTS'] !== undefined) {
        const path = `${process.env['LATCHKEY_SHOTS']}/bench-top-${width}-${colorScheme}.png`;
        await page.screenshot({ path, fullPage: true });
      }
    }
  }
}

test('nothing but the bench top is served, and its modules import nothing from elsewhere', () => {
  for (const path of ['/bench-top/../control.ts', '/bench-top/tsconfig.json', '/bench-top/no.ts']) {
    assert.equal(benchTopFile(path), undefined, path);
  }
  const fetched = new Set<string>();
  const wanted = ['main.ts'];
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (fetched.has(name)) continue;
    fetched.add(name);
    const file = benchTopFile(`/bench-top/${name}`);
    assert.ok(file, name);
    for (const [, from = ''] of file.text.matchAll(/(?:from|import)\s*["']([^"']+)["']/g)) {
      assert.match(from, /^\.\/[a-z-]+\.(ts|mjs)$/, `${name} imports ${from}`);
      wanted.push(from.slice(2));
    }
  }
  assert.ok(fetched.has('preact.mjs'));
});
