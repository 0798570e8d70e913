/** One person: what they show at a reader, what they may, and why they cannot get in. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { call, save } from './api.ts';
import { command } from './commands.ts';
import { Dialog } from './dialog.ts';
import { Enrol } from './enrol.ts';
import { bodyOf, credentialsOf } from './grant-body.ts';
import { GrantForm } from './grant-form.ts';
import { GrantState, Until } from './grant-words.ts';
import { say, sayWord } from './language.ts';
import { Danger, Data, Fault, Loading, State, Told, useAction, useFetched } from './parts.ts';
import { may } from './roles.ts';
import type { Grant, Me, PersonWhole } from './shapes.ts';
import type { Site } from './site.ts';
import { WhyNot } from './why-not.ts';

interface PersonDialogProps {
  readonly holder: string;
  readonly site: Site;
  readonly me: Me;
  readonly refresh: () => void;
  readonly closed: () => void;
}

type Part = 'none' | 'why' | 'enrol' | 'grant';

export function PersonDialog({ holder, site, me, refresh, closed }: PersonDialogProps) {
  const [part, setPart] = useState<Part>('none');
  const {
    reply: person,
    fault,
    again,
  } = useFetched<PersonWhole>(`holders/${encodeURIComponent(holder)}`);
  const action = useAction();
  const does = async (what: () => Promise<string>) => {
    const isDone = await action.run(what);
    again();
    refresh();
    if (isDone) setPart('none');
  };
  if (part === 'grant') {
    return html`<${GrantForm} site=${site} holder=${holder} made=${refresh} closed=${closed} />`;
  }
  const live = person?.grants.filter(({ revoked }) => revoked === null) ?? [];
  const ours = live.filter(({ source }) => source.vendor === 'local');
  const path = `holders/${encodeURIComponent(holder)}`;
  const erase = async () => {
    const isDone = await action.run(async () => {
      await call('POST', `${path}/erase`, { revoke: true });
      return say('people.erased');
    });
    refresh();
    if (isDone) closed();
  };
  const flip = (next: Part) => () => setPart(part === next ? 'none' : next);
  return html`<${Dialog} title=${holder} isName closed=${closed}>
    ${fault !== undefined && html`<${Fault} fault=${fault} again=${again} />`}
    ${person === undefined && fault === undefined && html`<${Loading} rows=${3} />`}
    <div class="actions first">
      ${live.length > 0 && html`<button type="button" aria-expanded=${part === 'why'} onClick=${flip('why')}>${say('why.title')}</button>`}
      ${may(me, 'admin') && ours.length > 0 && html`<button type="button" aria-expanded=${part === 'enrol'} onClick=${flip('enrol')}>${say('people.enrol')}</button>`}
      ${may(me, 'admin') && html`<button type="button" onClick=${() => setPart('grant')}>${say('grants.new')}</button>`}
      <a class="button" href=${`#journal/${encodeURIComponent(holder)}`}>${say('keys.history')}</a>
    </div>
    ${part === 'why' && html`<${WhyNot} grants=${live} site=${site} />`}
    ${part === 'enrol' && html`<${EnrolFor} grants=${ours} site=${site} does=${does} />`}
    ${
      person !== undefined &&
      html`<${Credentials} person=${person} me=${me} busy=${action.busy} does=${does} />
        <h3>${say('people.grants')}</h3>
        <ul class="rows">
          ${person.grants.map(
            (grant) => html`<li key=${grant.id}>
              <div>
                <span translate=${false}>${grant.targets.map(({ id }) => id).join(', ')}</span>
                <small><${Until} grant=${grant} /></small>
              </div>
              <${GrantState} grant=${grant} />
            </li>`,
          )}
        </ul>`
    }
    ${
      may(me, 'admin') &&
      html`<h3>${say('people.data')}</h3>
        <div class="actions">
          <button
            type="button"
            disabled=${action.busy}
            onClick=${() => action.run(() => save(`${path}/export`, `${holder}.ndjson`).then(() => say('people.exported')))}
          >
            ${say('people.export')}
          </button>
          <${Danger}
            ask=${say('people.erase')}
            sure=${say('people.erase-sure')}
            busy=${action.busy}
            does=${erase}
          />
        </div>
        <small>${say('people.erase-note')}</small>`
    }
    <${Told} action=${action} />
  <//>`;
}

interface CredentialsProps {
  readonly person: PersonWhole;
  readonly me: Me;
  readonly busy: boolean;
  readonly does: (what: () => Promise<string>) => void;
}

/** What is shown at a reader, once each, with the grant that carries it. */
function Credentials({ person, me, busy, does }: CredentialsProps) {
  const held = person.grants
    .filter(({ revoked }) => revoked === null)
    .flatMap((grant) => grant.credentials.map((credential) => ({ grant, credential })));
  return html`<h3>${say('people.shows')}</h3>
    ${held.length === 0 && html`<p class="hint flat">${say('people.shows-nothing')}</p>`}
    <ul class="rows">
      ${held.map(({ grant, credential }) => {
        const isOff = person.disabledIn.some(
          (off) => off.grant === grant.id && off.credential === credential.id,
        );
        const path = `credentials/${encodeURIComponent(credential.id)}`;
        return html`<li key=${`${grant.id} ${credential.id}`}>
          <div>
            ${sayWord('credential', credential.kind)}
            ${credential.digits !== null && html`${' '}<small>${say('people.digits', { n: credential.digits })}</small>`}
            <small><${Data}>${grant.targets.map(({ id }) => id).join(', ')}<//></small>
          </div>
          <div class="remedies">
            ${isOff && html`<${State} tone="bad">${say('people.disabled')}<//>`}
            ${
              isOff &&
              may(me, 'admin') &&
              html`<button type="button" disabled=${busy} onClick=${() => does(() => command('POST', `${path}/enable`, { grant: grant.id }, say('people.was-enabled')))}>${say('people.enable')}</button>`
            }
            ${
              !isOff &&
              may(me, 'operate') &&
              html`<${Danger}
                ask=${say('people.disable')}
                sure=${say('people.disable-sure')}
                busy=${busy}
                does=${() => does(() => command('POST', `${path}/disable`, { grant: grant.id }, say('people.was-disabled')))}
              />`
            }
            ${
              may(me, 'admin') &&
              grant.source.vendor === 'local' &&
              html`<${Danger}
                ask=${say('people.remove')}
                sure=${say('people.remove-sure')}
                busy=${busy}
                does=${() => does(() => without(grant, credential.id))}
              />`
            }
          </div>
        </li>`;
      })}
    </ul>`;
}

