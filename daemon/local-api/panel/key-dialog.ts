/** One key: where it is, a manager's word on that, and the fob on its ring. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { call } from './api.ts';
import { command, written } from './commands.ts';
import { Dialog, Facts } from './dialog.ts';
import { Enrol } from './enrol.ts';
import { KeyForm } from './key-form.ts';
import { Where } from './key-words.ts';
import { say, sayWord } from './language.ts';
import { Danger, Data, fieldsOf, Time, Told, textIn, useAction, valueIn } from './parts.ts';
import { may } from './roles.ts';
import type { Key, Me } from './shapes.ts';
import type { Site } from './site.ts';

interface KeyDialogProps {
  readonly of: Key;
  readonly site: Site;
  readonly me: Me;
  readonly refresh: () => void;
  readonly closed: () => void;
}

type Part = 'none' | 'place' | 'fob' | 'change';

export function KeyDialog({ of, site, me, refresh, closed }: KeyDialogProps) {
  const [part, setPart] = useState<Part>('none');
  const action = useAction();
  const path = `keys/${encodeURIComponent(of.id)}`;
  const does = async (what: () => Promise<string>) => {
    const isDone = await action.run(what);
    refresh();
    if (isDone) setPart('none');
  };
  if (part === 'change') {
    return html`<${KeyForm} of=${of} places=${site.places} refresh=${refresh} closed=${closed} />`;
  }
  const isOurs = of.source === 'local';
  const remarks = of.flags.map((flag) => sayWord('flag', flag)).join(', ');
  return html`<${Dialog} title=${of.name} isName closed=${closed}>
    <${Facts}
      facts=${[
        [say('keys.where'), html`<${Where} place=${of.place} />`],
        [
          say('keys.since'),
          'since' in of.place && of.place.since !== null
            ? html`<${Time} at=${of.place.since} />`
            : null,
        ],
        [
          say('keys.due'),
          of.place.kind === 'holder' && of.place.due !== null
            ? html`<${Time} at=${of.place.due} />`
            : null,
        ],
        [say('keys.home'), of.home === null ? null : html`<${Data}>${of.home}<//>`],
        [say('keys.fob'), say(of.hasFob ? 'keys.has-fob' : 'keys.no-fob')],
        [say('keys.remarks'), remarks],
        [say('keys.notes'), of.notes === null ? null : html`<${Data}>${of.notes}<//>`],
        [say('grants.source'), sayWord('source', of.source)],
      ]}
    />
    <div class="actions">
      ${may(me, 'operate') && !of.virtual && html`<button type="button" aria-expanded=${part === 'place'} onClick=${() => setPart(part === 'place' ? 'none' : 'place')}>${say('keys.state-place')}</button>`}
      ${may(me, 'admin') && html`<button type="button" aria-expanded=${part === 'fob'} onClick=${() => setPart(part === 'fob' ? 'none' : 'fob')}>${say(of.hasFob ? 'keys.other-fob' : 'keys.attach-fob')}</button>`}
      ${may(me, 'admin') && isOurs && html`<button type="button" onClick=${() => setPart('change')}>${say('field.change')}</button>`}
      <a class="button" href=${`#journal/${encodeURIComponent(of.id)}`}>${say('keys.history')}</a>
    </div>
    ${part === 'place' && html`<${PlaceForm} of=${of} site=${site} busy=${action.busy} does=${does} />`}
    ${
      part === 'fob' &&
      html`<${Enrol}
        site=${site}
        shown=${(ticket: string) =>
          does(() => command('PUT', `${path}/fob`, { enrolled: ticket }, say('keys.fob-attached')))}
      />`
    }
    ${
      may(me, 'admin') &&
      html`<div class="actions">
        ${
          of.hasFob &&
          html`<${Danger}
            ask=${say('keys.detach')}
            sure=${say('keys.detach-sure')}
            busy=${action.busy}
            does=${() => does(() => command('DELETE', `${path}/fob`, undefined, say('keys.detached')))}
          />`
        }
        ${
          isOurs &&
          html`<${Danger}
            ask=${say('keys.remove')}
            sure=${say('keys.remove-sure')}
            busy=${action.busy}
            does=${() => does(() => call('DELETE', path).then(() => say('keys.removed')))}
          />`
        }
      </div>`
    }
    <${Told} action=${action} />
  <//>`;
}

interface PlaceFormProps {
  readonly of: Key;
  readonly site: Site;
  readonly busy: boolean;
  readonly does: (what: () => Promise<string>) => void;
}

/** A manager's word: signed for, in the journal, and above what sensors said. */
function PlaceForm({ of, site, busy, does }: PlaceFormProps) {
  const [kind, setKind] = useState('slot');
  const boxes = site.places.filter(({ box }) => box !== null);
  const [place, setPlace] = useState(of.home ?? boxes[0]?.id ?? '');
  const slots = boxes.find(({ id }) => id === place)?.box?.slots ?? [];
  function submit(event: SubmitEvent) {
    const fields = fieldsOf(event);
    const why = written({ why: textIn(fields, 'why') });
    const body =
      kind === 'slot'
        ? { kind, accessPoint: place, slot: Number(textIn(fields, 'slot')), ...why }
        : kind === 'holder'
          ? { kind, holder: textIn(fields, 'holder'), ...why }
          : { kind, ...why };
    const path = `keys/${encodeURIComponent(of.id)}/place`;
    does(() => command('PUT', path, body, say('keys.place-stated')));
  }
  return html`<form class="part" onSubmit=${submit}>
    <fieldset>
      <legend>${say('keys.state-place-title')}</legend>
      ${(['slot', 'holder', 'unknown', 'lost'] as const).map(
        (each) => html`<label class="choice">
          <input type="radio" name="kind" value=${each} checked=${kind === each} onChange=${() => setKind(each)} />
          ${say(`stated.${each}`)}
        </label>`,
      )}
    </fieldset>
    ${
      kind === 'slot' &&
      html`<div class="pair">
        <label>
          ${say('keys.box')}
          <select value=${place} onChange=${(event: Event) => setPlace(valueIn(event))}>
            ${boxes.map(({ id }) => html`<option value=${id} translate=${false}>${id}</option>`)}
          </select>
        </label>
        <label>
          ${say('slot.slot')}
          <select name="slot">
            ${slots.map(({ slot }) => html`<option value=${slot} translate=${false}>${slot}</option>`)}
          </select>
        </label>
      </div>`
    }
    ${
      kind === 'holder' &&
      html`<label>${say('journal.holder')}<input name="holder" required pattern="[A-Za-z0-9_.:\\-]{1,128}" title=${say('field.id-format')} autocapitalize="none" /></label>`
    }
    <label>${say('field.why')}<input name="why" maxlength="200" /></label>
    <button class="main" disabled=${busy}>${say('keys.state-place-do')}</button>
  </form>`;
}
