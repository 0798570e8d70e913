import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { panelRoutes } from '../../../daemon/local-api/panel-routes.ts';
import { faultsOf, hasChromium, openBrowser, type StartedSite, startSite } from '../../browser.ts';
import { asked, go, home, withToken } from './panel-bench.ts';
import { MISHAPS } from './panel-mishaps.ts';

/** Long enough for a code to be typed, short enough to be waited for. */
const LOAN_MS = 8000;
const PASSWORD = 'a boat in the harbour';

test('the panel in a browser', async (t) => {
  if (!hasChromium(t)) return;
  await using site = await startSite();
  const browser = await openBrowser();
  try {
    await asked(site, 'PUT', 'grants/guest-anna', {
      holder: 'anna',
      credentials: [{ kind: 'pin', pin: '482913' }],
      targets: [{ kind: 'key', id: 'flat-7' }],
    });
    await t.test('the setup code makes the first account, and its session survives a reload', () =>
      settingUp(browser, site),
    );
    const page = await withToken(browser, site);
    const refused: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') refused.push(message.text());
    });
    const flows: readonly (readonly [string, (page: Page, site: StartedSite) => Promise<void>])[] =
      [
        ['a door that springs open is seen to be open, and its key to be gone', watching],
        ['a denial is found by search, and its why is told', why],
        ['the journal is narrowed to a kind, a device and days, and shown whole again', narrowing],
        ['a slot is opened with a token, by keyboard alone', opening],
        ['a person who cannot get in is told why, and a grant is changed', changing],
        ['a fob is enrolled by showing it, disabled, enabled and removed', enrolling],
        ['a grant made here has a PIN, told once, that opens the box', making],
        ['a key’s place is stated, then it is lost; a new key is made and forgotten', placing],
        ['a lockdown lets nobody in until it is ended', lockingDown],
        [
          'a keypad that takes no codes is reset, and a slot opened, in one tap from the alarm',
          alarmed,
        ],
        ['a grant is revoked, and says that it opens nothing any more', revoking],
        ['what a vendor’s client asked to be sent waits for a person', sending],
        ['what is kept of a person is exported, and erased', erasing],
        ['health shows the clock, the disk and every link, and verifies the journal', healthy],
        ['accounts are made, changed and removed; the last admin stays', accounts],
        ...MISHAPS,
        ['a key that did not come back in time is shown first, with whom it is', overdue],
        ['with the daemon gone the page says so', alone],
      ];
    for (const [name, flow] of flows) await t.test(name, () => flow(page, site));
    assert.deepEqual(refused.filter(isOurs), [], 'nothing is refused by the content policy');
  } finally {
    await browser.close();
  }
});

