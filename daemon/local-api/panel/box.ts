/** A key box as one stands before it: its doors, and the key behind each. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { say, sayWord } from './language.ts';
import { State } from './parts.ts';
import type { AccessPoint, Me, Slot } from './shapes.ts';
import { Inside, SlotDialog } from './slot-dialog.ts';

interface BoxProps {
  readonly place: AccessPoint;
  readonly me: Me;
  readonly refresh: () => void;
}

export function Box({ place, me, refresh }: BoxProps) {
  const [chosen, setChosen] = useState<number | undefined>();
  const { box } = place;
  if (box === null) return null;
  const slot = box.slots.find((each) => each.slot === chosen);
  const columns = box.slots.length <= 4 ? box.slots.length : box.slots.length > 24 ? 8 : 4;
  return html`<section class="box" aria-label=${say('box.title', { place: place.id })}>
    <header>
      <h2 translate=${false}>${place.id}</h2>
      <${State} tone=${box.online ? 'good' : 'bad'}>${say(box.online ? 'device.online' : 'device.offline')}<//>
    </header>
    <ol class="doors" data-columns=${columns}>
      ${box.slots.map(
        (each) => html`<li key=${each.slot}>
          <button
            type="button"
            class=${doorClass(each)}
            data-slot=${each.slot}
            onClick=${() => setChosen(each.slot)}
          >
            <span class="door"></span>
            <span class="label">
              <span class="number">
                <span class="unseen">${say('slot.title', { slot: each.slot })}${' '}</span>
                <span aria-hidden="true">${each.slot}</span>
              </span>
              ${isOccupied(each) && html`<${KeySign} />`}
              <span class="name"><${Inside} slot=${each} /></span>
              <span class="unseen">${' '}${stateIn(each)}</span>
            </span>
          </button>
        </li>`,
      )}
    </ol>
    ${
      slot !== undefined &&
      html`<${SlotDialog}
        place=${place.id}
        slot=${slot}
        me=${me}
        refresh=${refresh}
        closed=${() => setChosen(undefined)}
      />`
    }
  </section>`;
}

function isOccupied({ present, keys }: Slot): boolean {
  return present === true || keys.length > 0;
}

function doorClass(slot: Slot): string {
  const { door, enabled, flags } = slot;
  return [
    'slot',
    door === 'open' ? 'open' : '',
    enabled ? '' : 'disabled',
    flags.length > 0 ? 'flagged' : '',
    isOccupied(slot) ? 'occupied' : '',
  ].join(' ');
}

/** What the picture shows, for those who hear the page. */
function stateIn(slot: Slot): string {
  const { door, enabled, flags } = slot;
  return [
    say(isOccupied(slot) ? 'slot.occupied' : 'slot.empty'),
    say(door === null ? 'door.unknown' : door === 'open' ? 'door.open' : 'door.closed'),
    ...(enabled ? [] : [say('slot.disabled')]),
    ...flags.map((flag) => sayWord('flag', flag)),
  ].join(', ');
}

function KeySign() {
  return html`<svg class="key" viewBox="0 0 24 12" aria-hidden="true">
    <circle cx="6" cy="6" r="4" />
    <path d="M10 6h12m-3 0v4m-4-4v3" />
  </svg>`;
}
