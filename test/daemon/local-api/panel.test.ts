import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { panelRoutes } from '../../../daemon/local-api/panel-routes.ts';
import { faultsOf, hasChromium, openBrowser, type StartedSite, startSite } from '../../browser.ts';

const PAGES = ['overview', 'keys', 'grants', 'journal', 'devices'];
const PASSWORD = 'a boat in the harbour';

test('the panel in a browser', async (t) => {
  if (!hasChromium(t)) return;
  await using site = await startSite();
  const browser = await openBrowser();
  try {
    await putGrant(site);
    await t.test('the setup code makes the first account, and its session survives a reload', () =>
      settingUp(browser, site),
    );
    const page = await withToken(browser, site);
    const refused: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') refused.push(message.text());
    });
    await t.test('a door that springs open is seen to be open, and its key to be gone', () =>
      watching(page, site),
    );
    await t.test('a denial is found by search, and its why is told', () => why(page, site));
    await t.test('a slot is opened with a token, by keyboard alone', () => opening(page, site));
    await t.test('a grant is revoked, and says that it opens nothing any more', () =>
      revoking(page, site),
    );
    await t.test('a grant made here has a PIN, told once, that opens the box', () =>
      making(page, site),
    );
    await t.test('axe holds nothing against any page, small or large, light or dark', () =>
      accessible(page, site),
    );
    assert.deepEqual(refused, [], 'nothing is refused by the content policy, nothing breaks');
  } finally {
    await browser.close();
  }
});

async function putGrant({ api, token }: StartedSite): Promise<void> {
  const { status } = await fetch(`${api}/api/v1/grants/guest-anna`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      holder: 'anna',
      credentials: [{ kind: 'pin', pin: '482913' }],
      targets: [{ kind: 'key', id: 'flat-7' }],
    }),
  });
  assert.equal(status, 200);
}

async function settingUp(browser: Browser, { api, directory }: StartedSite): Promise<void> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(api);
  await page.getByLabel('Setup code').fill('AAAABBBBCCCCDDDD');
  await page.getByLabel('Name').fill('anna');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Make account' }).click();
  await page.getByRole('alert').filter({ hasText: 'another code' }).waitFor();
  const code = readFileSync(join(directory, 'store', 'setup-code'), 'utf8').trim();
  await page.getByLabel('Setup code').fill(code);
  await page.getByRole('button', { name: 'Make account' }).click();
  await page.getByText('anna · admin').waitFor();
  await page.reload();
  await page.getByRole('button', { name: /^Slot 7 / }).click();
  await page.getByText('Opening from the panel is off').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  await context.close();
}

/** One page for all that follows; its token is in it before its first script. */
async function withToken(browser: Browser, { token }: StartedSite): Promise<Page> {
  // Half-way through a turn, a door's colours are nobody's.
  const context = await browser.newContext({ reducedMotion: 'reduce' });
  await context.addInitScript(
    (given) => Object(globalThis).sessionStorage.setItem('latchkey-token', given),
    token,
  );
  return context.newPage();
}

async function home(page: Page, { api }: StartedSite): Promise<void> {
  await page.goto(api);
  await page.getByText('live', { exact: true }).waitFor();
  await page.getByRole('button', { name: /^Slot 16 / }).waitFor();
}

async function watching(page: Page, site: StartedSite): Promise<void> {
  await home(page, site);
  await site.hand('keypad', 'press', { keys: '482913#' });
  await page.getByRole('button', { name: 'Slot 7 Flat 7 occupied, door open' }).waitFor();
  await site.hand('box', 'take-key', { slot: 7 });
  await site.hand('box', 'close-door', { slot: 7 });
  await page.getByRole('button', { name: 'Slot 7 empty, door closed' }).waitFor();
  await page.getByRole('link', { name: 'Keys' }).click();
  await page
    .getByRole('row', { name: /Flat 7/ })
    .getByText('with anna')
    .waitFor();
}