/** A refusal of the API is logged by the browser too, and is not a fault of the page. */
function isOurs(text: string): boolean {
  return !/status of 4\d\d|ERR_|Failed to (load|fetch)/.test(text);
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
  await page.getByRole('banner').getByText('anna · admin').waitFor();
  await page.reload();
  await page.getByRole('button', { name: /^Slot 7 / }).click();
  await page.getByText('Opening from the panel is off').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  await context.close();
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

async function narrowing(page: Page, site: StartedSite): Promise<void> {
  await go(page, site, 'Journal');
  const rows = page.locator('main .entry');
  await page.locator('select[name="kind"]').selectOption('access');
  const device = page.locator('select[name="device"]');
  await device.selectOption('keypad');
  await rows.filter({ hasText: 'Slot seen' }).first().waitFor({ state: 'detached' });
  await rows.filter({ hasText: 'Denied' }).first().waitFor();
  const { entries } = await asked(site, 'GET', 'journal?classes=access&device=keypad');
  await page.getByText(`${entries.length} entries`, { exact: true }).waitFor();
  await page.getByLabel('From', { exact: true }).fill('2095-01-01');
  await page.getByText('No entry fits.').waitFor();
  assert.deepEqual(await faultsOf(page), []);
  await page.getByRole('button', { name: 'Show all' }).click();
  await rows.filter({ hasText: 'Slot seen' }).first().waitFor();
  assert.equal(await device.inputValue(), '');
}

async function overdue(page: Page, site: StartedSite): Promise<void> {
  await home(page, site);
  const { now } = await asked(site, 'GET', 'status');
  const end = new Date(Date.parse(now) + LOAN_MS).toISOString();
  await asked(site, 'PUT', 'grants/guest-lena', {
    holder: 'lena',
    credentials: [{ kind: 'pin', pin: '615243' }],
    targets: [{ kind: 'key', id: 'store-room' }],
    window: { kind: 'instants', start: '2026-01-01T15:00:00.000Z', end },
  });
  await site.hand('keypad', 'press', { keys: '615243#' });
  await page.getByRole('button', { name: 'Slot 12 Store room occupied, door open' }).waitFor();
  await site.hand('box', 'take-key', { slot: 12 });
  await site.hand('box', 'close-door', { slot: 12 });
  await page.getByRole('button', { name: 'Slot 12 empty, door closed' }).waitFor();
  await page.getByText('Store room is overdue with lena').waitFor();
  await page.getByText(/^[1-9] overdue$/).waitFor();
  await page.getByRole('link', { name: 'Look at it' }).first().click();
  await page.getByLabel('Where').selectOption('overdue');
  await page.getByRole('row', { name: /Flat 3/ }).waitFor({ state: 'detached' });
  const row = page.getByRole('row', { name: /Store room/ });
  await row.getByText('with lena').waitFor();
  await row.getByText('overdue').waitFor();
}

async function opening(page: Page, site: StartedSite): Promise<void> {
  await home(page, site);
  await page.getByRole('button', { name: /^Slot 3 / }).focus();
  await page.keyboard.press('Enter');
  // The dialog takes the focus for itself first; typed before that, a word would go elsewhere.
  await page.getByRole('dialog').waitFor();
  const why = page.getByLabel('Reason, for the journal');
  await why.pressSequentially('stranded guest');
  await why.press('Enter');
  await page.getByRole('status').filter({ hasText: 'It opened.' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /^Slot 3 .*door open$/ }).waitFor();
}

async function changing(page: Page, site: StartedSite): Promise<void> {
  await asked(site, 'PUT', 'grants/guest-eve', {
    holder: 'eve',
    credentials: [{ kind: 'pin', pin: '730164' }],
    targets: [{ kind: 'key', id: 'store-room' }],
  });
  await go(page, site, 'People');
  await page.getByRole('button', { name: 'eve', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Why can’t they get in?' }).click();
  await dialog.getByRole('button', { name: 'Try it' }).click();
  await dialog.getByText('They would get in.').waitFor();
  await page.keyboard.press('Escape');
  await go(page, site, 'Grants');
  await page.getByRole('button', { name: 'eve', exact: true }).click();
  await dialog.getByText('How well each place can keep it').waitFor();
  await dialog.locator('.rows li').first().waitFor();
  await dialog.getByRole('button', { name: 'Change' }).click();
  const form = page.getByRole('dialog', { name: 'Change grant' });
  await form.getByLabel('From', { exact: true }).fill('2096-01-01T10:00');
  await form.getByLabel('Until', { exact: true }).fill('2096-01-02T10:00');
  await form.getByLabel('Flat 3').check();
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByText('It is in force.').waitFor();
  const grant = await asked(site, 'GET', 'grants/guest-eve');
  assert.deepEqual(grant.window, {
    kind: 'floating',
    start: '2096-01-01T10:00',
    end: '2096-01-02T10:00',
  });
  assert.deepEqual(
    grant.targets.map(({ id }: { id: string }) => id),
    ['flat-3', 'store-room'],
  );
  assert.equal(grant.credentials.length, 1, 'its PIN stays');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'eve', exact: true }).click();
  await dialog.getByRole('button', { name: 'Why can’t they get in?' }).click();
  await dialog.getByRole('button', { name: 'Try it' }).click();
  await dialog.getByText('They would not get in.').waitFor();
  await dialog.getByText('too early').waitFor();
  await dialog.getByLabel('When').fill('2096-01-01T12:00');
  await dialog.getByRole('button', { name: 'Try it' }).click();
  await dialog.getByText('too early').waitFor({ state: 'detached' });
  await page.keyboard.press('Escape');
}

const FOB = '0F00AB0001';

async function enrolling(page: Page, site: StartedSite): Promise<void> {
  await asked(site, 'PUT', 'grants/cleaner', {
    holder: 'maria',
    targets: [{ kind: 'key', id: 'store-room' }],
  });
  await go(page, site, 'People');
  await page.getByRole('button', { name: 'maria', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Nothing yet: no PIN, no fob.').waitFor();
  await dialog.getByRole('button', { name: 'Enrol a fob …' }).click();
  assert.deepEqual(await faultsOf(page), []);
  await dialog.getByLabel('At which reader').selectOption('fobs');
  await dialog.getByRole('button', { name: 'Read a fob' }).click();
  await dialog.getByText('Hold the fob to the reader now').waitFor();
  await site.hand('fobs', 'show', { fob: FOB, ms: 400 });
  await dialog.getByText('The fob opens what one grant opens.').waitFor();
  assert.equal((await asked(site, 'GET', 'grants/cleaner')).credentials[0].kind, 'fob');
  await showUntil(site, 'types=access.granted&device=fobs');
  await shut(site, 12);

  await dialog.getByRole('button', { name: 'Disable …' }).click();
  await dialog.getByRole('button', { name: 'Yes, it opens nothing' }).click();
  await dialog.getByText('disabled', { exact: true }).waitFor();
  await showUntil(site, 'types=access.denied&text=credential-disabled');
  await dialog.getByRole('button', { name: 'Enable' }).click();
  await dialog.getByText('disabled', { exact: true }).waitFor({ state: 'detached' });
  await dialog.getByRole('button', { name: 'Remove …' }).click();
  await dialog.getByRole('button', { name: 'Yes, remove it' }).click();
  await dialog.getByText('Nothing yet: no PIN, no fob.').waitFor();
  await page.keyboard.press('Escape');

  // Two grants that call their fobs by one id: one of the two is disabled.
  for (const [grant, number] of [
    ['porter-1', '0F00AB77A1'],
    ['porter-2', '0F00AB77A2'],
  ]) {
    const credentials = [{ id: 'fob', kind: 'fob', number }];
    const targets = [{ kind: 'key', id: 'store-room' }];
    await asked(site, 'PUT', `grants/${grant}`, { holder: 'porter', credentials, targets });
  }
  await asked(site, 'POST', 'credentials/fob/disable', { why: 'lost', grant: 'porter-2' });
  await go(page, site, 'People');
  await page.getByRole('button', { name: 'porter', exact: true }).click();
  await dialog.getByRole('button', { name: 'Disable …' }).waitFor();
  await dialog.getByRole('button', { name: 'Enable' }).click();
  await dialog.getByText('disabled', { exact: true }).waitFor({ state: 'detached' });
  assert.equal(await dialog.getByRole('button', { name: 'Disable …' }).count(), 2);
  await page.keyboard.press('Escape');
}

/** Shows the fob, again after a while: to a reader a fob that comes back soon was never away, until something of that kind is in the journal. */
async function showUntil(site: StartedSite, query: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (tries % 60 === 0) await site.hand('fobs', 'show', { fob: FOB, ms: 200 });
    if ((await asked(site, 'GET', `journal?${query}`)).entries.length > 0) return;
    await new Promise((again) => setTimeout(again, 50));
  }
  assert.fail(`nothing in the journal fits ${query}`);
}

/** A door springs open some time after it was granted. */
async function shut(site: StartedSite, slot: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const look = Object(await (await fetch(`${site.simulator}/v1/devices/box`)).json());
    const { door, isPulsing } = look.slots[slot];
    if (door !== 'shut' && !isPulsing) return site.hand('box', 'close-door', { slot });
    await new Promise((again) => setTimeout(again, 50));
  }
  assert.fail(`the door of slot ${slot} stayed shut`);
}

async function making(page: Page, site: StartedSite): Promise<void> {
  await go(page, site, 'Grants');
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
  await shut(site, 12);
}

async function placing(page: Page, site: StartedSite): Promise<void> {
  await go(page, site, 'Keys');
  const dialog = page.getByRole('dialog');
  const state = async (what: string) => {
    await page.getByRole('button', { name: 'Flat 3', exact: true }).click();
    await dialog.getByRole('button', { name: 'State where it is …' }).click();
    await dialog.getByLabel(what, { exact: true }).check();
  };
  await state('with somebody');
  await dialog.getByLabel('Holder').fill('joe');
  await dialog.getByRole('button', { name: 'State it' }).click();
  await dialog.getByText('Noted, with your name.').waitFor();
  await page.keyboard.press('Escape');
  const row = page.getByRole('row', { name: /Flat 3/ });
  await row.getByText('with joe').waitFor();
  await state('lost');
  await dialog.getByRole('button', { name: 'State it' }).click();
  await dialog.getByText('Noted, with your name.').waitFor();
  await page.keyboard.press('Escape');
  await row.getByText('lost').waitFor();
  await state('in a slot');
  await dialog.locator('select[name="slot"]').selectOption('3');
  await dialog.getByRole('button', { name: 'State it' }).click();
  await page.keyboard.press('Escape');
  await row.getByText('lobby, slot 3').waitFor();

  await page.getByRole('button', { name: 'New key …' }).click();
  await dialog.getByLabel('Id').fill('cellar');
  await dialog.getByLabel('Name').fill('Cellar');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'Cellar', exact: true }).click();
  await dialog.getByRole('button', { name: 'Forget key …' }).click();
  await dialog.getByRole('button', { name: 'Yes, forget it' }).click();
  await page.getByRole('button', { name: 'Cellar', exact: true }).waitFor({ state: 'detached' });
}

