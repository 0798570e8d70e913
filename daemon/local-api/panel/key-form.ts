/** A key made here, or changed. */
import { html } from 'htm/preact';
import { call } from './api.ts';
import { written } from './commands.ts';
import { Dialog } from './dialog.ts';
import { say } from './language.ts';
import { fieldsOf, Told, textIn, useAction } from './parts.ts';
import type { AccessPoint, Key } from './shapes.ts';

interface KeyFormProps {
  /** Undefined makes a new one. */
  readonly of?: Key;
  readonly places: readonly AccessPoint[];
  readonly refresh: () => void;
  readonly closed: () => void;
}

export function KeyForm({ of, places, refresh, closed }: KeyFormProps) {
  const action = useAction();
  async function submit(event: SubmitEvent) {
    const fields = fieldsOf(event);
    const id = of?.id ?? textIn(fields, 'id');
    const isDone = await action.run(async () => {
      await call('PUT', `keys/${encodeURIComponent(id)}`, {
        name: textIn(fields, 'name'),
        roaming: fields.get('roaming') !== null,
        virtual: of?.virtual ?? false,
        ...written({ home: textIn(fields, 'home'), notes: textIn(fields, 'notes') }),
      });
      return say('keys.stored');
    });
    refresh();
    if (isDone) closed();
  }
  const boxes = places.filter(({ box }) => box !== null);
  return html`<${Dialog} title=${of === undefined ? say('keys.new-title') : say('keys.change-title', { key: of.name })} closed=${closed}>
    <form onSubmit=${submit}>
      ${
        of === undefined &&
        html`<label>
          ${say('keys.id')}
          <input name="id" required pattern="[A-Za-z0-9_.:\\-]{1,128}" title=${say('field.id-format')} autocapitalize="none" placeholder="flat-12" />
          <small>${say('keys.id-note')}</small>
        </label>`
      }
      <label>${say('keys.name')}<input name="name" required maxlength="128" defaultValue=${of?.name ?? ''} /></label>
      <label>
        ${say('keys.home')}
        <select name="home">
          <option value="">${say('keys.no-home')}</option>
          ${boxes.map(({ id }) => html`<option value=${id} selected=${id === of?.home} translate=${false}>${id}</option>`)}
        </select>
      </label>
      <label class="choice">
        <input type="checkbox" name="roaming" defaultChecked=${of?.roaming ?? true} /> ${say('keys.roaming')}
      </label>
      <label>${say('keys.notes')}<input name="notes" maxlength="2000" defaultValue=${of?.notes ?? ''} /></label>
      <button class="main" disabled=${action.busy}>${say('field.save')}</button>
    </form>
    <${Told} action=${action} />
  <//>`;
}
