/** Enrolling by showing: whoever stands at a reader holds the fob to it; its number never comes here. */
import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from './api.ts';
import { say } from './language.ts';
import { Data, FaultText, valueIn } from './parts.ts';
import type { Site } from './site.ts';

const WITHIN_MS = 45_000;

interface EnrolProps {
  readonly site: Site;
  readonly shown: (ticket: string) => void;
}

interface Shown {
  readonly ticket: string | null;
  readonly known: { readonly key: string | null; readonly grants: readonly string[] };
}

export function Enrol({ site, shown }: EnrolProps) {
  const readers = site.places.flatMap((place) => place.readers).filter(({ online }) => online);
  const [reader, setReader] = useState('');
  const [state, setState] = useState<'idle' | 'waiting' | 'none' | Shown>('idle');
  const [fault, setFault] = useState<unknown>();
  const waiting = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => waiting.current?.abort(), []);

  async function wait() {
    waiting.current?.abort();
    const left = new AbortController();
    waiting.current = left;
    setState('waiting');
    setFault(undefined);
    try {
      const body = { withinMs: WITHIN_MS, ...(reader === '' ? {} : { reader }) };
      const found = await call<Shown>('POST', 'enrolments', body, { signal: left.signal });
      if (left.signal.aborted) return;
      setState(found.ticket === null ? 'none' : found);
      if (found.ticket !== null && isNew(found)) shown(found.ticket);
    } catch (error) {
      if (left.signal.aborted) return;
      setState('idle');
      setFault(error);
    }
  }
  const stop = () => {
    waiting.current?.abort();
    setState('idle');
  };
  const found = typeof state === 'object' ? state : undefined;
  return html`<div class="enrol part">
    <label>
      ${say('enrol.reader')}
      <select value=${reader} disabled=${state === 'waiting'} onChange=${(event: Event) => setReader(valueIn(event))}>
        <option value="">${say('enrol.any')}</option>
        ${readers.map(({ device }) => html`<option value=${device} translate=${false}>${device}</option>`)}
      </select>
    </label>
    ${
      state === 'waiting'
        ? html`<p class="waiting" role="status"><span class="pulse" aria-hidden="true"></span>${say('enrol.hold')}</p>
            <button type="button" onClick=${stop}>${say('enrol.stop')}</button>`
        : html`<button type="button" class="main" onClick=${wait}>${say(state === 'idle' ? 'enrol.begin' : 'enrol.again')}</button>`
    }
    ${state === 'none' && html`<p role="status">${say('enrol.nothing')}</p>`}
    ${found !== undefined && isNew(found) && html`<p role="status" class="state good">${say('enrol.read')}</p>`}
    ${
      found !== undefined &&
      !isNew(found) &&
      html`<div role="status">
        <p class="state warn">
          ${found.known.key === null ? say('enrol.has-grants') : say('enrol.is-key')}${' '}
          <${Data}>${found.known.key ?? found.known.grants.join(', ')}<//>
        </p>
        ${
          found.known.key === null &&
          html`<button type="button" onClick=${() => found.ticket !== null && shown(found.ticket)}>${say('enrol.still')}</button>`
        }
      </div>`
    }
    ${fault !== undefined && html`<p class="fault" role="alert"><${FaultText} fault=${fault} /></p>`}
  </div>`;
}

function isNew({ known }: Shown): boolean {
  return known.key === null && known.grants.length === 0;
}
