/** Entries of the journal as a list, and each with its why. */
import { html } from 'htm/preact';
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { get } from './api.ts';
import { Dialog, Facts } from './dialog.ts';
import { say, sayWord } from './language.ts';
import { clockTime, span } from './moments.ts';
import { Data, FaultText, State, Time } from './parts.ts';
import type { Entry, Json, Why } from './shapes.ts';
import { entryDetail, entryWords, toneOf } from './words.ts';

export function Entries({ entries }: { readonly entries: readonly Entry[] }) {
  const [asked, setAsked] = useState<Entry | undefined>();
  return html`<ol class="entries">
      ${entries.map(
        (entry) => html`<li key=${entry.seq}>
          <button type="button" class="entry" data-seq=${entry.seq} onClick=${() => setAsked(entry)}>
            <span class=${`dot ${toneOf(entry.type)}`} aria-hidden="true"></span>
            <time datetime=${entry.at}>${clockTime(entry.at)}</time>
            <span class="what">${entryWords(entry.type)}</span>
            <span class="detail">${entryDetail(entry)}</span>
          </button>
        </li>`,
      )}
    </ol>
    ${asked !== undefined && html`<${EntryDialog} entry=${asked} closed=${() => setAsked(undefined)} />`}`;
}

/** Told apart from the rest: each has a place of its own. */
const NOT_AGAIN = ['reason', 'evidence', 'alarm'];

function EntryDialog({ entry, closed }: { readonly entry: Entry; readonly closed: () => void }) {
  const shown = Object.entries(entry.body)
    .filter(
      ([name, value]) => value !== null && typeof value !== 'object' && !NOT_AGAIN.includes(name),
    )
    .map(([name, value]) => fact(name, value));
  const isDecision = entry.type === 'access.granted' || entry.type === 'access.denied';
  const title = say('journal.entry', { what: entryWords(entry.type), seq: String(entry.seq) });
  return html`<${Dialog} title=${title} closed=${closed}>
    ${isDecision && html`<${WhySentence} entry=${entry} />`}
    <${Facts}
      facts=${[
        [say('journal.when'), html`<${Time} at=${entry.at} />`],
        [say('overview.clock'), sayWord('clock', entry.clock)],
        [say('journal.device'), entry.device === null ? null : html`<${Data}>${entry.device}<//>`],
        [say('journal.holder'), entry.holder === null ? null : html`<${Data}>${entry.holder}<//>`],
        ...shown,
        [say('journal.hash'), html`<code translate=${false}>${entry.hash}</code>`],
      ]}
    />
  <//>`;
}

/** Replayed from what it knew; the sentence is the daemon's. */
function WhySentence({ entry }: { readonly entry: Entry }) {
  const [why, setWhy] = useState<Why | undefined>();
  const [fault, setFault] = useState<unknown>();
  useEffect(() => {
    get<Why>(`why/${entry.seq}`).then(setWhy, setFault);
  }, []);
  const reason = entry.body['reason'];
  return html`<div class="why" role="status">
    ${typeof reason === 'string' && html`<p><strong>${sayWord('reason', reason)}</strong></p>`}
    ${fault !== undefined && html`<p><${FaultText} fault=${fault} /></p>`}
    ${
      why === undefined
        ? fault === undefined && html`<p>${say('journal.replaying')}</p>`
        : html`<p lang="en" translate=${false}>${why.sentence}</p>`
    }
    ${
      why?.same !== undefined &&
      why.same !== null &&
      html`<p>
        <${State} tone=${why.same ? 'good' : 'bad'}>
          ${why.same ? say('journal.same') : say('journal.differs')}
        <//>
        ${!why.same && html`<span lang="en" translate=${false}>${why.differences.join('; ')}</span>`}
      </p>`
    }
    ${why?.tzdata !== undefined && why.tzdata !== null && html`<small>${say('journal.tzdata', { version: why.tzdata })}</small>`}
  </div>`;
}

/** Milliseconds as people say them. */
function fact(name: string, value: Json): readonly [string, ComponentChildren] {
  if (typeof value === 'number' && /[a-z]Ms$/.test(name)) {
    return [sayWord('body', apart(name.slice(0, -2))), html`<time>${span(value)}</time>`];
  }
  return [sayWord('body', apart(name)), html`<${Data}>${String(value)}<//>`];
}

/** `accessPoint` as `access-point` */
function apart(name: string): string {
  return name.replaceAll(/([a-z])([A-Z])/g, '$1-$2').toLowerCase();
}
