/** One grant: all its limits, how well each place can keep them, whether it would open, and taking it back. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { call } from './api.ts';
import { Dialog, Facts } from './dialog.ts';
import { GrantForm } from './grant-form.ts';
import { GrantState, Targets } from './grant-words.ts';
import { say, sayWord } from './language.ts';
import { weekday } from './moments.ts';
import { Danger, Data, FaultText, State, Time, Told, useAction, useFetched } from './parts.ts';
import { may } from './roles.ts';
import type { Fidelity, Grant, Me } from './shapes.ts';
import type { Site } from './site.ts';
import { WhyNot } from './why-not.ts';

interface GrantDialogProps {
  readonly grant: Grant;
  /** Changes when it may have been changed. */
  readonly version: unknown;
  readonly site: Site;
  readonly me: Me;
  readonly refresh: () => void;
  readonly closed: () => void;
}

interface GrantNow extends Grant {
  readonly used: number;
}

interface Revoked {
  readonly devices: readonly { readonly device: string; readonly state: string }[];
}

export function GrantDialog({
  grant: given,
  version,
  site,
  me,
  refresh,
  closed,
}: GrantDialogProps) {
  // The list may have lost it meanwhile: one that was revoked elsewhere must not look alive.
  const now = useFetched<GrantNow>(`grants/${encodeURIComponent(given.id)}`, version);
  const grant = now.reply ?? given;
  const [part, setPart] = useState<'none' | 'why' | 'change'>('none');
  const action = useAction();
  if (part === 'change') {
    return html`<${GrantForm} of=${grant} site=${site} made=${refresh} closed=${closed} />`;
  }
  const canChange = may(me, 'admin') && grant.source.vendor === 'local' && grant.revoked === null;
  const revoke = async () => {
    await action.run(async () => {
      const path = `grants/${encodeURIComponent(grant.id)}`;
      const { devices } = await call<Revoked>('DELETE', path);
      const pending = devices.filter(({ state }) => state === 'pending');
      if (pending.length === 0) return say('grants.was-revoked');
      return say('grants.pending-at', {
        devices: pending.map(({ device }) => device).join(', '),
      });
    });
    refresh();
  };
  return html`<${Dialog} title=${grant.holder} isName closed=${closed}>
    <p class="lead"><${GrantState} grant=${grant} /></p>
    <${Facts}
      facts=${[
        [say('grants.opens'), html`<${Targets} grant=${grant} site=${site} />`],
        [say('grants.shows'), shows(grant)],
        [
          say('field.from'),
          grant.starts === null ? say('grants.always') : html`<${Time} at=${grant.starts} />`,
        ],
        [
          say('field.until'),
          grant.ends === null ? say('grants.open-end') : html`<${Time} at=${grant.ends} />`,
        ],
        [say('grants.schedule'), schedule(grant)],
        [
          say('grants.uses'),
          grant.uses === null
            ? null
            : say('grants.uses-of', { n: now.reply?.used ?? 0, all: grant.uses.max }),
        ],
        [say('grants.may'), grant.operations.map((each) => sayWord('operation', each)).join(', ')],
        [
          say('grants.unsupported'),
          grant.unsupported.length === 0
            ? null
            : html`<${Data}>${grant.unsupported.join(', ')}<//>`,
        ],
        [say('grants.source'), sayWord('source', grant.source.vendor)],
        [
          say('grants.id'),
          html`<${Data}>${grant.id}<//>${' '}${say('grants.rev', { rev: grant.rev })}`,
        ],
      ]}
    />
    <${Fidelities} grant=${grant} />
    <div class="actions">
      ${grant.revoked === null && html`<button type="button" aria-expanded=${part === 'why'} onClick=${() => setPart(part === 'why' ? 'none' : 'why')}>${say('why.title')}</button>`}
      ${canChange && html`<button type="button" onClick=${() => setPart('change')}>${say('field.change')}</button>`}
      ${
        may(me, 'admin') &&
        grant.revoked === null &&
        html`<${Danger} ask=${say('grants.revoke')} sure=${say('grants.revoke-sure')} busy=${action.busy} does=${revoke} />`
      }
    </div>
    ${part === 'why' && html`<${WhyNot} grants=${[grant]} site=${site} />`}
    <${Told} action=${action} />
  <//>`;
}

function shows({ credentials }: Grant): string {
  if (credentials.length === 0) return say('grants.shows-nothing');
  return credentials.map(({ kind }) => sayWord('credential', kind)).join(', ');
}

/** `Mon, Tue 10:00–12:00` */
function schedule({ schedule: found }: Grant) {
  if (found === null) return null;
  return found.weekly.map(
    ({ days, from, to }) => html`<div>
      <time>${daysOf(days)}</time>${' '}<${Data}>${from}–${to}<//>
    </div>`,
  );
}

/** `Mon–Fri, Sun` */
function daysOf(days: readonly number[]): string {
  const runs: number[][] = [];
  for (const day of days) {
    const last = runs.at(-1);
    if (last !== undefined && last.at(-1) === day - 1) last.push(day);
    else runs.push([day]);
  }
  return runs
    .map((run) => {
      const [first = 1] = run;
      const last = run.at(-1) ?? first;
      if (run.length < 3) return run.map((day) => weekday(day)).join(', ');
      return `${weekday(first)}–${weekday(last)}`;
    })
    .join(', ');
}

/** What each place can and cannot keep of it, before the guest stands there. */
function Fidelities({ grant }: { readonly grant: Grant }) {
  const { reply, fault } = useFetched<Fidelity>(
    `grants/${encodeURIComponent(grant.id)}/fidelity`,
    grant.rev,
  );
  return html`<h3>${say('grants.fidelity')}</h3>
    ${fault !== undefined && html`<p class="fault"><${FaultText} fault=${fault} /></p>`}
    <ul class="rows">
      ${reply?.places.map(({ place, remarks }) => {
        const isExact = remarks.length === 0;
        const cannot = remarks.some(({ kind }) => kind === 'cannot');
        return html`<li key=${place}>
          <div>
            ${sayWord('source', place)}
            ${remarks.map(({ text }) => html`<small lang="en" translate=${false}>${text}</small>`)}
          </div>
          <${State} tone=${isExact ? 'good' : cannot ? 'bad' : 'warn'}>
            ${say(isExact ? 'fidelity.exact' : cannot ? 'fidelity.cannot' : 'fidelity.differs')}
          <//>
        </li>`;
      })}
    </ul>`;
}
