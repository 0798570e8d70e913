/** Lockdown: nobody is let in, nobody is kept in, and every key can come back. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { command, written } from './commands.ts';
import { Dialog } from './dialog.ts';
import { say } from './language.ts';
import { ago } from './moments.ts';
import { Danger, fieldsOf, Told, textIn, useAction } from './parts.ts';
import { may } from './roles.ts';
import type { AccessPoint, Me, Status } from './shapes.ts';

interface LockdownsProps {
  readonly status: Status;
  readonly me: Me;
  readonly refresh: () => void;
}

/** Those that stand. */
export function Lockdowns({ status, me, refresh }: LockdownsProps) {
  const action = useAction();
  const end = (id: string) => async () => {
    const path = `lockdowns/${encodeURIComponent(id)}`;
    await action.run(() => command('DELETE', path, undefined, say('lockdown.ended')));
    refresh();
  };
  return html`${status.lockdowns.map(
    ({ id, scope, since, allowStaff }) => html`<div class="banner" role="alert" key=${id}>
        <p>
          <strong>${scope === 'site' ? say('lockdown.at-site') : say('lockdown.at', { place: scope })}</strong>
          <span>${say(allowStaff ? 'lockdown.but-staff' : 'lockdown.nobody')} ${ago(since, status.now)}</span>
        </p>
        ${
          may(me, 'operate') &&
          html`<${Danger}
            ask=${say('lockdown.end')}
            sure=${say('lockdown.end-sure')}
            busy=${action.busy}
            does=${end(id)}
          />`
        }
      </div>`,
  )}
    <${Told} action=${action} />`;
}

interface BeginProps {
  readonly places: readonly AccessPoint[];
  readonly me: Me;
  readonly refresh: () => void;
}

export function BeginLockdown({ places, me, refresh }: BeginProps) {
  const [isAsking, setAsking] = useState(false);
  if (!may(me, 'operate')) return null;
  return html`<div class="page-actions">
    <button type="button" class="danger" onClick=${() => setAsking(true)}>${say('lockdown.begin')}</button>
    ${
      isAsking &&
      html`<${LockdownDialog} places=${places} refresh=${refresh} closed=${() => setAsking(false)} />`
    }
  </div>`;
}

function LockdownDialog({
  places,
  refresh,
  closed,
}: Pick<BeginProps, 'places' | 'refresh'> & { readonly closed: () => void }) {
  const action = useAction();
  async function begin(event: SubmitEvent) {
    const fields = fieldsOf(event);
    const body = {
      scope: textIn(fields, 'scope'),
      allowStaff: fields.get('staff') !== null,
      ...written({ why: textIn(fields, 'why') }),
    };
    const isDone = await action.run(() =>
      command('POST', 'lockdowns', body, say('lockdown.begun')),
    );
    refresh();
    if (isDone) closed();
  }
  return html`<${Dialog} title=${say('lockdown.title')} closed=${closed}>
    <p>${say('lockdown.what')}</p>
    <form onSubmit=${begin}>
      <label>
        ${say('lockdown.where')}
        <select name="scope">
          <option value="site">${say('lockdown.whole-site')}</option>
          ${places.map(({ id }) => html`<option value=${id} translate=${false}>${id}</option>`)}
        </select>
      </label>
      <label class="choice"><input type="checkbox" name="staff" defaultChecked /> ${say('lockdown.allow-staff')}</label>
      <label>${say('field.why')}<input name="why" maxlength="200" /></label>
      <button class="danger full" disabled=${action.busy}>${say('lockdown.begin-sure')}</button>
    </form>
    <${Told} action=${action} />
  <//>`;
}
