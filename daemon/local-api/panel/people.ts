/** People: who holds grants here, what they show at a reader, and which keys they have now. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { GrantForm } from './grant-form.ts';
import { say } from './language.ts';
import { Empty, Fault, Loading, Page } from './parts.ts';
import { PersonDialog } from './person-dialog.ts';
import { may } from './roles.ts';
import { useSearch } from './search.ts';
import { SearchForm } from './search-form.ts';
import type { Me, Person } from './shapes.ts';
import type { Site } from './site.ts';

const PAGE = 50;

interface PeopleProps {
  readonly site: Site;
  readonly me: Me;
  readonly version: unknown;
  readonly refresh: () => void;
}

export function People({ site, me, version, refresh }: PeopleProps) {
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState<string | undefined>();
  const [isMaking, setMaking] = useState(false);
  const query = new URLSearchParams(text === '' ? {} : { text }).toString();
  const found = useSearch<Person, string>(
    (after) =>
      `holders?${query}&limit=${PAGE}${after === null ? '' : `&after=${encodeURIComponent(after)}`}`,
    ({ holders, next }: { holders: readonly Person[]; next: string | null }) => ({
      rows: holders,
      next,
    }),
    PAGE,
    query,
    version,
  );
  const make =
    may(me, 'admin') &&
    html`<button type="button" class="main" onClick=${() => setMaking(true)}>${say('people.new')}</button>`;
  return html`<${Page} name="people" title=${say('nav.people')} note=${say('people.note')} actions=${make}>
    <${SearchForm} text=${text} placeholder=${say('people.placeholder')} typed=${setText} />
    <p role="status" class="count">${say('people.count', { n: found.rows.length })}</p>
    ${found.fault !== undefined && html`<${Fault} fault=${found.fault} again=${found.again} />`}
    <div class="card flush">
      <table>
        <thead>
          <tr>
            <th scope="col">${say('people.person')}</th>
            <th scope="col">${say('people.grants')}</th>
            <th scope="col">${say('people.keys')}</th>
          </tr>
        </thead>
        <tbody>
          ${found.rows.map(
            ({ holder, grants, keys }) => html`<tr key=${holder} data-holder=${holder}>
              <th scope="row">
                <button type="button" class="link" translate=${false} onClick=${() => setChosen(holder)}>${holder}</button>
              </th>
              <td data-name=${say('people.grants')}>${say('people.grant-count', { n: grants })}</td>
              <td data-name=${say('people.keys')} data-none=${keys.length === 0}>
                <span translate=${false}>${keys.length === 0 ? '—' : keys.map((key) => nameOf(site, key)).join(', ')}</span>
              </td>
            </tr>`,
          )}
        </tbody>
      </table>
      ${found.rows.length === 0 && found.isLooking && html`<${Loading} />`}
      ${
        found.rows.length === 0 &&
        !found.isLooking &&
        html`<${Empty} title=${say(text === '' ? 'people.none' : 'people.none-fit')} hint=${text === '' ? say('people.none-hint') : undefined} />`
      }
    </div>
    ${
      found.next !== null &&
      !found.isLooking &&
      html`<button type="button" class="more" onClick=${found.more}>${say('people.more')}</button>`
    }
    ${
      chosen !== undefined &&
      html`<${PersonDialog} holder=${chosen} site=${site} me=${me} refresh=${refresh} closed=${() => setChosen(undefined)} />`
    }
    ${isMaking && html`<${GrantForm} site=${site} made=${refresh} closed=${() => setMaking(false)} />`}
  <//>`;
}

export function nameOf({ keys }: Pick<Site, 'keys'>, id: string): string {
  return keys.find((key) => key.id === id)?.name ?? id;
}
