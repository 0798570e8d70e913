/** Grants: who may, where, from when until when. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { GrantDialog } from './grant-dialog.ts';
import { GrantForm } from './grant-form.ts';
import { GrantState } from './grant-words.ts';
import { say, sayWord } from './language.ts';
import { GRANTS_A_LOOK } from './looks.ts';
import { Empty, Fault, Loading, Page, Time, valueIn } from './parts.ts';
import { may } from './roles.ts';
import { useSearch } from './search.ts';
import { SearchForm } from './search-form.ts';
import type { Grant, Me } from './shapes.ts';
import type { Site } from './site.ts';

interface GrantsProps {
  readonly site: Site;
  readonly me: Me;
  /** Changes when grants may have. */
  readonly version: unknown;
  readonly refresh: () => void;
}

const PAGE = 50;
const SOURCES = ['local', 'cloud', 'keycafe', 'seam', 'intserv'] as const;

export function Grants({ site, me, version, refresh }: GrantsProps) {
  const [text, setText] = useState('');
  const [source, setSource] = useState('');
  const [chosen, setChosen] = useState<Grant | undefined>();
  const [isMaking, setMaking] = useState(false);
  const query = new URLSearchParams({
    ...(text === '' ? {} : { text }),
    ...(source === '' ? {} : { source }),
  }).toString();
  const found = useSearch<Grant, string>(
    (after) =>
      `grants?${query}&limit=${PAGE}&most=${GRANTS_A_LOOK}${after === null ? '' : `&after=${encodeURIComponent(after)}`}`,
    ({ grants, next }: { grants: readonly Grant[]; next: string | null }) => ({
      rows: grants,
      next,
    }),
    PAGE,
    query,
    version,
  );
  const make =
    may(me, 'admin') &&
    html`<button type="button" class="main" onClick=${() => setMaking(true)}>${say('grants.new')}</button>`;

  return html`<${Page} name="grants" title=${say('nav.grants')} note=${say('grants.note')} actions=${make}>
    <${SearchForm} text=${text} placeholder=${say('grants.placeholder')} typed=${setText}>
      <label>
        ${say('grants.source')}
        <select value=${source} onChange=${(event: Event) => setSource(valueIn(event))}>
          <option value="">${say('field.all')}</option>
          ${SOURCES.map((each) => html`<option value=${each}>${sayWord('source', each)}</option>`)}
        </select>
      </label>
    <//>
    <p role="status" class="count">
      ${say('grants.count', { n: found.rows.length, all: site.status.grants })}${found.isLooking && html`${' '}${say('page.looking')}`}
    </p>
    ${found.fault !== undefined && html`<${Fault} fault=${found.fault} again=${found.again} />`}
    <div class="card flush">
      <table>
        <thead>
          <tr>
            <th scope="col">${say('journal.holder')}</th>
            <th scope="col">${say('grants.opens')}</th>
            <th scope="col">${say('field.from')}</th>
            <th scope="col">${say('field.until')}</th>
            <th scope="col">${say('grants.state')}</th>
          </tr>
        </thead>
        <tbody>
          ${found.rows.map(
            (each) => html`<tr key=${each.id} data-grant=${each.id}>
              <th scope="row">
                <button type="button" class="link" translate=${false} onClick=${() => setChosen(each)}>${each.holder}</button>
                <small>${sayWord('source', each.source.vendor)} · <span translate=${false}>${each.id}</span></small>
              </th>
              <td data-name=${say('grants.opens')} translate=${false}>${each.targets.map(({ id }) => id).join(', ')}</td>
              <td data-name=${say('field.from')}>${each.starts === null ? say('grants.always') : html`<${Time} at=${each.starts} />`}</td>
              <td data-name=${say('field.until')}>${each.ends === null ? say('grants.open-end') : html`<${Time} at=${each.ends} />`}</td>
              <td data-name=${say('grants.state')}><${GrantState} grant=${each} /></td>
            </tr>`,
          )}
        </tbody>
      </table>
      ${found.rows.length === 0 && found.isLooking && html`<${Loading} />`}
      ${
        found.rows.length === 0 &&
        !found.isLooking &&
        html`<${Empty} title=${say(query === '' ? 'grants.none' : 'grants.none-fit')} hint=${query === '' ? say('grants.none-hint') : undefined} />`
      }
    </div>
    ${
      found.next !== null &&
      !found.isLooking &&
      html`<button type="button" class="more" onClick=${found.more}>${say('grants.more')}</button>`
    }
    ${isMaking && html`<${GrantForm} site=${site} made=${refresh} closed=${() => setMaking(false)} />`}
    ${
      chosen !== undefined &&
      html`<${GrantDialog} grant=${chosen} version=${version} site=${site} me=${me} refresh=${refresh} closed=${() => setChosen(undefined)} />`
    }
  <//>`;
}
