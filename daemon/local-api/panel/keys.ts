/** Keys: where each is, who has it, since when. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { KeyDialog } from './key-dialog.ts';
import { KeyForm } from './key-form.ts';
import { Where } from './key-words.ts';
import { say, sayWord } from './language.ts';
import { moment, span } from './moments.ts';
import { Empty, Page, State, valueIn } from './parts.ts';
import { may } from './roles.ts';
import { SearchForm } from './search-form.ts';
import type { Key, Me } from './shapes.ts';
import type { Site } from './site.ts';

interface KeysProps {
  readonly site: Site;
  readonly me: Me;
  readonly refresh: () => void;
}

const WHERE = ['', 'slot', 'holder', 'overdue', 'unknown'] as const;

export function Keys({ site, me, refresh }: KeysProps) {
  const { keys, status } = site;
  const [text, setText] = useState('');
  const [where, setWhere] = useState('');
  const [chosen, setChosen] = useState<string | undefined>();
  const [isMaking, setMaking] = useState(false);
  const wanted = text.toLowerCase();
  const shown = keys
    .filter(({ id, name, place }) =>
      `${id} ${name} ${place.kind === 'holder' ? place.holder : ''}`.toLowerCase().includes(wanted),
    )
    .filter(({ place, flags }) => where === '' || place.kind === where || flags.includes(where))
    .toSorted((one, other) => rank(one) - rank(other) || one.name.localeCompare(other.name));
  const key = keys.find(({ id }) => id === chosen);
  const make =
    may(me, 'admin') &&
    html`<button type="button" class="main" onClick=${() => setMaking(true)}>${say('keys.new')}</button>`;

  return html`<${Page} name="keys" title=${say('nav.keys')} note=${say('keys.note')} actions=${make}>
    <${SearchForm} text=${text} placeholder=${say('keys.placeholder')} typed=${setText}>
      <label>
        ${say('keys.where')}
        <select value=${where} onChange=${(event: Event) => setWhere(valueIn(event))}>
          ${WHERE.map((each) => html`<option value=${each}>${say(each === '' ? 'field.all' : `where.${each}`)}</option>`)}
        </select>
      </label>
    <//>
    <p role="status" class="count">${say('keys.count', { n: shown.length, all: keys.length })}</p>
    <div class="card flush">
      <table>
        <thead>
          <tr>
            <th scope="col">${say('keys.key')}</th>
            <th scope="col">${say('keys.where')}</th>
            <th scope="col">${say('keys.since')}</th>
            <th scope="col">${say('keys.due')}</th>
            <th scope="col">${say('keys.remarks')}</th>
          </tr>
        </thead>
        <tbody>
          ${shown.map((each) => html`<${KeyRow} key=${each.id} of=${each} now=${status.now} choose=${() => setChosen(each.id)} />`)}
        </tbody>
      </table>
      ${shown.length === 0 && html`<${Empty} title=${say(keys.length === 0 ? 'keys.none' : 'keys.none-fit')} hint=${keys.length === 0 ? say('keys.none-hint') : undefined} />`}
    </div>
    ${
      key !== undefined &&
      html`<${KeyDialog} of=${key} site=${site} me=${me} refresh=${refresh} closed=${() => setChosen(undefined)} />`
    }
    ${isMaking && html`<${KeyForm} places=${site.places} refresh=${refresh} closed=${() => setMaking(false)} />`}
  <//>`;
}

/** What needs somebody stands first. */
function rank({ place, flags }: Key): number {
  if (flags.includes('overdue')) return 0;
  return place.kind === 'unknown' ? 1 : place.kind === 'holder' ? 2 : 3;
}

interface RowProps {
  readonly of: Key;
  readonly now: string;
  readonly choose: () => void;
}

function KeyRow({ of: { id, name, place, flags }, now, choose }: RowProps) {
  const since = place.kind === 'holder' || place.kind === 'unknown' ? place.since : null;
  const due = place.kind === 'holder' ? place.due : null;
  return html`<tr data-key=${id}>
    <th scope="row">
      <button type="button" class="link" translate=${false} onClick=${choose}>${name}</button>
      <small translate=${false}>${id}</small>
    </th>
    <td data-name=${say('keys.where')}><${Where} place=${place} /></td>
    <td data-name=${say('keys.since')} data-none=${since === null}>
      ${
        since === null
          ? '—'
          : html`<time datetime=${since}>${moment(since)}</time>
              <small>${span(Date.parse(now) - Date.parse(since))}</small>`
      }
    </td>
    <td data-name=${say('keys.due')} data-none=${due === null}>
      ${due === null ? '—' : html`<time datetime=${due}>${moment(due)}</time>`}
    </td>
    <td data-name=${say('keys.remarks')} data-none=${flags.length === 0}>
      ${
        flags.length === 0
          ? '—'
          : flags.map(
              (flag) =>
                html`<${State} tone=${flag === 'reminded' ? 'quiet' : 'warn'}>${sayWord('flag', flag)}<//>${' '}`,
            )
      }
    </td>
  </tr>`;
}
