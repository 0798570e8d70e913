/** Vendors' clouds: how far each is in step, what differs, and what a person has to do. */
import { html } from 'htm/preact';
import { say, sayWord } from './language.ts';
import { ago, span } from './moments.ts';
import { Empty, Fault, Loading, Page, State, useFetched } from './parts.ts';
import type { Difference, VendorStatus } from './shapes.ts';

interface VendorsProps {
  readonly now: string;
  readonly version: unknown;
}

export function Vendors({ now, version }: VendorsProps) {
  const status = useFetched<{ vendors: readonly VendorStatus[] }>('vendors', version);
  const found = useFetched<{ differences: readonly Difference[] }>('vendors/differences', version);
  const vendors = status.reply?.vendors ?? [];
  const differences = found.reply?.differences ?? [];
  const messages = differences.filter(isMessage);
  const fault = status.fault ?? found.fault;
  const again = () => {
    status.again();
    found.again();
  };
  return html`<${Page} name="vendors" title=${say('nav.vendors')} note=${say('vendors.note')}>
    ${fault !== undefined && html`<${Fault} fault=${fault} again=${again} />`}
    ${status.reply === undefined && fault === undefined && html`<${Loading} />`}
    ${
      status.reply !== undefined &&
      vendors.length === 0 &&
      html`<div class="card"><${Empty} title=${say('vendors.none')} hint=${say('vendors.none-hint')} /></div>`
    }
    <ul class="cards">
      ${vendors.map((vendor) => html`<${VendorCard} key=${vendor.vendor} of=${vendor} />`)}
    </ul>
    ${
      vendors.length > 0 &&
      found.reply !== undefined &&
      html`<${Differences}
          title=${say('vendors.to-send')}
          hint=${say('vendors.to-send-hint')}
          none=${say('vendors.to-send-none')}
          all=${messages}
          now=${now}
        />
        <${Differences}
          title=${say('vendors.drift')}
          hint=${say('vendors.drift-hint')}
          none=${say('vendors.drift-none')}
          all=${differences.filter((each) => !isMessage(each) && isDrift(each))}
          now=${now}
        />
        <${Differences}
          title=${say('vendors.waiting')}
          hint=${say('vendors.waiting-hint')}
          none=${say('vendors.waiting-none')}
          all=${differences.filter((each) => !isMessage(each) && !isDrift(each))}
          now=${now}
        />`
    }
  <//>`;
}

/** What a dialect took for its client and nobody here can send: an SMS, a mail. */
function isMessage({ kind, state }: Difference): boolean {
  return kind === 'message' || state === 'to-send';
}

/** Does not go away by waiting. */
function isDrift({ state }: Difference): boolean {
  return state === 'cannot' || state === 'failed';
}

function VendorCard({ of }: { readonly of: VendorStatus }) {
  const { vendor, online, ageMs, detail, drift, pending } = of;
  return html`<li class="card">
    <header>
      <h2>${sayWord('source', vendor)}</h2>
      <${State} tone=${online ? 'good' : 'bad'}>${say(online ? 'cloud.online' : 'cloud.away')}<//>
    </header>
    <dl class="facts">
      <div>
        <dt>${say('vendors.read')}</dt>
        <dd>${ageMs === null ? say('vendor.never-read') : say('time.ago', { span: span(Math.max(1000, ageMs)) })}</dd>
      </div>
      <div><dt>${say('vendors.drift')}</dt><dd>${say('vendor.differences', { n: drift })}</dd></div>
      <div><dt>${say('vendors.pending')}</dt><dd>${say('vendors.changes', { n: pending })}</dd></div>
    </dl>
    ${detail !== '' && html`<small lang="en" translate=${false}>${detail}</small>`}
  </li>`;
}

interface DifferencesProps {
  readonly title: string;
  readonly hint: string;
  readonly none: string;
  readonly all: readonly Difference[];
  readonly now: string;
}

function Differences({ title, hint, none, all, now }: DifferencesProps) {
  return html`<section class="card flush">
    <h2>${title}</h2>
    <p class="hint">${all.length === 0 ? none : hint}</p>
    ${
      all.length > 0 &&
      html`<table>
        <thead>
          <tr>
            <th scope="col">${say('vendors.what')}</th>
            <th scope="col">${say('vendors.vendor')}</th>
            <th scope="col">${say('grants.state')}</th>
            <th scope="col">${say('vendors.detail')}</th>
            <th scope="col">${say('keys.since')}</th>
          </tr>
        </thead>
        <tbody>
          ${all.map(
            (each) => html`<tr key=${`${each.vendor} ${each.id} ${each.place ?? ''}`}>
              <th scope="row">${sayWord('thing', each.kind)}<small translate=${false}>${each.ref ?? each.id}</small></th>
              <td data-name=${say('vendors.vendor')}>${sayWord('source', each.vendor)}</td>
              <td data-name=${say('grants.state')}>
                <${State} tone=${isDrift(each) ? 'bad' : 'warn'}>${sayWord('sync', each.state)}<//>
              </td>
              <td data-name=${say('vendors.detail')} data-none=${each.detail === '' && each.place === null} lang="en" translate=${false}>
                ${each.detail}${each.place !== null && html`<small>${each.place}</small>`}
              </td>
              <td data-name=${say('keys.since')} data-none=${each.since === null}>
                ${each.since !== null && html`<time datetime=${each.since}>${ago(each.since, now)}</time>`}
              </td>
            </tr>`,
          )}
        </tbody>
      </table>`
    }
  </section>`;
}
