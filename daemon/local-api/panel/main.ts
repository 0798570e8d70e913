/** The panel: who is there, and which page. */
import { html } from 'htm/preact';
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call, get, useToken } from './api.ts';
import { Grants } from './grants.ts';
import { Journal } from './journal.ts';
import { Devices, Keys } from './lists.ts';
import { Login } from './login.ts';
import { Overview } from './overview.ts';
import type { Entry, Me } from './shapes.ts';
import { useSite } from './site.ts';
import { entryDetail, entryWords } from './words.ts';

const PAGES = ['overview', 'keys', 'grants', 'journal', 'devices'] as const;
type Page = (typeof PAGES)[number];
const RECENT = 10;

function pageOf(hash: string): Page {
  return PAGES.find((page) => hash === `#${page}`) ?? 'overview';
}

function App() {
  const [me, setMe] = useState<Me | undefined>();
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    get<Me>('me')
      .then(setMe, () => undefined)
      .finally(() => setAsked(true));
  }, []);
  const leave = () => {
    useToken(undefined);
    setMe(undefined);
  };
  if (!asked) return null;
  return me === undefined
    ? html`<${Login} entered=${setMe} />`
    : html`<${Shell} me=${me} leave=${leave} />`;
}

function Shell({ me, leave }: { readonly me: Me; readonly leave: () => void }) {
  const [page, setPage] = useState(pageOf(location.hash));
  const { site, heard, isLive, refresh } = useSite(leave);
  const before = useRecent();

  useEffect(() => {
    const go = () => setPage(pageOf(location.hash));
    addEventListener('hashchange', go);
    return () => removeEventListener('hashchange', go);
  }, []);
  useEffect(() => {
    document.title = `${site?.status.name ?? 'Latchkey'} – ${page}`;
  }, [page, site?.status.name]);

  async function logOut() {
    await call('POST', 'logout').catch(() => undefined);
    leave();
  }

  const known = new Set(heard.map(({ seq }) => seq));
  const recent = [...heard, ...before.filter(({ seq }) => !known.has(seq))]
    .filter(isNoteworthy)
    .slice(0, RECENT);
  const latest = heard.find(isNoteworthy);
  return html`<a class="skip" href="#content" onClick=${skip}>To the content</a>
    <header class="top">
      <div class="who">
        <img src="/panel/icon.svg" alt="" width="32" height="32" />
        <span class="site">${site?.status.name ?? 'Latchkey'}</span>
        <span class=${`state ${isLive ? 'good' : 'warn'}`} role="status">${isLive ? 'live' : 'connecting'}</span>
        <span class="me">${me.name} · ${me.scope}</span>
        <button type="button" class="plain" onClick=${logOut}>Log out</button>
      </div>
      <nav aria-label="Pages">
        ${PAGES.map(
          (each) =>
            html`<a href=${`#${each}`} aria-current=${each === page ? 'page' : undefined}>
              ${each.charAt(0).toUpperCase() + each.slice(1)}
            </a>`,
        )}
      </nav>
    </header>
    <main id="content" tabindex="-1">
      ${site === undefined ? html`<p role="status">Loading …</p>` : show()}
    </main>
    <p class="unseen" aria-live="polite">
      ${latest !== undefined && `${entryWords(latest.type).text}: ${entryDetail(latest)}`}
    </p>`;

  function show() {
    if (site === undefined) return null;
    switch (page) {
      case 'overview':
        return html`<${Overview} site=${site} recent=${recent} me=${me} refresh=${refresh} />`;
      case 'keys':
        return html`<${Keys} keys=${site.keys} now=${site.status.now} />`;
      case 'grants':
        return html`<${Grants} me=${me} keys=${site.keys} places=${site.places} version=${site.status.grants} />`;
      case 'journal':
        return html`<${Journal} heard=${heard} />`;
      case 'devices':
        return html`<${Devices} devices=${site.devices} />`;
    }
  }
}

/** The hash names the page, so that a link within it is followed by hand. */
function skip(event: Event) {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

/** What a slot's sensors say at a start is for the journal, not for the first page. */
function isNoteworthy({ type }: Entry): boolean {
  return !type.startsWith('device.slot') && type !== 'system.checkpoint';
}

function useRecent(): readonly Entry[] {
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  useEffect(() => {
    get<{ entries: readonly Entry[] }>('journal?limit=100').then(
      (page) => setEntries(page.entries),
      () => undefined,
    );
  }, []);
  return entries;
}

const root = document.getElementById('app');
if (root !== null) render(html`<${App} />`, root);
