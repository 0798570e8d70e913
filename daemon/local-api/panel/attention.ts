/** What somebody should look at now, each with its remedy one tap away. */
import { html } from 'htm/preact';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { openSlot, resetKeypad } from './commands.ts';
import { Dialog } from './dialog.ts';
import { say, sayWord } from './language.ts';
import { ago, span } from './moments.ts';
import { Told, useAction } from './parts.ts';
import { may, mayOpen } from './roles.ts';
import type { AccessPoint, Entry, Me } from './shapes.ts';
import type { Site } from './site.ts';
import { Inside } from './slot-dialog.ts';
import { entryDetail, entryWords } from './words.ts';

interface AttentionProps {
  readonly site: Site;
  readonly entries: readonly Entry[];
  readonly me: Me;
  readonly refresh: () => void;
}

interface Matter {
  readonly id: string;
  readonly text: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly remedies: readonly (readonly [name: string, run: () => Promise<string>])[];
  /** A box whose slots may be opened for whoever stands before it. */
  readonly opensAt?: string;
  /** Where more can be done. */
  readonly page?: string;
}

const ALARM_FOR_MS = 3_600_000;
const ALARMS_MAX = 4;
const MATTERS_MAX = 12;

export function Attention({ site, entries, me, refresh }: AttentionProps) {
  const action = useAction();
  const [opensAt, setOpensAt] = useState<string | undefined>();
  const box = site.places.find(({ id }) => id === opensAt);
  const matters = [
    ...storage(site),
    ...lockouts(site.places, me),
    ...alarms(entries, site, me),
    ...keysToLookFor(site),
    ...devicesAway(site),
  ];
  if (matters.length === 0) {
    return html`<p class="calm" role="status">${say('attention.none')}</p>`;
  }
  return html`<section class="card flush attention" aria-labelledby="attention-title">
    <h2 id="attention-title">${say('attention.title')}</h2>
    <ul>
      ${matters.slice(0, MATTERS_MAX).map(
        ({ id, text, note, remedies, opensAt: at, page }) => html`<li key=${id}>
          <div><strong>${text}</strong>${note !== undefined && html`<small>${note}</small>`}</div>
          <div class="remedies">
            ${remedies.map(
              ([name, run]) => html`<button
                type="button"
                disabled=${action.busy}
                onClick=${() => action.run(run).then(refresh)}
              >
                ${name}
              </button>`,
            )}
            ${
              at !== undefined &&
              html`<button type="button" onClick=${() => setOpensAt(at)}>${say('attention.open-for')}</button>`
            }
            ${page !== undefined && html`<a href=${`#${page}`}>${say('attention.look')}</a>`}
          </div>
        </li>`,
      )}
    </ul>
    ${matters.length > MATTERS_MAX && html`<p class="hint">${say('attention.more', { n: matters.length - MATTERS_MAX })}</p>`}
    <${Told} action=${action} />
    ${
      box !== undefined &&
      html`<${OpenDialog} place=${box} refresh=${refresh} closed=${() => setOpensAt(undefined)} />`
    }
  </section>`;
}

interface OpenDialogProps {
  readonly place: AccessPoint;
  readonly refresh: () => void;
  readonly closed: () => void;
}

/** For a guest who cannot type any more: the slot with their key, in one tap. */
function OpenDialog({ place, refresh, closed }: OpenDialogProps) {
  const action = useAction();
  const full = place.box?.slots.filter(({ keys, enabled }) => enabled && keys.length > 0) ?? [];
  return html`<${Dialog} title=${say('attention.open-title', { place: place.id })} closed=${closed}>
    ${full.length === 0 && html`<p class="hint flat">${say('attention.open-none')}</p>`}
    <ul class="rows">
      ${full.map(
        (slot) => html`<li key=${slot.slot}>
          <strong><${Inside} slot=${slot} /></strong>
          <button
            type="button"
            disabled=${action.busy}
            onClick=${() => action.run(() => openSlot(place.id, slot.slot)).then(refresh)}
          >
            ${say('slot.open', { slot: slot.slot })}
          </button>
        </li>`,
      )}
    </ul>
    <${Told} action=${action} />
  <//>`;
}

function storage({ status: { storage: state, unstored } }: Site): Matter[] {
  if (state === 'ok') return [];
  return [
    {
      id: 'storage',
      text: say(state === 'low' ? 'attention.storage-low' : 'attention.storage-unsafe'),
      note:
        state === 'low'
          ? say('attention.storage-low-note')
          : say('attention.storage-unsafe-note', { kept: unstored.kept, lost: unstored.lost }),
      remedies: [],
      page: 'health',
    },
  ];
}

/** A keypad that takes no codes leaves a guest outside: reset it, or open for them. */
function lockouts(places: readonly AccessPoint[], me: Me): Matter[] {
  return places.flatMap(({ id: place, readers, box }) =>
    readers
      .filter(({ waitMs }) => waitMs > 0)
      .map(({ device, waitMs }): Matter => {
        return {
          id: `wait ${device}`,
          text: say('attention.locked-out', { device }),
          note: say('attention.locked-out-note', { span: span(waitMs) }),
          remedies: may(me, 'operate')
            ? [[say('attention.reset', { device }), () => resetKeypad(device)]]
            : [],
          ...(box !== null && mayOpen(me) ? { opensAt: place } : {}),
        };
      }),
  );
}

/** Alarms of the last hour; where a door did not open it is tried again. */
function alarms(entries: readonly Entry[], { status }: Site, me: Me): Matter[] {
  const since = Date.parse(status.now) - ALARM_FOR_MS;
  return entries
    .filter(
      ({ body, at, type }) => body['alarm'] === true && Date.parse(at) > since && !isState(type),
    )
    .slice(0, ALARMS_MAX)
    .map((entry): Matter => {
      const place = placeOf(entry, entries);
      return {
        id: `alarm ${entry.seq}`,
        text: entryWords(entry.type),
        note: html`${entryDetail(entry)} · ${ago(entry.at, status.now)}`,
        remedies:
          place !== undefined && mayOpen(me)
            ? [
                [
                  say('slot.open', { slot: place.slot }),
                  () => openSlot(place.accessPoint, place.slot),
                ],
              ]
            : [],
      };
    });
}

/** Shown as long as they last, by what is, not by what was said. */
function isState(type: string): boolean {
  return (
    type === 'security.lockdown' || type === 'security.locked_out' || type === 'system.storage_low'
  );
}

/** An opening that failed names the entry that asked for it. */
function placeOf(
  entry: Entry,
  entries: readonly Entry[],
): { readonly accessPoint: string; readonly slot: number } | undefined {
  if (!['access.jammed', 'access.open_failed'].includes(entry.type)) return undefined;
  const asked = entries.find(({ seq }) => seq === entry.body['ends'])?.body ?? entry.body;
  const { slot, accessPoint } = asked;
  return typeof slot === 'number' && typeof accessPoint === 'string'
    ? { slot, accessPoint }
    : undefined;
}

function keysToLookFor({ keys, status, places }: Site): Matter[] {
  const matters: Matter[] = [];
  for (const { id, name, place, flags } of keys) {
    if (flags.includes('overdue') && place.kind === 'holder') {
      const late = place.due === null ? undefined : ago(place.due, status.now);
      matters.push({
        id: `overdue ${id}`,
        text: say('attention.overdue', { key: name, holder: place.holder }),
        ...(late === undefined ? {} : { note: say('attention.was-due', { ago: late }) }),
        remedies: [],
        page: 'keys',
      });
    } else if (place.kind === 'unknown' && !flags.includes('lost')) {
      matters.push({
        id: `unknown ${id}`,
        text: say('attention.unknown', { key: name }),
        remedies: [],
        page: 'keys',
      });
    }
  }
  for (const { id: place, box } of places) {
    for (const { slot, flags } of box?.slots ?? []) {
      if (flags.length === 0) continue;
      matters.push({
        id: `slot ${place} ${slot}`,
        text: say('attention.slot', { place, slot }),
        note: flags.map((flag) => sayWord('flag', flag)).join(', '),
        remedies: [],
      });
    }
  }
  return matters;
}

function devicesAway({ devices }: Site): Matter[] {
  return devices
    .filter(({ online }) => !online)
    .map(({ id, link, detail }) => ({
      id: `device ${id}`,
      text: say('attention.device', { device: id }),
      note: html`${sayWord('link', link)}${detail !== '' && html` · <span lang="en" translate=${false}>${detail}</span>`}`,
      remedies: [],
      page: 'devices',
    }));
}
