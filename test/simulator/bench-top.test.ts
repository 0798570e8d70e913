import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { benchTopFile } from '../../simulator/bench-top-routes.ts';
import { faultsOf, hasChromium, openBrowser, type StartedSite, startSite } from '../browser.ts';

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
    await t.test('a bus pulled out is seen by the daemon, and plugged in again', () =>
      unplugging(page, site),
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

// biome-ignore lint/suspicious/noExplicitAny: replies of every shape are looked into
async function asked(site: StartedSite, method: string, path: string, body?: object): Promise<any> {
  const answer = await fetch(`${site.api}/api/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${site.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  assert.equal(answer.status, 200, path);
  return answer.json();
}

async function takingAndPutting(page: Page, site: StartedSite): Promise<void> {
  await page.getByRole('button', { name: 'Pull at door 7' }).click();
  await page.getByRole('status').filter({ hasText: 'its door is locked' }).waitFor();
  await asked(site, 'POST', 'access-points/lobby/slots/7/open', {});
  await page.getByRole('button', { name: 'Take key of slot 7' }).click();
  await page.getByLabel('Fob 0F00012A07').and(page.locator(':checked')).waitFor();
  await page.getByRole('button', { name: 'Put key of slot 7' }).click();
  await page.getByRole('button', { name: 'Take key of slot 7' }).waitFor();
  await page.getByRole('button', { name: 'Shut door 7' }).click();
  await page.getByRole('button', { name: 'Pull at door 7' }).waitFor();
}

/** Looks into the journal until something of that kind is there. */
async function journaled(site: StartedSite, query: string): Promise<void> {
  for (;;) {
    const { entries } = await asked(site, 'GET', `journal?${query}`);
    if (entries.length > 0) return;
    await new Promise((again) => setTimeout(again, 50));
  }
}

async function presenting(page: Page, site: StartedSite): Promise<void> {
  for (const key of ['1', '1', '1', '1', '#']) {
    await page.getByRole('button', { name: key, exact: true }).click();
  }
  await journaled(site, 'types=access.denied&device=keypad');
  await page.getByLabel('a stranger').check();
  await page.getByRole('button', { name: 'Show fob at fobs' }).click();
  await journaled(site, 'types=access.denied&device=fobs');
}

async function unplugging(page: Page, site: StartedSite): Promise<void> {
  const unplug = page.getByRole('switch', { name: 'Unplug box-bus' });
  await unplug.click();
  await page.getByRole('switch', { name: 'Unplug box-bus', checked: true }).waitFor();
  await journaled(site, 'types=device.offline&device=box');
  await unplug.click();
  await page.getByRole('switch', { name: 'Unplug box-bus', checked: false }).waitFor();
}

async function accessible(page: Page): Promise<void> {
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
