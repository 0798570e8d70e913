/** Grants: who may, where, from when until when; and taking one back. */
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { call, get } from './api.ts';
import { Dialog, Facts } from './dialog.ts';
import { moment } from './moments.ts';
import { NewGrant } from './new-grant.ts';
import type { AccessPoint, Grant, Key, Me } from './shapes.ts';

interface Page {
  readonly grants: readonly Grant[];
  readonly next: string | null;
  readonly all: number;
}

interface GrantsProps {
  readonly me: Me;
  readonly keys: readonly Key[];
  readonly places: readonly AccessPoint[];
  /** Changes when grants may have. */
  readonly version: number;
}

const TYPING_MS = 200;

export function Grants({ me, keys, places, version }: GrantsProps) {
  const [text, setText] = useState('');
  const [page, setPage] = useState<Page | undefined>();
  const [chosen, setChosen] = useState<Grant | undefined>();
  const [wish, setWish] = useState(0);
  const [isMaking, setMaking] = useState(false);
  const changed = () => setWish((count) => count + 1);

  const query = (more: Readonly<Record<string, string>>) =>
    `grants?${new URLSearchParams({ limit: '100', ...(text === '' ? {} : { text }), ...more })}`;
  useEffect(() => {
    const timer = setTimeout(() => get<Page>(query({})).then(setPage, () => undefined), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, version, wish]);

  async function more() {
    if (page?.next === null || page === undefined) return;
    const rest = await get<Page>(query({ after: page.next }));
    setPage({ ...rest, grants: [...page.grants, ...rest.grants] });
  }

  return html`<section aria-labelledby="grants-title">
    <h1 id="grants-title">Grants</h1>
    <form class="search" role="search" onSubmit=${(event: Event) => event.preventDefault()}>
      <label>
        Search
        <input
          type="search"
          value=${text}
          placeholder="grant or holder"
          maxlength="100"
          onInput=${({ currentTarget }: InputEvent) =>
            currentTarget instanceof HTMLInputElement && setText(currentTarget.value)}
        />
      </label>
    </form>
    ${
      me.scope === 'admin' &&
      html`<button type="button" class="new" onClick=${() => setMaking(true)}>New grant …</button>`
    }
    <p role="status" class="count">${page === undefined ? 'Loading …' : `${page.grants.length} of ${page.all} grants`}</p>
    <div class="card flush">
      <table>
        <thead>
          <tr>
            <th scope="col">Holder</th>
            <th scope="col">May open</th>
            <th scope="col">From</th>
            <th scope="col">Until</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          ${page?.grants.map(
            (grant) => html`<tr key=${grant.id} data-grant=${grant.id}>
              <th scope="row">
                <button type="button" class="link" onClick=${() => setChosen(grant)}>${grant.holder}</button>
                <small>${grant.source.vendor} · ${grant.id}</small>
              </th>
              <td data-name="May open">${grant.targets.map(({ id }) => id).join(', ')}</td>
              <td data-name="From">${grant.starts === null ? 'always' : moment(grant.starts)}</td>
              <td data-name="Until">${grant.ends === null ? 'open end' : moment(grant.ends)}</td>
              <td data-name="State"><${GrantState} grant=${grant} /></td>
            </tr>`,
          )}
        </tbody>
      </table>
      ${page?.grants.length === 0 && html`<p class="empty">No grants here.</p>`}
    </div>
    ${page !== undefined && page.next !== null && html`<button type="button" class="more" onClick=${more}>More grants</button>`}
    ${
      isMaking &&
      html`<${NewGrant} keys=${keys} places=${places} made=${changed} closed=${() => setMaking(false)} />`
    }
    ${
      chosen !== undefined &&
      html`<${GrantDialog}
        grant=${chosen}
        me=${me}
        places=${places}
        changed=${changed}
        closed=${() => setChosen(undefined)}
      />`
    }
  </section>`;
}

function GrantState({ grant }: { readonly grant: Grant }) {
  if (grant.revoked !== null) return html`<span class="state bad">revoked</span>`;
  return html`<span class=${`state ${grant.state === 'enabled' ? 'good' : 'quiet'}`}>${grant.state}</span>`;
}

interface Revoked {
  readonly devices: readonly { readonly device: string; readonly state: string }[];
}

function GrantDialog({
  grant,
  me,
  places,
  changed,
  closed,
}: {
  readonly grant: Grant;
  readonly me: Me;
  readonly places: readonly AccessPoint[];
  readonly changed: () => void;
  readonly closed: () => void;
}) {
  const [told, setTold] = useState('');
  const [sure, setSure] = useState(false);

  async function tell(asked: Promise<string>) {
    setTold('…');
    setTold(await asked.catch((error: unknown) => (error instanceof Error ? error.message : '')));
  }
  const wouldOpen = (accessPoint: string) =>
    call<{ sentence: string }>('POST', 'what-if', { accessPoint, grant: grant.id }).then(
      ({ sentence }) => sentence,
    );
  const revoke = async () => {
    const { devices } = await call<Revoked>('DELETE', `grants/${encodeURIComponent(grant.id)}`);
    setSure(false);
    changed();
    const pending = devices.filter(({ state }) => state === 'pending').map(({ device }) => device);
    return pending.length === 0
      ? 'Revoked: it opens nothing any more.'
      : `Revoked here; still pending at ${pending.join(', ')}.`;
  };
  const canRevoke = me.scope === 'admin' && grant.revoked === null;

  return html`<${Dialog} title=${grant.holder} closed=${closed}>
    <${Facts}
      facts=${[
        ['Grant', `${grant.id}, revision ${grant.rev}`],
        ['From', grant.source.vendor],
        ['May open', grant.targets.map(({ kind, id }) => `${kind} ${id}`).join(', ')],
        ['Shows', grant.credentials.map(({ kind }) => kind).join(', ') || 'nothing'],
        ['Starts', grant.starts === null ? 'always' : moment(grant.starts)],
        ['Ends', grant.ends === null ? 'open end' : moment(grant.ends)],
      ]}
    />
    <div class="actions">
      ${places.map(
        ({ id }) => html`<button type="button" onClick=${() => tell(wouldOpen(id))}>
          Would it open now at ${id}?
        </button>`,
      )}
      ${canRevoke && !sure && html`<button type="button" class="danger" onClick=${() => setSure(true)}>Revoke …</button>`}
      ${canRevoke && sure && html`<button type="button" class="danger" onClick=${() => tell(revoke())}>Yes, revoke for good</button>`}
    </div>
    <p role="status" class="why">${told}</p>
  <//>`;
}
