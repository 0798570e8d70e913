/** `node test/pages/pictures.ts`: makes the pictures of the README anew, from a simulated site in use. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { openBrowser, startSite } from '../browser.ts';
import { asked, home, withToken } from '../daemon/local-api/panel-bench.ts';
import { ROOT } from './pages.ts';

const FOLDER = join(ROOT, '.pictures');
mkdirSync(FOLDER, { recursive: true });

await using site = await startSite();
const key = (id: string) => ({ targets: [{ kind: 'key', id }] });
await asked(site, 'PUT', 'grants/stay-ada', {
  holder: 'ada',
  credentials: [{ kind: 'pin', pin: '604215' }],
  window: { kind: 'instants', end: new Date(Date.now() + 2 * 86_400_000).toISOString() },
  ...key('flat-3'),
});
await asked(site, 'PUT', 'grants/cleaner-bo', {
  holder: 'cleaner-bo',
  credentials: [{ kind: 'fob', number: '0F00012ABC' }],
  ...key('store-room'),
});
await site.hand('keypad', 'press', { keys: '604215#' });
await opened(3);
await site.hand('box', 'take-key', { slot: 3 });
await site.hand('box', 'close-door', { slot: 3 });
await site.hand('fobs', 'show', { fob: '0F00012ABC', ms: 300 });
await opened(12);
const browser = await openBrowser();
try {
  const panel = await withToken(browser, site);
  await panel.setViewportSize({ width: 1280, height: 860 });
  await home(panel, site);
  await panel.waitForTimeout(2000);
  await panel.screenshot({ path: join(FOLDER, 'panel.png') });
  await phone(browser);
  const bench = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  await bench.goto(`${site.simulator}/bench-top`);
  await bench.waitForTimeout(2000);
  await bench.screenshot({ path: join(FOLDER, 'bench-top.png') });
} finally {
  await browser.close();
}

/** The door stands open, and its solenoid has let go of the hook. */
async function opened(slot: number): Promise<void> {
  for (;;) {
    const look: { slots: Record<number, { door: string; isPulsing: boolean }> } = JSON.parse(
      await (await fetch(`${site.simulator}/v1/devices/box`)).text(),
    );
    const { door, isPulsing } = look.slots[slot] ?? { door: 'none', isPulsing: false };
    if (door === 'open' && !isPulsing) return;
    await new Promise((again) => setTimeout(again, 50));
  }
}

async function phone(from: Browser): Promise<void> {
  const page = await withToken(from, site);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await home(page, site);
  await page.screenshot({ path: join(FOLDER, 'panel-phone.png') });
}
