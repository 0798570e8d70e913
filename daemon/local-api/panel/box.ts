/** A key box as one stands before it: its doors, and the key behind each. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { call } from './api.ts';
import { Dialog, Facts } from './dialog.ts';
import type { AccessPoint, Me, Outcome, Slot } from './shapes.ts';
import { words } from './words.ts';

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
  return html`<section class="box" aria-label=${`Key box ${place.id}`}>
    <header>
      <h2>${place.id}</h2>
      <span class=${`state ${box.online ? 'good' : 'bad'}`}>
        ${box.online ? 'online' : 'offline'}
      </span>
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
              <span class="number"><span class="unseen">Slot </span>${each.slot}</span>
              ${isOccupied(each) && html`<${KeySign} />`}
              <span class="name">${nameIn(each)}</span>
              <span class="unseen">${stateIn(each)}</span>
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

const isOccupied = ({ present, keys }: Slot) => present === true || keys.length > 0;

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

function nameIn({ keys, present }: Slot): string {
  if (keys.length > 0) return keys.map(({ name }) => name).join(', ');
  return present === true ? 'unknown' : '';
}

/** What the picture shows, for those who hear the page. */
function stateIn(slot: Slot): string {
  const { door, enabled, flags } = slot;
  const parts = [
    isOccupied(slot) ? 'occupied' : 'empty',
    door === null ? 'door not known' : `door ${door}`,
    enabled ? undefined : 'disabled',
    ...flags.map(words),
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

function KeySign() {
  return html`<svg class="key" viewBox="0 0 24 12" aria-hidden="true">
    <circle cx="6" cy="6" r="4" />
    <path d="M10 6h12m-3 0v4m-4-4v3" />
  </svg>`;
}

interface SlotDialogProps {
  readonly place: string;
  readonly slot: Slot;
  readonly me: Me;
  readonly refresh: () => void;
  readonly closed: () => void;
}

function SlotDialog({ place, slot, me, refresh, closed }: SlotDialogProps) {
  const [told, setTold] = useState('');
  const [busy, setBusy] = useState(false);
  const hindrance = whyNotOpen(slot, me);

  async function open(event: SubmitEvent) {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const why = String(new FormData(event.currentTarget).get('why') ?? '').trim();
    setBusy(true);
    setTold('Opening …');
    try {
      const path = `access-points/${encodeURIComponent(place)}/slots/${slot.slot}/open`;
      const { result, reason } = await call<Outcome>('POST', path, why === '' ? {} : { why });
      setTold(
        result === 'done' ? 'It opened.' : `${words(result)}: ${words(reason) ?? 'no reason'}`,
      );
      refresh();
    } catch (error) {
      setTold(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  }

  return html`<${Dialog} title=${`Slot ${slot.slot}`} closed=${closed}>
    <${Facts}
      facts=${[
        ['Door', slot.door ?? 'not known'],
        ['Key', nameIn(slot) || 'none'],
        ['In use', slot.enabled ? 'yes' : 'no, disabled'],
        ['Reader in it', slot.reader],
        ['Remarks', slot.flags.map(words).join(', ')],
      ]}
    />
    ${
      hindrance === undefined
        ? html`<form onSubmit=${open}>
            <label>Reason, for the journal <input name="why" maxlength="200" /></label>
            <button class="main" disabled=${busy}>Open slot ${slot.slot}</button>
          </form>`
        : html`<p class="hint">${hindrance}</p>`
    }
    <p role="status">${told}</p>
  <//>`;
}

function whyNotOpen({ enabled }: Slot, { scope }: Me): string | undefined {
  const isToken = sessionStorage.getItem('latchkey-token') !== null;
  if (scope === 'read') return 'Opening needs the role operate.';
  if (!isToken && document.documentElement.dataset['opening'] !== 'on') {
    return 'Opening from the panel is off: api.panelOpening in the config.';
  }
  return enabled ? undefined : 'This slot is disabled in the config.';
}
