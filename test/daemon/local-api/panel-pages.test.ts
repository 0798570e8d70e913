import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { faultsOf, hasChromium, openBrowser, type StartedSite, startSite } from '../../browser.ts';
import { asked, closed, home, unspoken, withToken } from './panel-bench.ts';

const PAGES = [
  'overview',
  'keys',
  'people',
  'grants',
  'journal',
  'vendors',
  'devices',
  'health',
  'accounts',
];
const PASSWORD = 'a boat in the harbour';
/** All four with LATCHKEY_LONG=1. */
const LOOKS: readonly (readonly [width: number, scheme: 'light' | 'dark'])[] = [
  [375, 'dark'],
  [1280, 'light'],
  ...(process.env['LATCHKEY_LONG'] === '1'
    ? ([
        [375, 'light'],
        [1280, 'dark'],
      ] as const)
    : []),
];
const SHOTS = process.env['LATCHKEY_SHOTS'];

test('the pages of the panel', async (t) => {
  if (!hasChromium(t)) return;
  await using site = await startSite();
  const browser = await openBrowser();
  try {
    await lived(site);
    await t.test('axe holds nothing against any page, small or large, light or dark', () =>
      accessible(browser, site),
    );
    await t.test('every text goes through the catalogue, and a longer language fits', () =>
      translated(browser, site),
    );
    await t.test('whoever may only read or operate sees no control that is not for them', () =>
      roles(browser, site),
    );
    await t.test('the language is chosen, kept, and that of the dates too', () =>
      speaking(browser, site),
    );
  } finally {
    await browser.close();
  }
});

/** Something on every page: people, a key out, a refusal, a keypad that takes no codes. */
async function lived(site: StartedSite): Promise<void> {
  await asked(site, 'PUT', 'grants/guest-anna', {
    holder: 'anna',
    credentials: [{ kind: 'pin', pin: '482913' }],
    targets: [{ kind: 'key', id: 'flat-7' }],
    window: { kind: 'floating', start: '2026-01-01T15:00', end: '2096-01-01T11:00' },
    schedule: { weekly: [{ days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', to: '24:00' }] },
  });
  await asked(site, 'PUT', 'accounts/rita', { scope: 'read', password: PASSWORD });
  await asked(site, 'PUT', 'accounts/otto', { scope: 'operate', password: PASSWORD });
  for (let n = 0; n < 6; n++) await site.hand('keypad', 'press', { keys: `11111${n}#` });
  for (;;) {
    const { accessPoints } = await asked(site, 'GET', 'access-points');
    if (accessPoints[0].readers.some(({ waitMs }: { waitMs: number }) => waitMs > 0)) return;
    await new Promise((again) => setTimeout(again, 50));
  }
}

async function show(page: Page, { api }: StartedSite, name: string): Promise<void> {
  await closed(page);
  await page.goto(`${api}/#${name}`);
  await page.locator(`nav [aria-current="page"][href="#${name}"]`).waitFor();
  await page.locator('main h1').waitFor();
  await page.locator('.skeleton').waitFor({ state: 'detached' });
}

async function accessible(browser: Browser, site: StartedSite): Promise<void> {
  const page = await withToken(browser, site);
  await home(page, site);
  for (const name of PAGES) {
    await show(page, site, name);
    for (const [width, colorScheme] of LOOKS) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await faultsOf(page), [], `${name}, ${width} pixels, ${colorScheme}`);
      if (SHOTS !== undefined) {
        await page.screenshot({
          path: `${SHOTS}/${name}-${width}-${colorScheme}.png`,
          fullPage: true,
        });
      }
    }
  }
  await page.context().close();
}

/** A language of tests: each message in brackets and a third longer. */
async function translated(browser: Browser, site: StartedSite): Promise<void> {
  const page = await withToken(browser, site, 'pseudo');
  await page.setViewportSize({ width: 375, height: 800 });
  const look = async (where: string) => {
    assert.deepEqual(await unspoken(page), [], where);
    const excess = await page.evaluate(() => {
      const root = Object(globalThis).document.documentElement;
      return root.scrollWidth - root.clientWidth;
    });
    assert.equal(excess, 0, `${where} is wider than the screen`);
  };
  for (const name of PAGES) {
    await show(page, site, name);
    await look(name);
  }
  const dialogs: readonly (readonly [page: string, opener: string])[] = [
    ['overview', '[data-slot="7"]'],
    ['overview', '.page-actions .danger'],
    ['keys', '[data-key="flat-7"] .link'],
    ['keys', '.page-actions .main'],
    ['people', '[data-holder="anna"] .link'],
    ['grants', '[data-grant="guest-anna"] .link'],
    ['grants', '.page-actions .main'],
    ['journal', '.entry:has(.bad)'],
    ['devices', '[data-device="keypad"] .link'],
    ['accounts', '.page-actions .main'],
  ];
  for (const [name, opener] of dialogs) {
    await show(page, site, name);
    await page.locator(opener).first().click();
    await page.getByRole('dialog').waitFor();
    await page.locator('.skeleton').waitFor({ state: 'detached' });
    await look(`${opener} of ${name}`);
    await page.keyboard.press('Escape');
  }
  await page.evaluate(() => Object(globalThis).sessionStorage.clear());
  await page.context().clearCookies();
  await page.context().close();
}

async function logIn(browser: Browser, { api }: StartedSite, name: string): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto(api);
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('live', { exact: true }).waitFor();
  await page.getByRole('button', { name: /^Slot 16 / }).waitFor();
  return page;
}

