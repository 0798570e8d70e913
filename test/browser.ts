/** Chromium of the machine and a whole simulated site in a process of its own, for tests of pages. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';

import type { Dialects } from '../simulator/site/demo-site.ts';

const CHROMIUM = '/usr/bin/chromium';
const START = resolve(import.meta.dirname, '../simulator/site/start.ts');
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Skips the test where there is no Chromium; says whether there is. */
export function hasChromium(t: TestContext): boolean {
  if (existsSync(CHROMIUM)) return true;
  if (process.env['LATCHKEY_REQUIRE_ALL'] === '1') throw new Error(`there is no ${CHROMIUM}`);
  t.skip(`needs ${CHROMIUM}`);
  return false;
}

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
}

export interface StartedSite extends AsyncDisposable {
  readonly api: string;
  readonly token: string;
  readonly simulator: string;
  readonly directory: string;
  readonly dialects: Dialects;
  /** Something done by hand at the hardware. */
  hand(device: string, verb: string, given?: object): Promise<void>;
}

/** As `npm start` opens it, without the story. */
export async function startSite(): Promise<StartedSite> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-page-'));
  const child = spawn(process.execPath, [START, '--json', '--directory', directory], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise<void>((resolved) => child.once('exit', () => resolved()));
  const line = await Promise.race([
    new Promise<string>((heard) => createInterface(child.stdout).once('line', heard)),
    ended.then(() => Promise.reject(new Error('the site ended before it was up'))),
  ]);
  const { api, token, simulator, dialects } = JSON.parse(line);
  return {
    api,
    token,
    simulator,
    directory,
    dialects,
    async hand(device, verb, given = {}) {
      const answer = await fetch(`${simulator}/v1/devices/${device}/${verb}`, {
        method: 'POST',
        body: JSON.stringify(given),
      });
      assert.equal(answer.status, 200, await answer.text());
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core holds against the page as it is now, one line each; a page wider than the screen too. */
export async function faultsOf(page: Page): Promise<readonly string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { axe } = Object(globalThis);
    const run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> = axe.run;
    // Pages lie in the hash of the address: a link to one that is scrolled out of sight is not one past the menu.
    axe.configure({ rules: [{ id: 'skip-link', selector: 'a.skip' }] });
    const root = Object(globalThis).document.documentElement;
    return { violations: (await run()).violations, excess: root.scrollWidth - root.clientWidth };
  });
  return [
    ...found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
    ...(found.excess > 0 ? [`${found.excess} pixels too wide`] : []),
  ];
}
