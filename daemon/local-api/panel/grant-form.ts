/** A grant made here or changed: who, what, when, and what is shown at the reader. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { call, newName, Refusal } from './api.ts';
import { Dialog } from './dialog.ts';
import { Enrol } from './enrol.ts';
import { bodyOf, credentialsOf, usesOf } from './grant-body.ts';
import { GrantMade, type Made } from './grant-made.ts';
import { say, sayWord } from './language.ts';
import { wallTime, weekday } from './moments.ts';
import { fieldsOf, Told, textIn, useAction, valueIn } from './parts.ts';
import type { Grant, Json } from './shapes.ts';
import type { Site } from './site.ts';

interface GrantFormProps {
  /** Undefined makes a new one. */
  readonly of?: Grant;
  readonly holder?: string;
  readonly site: Site;
  readonly made: () => void;
  readonly closed: () => void;
}

type Shows = 'pin' | 'own-pin' | 'fob' | 'nothing';
/** @throws RangeError for people, where somebody else changed it since this form was opened. */
function sayWhoWasFirst(fault: unknown): never {
  if (fault instanceof Refusal && fault.code === 'conflict' && fault.field === 'rev') {
    throw new RangeError(say('grants.changed-meanwhile'));
  }
  throw fault;
}

const DAYS = [1, 2, 3, 4, 5, 6, 7] as const;

