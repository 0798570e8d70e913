/** The journal: as it grows, and searched. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { Entries } from './entries.ts';
import { say, sayWord } from './language.ts';
import { ENTRIES_A_LOOK } from './looks.ts';
import { beginOf } from './moments.ts';
import { Empty, Fault, Loading, Page, valueIn } from './parts.ts';
import { useSearch } from './search.ts';
import { SearchForm } from './search-form.ts';
import type { Device, Entry } from './shapes.ts';

const CLASSES = ['access', 'grant', 'device', 'security', 'system'] as const;
const PAGE = 60;

interface Wanted {
  readonly text: string;
  readonly classes: string;
  readonly device: string;
  readonly from: string;
  readonly to: string;
}

const ALL: Wanted = { text: '', classes: '', device: '', from: '', to: '' };

interface JournalProps {
  readonly heard: readonly Entry[];
  readonly devices: readonly Device[];
  /** What another page asked to be searched. */
  readonly text: string;
}

export function Journal({ heard, devices, text }: JournalProps) {
  const [wanted, setWanted] = useState<Wanted>({ ...ALL, text });
  const asked = Object.entries(wanted)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => [name, name === 'from' || name === 'to' ? dayOf(name, value) : value]);
  const query = new URLSearchParams(Object.fromEntries(asked)).toString();
  const found = useSearch<Entry, number>(
    (before) =>
      `journal?${query}&limit=${PAGE}&most=${ENTRIES_A_LOOK}${before === null ? '' : `&before=${before}`}`,
    ({ entries, next }: { entries: readonly Entry[]; next: number | null }) => ({
      rows: entries,
      next,
    }),
    PAGE,
    query,
    heard[0]?.seq ?? 0,
  );
  const set = (name: keyof Wanted) => (event: Event) =>
    setWanted({ ...wanted, [name]: valueIn(event) });
  const count = found.rows.length;

  return html`<${Page} name="journal" title=${say('nav.journal')} note=${say('journal.note')}>
    <${SearchForm} text=${wanted.text} placeholder=${say('journal.placeholder')} typed=${(text: string) => setWanted({ ...wanted, text })}>
      <label>
        ${say('journal.kind')}
        <select name="kind" value=${wanted.classes} onChange=${set('classes')}>
          <option value="">${say('field.all')}</option>
          ${CLASSES.map((each) => html`<option value=${each}>${sayWord('class', each)}</option>`)}
        </select>
      </label>
      <label>
        ${say('journal.device')}
        <select name="device" value=${wanted.device} onChange=${set('device')}>
          <option value="">${say('field.all')}</option>
          ${devices.map(({ id }) => html`<option value=${id} translate=${false}>${id}</option>`)}
        </select>
      </label>
      <label>${say('field.from')}<input type="date" value=${wanted.from} onInput=${set('from')} /></label>
      <label>${say('field.until')}<input type="date" value=${wanted.to} onInput=${set('to')} /></label>
    <//>
    <p role="status" class="count">
      ${say(found.next === null ? 'journal.count' : 'journal.count-newest', { n: count })}${found.isLooking && html`${' '}${say('page.looking')}`}
    </p>
    ${found.fault !== undefined && html`<${Fault} fault=${found.fault} again=${found.again} />`}
    <div class="card flush">
      <${Entries} entries=${found.rows} />
      ${count === 0 && found.isLooking && html`<${Loading} rows=${6} />`}
      ${
        count === 0 &&
        !found.isLooking &&
        html`<${Empty} title=${say('journal.none')} hint=${say('journal.none-hint')}>
          ${query !== '' && html`<button type="button" onClick=${() => setWanted(ALL)}>${say('journal.show-all')}</button>`}
        <//>`
      }
    </div>
    ${
      found.next !== null &&
      !found.isLooking &&
      html`<button type="button" class="more" onClick=${found.more}>${say('journal.older')}</button>`
    }
  <//>`;
}

/** Days of the site, as its entries are shown; `until` holds its day. */
function dayOf(name: 'from' | 'to', day: string): string {
  return beginOf(day, name === 'to' ? 1 : 0);
}