async function lockingDown(page: Page, site: StartedSite): Promise<void> {
  await home(page, site);
  await page.getByRole('button', { name: 'Lockdown …' }).click();
  await page.getByLabel('Reason, for the journal').fill('drill');
  assert.deepEqual(await faultsOf(page), []);
  await page.getByRole('button', { name: 'Lock down now' }).click();
  await page.getByRole('alert').filter({ hasText: 'The whole site is locked down.' }).waitFor();
  assert.deepEqual(await faultsOf(page), []);
  assert.equal((await asked(site, 'GET', 'status')).lockdowns.length, 1);
  await page.getByRole('button', { name: 'End lockdown' }).click();
  await page.getByRole('button', { name: 'Yes, let people in again' }).click();
  await page.getByText('The whole site is locked down.').waitFor({ state: 'detached' });
  assert.equal((await asked(site, 'GET', 'status')).lockdowns.length, 0);
}

async function alarmed(page: Page, site: StartedSite): Promise<void> {
  await home(page, site);
  for (let n = 0; n < 6; n++) await site.hand('keypad', 'press', { keys: `22222${n}#` });
  await page.getByText('keypad takes no codes now').waitFor();
  await page.getByRole('button', { name: 'Open a slot …' }).click();
  const dialog = page.getByRole('dialog');
  assert.deepEqual(await faultsOf(page), []);
  await dialog.getByRole('button', { name: 'Open slot 12' }).click();
  await dialog.getByText('It opened.').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Slot 12 Store room occupied, door open' }).waitFor();
  await page.getByRole('button', { name: 'Reset keypad' }).click();
  await page.getByText('keypad takes no codes now').waitFor({ state: 'detached' });
  await shut(site, 12);
}

