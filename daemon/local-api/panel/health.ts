/** Health: whether the daemon can do its work, and what it works with. */
import { html } from 'htm/preact';
import { call } from './api.ts';
import { Facts } from './dialog.ts';
import { number, say, sayWord } from './language.ts';
import { ago, bytes, span } from './moments.ts';
import { Data, Empty, Fault, Loading, Page, State, Told, useAction, useFetched } from './parts.ts';
import type { Health as Checked } from './shapes.ts';
import type { Site } from './site.ts';

interface HealthProps {
  readonly site: Site;
}

interface Verified {
  readonly ok: boolean;
  readonly entries: number;
  readonly faults: readonly string[];
}

export function Health({ site }: HealthProps) {
  const { status } = site;
  const { reply, fault, again } = useFetched<Checked>('health', status.now);
  const tone = reply === undefined ? undefined : reply.ok ? 'good' : 'warn';
  return html`<${Page} name="health" title=${say('nav.health')} note=${say('health.note')}>
    ${fault !== undefined && html`<${Fault} fault=${fault} again=${again} />`}
    ${reply === undefined && fault === undefined && html`<${Loading} />`}
    ${
      tone !== undefined &&
      html`<p class=${`verdict ${tone}`} role="status">
        ${say(tone === 'good' ? 'health.well' : 'health.not-well')}
      </p>`
    }
    <div class="halves">
      ${reply !== undefined && html`<${Checks} checks=${reply.checks} />`}
      <div>
        <${Machine} site=${site} />
        ${reply !== undefined && html`<${Store} checked=${reply} site=${site} />`}
      </div>
    </div>
  <//>`;
}

function Checks({ checks }: Pick<Checked, 'checks'>) {
  const sorted = checks.toSorted((one, other) => Number(one.ok) - Number(other.ok));
  return html`<section class="card flush" aria-labelledby="checks-title">
    <h2 id="checks-title">${say('health.checks')}</h2>
    <ul class="links">
      ${sorted.map(
        ({ name, ok, detail }) => html`<li key=${name}>
          <div>
            <${Check} name=${name} />
            ${detail !== '' && html`<small lang="en" translate=${false}>${detail}</small>`}
          </div>
          <${State} tone=${ok ? 'good' : 'bad'}>${say(ok ? 'health.ok' : 'health.bad')}<//>
        </li>`,
      )}
    </ul>
  </section>`;
}

function Check({ name }: { readonly name: string }) {
  const [, device] = /^device (.+)$/.exec(name) ?? [];
  if (device === undefined) return html`${sayWord('check', name)}`;
  return html`${say('journal.device')}${' '}<${Data}>${device}<//>`;
}

function Machine({ site: { status, devices } }: HealthProps) {
  const { clock, cloud, vendors, now, versions, startedAt } = status;
  const proofs = devices.flatMap(({ lastProofMs }) => (lastProofMs === null ? [] : [lastProofMs]));
  return html`<section class="card" aria-labelledby="machine-title">
    <h2 id="machine-title">${say('health.works-with')}</h2>
    <${Facts}
      facts=${[
        [
          say('overview.clock'),
          `${sayWord('clock', clock.state)}, ${clock.errMs === null ? say('clock.width-unknown') : say('clock.within', { span: span(clock.errMs) })}`,
        ],
        [
          say('health.oldest-proof'),
          proofs.length === 0 ? null : say('time.ago', { span: span(Math.max(...proofs)) }),
        ],
        [
          say('overview.cloud'),
          cloud === null
            ? say('cloud.alone')
            : html`${say(cloud.online ? 'cloud.online' : 'cloud.away')} · <${Data}>${cloud.broker}<//>`,
        ],
        [
          say('health.outbox'),
          cloud === null
            ? null
            : cloud.outbox === 0
              ? say('cloud.outbox-empty')
              : say('cloud.outbox', { n: cloud.outbox }),
        ],
        [
          say('health.refused'),
          cloud === null || cloud.refused === 0 ? null : number(cloud.refused),
        ],
        ...vendors.map(({ vendor, syncedAt }) => [
          sayWord('source', vendor),
          syncedAt === null ? say('vendor.never-read') : ago(syncedAt, now),
        ]),
        [
          say('health.running'),
          html`<time>${span(Date.parse(now) - Date.parse(startedAt))}</time>`,
        ],
        ...Object.entries(versions).map(([name, version]) => [
          html`<${Data}>${name}<//>`,
          html`<${Data}>${version}<//>`,
        ]),
      ]}
    />
  </section>`;
}

function Store({ checked, site }: { readonly checked: Checked; readonly site: Site }) {
  const { disk, backups } = checked;
  const { status } = site;
  const action = useAction();
  const verify = () =>
    action.run(async () => {
      const { ok, entries, faults } = await call<Verified>('POST', 'journal/verify');
      return ok ? say('health.verified', { n: entries }) : faults.join('; ');
    });
  const used = disk === null ? 0 : 1 - disk.freeBytes / Math.max(1, disk.allBytes);
  return html`<section class="card" aria-labelledby="store-title">
      <h2 id="store-title">${say('overview.storage')}</h2>
      <${Facts}
        facts=${[
          [say('grants.state'), say(`storage.${status.storage}`)],
          [
            say('health.disk'),
            disk === null
              ? say('health.memory')
              : html`<meter min="0" max="1" high="0.9" value=${used} aria-label=${say('health.disk')}></meter>
                  ${say('health.free', { free: bytes(disk.freeBytes), all: bytes(disk.allBytes) })}`,
          ],
          [say('nav.journal'), say('storage.entries', { n: status.journal.lastSeq })],
          [
            say('health.acknowledged'),
            status.cloud === null ? null : number(status.journal.acknowledged),
          ],
          [
            say('health.unstored'),
            status.unstored.kept + status.unstored.lost === 0
              ? null
              : say('storage.unstored', { n: status.unstored.kept + status.unstored.lost }),
          ],
          [say('nav.grants'), number(status.grants)],
        ]}
      />
      <div class="actions">
        <button type="button" disabled=${action.busy} onClick=${verify}>${say('health.verify')}</button>
      </div>
      <${Told} action=${action} />
    </section>
    <section class="card flush" aria-labelledby="backups-title">
      <h2 id="backups-title">${say('health.backups')}</h2>
      ${backups.length === 0 && html`<${Empty} title=${say('health.no-backups')} hint=${say('health.no-backups-hint')} />`}
      <ul class="links">
        ${backups.map(
          ({ file, at, bytes: size }) => html`<li key=${file}>
            <div class="break" translate=${false}>${file}<small><time datetime=${at}>${ago(at, status.now)}</time></small></div>
            <time>${bytes(size)}</time>
          </li>`,
        )}
      </ul>
    </section>`;
}