export function GrantForm({ of: given, holder, site, made, closed }: GrantFormProps) {
  // As it was when this was opened: whoever changes it meanwhile is not overruled by what these fields show.
  const [of] = useState(given);
  // Sent again because no answer came, it is the same grant.
  const [id] = useState(given?.id ?? newName());
  const [shows, setShows] = useState<Shows>(of === undefined ? 'pin' : 'nothing');
  const [kept, setKept] = useState<readonly string[]>(of?.credentials.map(({ id }) => id) ?? []);
  const [ticket, setTicket] = useState<string | undefined>();
  const [result, setResult] = useState<Made | undefined>();
  const action = useAction();

  async function submit(event: SubmitEvent) {
    const fields = fieldsOf(event);
    await action.run(async () => {
      const body = read(fields, of, kept, shows, ticket);
      setResult(
        await call<Made>('PUT', `grants/${encodeURIComponent(id)}`, body).catch(sayWhoWasFirst),
      );
      made();
      return '';
    });
  }

  if (result !== undefined) {
    return html`<${GrantMade} result=${result} isNew=${of === undefined} site=${site} before=${of?.credentials.map(({ id }) => id) ?? []} closed=${closed} />`;
  }
  const locks = site.places.flatMap((place) => place.locks.map(({ device }) => device));
  const choice = (kind: string, id: string, name: string) =>
    html`<label class="choice" key=${`${kind} ${id}`}>
      <input
        type="checkbox"
        name="target"
        value=${`${kind}:${id}`}
        defaultChecked=${of?.targets.some((each) => each.kind === kind && each.id === id) === true}
      />
      <span>${kind !== 'key' && html`${sayWord('target', kind)}${' '}`}<span translate=${false}>${name}</span></span>
    </label>`;
  const week = of?.schedule?.weekly[0];
  return html`<${Dialog} title=${say(of === undefined ? 'grants.new-title' : 'grants.change-title')} closed=${closed}>
    <form onSubmit=${submit}>
      <label>
        ${say('journal.holder')}
        <input
          name="holder"
          required
          pattern="[A-Za-z0-9_.:\\-]{1,128}" title=${say('field.id-format')}
          autocapitalize="none"
          defaultValue=${of?.holder ?? holder ?? ''}
        />
        <small>${say('grants.holder-note')}</small>
      </label>
      <fieldset>
        <legend>${say('grants.opens')}</legend>
        <div class="choices">
          ${site.keys.map(({ id, name }) => choice('key', id, name))}
          ${locks.map((device) => choice('lock', device, device))}
        </div>
        ${site.keys.length + locks.length === 0 && html`<p class="hint flat">${say('grants.nothing-to-open')}</p>`}
      </fieldset>
      <div class="pair">
        <label>${say('field.from')}<input name="start" type="datetime-local" defaultValue=${wallOf(of, 'start')} /></label>
        <label>${say('field.until')}<input name="end" type="datetime-local" defaultValue=${wallOf(of, 'end')} /></label>
      </div>
      <small>${of !== undefined && of.window.kind === 'instants' ? say('grants.instants-note') : say('grants.window-note')}</small>
      <fieldset class="week">
        <legend>${say('grants.schedule')}</legend>
        <div class="days">
          ${DAYS.map(
            (day) => html`<label class="day">
              <input type="checkbox" name="day" value=${day} defaultChecked=${week?.days.includes(day) === true} />
              <time aria-hidden="true">${weekday(day)}</time><span class="unseen"><time>${weekday(day, 'long')}</time></span>
            </label>`,
          )}
        </div>
        <div class="pair">
          <label>${say('grants.day-from')}<input name="day-from" type="time" defaultValue=${week?.from ?? ''} /></label>
          <label>${say('grants.day-to')}<input name="day-to" type="time" defaultValue=${week?.to === '24:00' ? '23:59' : (week?.to ?? '')} /></label>
        </div>
        <small>${say('grants.schedule-note')}</small>
      </fieldset>
      <label>
        ${say('grants.uses')}
        <input name="uses" type="number" min="1" max="1000000" placeholder=${say('grants.unlimited')} defaultValue=${of?.uses?.max ?? ''} />
      </label>
      ${
        of !== undefined &&
        of.credentials.length > 0 &&
        html`<fieldset>
          <legend>${say('grants.shows')}</legend>
          ${of.credentials.map(
            ({ id, kind }) => html`<label class="choice">
              <input
                type="checkbox"
                checked=${kept.includes(id)}
                onChange=${() => setKept(kept.includes(id) ? kept.filter((each) => each !== id) : [...kept, id])}
              />
              ${sayWord('credential', kind)}
            </label>`,
          )}
        </fieldset>`
      }
      <label>
        ${say(of === undefined ? 'grants.shows' : 'grants.shows-more')}
        <select value=${shows} onChange=${(event: Event) => setShows(showsIn(valueIn(event)))}>
          ${(['pin', 'own-pin', 'fob', 'nothing'] as const).map((each) => html`<option value=${each}>${say(`shows.${each}`)}</option>`)}
        </select>
      </label>
      ${
        shows === 'own-pin' &&
        html`<label>${say('grants.pin')}<input name="pin" required inputmode="numeric" pattern="[0-9]{4,16}" autocomplete="off" /></label>`
      }
      ${shows === 'fob' && html`<${Enrol} site=${site} shown=${setTicket} />`}
      <details open=${of?.options['staff'] === true}>
        <summary>${say('grants.more-options')}</summary>
        <label class="choice">
          <input type="checkbox" name="staff" defaultChecked=${of?.options['staff'] === true} /> ${say('grants.staff')}
        </label>
        <label>
          ${say('grants.remind')}
          <input name="remind" type="number" min="0" max="10080" defaultValue=${String(of?.options['remindMinutes'] ?? '')} />
        </label>
      </details>
      <button class="main" disabled=${action.busy || (shows === 'fob' && ticket === undefined)}>
        ${say(of === undefined ? 'grants.make' : 'field.save')}
      </button>
    </form>
    <${Told} action=${action} />
  <//>`;
}

function showsIn(value: string): Shows {
  return value === 'own-pin' || value === 'fob' || value === 'nothing' ? value : 'pin';
}