async function revoking(page: Page, site: StartedSite): Promise<void> {
  await go(page, site, 'Grants');
  await page.getByRole('button', { name: 'anna', exact: true }).click();
  await page.getByRole('button', { name: 'Revoke …' }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Revoke …' }).click();
  await page.getByRole('button', { name: 'Yes, revoke for good' }).click();
  await page.getByText('it opens nothing any more').waitFor();
}

/** A Keycafe client asks for an invitation by mail, which a box cannot send. */
async function sending(page: Page, site: StartedSite): Promise<void> {
  const { url, username, password } = site.dialects.keycafe;
  const headers = {
    authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
    'content-type': 'application/json',
  };
  const listed = await fetch(`${url}/key`, { headers });
  const [key] = Object.values(Object(await listed.json()));
  const answer = await fetch(`${url}/access`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ key: { id: Object(key).id }, user: { email: 'guest@example.com' } }),
  });
  assert.equal(answer.status, 200, await answer.text());
  await go(page, site, 'Vendors');
  const waiting = page.locator('section', { has: page.getByText('To be sent by you') }).last();
  await waiting.getByRole('rowheader', { name: /^Message/ }).waitFor();
  await waiting.getByText('to be sent', { exact: true }).waitFor();
  assert.ok(!(await page.content()).includes('guest@example.com'), 'no address is shown');
}

