/** Who can log in to the panel, and what each may do. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { call } from './api.ts';
import { Dialog } from './dialog.ts';
import { say, sayWord } from './language.ts';
import {
  Danger,
  Empty,
  Fault,
  fieldsOf,
  Loading,
  Page,
  Told,
  textIn,
  useAction,
  useFetched,
} from './parts.ts';
import type { Me } from './shapes.ts';

const SCOPES = ['read', 'operate', 'admin'] as const;

export function Accounts({ me }: { readonly me: Me }) {
  const { reply, fault, again } = useFetched<{ accounts: readonly Me[] }>('accounts');
  const [chosen, setChosen] = useState<Me | 'new' | undefined>();
  const action = useAction();
  const remove = async (name: string) => {
    await action.run(() => call('DELETE', `accounts/${name}`).then(() => say('accounts.removed')));
    again();
  };
  const make = html`<button type="button" class="main" onClick=${() => setChosen('new')}>${say('accounts.new')}</button>`;
  return html`<${Page} name="accounts" title=${say('nav.accounts')} note=${say('accounts.note')} actions=${make}>
    ${fault !== undefined && html`<${Fault} fault=${fault} again=${again} />`}
    ${reply === undefined && fault === undefined && html`<${Loading} rows=${3} />`}
    <div class="card flush">
      <ul class="links">
        ${reply?.accounts.map(
          (account) => html`<li key=${account.name} data-account=${account.name}>
            <div>
              <strong translate=${false}>${account.name}</strong>
              <small>${sayWord('scope', account.scope)}</small>
            </div>
            <div class="remedies">
              <button type="button" onClick=${() => setChosen(account)}>${say('field.change')}</button>
              ${
                account.name !== me.name &&
                html`<${Danger}
                  ask=${say('accounts.remove')}
                  sure=${say('accounts.remove-sure')}
                  busy=${action.busy}
                  does=${() => remove(account.name)}
                />`
              }
            </div>
          </li>`,
        )}
      </ul>
      ${reply?.accounts.length === 0 && html`<${Empty} title=${say('accounts.none')} hint=${say('accounts.none-hint')} />`}
    </div>
    <${Told} action=${action} />
    ${
      chosen !== undefined &&
      html`<${AccountDialog} of=${chosen === 'new' ? undefined : chosen} stored=${again} closed=${() => setChosen(undefined)} />`
    }
  <//>`;
}

interface AccountDialogProps {
  readonly of: Me | undefined;
  readonly stored: () => void;
  readonly closed: () => void;
}

function AccountDialog({ of, stored, closed }: AccountDialogProps) {
  const action = useAction();
  async function submit(event: SubmitEvent) {
    const fields = fieldsOf(event);
    const name = of?.name ?? textIn(fields, 'name').toLowerCase();
    const isDone = await action.run(async () => {
      const password = String(fields.get('password'));
      const body = { scope: textIn(fields, 'scope'), ...(password === '' ? {} : { password }) };
      await call('PUT', `accounts/${encodeURIComponent(name)}`, body);
      return say('accounts.stored');
    });
    stored();
    if (isDone) closed();
  }
  return html`<${Dialog} title=${of === undefined ? say('accounts.new-title') : of.name} isName=${of !== undefined} closed=${closed}>
    <form onSubmit=${submit}>
      ${
        of === undefined &&
        html`<label>${say('login.name')}<input name="name" required pattern="[A-Za-z0-9\\-]{1,32}" autocapitalize="none" autocomplete="off" /></label>`
      }
      <fieldset>
        <legend>${say('accounts.may')}</legend>
        ${SCOPES.map(
          (scope) => html`<label class="choice">
            <input type="radio" name="scope" value=${scope} defaultChecked=${scope === (of?.scope ?? 'read')} />
            <span>${sayWord('scope', scope)}<small>${say(`scope-note.${scope}`)}</small></span>
          </label>`,
        )}
      </fieldset>
      <label>
        ${say('accounts.password')}
        <input name="password" type="password" required=${of === undefined} minlength="12" autocomplete="new-password" />
        <small>${say(of === undefined ? 'login.password-note' : 'accounts.password-stays')}</small>
      </label>
      <button class="main" disabled=${action.busy}>${say('field.save')}</button>
    </form>
    <${Told} action=${action} />
  <//>`;
}
