/** What goes wrong between a person and a page: two clicks for one, a wire that breaks, two who change one thing. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { faultsOf, type StartedSite } from '../../browser.ts';
import { asked, go, home } from './panel-bench.ts';

type Flow = (page: Page, site: StartedSite) => Promise<void>;

export const MISHAPS: readonly (readonly [name: string, flow: Flow])[] = [
  ['an opening is asked once by a double click, and once more by none of a held key', pressing],
  ['an opening whose answer was lost is not asked a second time by trying again', losing],
  ['a double click revokes nothing, and takes no key off the list', hasty],
  ['the way back closes a dialog, and gives the focus back', goingBack],
  ['who is not known any more is told to log in again', forgotten],
  ['two who change one grant: the second is told', racing],
  ['a grant that is over before it is made, or has no hours, is told so', late],
  ['what a form cannot show stays as it is when a grant is changed', keeping],
  ['more of a list stays, and what is looked at too, while things happen', growing],
  ['a day of the journal is a day of the site, wherever one looks from', days],
  ['a name of any length and script stays in its place, also on a small phone', naming],
  ['on paper there is what is known, and nothing to press', printing],
  ['an address that is none opens the page all the same', mistyped],
];

async function askedToOpen(site: StartedSite, slot: number): Promise<number> {
  const { entries } = await asked(site, 'GET', 'journal?types=access.commanded&limit=1000');
  return entries.filter((entry: { body: { slot?: number } }) => entry.body.slot === slot).length;
}

async function openDialog(page: Page, slot: number) {
  await page.getByRole('button', { name: new RegExp(`^Slot ${slot} `) }).click();
  return page.getByRole('button', { name: `Open slot ${slot}` });
}

async function pressing(page: Page, site: StartedSite): Promise<void> {
  await home(page, site);
  const open = await openDialog(page, 5);
  await open.dblclick();
  await page.getByText('It opened.').waitFor();
  assert.equal(await askedToOpen(site, 5), 1);
  await open.focus();
  // As a keyboard repeats a key that is held: no keyup between.
  for (let n = 0; n < 4; n++) await page.keyboard.down('Enter');
  await page.keyboard.up('Enter');
  await page.getByText('It opened.').waitFor();
  assert.equal(await askedToOpen(site, 5), 2);
  // Faster than a page is drawn.
  await open.evaluate((button) => {
    for (let n = 0; n < 3; n++) Object(button).click();
  });
  await page.getByText('It opened.').waitFor();
  assert.equal(await askedToOpen(site, 5), 3);
  await page.keyboard.press('Escape');
}

async function losing(page: Page, site: StartedSite): Promise<void> {
  await home(page, site);
  await page.route(
    '**/slots/6/open',
    async (route) => {
      await route.fetch();
      await route.abort();
    },
    { times: 1 },
  );
  const open = await openDialog(page, 6);
  await open.click();
  await page.getByRole('alert').filter({ hasText: 'The daemon does not answer.' }).waitFor();
  await open.click();
  await page.getByText('It opened. (Asked twice, done once.)').waitFor();
  assert.equal(await askedToOpen(site, 6), 1);
  await open.click();
  await page.getByText('It opened.', { exact: true }).waitFor();
  assert.equal(await askedToOpen(site, 6), 2, 'answered, it is another wish');
  await page.keyboard.press('Escape');
}