async function erasing(page: Page, site: StartedSite): Promise<void> {
  await asked(site, 'PUT', 'grants/gone', {
    holder: 'gina',
    credentials: [{ kind: 'pin' }],
    targets: [{ kind: 'key', id: 'store-room' }],
  });
  await go(page, site, 'People');
  await page.getByRole('button', { name: 'gina', exact: true }).click();
  const dialog = page.getByRole('dialog');
  const file = page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Export' }).click();
  const text = readFileSync(await (await file).path(), 'utf8');
  assert.match(text, /"holder":"gina"/);
  assert.deepEqual(await faultsOf(page), []);
  await dialog.getByRole('button', { name: 'Erase …' }).click();
  await dialog.getByRole('button', { name: 'Yes, erase for good' }).click();
  await page.getByRole('button', { name: 'gina', exact: true }).waitFor({ state: 'detached' });
}

async function healthy(page: Page, site: StartedSite): Promise<void> {
  await go(page, site, 'Health');
  await page.getByText('Oldest proof of a link').waitFor();
  await page.getByRole('meter', { name: 'Disk' }).waitFor();
  await page.getByRole('button', { name: 'Verify the journal' }).click();
  await page.getByText('their chain is whole').waitFor();
}

async function accounts(page: Page, site: StartedSite): Promise<void> {
  await go(page, site, 'Accounts');
  await page.getByRole('button', { name: 'New account …' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('otto');
  await dialog.getByLabel('operate').check();
  await dialog.getByLabel('New password').fill(PASSWORD);
  assert.deepEqual(await faultsOf(page), []);
  await dialog.getByRole('button', { name: 'Save' }).click();
  const row = page.locator('[data-account="otto"]');
  await row.getByText('operate').waitFor();
  await row.getByRole('button', { name: 'Remove …' }).click();
  await row.getByRole('button', { name: 'Yes, remove the account' }).click();
  await row.waitFor({ state: 'detached' });
  const anna = page.locator('[data-account="anna"]');
  await anna.getByRole('button', { name: 'Remove …' }).click();
  await anna.getByRole('button', { name: 'Yes, remove the account' }).click();
  await page
    .getByRole('alert')
    .filter({ hasText: 'the last account with scope admin stays' })
    .waitFor();
}

async function alone(page: Page, site: StartedSite): Promise<void> {
  await home(page, site);
  await page.context().setOffline(true);
  await page.getByRole('button', { name: /^Slot 3 / }).click();
  await page.getByRole('button', { name: 'Open slot 3' }).click();
  await page.getByRole('alert').filter({ hasText: 'The daemon does not answer.' }).waitFor();
  await page.keyboard.press('Escape');
  await page.context().setOffline(false);
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
    const imports = String(reply?.body).matchAll(/(?<![.'\w-])(?:from|import)\s*["']([^"']+)["']/g);
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
