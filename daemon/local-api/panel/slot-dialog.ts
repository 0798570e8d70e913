/** One slot: what is in it, opening it, and saying that somebody looked. */
import { html } from 'htm/preact';
import { command, openSlot, written } from './commands.ts';
import { Dialog, Facts } from './dialog.ts';
import { say, sayWord } from './language.ts';
import { Data, fieldsOf, Told, textIn, useAction } from './parts.ts';
import { may, mayOpen } from './roles.ts';
import type { Me, Slot } from './shapes.ts';

interface SlotDialogProps {
  readonly place: string;
  readonly slot: Slot;
  readonly me: Me;
  readonly refresh: () => void;
  readonly closed: () => void;
}

export function SlotDialog({ place, slot, me, refresh, closed }: SlotDialogProps) {
  const action = useAction();
  const hindrance = whyNotOpen(slot, me);

  async function open(event: SubmitEvent) {
    const fields = fieldsOf(event);
    const given = written({ why: textIn(fields, 'why'), holder: textIn(fields, 'holder') });
    await action.run(() => openSlot(place, slot.slot, given));
    refresh();
  }
  async function prove() {
    const path = `access-points/${encodeURIComponent(place)}/slots/${slot.slot}/prove`;
    await action.run(() => command('POST', path, {}, say('slot.was-proven')));
    refresh();
  }

  const isEmpty = slot.keys.length === 0 && slot.present !== true;
  return html`<${Dialog} title=${say('slot.title', { slot: slot.slot })} closed=${closed}>
    <${Facts}
      facts=${[
        [say('slot.door'), say(slot.door === null ? 'door.unknown' : `door.${slot.door}`)],
        [say('slot.key'), isEmpty ? say('slot.no-key') : html`<${Inside} slot=${slot} />`],
        [say('slot.use'), say(slot.enabled ? 'slot.in-use' : 'slot.disabled')],
        [say('slot.reader'), slot.reader === null ? null : html`<${Data}>${slot.reader}<//>`],
        [say('slot.remarks'), slot.flags.map((flag) => sayWord('flag', flag)).join(', ')],
      ]}
    />
    ${
      hindrance === undefined
        ? html`<form onSubmit=${open}>
            <div class="pair">
              <label>${say('slot.for')}<input name="holder" pattern="[A-Za-z0-9_.:\\-]{1,128}" title=${say('field.id-format')} autocapitalize="none" /></label>
              <label>${say('field.why')}<input name="why" maxlength="200" /></label>
            </div>
            <small>${say('slot.open-note')}</small>
            <button class="main" disabled=${action.busy}>${say('slot.open', { slot: slot.slot })}</button>
          </form>`
        : html`<p class="hint">${hindrance}</p>`
    }
    ${
      may(me, 'operate') &&
      slot.flags.length > 0 &&
      html`<div class="actions">
        <button type="button" disabled=${action.busy} onClick=${prove}>${say('slot.prove')}</button>
        <small>${say('slot.prove-note')}</small>
      </div>`
    }
    <${Told} action=${action} />
  <//>`;
}

/** Names of keys, or that nobody knows what lies there. */
export function Inside({ slot: { keys, present } }: { slot: Slot }) {
  if (keys.length > 0) {
    return html`<span translate=${false}>${keys.map(({ name }) => name).join(', ')}</span>`;
  }
  return present === true ? say('slot.unknown') : null;
}

function whyNotOpen({ enabled }: Slot, me: Me): string | undefined {
  if (!may(me, 'operate')) return say('slot.needs-operate');
  if (!mayOpen(me)) return say('slot.opening-off');
  return enabled ? undefined : say('slot.disabled-note');
}