async function without(grant: Grant, credential: string): Promise<string> {
  const credentials = credentialsOf(grant).filter(({ id }) => id !== credential);
  await call('PUT', `grants/${encodeURIComponent(grant.id)}`, { ...bodyOf(grant), credentials });
  return say('people.was-removed');
}

interface EnrolForProps {
  readonly grants: readonly Grant[];
  readonly site: Site;
  readonly does: (what: () => Promise<string>) => void;
}

/** A fob for all that this person may, so far as it was given here. */
function EnrolFor({ grants, site, does }: EnrolForProps) {
  async function enrol(ticket: string): Promise<string> {
    for (const grant of grants) {
      const credentials = [...credentialsOf(grant), { kind: 'fob', enrolled: ticket }];
      await call('PUT', `grants/${encodeURIComponent(grant.id)}`, {
        ...bodyOf(grant),
        credentials: numbered(grant.id, credentials),
      });
    }
    return say('people.enrolled', { n: grants.length });
  }
  return html`<${Enrol} site=${site} shown=${(ticket: string) => does(() => enrol(ticket))} />`;
}

/** Each has a name of its own, that no credential before it had. */
function numbered(
  grant: string,
  credentials: readonly { readonly [name: string]: string }[],
): readonly { readonly [name: string]: string }[] {
  const names = new Set(credentials.map(({ id }) => id));
  let count = credentials.length;
  return credentials.map((credential) => {
    if (credential['id'] !== undefined) return credential;
    while (names.has(`${grant}-${count}`)) count += 1;
    return { ...credential, id: `${grant}-${count}` };
  });
}