async function roles(browser: Browser, site: StartedSite): Promise<void> {
  const buttons = (page: Page) => page.locator('main').getByRole('button').allTextContents();
  const reader = await logIn(browser, site, 'rita');
  assert.equal(await reader.getByRole('link', { name: 'Accounts' }).count(), 0);
  assert.equal(await reader.getByRole('button', { name: 'Lockdown …' }).count(), 0);
  assert.equal(await reader.getByRole('button', { name: 'Reset keypad' }).count(), 0);
  await reader.getByRole('button', { name: /^Slot 7 / }).click();
  await reader.getByText('Opening needs the role operate.').waitFor();
  await reader.keyboard.press('Escape');
  for (const name of ['keys', 'people', 'grants']) {
    await show(reader, site, name);
    assert.ok(!(await buttons(reader)).some((text) => text.startsWith('New')), name);
  }
  await reader.getByRole('button', { name: 'anna', exact: true }).click();
  const dialog = reader.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Why can’t they get in?' }).waitFor();
  assert.equal(await dialog.getByRole('button', { name: /Revoke|Change/ }).count(), 0);
  await reader.context().close();

  const operator = await logIn(browser, site, 'otto');
  await operator.getByRole('button', { name: 'Lockdown …' }).waitFor();
  await operator.getByRole('button', { name: 'Reset keypad' }).click();
  await operator.getByText('keypad takes no codes now').waitFor({ state: 'detached' });
  await show(operator, site, 'grants');
  assert.ok(!(await buttons(operator)).some((text) => text.startsWith('New')));
  await operator.context().close();
}

async function speaking(browser: Browser, site: StartedSite): Promise<void> {
  const context = await browser.newContext({ locale: 'fr-FR', reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto(site.api);
  await page.getByRole('heading', { name: 'Latchkey' }).waitFor();
  const lang = () => page.locator('html').getAttribute('lang');
  assert.equal(await lang(), 'fr', 'the browser’s own language comes first');
  await page.getByRole('combobox').selectOption('ja');
  assert.equal(await lang(), 'ja');
  await page.reload();
  await page.getByRole('heading', { name: 'Latchkey' }).waitFor();
  assert.equal(await lang(), 'ja', 'what was chosen is kept');
  await context.close();
  const japanese = await withToken(browser, site, 'ja');
  await show(japanese, site, 'grants');
  await japanese.getByText('2096年1月1日').first().waitFor();
  await japanese.context().close();
}