/** @throws RangeError for people, where something is missing. */
function read(
  fields: FormData,
  of: Grant | undefined,
  kept: readonly string[],
  shows: Shows,
  ticket: string | undefined,
): Json {
  const { schedule: _schedule, uses: _uses, ...before } = of === undefined ? {} : bodyOf(of);
  const others = of?.targets.filter(({ kind }) => kind !== 'key' && kind !== 'lock') ?? [];
  const chosen = fields.getAll('target').map((value) => {
    const [kind = '', ...id] = String(value).split(':');
    return { kind, id: id.join(':') };
  });
  const targets = [...others, ...chosen];
  if (targets.length === 0) throw new RangeError(say('grants.choose'));
  const added: { readonly [name: string]: Json }[] =
    shows === 'pin'
      ? [{ kind: 'pin' }]
      : shows === 'own-pin'
        ? [{ kind: 'pin', pin: textIn(fields, 'pin') }]
        : shows === 'fob' && ticket !== undefined
          ? [{ kind: 'fob', enrolled: ticket }]
          : [];
  const stay = of === undefined ? [] : credentialsOf(of).filter(({ id }) => kept.includes(id));
  const names = new Set(of?.credentials.map(({ id }) => id) ?? []);
  let count = stay.length + 1;
  while (of !== undefined && names.has(`${of.id}-${count}`)) count += 1;
  const fresh = added.map((each) =>
    of === undefined ? each : { ...each, id: `${of.id}-${count}` },
  );
  return {
    ...before,
    holder: textIn(fields, 'holder'),
    targets,
    credentials: [...stay, ...fresh],
    ...windowIn(fields, of),
    ...scheduleIn(fields, of),
    ...usesIn(fields, of),
    options: optionsIn(fields, of),
  };
}

function windowIn(fields: FormData, of: Grant | undefined): { readonly window?: Json } {
  const [start, end] = [textIn(fields, 'start'), textIn(fields, 'end')];
  const isSame = start === wallOf(of, 'start') && end === wallOf(of, 'end');
  if (of !== undefined && isSame) return {}; // as it was, to the second and in its zone
  if (start === '' && end === '') return { window: { kind: 'ongoing' } };
  if (start === '' || end === '') throw new RangeError(say('grants.both-ends'));
  return { window: { kind: 'floating', start, end } };
}

/** Whatever zone it was given in, in that of the site. */
function wallOf(of: Grant | undefined, end: 'start' | 'end'): string {
  const at = end === 'start' ? of?.starts : of?.ends;
  return at === undefined || at === null ? '' : wallTime(at).slice(0, 16);
}

function scheduleIn(fields: FormData, of: Grant | undefined): { readonly schedule?: Json } {
  const days = fields.getAll('day').map(Number);
  const from = textIn(fields, 'day-from');
  const to = endOfDay(textIn(fields, 'day-to'), of);
  if (days.length === 0 && from === '' && to === '') return removed(of);
  if (days.length === 0 || from === '' || to === '') throw new RangeError(say('grants.whole-week'));
  if (from === to) throw new RangeError(say('grants.hours-differ'));
  const [, ...more] = of?.schedule?.weekly ?? [];
  const before = of?.schedule ?? { zone: 'site' };
  return { schedule: { ...before, weekly: [{ days, from, to }, ...more] } };
}

/** A field for a time has no 24:00, so that midnight at the end is one of these. */
function endOfDay(to: string, of: Grant | undefined): string {
  const wasMidnight = to === '23:59' && of?.schedule?.weekly[0]?.to === '24:00';
  return to === '00:00' || wasMidnight ? '24:00' : to;
}

/** A body without a schedule is one that has none. */
function removed(of: Grant | undefined): { readonly schedule?: Json } {
  const [, ...more] = of?.schedule?.weekly ?? [];
  return of?.schedule !== null && more.length > 0
    ? { schedule: { ...of?.schedule, weekly: more } }
    : {};
}

function usesIn(fields: FormData, of: Grant | undefined): { readonly uses?: Json } {
  const uses = textIn(fields, 'uses');
  if (uses === '') return {};
  return { uses: usesOf(of?.uses ?? null, Number(uses)) };
}

function optionsIn(fields: FormData, of: Grant | undefined): Json {
  const remind = textIn(fields, 'remind');
  const { staff: _staff, remindMinutes: _remind, ...rest } = of?.options ?? {};
  const kept = Object.entries(rest).filter(([name]) =>
    ['allowSetup', 'antiPassback'].includes(name),
  );
  return {
    ...Object.fromEntries(kept),
    ...(fields.get('staff') === null ? {} : { staff: true }),
    ...(remind === '' ? {} : { remindMinutes: Number(remind) }),
  };
}