async function why(page: Page, site: StartedSite): Promise<void> {
  await home(page, site);
  await page.getByRole('link', { name: 'Journal' }).click();
  await site.hand('keypad', 'press', { keys: '111111#' });
  await page.getByLabel('Search').fill('unknown-credential');
  await page.getByText('1 entry').waitFor();
  await page.getByRole('button', { name: /Denied/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('no grant carries what was shown').waitFor();
  await dialog.getByText('the same decision').waitFor();
}

async function opening(page: Page, site: StartedSite): Promise<void> {
  await home(page, site);
  await page.getByRole('button', { name: /^Slot 3 / }).focus();
  await page.keyboard.press('Enter');
  // The dialog takes the focus for itself first; typed before that, a word would go elsewhere.
  await page.getByRole('dialog').waitFor();
  const why = page.getByLabel('Reason');
  await why.pressSequentially('stranded guest');
  await why.press('Enter');
  await page.getByRole('status').filter({ hasText: 'It opened.' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /^Slot 3 .*door open$/ }).waitFor();
}

async function revoking(page: Page, site: StartedSite): Promise<void> {
  await home(page, site);
  await page.getByRole('link', { name: 'Grants' }).click();
  await page.getByRole('button', { name: 'anna', exact: true }).click();
  await page.getByRole('button', { name: 'Would it open now at lobby?' }).click();
  await page
    .getByRole('dialog')
    .getByText(/Granted|Denied/)
    .waitFor();
  await page.getByRole('button', { name: 'Revoke …' }).click();
  await page.getByRole('button', { name: 'Yes, revoke for good' }).click();
  await page.getByText('it opens nothing any more').waitFor();
}

async function making(page: Page, site: StartedSite): Promise<void> {
  await home(page, site);
  await page.getByRole('link', { name: 'Grants' }).click();
  await page.getByRole('button', { name: 'New grant' }).click();
  await page.getByLabel('Holder').fill('bert');
  await page.getByRole('button', { name: 'Make grant' }).click();
  await page.getByRole('alert').filter({ hasText: 'Choose what it may open' }).waitFor();
  await page.getByLabel('Store room').check();
  assert.deepEqual(await faultsOf(page), []);
  await page.getByRole('button', { name: 'Make grant' }).click();
  const pin = await page.getByText('told this once').locator('strong').textContent();
  assert.match(pin ?? '', /^\d{6}$/);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'bert', exact: true }).waitFor();
  await site.hand('keypad', 'press', { keys: `${pin}#` });
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByRole('button', { name: 'Slot 12 Store room occupied, door open' }).waitFor();
}

async function accessible(page: Page, site: StartedSite): Promise<void> {
  await home(page, site);
  for (const name of PAGES) {
    await page.getByRole('link', { name: new RegExp(name, 'i') }).click();
    await page.locator(`[aria-current="page"][href="#${name}"]`).waitFor();
    for (const width of [375, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await faultsOf(page), [], `${name}, ${width} pixels, ${colorScheme}`);
      }
    }
  }
}

test('modules reach the browser without types, and import nothing from elsewhere', () => {
  const [, files] = panelRoutes({ panelOpening: false });
  const fetched = new Set<string>();
  const wanted = ['main.ts'];
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (fetched.has(name)) continue;
    fetched.add(name);
    const reply = files?.handle({ params: { name }, headers: {} });
    assert.equal(reply?.status, 200, name);
    const imports = String(reply?.body).matchAll(/(?:from|import)\s*["']([^"']+)["']/g);
    for (const [, from = ''] of imports) {
      assert.match(from, /^\.\/[a-z-]+\.(ts|mjs)$/, `${name} imports ${from}`);
      wanted.push(from.slice(2));
    }
  }
  assert.ok(fetched.has('preact.mjs') && fetched.has('journal.ts'));
});

test('what has not changed is not sent again, and nothing but the panel is served', () => {
  const [page, files] = panelRoutes({ panelOpening: true });
  const first = page?.handle({ params: {}, headers: {} });
  assert.match(String(first?.body), /data-opening="on"/);
  const again = page?.handle({
    params: {},
    headers: { 'if-none-match': first?.headers?.['etag'] },
  });
  assert.equal(again?.status, 304);
  for (const name of ['../desk.ts', 'tsconfig.json', 'none.ts', 'index.html']) {
    assert.equal(files?.handle({ params: { name }, headers: {} }).status, 404, name);
  }
});
