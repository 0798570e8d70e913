/** The panel: who is there, and which page. */
import { html } from 'htm/preact';
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Accounts } from './accounts.ts';
import { call, get, OVER, useToken } from './api.ts';
import { Devices } from './devices.ts';
import { ignoreDoubleClicks } from './double-click.ts';
import { Grants } from './grants.ts';
import { Health } from './health.ts';
import { Journal } from './journal.ts';
import { Keys } from './keys.ts';
import { say, sayWord } from './language.ts';
import { Login } from './login.ts';
import { isNoteworthy, Overview } from './overview.ts';
import { Loading } from './parts.ts';
import { People } from './people.ts';
import { may } from './roles.ts';
import type { Entry, Me } from './shapes.ts';
import { useSite } from './site.ts';
import { Tongue } from './tongue.ts';
import { Vendors } from './vendors.ts';
import { entryDetail, entryWords } from './words.ts';

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
] as const;
type PageName = (typeof PAGES)[number];

/** `#journal/flat-7`: a page, and what it is asked for. */
function placeOf(hash: string): { readonly page: PageName; readonly of: string } {
  const [name = '', of = ''] = hash.slice(1).split('/');
  return { page: PAGES.find((page) => page === name) ?? 'overview', of: decoded(of) };
}

/** An address is typed by hand, too. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (fault) {
    if (fault instanceof URIError) return text;
    throw fault;
  }
}

function App() {
  const [me, setMe] = useState<Me | undefined>();
  const [asked, setAsked] = useState(false);
  const [isOver, setOver] = useState(false);
  const [, setSpoken] = useState(0);
  useEffect(() => {
    get<Me>('me')
      .then(setMe, () => undefined)
      .finally(() => setAsked(true));
  }, []);
  const leave = (how: 'by-hand' | 'over') => {
    useToken(undefined);
    setOver(how === 'over');
    setMe(undefined);
  };
  const spoke = () => setSpoken((count) => count + 1);
  if (!asked) return null;
  return me === undefined
    ? html`<${Login} isOver=${isOver} entered=${setMe} spoke=${spoke} />`
    : html`<${Shell} me=${me} leave=${leave} spoke=${spoke} />`;
}

interface ShellProps {
  readonly me: Me;
  readonly leave: (how: 'by-hand' | 'over') => void;
  readonly spoke: () => void;
}

function Shell({ me, leave, spoke }: ShellProps) {
  const [{ page, of }, setPlace] = useState(placeOf(location.hash));
  const { site, heard, before, isLive, refresh } = useSite();

  useEffect(() => {
    const go = () => setPlace(placeOf(location.hash));
    addEventListener('hashchange', go);
    return () => removeEventListener('hashchange', go);
  }, []);
  // Ended in another tab, by an administrator, or by time.
  useEffect(() => {
    const over = () => leave('over');
    addEventListener(OVER, over);
    return () => removeEventListener(OVER, over);
  }, []);
  useEffect(() => {
    document.title = `${site?.status.name ?? 'Latchkey'} – ${sayWord('nav', page)}`;
  }, [page, site?.status.name]);
  // On a phone not all of their names fit beside each other.
  useEffect(() => {
    const current = document.querySelector('nav [aria-current]');
    current?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [page]);

  async function logOut() {
    await call('POST', 'logout').catch(() => undefined);
    leave('by-hand');
  }

  const known = new Set(heard.map(({ seq }) => seq));
  const entries: readonly Entry[] = [...heard, ...before.filter(({ seq }) => !known.has(seq))];
  const latest = heard.find(isNoteworthy);
  const pages = PAGES.filter((each) => each !== 'accounts' || may(me, 'admin'));
  return html`<a class="skip" href="#content" onClick=${skip}>${say('page.skip')}</a>
    <header class="top">
      <div class="who">
        <img src="/panel/icon.svg" alt="" width="32" height="32" />
        <span class="site" translate=${false}>${site?.status.name ?? 'Latchkey'}</span>
        <span class=${`state ${isLive ? 'good' : 'warn'}`} role="status">${say(isLive ? 'page.live' : 'page.connecting')}</span>
        <span class="me"><span translate=${false}>${me.name}</span> · ${sayWord('scope', me.scope)}</span>
        <button type="button" class="plain" onClick=${logOut}>${say('login.out')}</button>
      </div>
      <nav aria-label=${say('page.pages')}>
        ${pages.map(
          (each) =>
            html`<a href=${`#${each}`} aria-current=${each === page ? 'page' : undefined}>${say(`nav.${each}`)}</a>`,
        )}
      </nav>
    </header>
    <main id="content" tabindex="-1">
      ${!isLive && site !== undefined && html`<p class="stale" role="status">${say('page.stale')}</p>`}
      ${site === undefined ? html`<${Loading} rows=${8} />` : show()}
    </main>
    <footer>
      <span class="me"><span translate=${false}>${me.name}</span> · ${sayWord('scope', me.scope)}</span>
      <${Tongue} spoke=${spoke} />
    </footer>
    <p class="unseen" aria-live="polite">
      ${latest !== undefined && html`${entryWords(latest.type)}: ${entryDetail(latest)}`}
    </p>`;

  function show() {
    if (site === undefined) return null;
    const version = heard[0]?.seq ?? 0;
    switch (page) {
      case 'overview':
        return html`<${Overview} site=${site} entries=${entries} me=${me} refresh=${refresh} />`;
      case 'keys':
        return html`<${Keys} site=${site} me=${me} refresh=${refresh} />`;
      case 'people':
        return html`<${People} site=${site} me=${me} version=${version} refresh=${refresh} />`;
      case 'grants':
        return html`<${Grants} site=${site} me=${me} version=${version} refresh=${refresh} />`;
      case 'journal':
        return html`<${Journal} key=${of} heard=${heard} devices=${site.devices} text=${of} />`;
      case 'vendors':
        return html`<${Vendors} now=${site.status.now} version=${site.status.now} />`;
      case 'devices':
        return html`<${Devices} site=${site} me=${me} refresh=${refresh} />`;
      case 'health':
        return html`<${Health} site=${site} />`;
      case 'accounts':
        return may(me, 'admin') ? html`<${Accounts} me=${me} />` : null;
    }
  }
}

/** The hash names the page, so that a link within it is followed by hand. */
function skip(event: Event) {
  event.preventDefault();
  document.getElementById('content')?.focus();
}

ignoreDoubleClicks(document);
const root = document.getElementById('app');
if (root !== null) render(html`<${App} />`, root);
