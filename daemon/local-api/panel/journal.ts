/** The journal: as it grows, searched, and each decision with its why. */
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { get } from './api.ts';
import { Dialog, Facts } from './dialog.ts';
import { clockTime, moment } from './moments.ts';
import type { Entry, Why } from './shapes.ts';
import { CLOCKS, entryDetail, entryWords } from './words.ts';

const CLASSES = ['access', 'grant', 'device', 'security', 'system'] as const;
const PAGE = 60;
const TYPING_MS = 200;

interface Found {
  readonly entries: readonly Entry[];
  readonly next: number | null;
}

export function Entries({ entries }: { readonly entries: readonly Entry[] }) {
  const [asked, setAsked] = useState<Entry | undefined>();
  return html`<ol class="entries">
      ${entries.map((entry) => {
        const { text, tone } = entryWords(entry.type);
        return html`<li key=${entry.seq}>
          <button type="button" class="entry" data-seq=${entry.seq} onClick=${() => setAsked(entry)}>
            <span class=${`dot ${tone}`} aria-hidden="true"></span>
            <time datetime=${entry.at}>${clockTime(entry.at)}</time>
            <span class="what">${text}</span>
            <span class="detail">${entryDetail(entry)}</span>
          </button>
        </li>`;
      })}
    </ol>
    ${asked !== undefined && html`<${WhyDialog} entry=${asked} closed=${() => setAsked(undefined)} />`}`;
}

export function Journal({ heard }: { readonly heard: readonly Entry[] }) {
  const [text, setText] = useState('');
  const [kind, setKind] = useState('');
  const [found, setFound] = useState<Found>({ entries: [], next: null });
  const [fault, setFault] = useState('');
  const latest = heard[0]?.seq ?? 0;

  const query = (more: Readonly<Record<string, string>>) =>
    `journal?${new URLSearchParams({
      limit: String(PAGE),
      ...(text === '' ? {} : { text }),
      ...(kind === '' ? {} : { classes: kind }),
      ...more,
    })}`;

  useEffect(() => {
    let isCurrent = true;
    const timer = setTimeout(() => {
      get<Found>(query({})).then(
        (page) => {
          if (isCurrent) setFound(page);
        },
        (error: unknown) => setFault(String(error)),
      );
    }, TYPING_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [text, kind, latest]);

  async function older() {
    const { entries, next } = await get<Found>(query({ before: String(found.next) }));
    setFound({ entries: [...found.entries, ...entries], next });
  }

  return html`<section aria-labelledby="journal-title">
    <h1 id="journal-title">Journal</h1>
    <form class="search" role="search" onSubmit=${(event: Event) => event.preventDefault()}>
      <label>
        Search
        <input
          type="search"
          name="text"
          value=${text}
          maxlength="100"
          placeholder="key, holder, reason …"
          onInput=${(event: InputEvent) => setText(valueIn(event))}
        />
      </label>
      <label>
        Kind
        <select name="kind" onChange=${(event: Event) => setKind(valueIn(event))}>
          <option value="">all</option>
          ${CLASSES.map((each) => html`<option value=${each}>${each}</option>`)}
        </select>
      </label>
    </form>
    <p role="status" class="count">
      ${fault || (found.entries.length === 0 ? 'No entry fits.' : `${found.entries.length} ${found.entries.length === 1 ? 'entry' : 'entries'}`)}
    </p>
    <div class="card flush"><${Entries} entries=${found.entries} /></div>
    ${found.next !== null && html`<button type="button" class="more" onClick=${older}>Older entries</button>`}
  </section>`;
}

function valueIn({ currentTarget }: Event): string {
  const isField =
    currentTarget instanceof HTMLInputElement || currentTarget instanceof HTMLSelectElement;
  return isField ? currentTarget.value : '';
}

function WhyDialog({ entry, closed }: { readonly entry: Entry; readonly closed: () => void }) {
  const [why, setWhy] = useState<Why | undefined>();
  const [fault, setFault] = useState('');
  const isDecision = entry.type === 'access.granted' || entry.type === 'access.denied';
  useEffect(() => {
    if (!isDecision) return;
    get<Why>(`why/${entry.seq}`).then(setWhy, (error: unknown) =>
      setFault(error instanceof Error ? error.message : String(error)),
    );
  }, []);
  const shown = Object.entries(entry.body)
    .filter(([, value]) => value !== null && typeof value !== 'object')
    .map(([name, value]): [string, string] => [fieldWords(name), String(value)]);
  return html`<${Dialog} title=${`${entryWords(entry.type).text} — no. ${entry.seq}`} closed=${closed}>
    ${
      isDecision &&
      html`<p class="why" role="status">${fault || (why?.sentence ?? 'Replaying …')}</p>
        ${
          why?.same !== undefined &&
          why.same !== null &&
          html`<p class=${`state ${why.same ? 'good' : 'bad'}`}>
            ${
              why.same
                ? 'Replayed from the evidence: the same decision'
                : `Replayed: ${why.differences.join('; ')}`
            }
          </p>`
        }`
    }
    <${Facts}
      facts=${[
        ['When', moment(entry.at)],
        ['Clock', CLOCKS[entry.clock] ?? entry.clock],
        ['Device', entry.device],
        ['Holder', entry.holder],
        ...shown,
        ['Time zone rules', why?.tzdata],
        ['Hash', entry.hash],
      ]}
    />
  <//>`;
}

/** `accessPoint` as `Access point` */
function fieldWords(name: string): string {
  const apart = name.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return apart.charAt(0).toUpperCase() + apart.slice(1);
}