async function hasty(page: Page, site: StartedSite): Promise<void> {
  await put(site, 'hasty');
  await go(page, site, 'Grants');
  await page.getByRole('button', { name: 'hasty', exact: true }).click();
  await page.getByRole('button', { name: 'Revoke …' }).dblclick();
  await page.getByRole('button', { name: 'Yes, revoke for good' }).waitFor();
  assert.equal((await asked(site, 'GET', 'grants/hasty')).revoked, null);
  // Revoked by somebody else meanwhile, it is not shown as one that stands.
  await asked(site, 'DELETE', 'grants/hasty');
  await page.getByRole('dialog').getByText('revoked', { exact: true }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Yes, revoke for good' }).count(), 0);
  await page.keyboard.press('Escape');
}

async function goingBack(page: Page, site: StartedSite): Promise<void> {
  await go(page, site, 'Keys');
  const opener = page.getByRole('button', { name: 'Flat 3', exact: true });
  const dialog = page.getByRole('dialog');
  const isFocused = () => opener.evaluate((each) => each.matches(':focus'));
  await opener.click();
  await dialog.waitFor();
  await page.goBack();
  await dialog.waitFor({ state: 'detached' });
  assert.match(page.url(), /#keys$/);
  assert.ok(await isFocused());
  // Closed otherwise, it leaves nothing behind: back is the page before. One that takes its place closes as one.
  await opener.click();
  await dialog.getByRole('button', { name: 'Change' }).click();
  await page.getByRole('dialog', { name: 'Change Flat 3' }).waitFor();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.ok(await isFocused());
  await opener.click();
  await dialog.getByRole('link', { name: 'In the journal' }).click();
  await page.getByRole('heading', { name: 'Journal', level: 1 }).waitFor();
  await page.goBack();
  await opener.waitFor();
  assert.equal(await dialog.count(), 0);
  await page.goBack();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
}

async function forgotten(page: Page, site: StartedSite): Promise<void> {
  await home(page, site);
  await page.route('**/api/v1/keys', (route) =>
    route.fulfill({ status: 401, json: { error: { code: 'unauthorized', message: 'log in' } } }),
  );
  await asked(site, 'PUT', 'keys/flat-3/place', { kind: 'slot', accessPoint: 'lobby', slot: 3 });
  await page.getByText('Your session is over. Log in again to go on.').waitFor();
  await page.unroute('**/api/v1/keys');
  await page.getByRole('button', { name: 'Use a token' }).click();
  await page.getByLabel('Token').fill(site.token);
  await page.getByRole('button', { name: 'Use token' }).click();
  await page.getByText('live', { exact: true }).waitFor();
}

async function put(site: StartedSite, id: string, more: object = {}) {
  return asked(site, 'PUT', `grants/${id}`, {
    holder: id,
    credentials: [{ kind: 'pin' }],
    targets: [{ kind: 'key', id: 'flat-3' }],
    ...more,
  });
}

async function racing(page: Page, site: StartedSite): Promise<void> {
  await put(site, 'raced');
  await go(page, site, 'Grants');
  await page.getByRole('button', { name: 'raced', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Change' }).click();
  const form = page.getByRole('dialog', { name: 'Change grant' });
  await form.getByLabel('Uses', { exact: true }).fill('9');
  const again = page.waitForResponse((response) => response.url().includes('/grants?'));
  await put(site, 'raced', { uses: { max: 3 } });
  await again;
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByText('Somebody else changed this grant meanwhile.').waitFor();
  assert.equal((await asked(site, 'GET', 'grants/raced')).uses.max, 3);
  await page.keyboard.press('Escape');
}

async function late(page: Page, site: StartedSite): Promise<void> {
  await go(page, site, 'Grants');
  await page.getByRole('button', { name: 'New grant' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Holder').fill('tardy');
  await form.getByLabel('Flat 3').check();
  await form.getByLabel('Monday').check();
  await form.getByLabel('From hour').fill('10:00');
  await form.getByLabel('Until hour').fill('10:00');
  await form.getByRole('button', { name: 'Make grant' }).click();
  await form.getByText('From hour and Until hour have to differ').waitFor();
  await form.getByLabel('Until hour').fill('00:00');
  await form.getByLabel('From', { exact: true }).fill('2026-01-02T10:00');
  await form.getByLabel('Until', { exact: true }).fill('2026-01-01T10:00');
  await form.getByRole('button', { name: 'Make grant' }).click();
  await form.getByText('Not accepted: it ends before it begins').waitFor();
  await form.getByLabel('Until', { exact: true }).fill('2026-01-03T10:00');
  await form.getByRole('button', { name: 'Make grant' }).click();
  await form.getByText('Its time is over already').waitFor();
  await form.getByText('2 Jan 2026, 10:00 – 3 Jan 2026, 10:00').waitFor();
  await page.keyboard.press('Escape');
  const { grants } = await asked(site, 'GET', 'grants?holder=tardy');
  assert.deepEqual(grants[0].schedule.weekly, [{ days: [1], from: '10:00', to: '24:00' }]);
}

async function keeping(page: Page, site: StartedSite): Promise<void> {
  const before = {
    window: {
      kind: 'instants',
      start: '2026-01-01T15:00:07.000Z',
      end: '2096-01-01T10:00:00.000Z',
    },
    schedule: { zone: 'site', weekly: [{ days: [1, 7], from: '22:00', to: '24:00' }] },
    uses: { max: 4, reset: 'second' },
  };
  await put(site, 'kept', before);
  await go(page, site, 'Grants');
  await page.getByRole('button', { name: 'kept', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Change' }).click();
  const form = page.getByRole('dialog', { name: 'Change grant' });
  assert.equal(await form.getByLabel('From', { exact: true }).inputValue(), '2026-01-01T16:00');
  await form.getByLabel('Store room').check();
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByText('It is in force.').waitFor();
  const { window, schedule, uses, targets } = await asked(site, 'GET', 'grants/kept');
  assert.equal(targets.length, 2);
  const { carrier: _, ...counted } = uses;
  assert.deepEqual({ window, schedule, uses: counted }, before);
  await page.keyboard.press('Escape');
}

async function growing(page: Page, site: StartedSite): Promise<void> {
  for (let n = 10; n < 70; n++) await put(site, `crowd-${n}`, { credentials: [] });
  await go(page, site, 'Grants');
  await page.getByLabel('Search').fill('crowd');
  await page.getByText(/^50 of/).waitFor();
  await page.getByRole('button', { name: 'More grants' }).click();
  await page.getByText(/^60 of/).waitFor();
  await page.getByRole('button', { name: 'crowd-69', exact: true }).click();
  await page.getByRole('dialog', { name: 'crowd-69' }).waitFor();
  await put(site, 'crowd-7', { credentials: [] });
  await page.getByText(/^61 of/).waitFor({ state: 'attached' });
  assert.equal(await page.getByRole('dialog', { name: 'crowd-69' }).count(), 1);
  await page.keyboard.press('Escape');
}

async function days(page: Page, site: StartedSite): Promise<void> {
  await go(page, site, 'Journal');
  const asks = page.waitForRequest((request) => request.url().includes('&to='));
  await page.getByLabel('From', { exact: true }).fill('2026-03-29');
  await page.getByLabel('Until', { exact: true }).fill('2026-03-29');
  const asking = new URL((await asks).url()).searchParams;
  // The clocks of Stockholm go forward on that day; the browser is elsewhere.
  assert.deepEqual(
    [asking.get('from'), asking.get('to')],
    ['2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z'],
  );
}

const NAMES = {
  long: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftsschlüssel',
  right: 'מפתח של דירה 12 (כניסה ב׳)',
  signs: '🏡 Ferienhaus 👩‍👩‍👧‍👦 🗝️',
  markup: '<b onclick="alert(1)">Flat</b> & <img src=x onerror=alert(1)>',
};

/** Elements that reach out of what they are in, by what they say. */
async function reachingOut(page: Page): Promise<readonly string[]> {
  const all = page.locator(
    'dialog[open], dialog h2, tbody th, tbody td, .attention li, .slot .name',
  );
  return all.evaluateAll((elements) =>
    elements
      .map(Object)
      .flatMap((each) =>
        each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0 ? [each.textContent] : [],
      ),
  );
}

async function naming(page: Page, site: StartedSite): Promise<void> {
  const ids = Object.entries(NAMES);
  for (const [id, name] of ids) await asked(site, 'PUT', `keys/${id}`, { name });
  for (const [at, [id]] of ids.entries()) {
    const place = { kind: 'slot', accessPoint: 'lobby', slot: at + 13 };
    await asked(site, 'PUT', `keys/${id}/place`, place);
  }
  await page.setViewportSize({ width: 320, height: 640 });
  await go(page, site, 'Keys');
  for (const name of Object.values(NAMES)) {
    await page.getByRole('button', { name, exact: true }).click();
    await page.getByRole('dialog', { name }).waitFor();
    assert.deepEqual(await reachingOut(page), []);
    await page.keyboard.press('Escape');
  }
  await go(page, site, 'Grants');
  await page.getByRole('button', { name: 'New grant' }).click();
  assert.deepEqual(await reachingOut(page), []);
  await home(page, site);
  assert.deepEqual(await reachingOut(page), []);
  assert.deepEqual(await faultsOf(page), []);
  const isAbove = await page.evaluate(() => {
    const top = (selector: string) =>
      Object(globalThis).document.querySelector(selector).getBoundingClientRect().top;
    return top('.needs') < top('.boxes');
  });
  assert.ok(isAbove, 'what needs somebody stands first on a phone');
  await page.setViewportSize({ width: 1280, height: 800 });
  for (const [id] of ids) await asked(site, 'DELETE', `keys/${id}`);
}

async function printing(page: Page, site: StartedSite): Promise<void> {
  await page.emulateMedia({ media: 'print' });
  for (const name of ['Keys', 'Grants', 'Journal', 'Overview']) {
    await page.goto(`${site.api}/#${name.toLowerCase()}`);
    await page.getByRole('heading', { name, level: 1 }).waitFor();
    await page.locator('.skeleton').waitFor({ state: 'detached' });
    assert.equal(
      await page.locator('nav, form, .page-actions, footer').filter({ visible: true }).count(),
      0,
    );
  }
  await page.emulateMedia({ media: 'screen' });
}

async function mistyped(page: Page, site: StartedSite): Promise<void> {
  await page.goto(`${site.api}/#journal/%E0%A4%A`);
  await page.reload();
  await page.getByRole('heading', { name: 'Journal', level: 1 }).waitFor();
}
