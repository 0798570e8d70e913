/** A grant made here: who, what, from when until when, and what is shown at the reader. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { call } from './api.ts';
import { Dialog } from './dialog.ts';
import type { AccessPoint, Json, Key } from './shapes.ts';

interface NewGrantProps {
  readonly keys: readonly Key[];
  readonly places: readonly AccessPoint[];
  readonly made: () => void;
  readonly closed: () => void;
}

interface Made {
  readonly pins: readonly { readonly digits: string }[];
  readonly collides: boolean;
}

export function NewGrant({ keys, places, made, closed }: NewGrantProps) {
  const [shows, setShows] = useState<'pin' | 'fob'>('pin');
  const [fault, setFault] = useState('');
  const [result, setResult] = useState<Made | undefined>();
  const locks = places.flatMap((place) => place.locks.map(({ device }) => device));

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    setFault('');
    try {
      const body = grantIn(new FormData(event.currentTarget), shows);
      setResult(await call<Made>('PUT', `grants/${newId()}`, body));
      made();
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
  }

  if (result !== undefined) {
    return html`<${Dialog} title="Grant made" closed=${closed}>
      ${result.pins.map(
        ({ digits }) =>
          html`<p>Its PIN, told this once: <strong class="pin">${digits}</strong></p>`,
      )}
      ${result.pins.length === 0 && html`<p>The fob opens from now on.</p>`}
      ${result.collides && html`<p class="state warn">Another holder has the same code.</p>`}
    <//>`;
  }
  const target = (kind: string, id: string, name: string) =>
    html`<label class="choice" key=${`${kind} ${id}`}>
      <input type="checkbox" name="target" value=${`${kind}:${id}`} /> ${name}
    </label>`;
  return html`<${Dialog} title="New grant" closed=${closed}>
    <form onSubmit=${submit}>
      <label>
        Holder
        <input name="holder" required pattern="[A-Za-z0-9_.:\\-]{1,128}" autocapitalize="none" />
        <small>An id, not a name: the journal goes to the cloud.</small>
      </label>
      <fieldset>
        <legend>May open</legend>
        ${keys.map(({ id, name }) => target('key', id, name))}
        ${locks.map((device) => target('lock', device, `lock ${device}`))}
      </fieldset>
      <div class="pair">
        <label>From <input name="start" type="datetime-local" /></label>
        <label>Until <input name="end" type="datetime-local" /></label>
      </div>
      <label>
        Shows
        <select
          onChange=${({ currentTarget }: Event) =>
            currentTarget instanceof HTMLSelectElement &&
            setShows(currentTarget.value === 'fob' ? 'fob' : 'pin')}
        >
          <option value="pin">a PIN, drawn here</option>
          <option value="fob">a fob</option>
        </select>
      </label>
      ${
        shows === 'fob' &&
        html`<label>Number of the fob <input name="number" required placeholder="10 hex digits" /></label>`
      }
      <p class="fault" role="alert">${fault}</p>
      <button class="main">Make grant</button>
    </form>
  <//>`;
}

/** @throws RangeError for people, where something is missing. */
function grantIn(fields: FormData, shows: 'pin' | 'fob'): Json {
  const text = (name: string) => String(fields.get(name) ?? '').trim();
  const targets = fields.getAll('target').map((value) => {
    const [kind = '', ...id] = String(value).split(':');
    return { kind, id: id.join(':') };
  });
  if (targets.length === 0) throw new RangeError('Choose what it may open.');
  const [start, end] = [text('start'), text('end')];
  if ((start === '') !== (end === ''))
    throw new RangeError('Give both From and Until, or neither.');
  return {
    holder: text('holder'),
    targets,
    credentials: [shows === 'pin' ? { kind: 'pin' } : { kind: 'fob', number: text('number') }],
    ...(start === '' ? {} : { window: { kind: 'floating', start, end } }),
  };
}

/** Not a `randomUUID`: a browser has that over TLS only. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return `panel-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
