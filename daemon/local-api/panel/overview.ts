/** The site at a glance. */
import { html } from 'htm/preact';
import { Box } from './box.ts';
import { Entries } from './journal.ts';
import { Link } from './lists.ts';
import { span } from './moments.ts';
import type { Entry, Me, Status } from './shapes.ts';
import type { Site } from './site.ts';
import { CLOCKS, type Tone } from './words.ts';

interface OverviewProps {
  readonly site: Site;
  readonly recent: readonly Entry[];
  readonly me: Me;
  readonly refresh: () => void;
}

export function Overview({ site, recent, me, refresh }: OverviewProps) {
  const { status, places, devices } = site;
  return html`<h1 class="unseen">Overview</h1>
    ${status.lockdowns.map(
      ({ id, scope }) =>
        html`<p class="banner" role="alert" key=${id}>Lockdown at ${scope}: nobody is let in.</p>`,
    )}
    <ul class="figures" aria-label="State of the site">
      ${figures(status).map(
        ({ name, value, note, tone }) => html`<li class=${`figure ${tone}`} key=${name}>
          <span class="name">${name}</span>
          <strong>${value}</strong>
          <small>${note}</small>
        </li>`,
      )}
    </ul>
    <div class="columns">
      <div>
        ${places.map(
          (place) => html`<${Box} key=${place.id} place=${place} me=${me} refresh=${refresh} />`,
        )}
      </div>
      <div>
        <section class="card flush" aria-labelledby="recent-title">
          <h2 id="recent-title">Just now</h2>
          <${Entries} entries=${recent} />
          ${recent.length === 0 && html`<p class="empty">Nothing happened yet.</p>`}
        </section>
        <section class="card flush" aria-labelledby="links-title">
          <h2 id="links-title">Readers and locks</h2>
          <ul class="links">
            ${devices.map(
              (device) =>
                html`<li key=${device.id}><span>${device.id}</span><span><${Link} device=${device} /></span></li>`,
            )}
          </ul>
        </section>
      </div>
    </div>`;
}

interface Figure {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly tone: Tone;
}

function figures(status: Status): readonly Figure[] {
  const { keys, devices, clock, storage, cloud, vendors, now } = status;
  const certain =
    clock.errMs === null
      ? 'width not known'
      : `within ${span(clock.errMs) === '0 s' ? `${clock.errMs} ms` : span(clock.errMs)}`;
  return [
    {
      name: 'Keys out',
      value: `${keys.out} of ${keys.all}`,
      note:
        keys.overdue > 0
          ? `${keys.overdue} overdue`
          : keys.unknown > 0
            ? `${keys.unknown} not known`
            : 'none overdue',
      tone: keys.overdue + keys.unknown > 0 ? 'warn' : 'good',
    },
    {
      name: 'Devices',
      value: `${devices.online} of ${devices.all}`,
      note:
        devices.online === devices.all ? 'all online' : `${devices.all - devices.online} offline`,
      tone: devices.online === devices.all ? 'good' : 'bad',
    },
    {
      name: 'Clock',
      value: CLOCKS[clock.state] ?? clock.state,
      note: certain,
      tone: clock.state === 'trusted' ? 'good' : 'warn',
    },
    {
      name: 'Cloud',
      value: cloud === null ? 'None' : cloud.online ? 'Connected' : 'Away',
      note:
        cloud === null
          ? 'works alone'
          : cloud.outbox === 0
            ? 'outbox empty'
            : `${cloud.outbox} in the outbox`,
      tone: cloud === null ? 'quiet' : cloud.online ? 'good' : 'warn',
    },
    {
      name: 'Storage',
      value: storage === 'ok' ? 'Fine' : storage === 'low' ? 'Low' : 'Unsafe',
      note:
        storage === 'unsafe'
          ? `${status.unstored.kept} wait in memory, ${status.unstored.lost} lost`
          : `${status.journal.lastSeq} entries`,
      tone: storage === 'ok' ? 'good' : 'bad',
    },
    ...vendors.map(
      ({ vendor, online, syncedAt, drift }): Figure => ({
        name: vendor,
        value: !online ? 'Away' : syncedAt === null ? 'Connected' : 'In step',
        note:
          drift > 0
            ? `${drift} differences`
            : syncedAt === null
              ? 'never read'
              : `read ${span(Date.parse(now) - Date.parse(syncedAt))} ago`,
        tone: drift > 0 || !online ? 'warn' : 'good',
      }),
    ),
  ];
}
