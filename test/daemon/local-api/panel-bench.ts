/** The panel of a started site in a browser, for the tests of its pages. */
import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import type { StartedSite } from '../../browser.ts';

export async function asked(
  { api, token }: StartedSite,
  method: string,
  path: string,
  body?: object,
): Promise<ReturnType<typeof JSON.parse>> {
  const answer = await fetch(`${api}/api/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const reply = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(reply));
  return reply;
}

/** Its token and language are in the page before its first script. */
export async function withToken(
  browser: Browser,
  { token }: StartedSite,
  language = 'en',
): Promise<Page> {
  // Half-way through a turn, a door's colours are nobody's.
  const context = await browser.newContext({
    reducedMotion: 'reduce',
    locale: 'en-GB',
    // Not where the site is.
    timezoneId: 'America/Los_Angeles',
  });
  await context.addInitScript(
    ([secret, spoken]) => {
      Object(globalThis).sessionStorage.setItem('latchkey-token', secret);
      Object(globalThis).localStorage.setItem('latchkey-language', spoken);
    },
    [token, language],
  );
  context.setDefaultTimeout(20_000);
  return context.newPage();
}

/** A dialog that was closed has left the history, too; a page opened before that would be left again. */
export async function closed(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const { document, history } = Object(globalThis);
    return history.state !== 'dialog' || document.querySelector('dialog[open]') !== null;
  });
}

export async function home(page: Page, { api }: StartedSite): Promise<void> {
  await closed(page);
  await page.goto(api);
  await page.getByText('live', { exact: true }).waitFor();
  await page.getByRole('button', { name: /^Slot 16 / }).waitFor();
}

export async function go(page: Page, site: StartedSite, name: string): Promise<void> {
  await home(page, site);
  await page.getByRole('navigation').getByRole('link', { name }).click();
  await page.getByRole('heading', { name, level: 1 }).waitFor();
}

/** Everything on the page that is neither a message nor marked as data, one line each. */
export function unspoken(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const { document, NodeFilter } = Object(globalThis);
    const isOut = (element: { closest(selector: string): unknown } | null) =>
      element?.closest('[translate="no"], time, script, style, noscript') !== null;
    const bare = (text: string) => text.replaceAll(/⟦[^⟧]*⟧/g, '').trim();
    const found: string[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const text = bare(node.textContent ?? '');
      if (/\p{L}/u.test(text) && !isOut(node.parentElement)) found.push(text);
    }
    for (const element of document.querySelectorAll('[aria-label], [placeholder], [data-name]')) {
      for (const name of ['aria-label', 'placeholder', 'data-name']) {
        const text = bare(element.getAttribute(name) ?? '');
        if (/\p{L}/u.test(text) && text !== 'flat-12') found.push(`${name}: ${text}`);
      }
    }
    return found;
  });
}
