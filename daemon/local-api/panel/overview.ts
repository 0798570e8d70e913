/** The site at a glance. */
import { html } from 'htm/preact';
import { Attention } from './attention.ts';
import { Box } from './box.ts';
import { Link } from './devices.ts';
import { Entries } from './entries.ts';
import { say, sayWord } from './language.ts';
import { BeginLockdown, Lockdowns } from './lockdown.ts';
import { ago, span } from './moments.ts';
import { Empty } from './parts.ts';
import type { Entry, Me, Status } from './shapes.ts';
import type { Site } from './site.ts';
import type { Tone } from './words.ts';

interface OverviewProps {
  readonly site: Site;
  /** Newest first. */
  readonly entries: readonly Entry[];
  readonly me: Me;
  readonly refresh: () => void;
}

const RECENT = 10;

export function Overview({ site, entries, me, refresh }: OverviewProps) {
  const { status, places, devices } = site;
  const recent = entries.filter(isNoteworthy).slice(0, RECENT);
  return html`<header class="page">
      <h1>${say('nav.overview')}</h1>
      <${BeginLockdown} places=${places} me=${me} refresh=${refresh} />
    </header>
    <${Lockdowns} status=${status} me=${me} refresh=${refresh} />
    <ul class="figures" aria-label=${say('overview.state')}>
      ${figures(status).map(
        ({ name, value, note, tone }) => html`<li class=${`figure ${tone}`} key=${name}>
          <span class="name">${name}</span>
          <strong>${value}</strong>
          <small>${note}</small>
        </li>`,
      )}
    </ul>
    <div class="columns">
      <div class="needs">
        <${Attention} site=${site} entries=${entries} me=${me} refresh=${refresh} />
      </div>
      <div class="boxes">
        ${places.map((place) => html`<${Box} key=${place.id} place=${place} me=${me} refresh=${refresh} />`)}
        ${places.length === 0 && html`<div class="card"><${Empty} title=${say('overview.no-places')} hint=${say('overview.no-places-hint')} /></div>`}
      </div>
      <div class="others">
        <section class="card flush" aria-labelledby="recent-title">
          <h2 id="recent-title">${say('overview.recent')}</h2>
          <${Entries} entries=${recent} />
          ${recent.length === 0 && html`<${Empty} title=${say('journal.nothing')} />`}
        </section>
        <section class="card flush" aria-labelledby="links-title">
          <h2 id="links-title">${say('nav.devices')}</h2>
          <ul class="links">
            ${devices.map(
              (device) =>
                html`<li key=${device.id}><span translate=${false}>${device.id}</span><span><${Link} device=${device} /></span></li>`,
            )}
          </ul>
        </section>
      </div>
    </div>`;
}

/** What a slot's sensors say at a start is for the journal, not for the first page. */
export function isNoteworthy({ type }: Entry): boolean {
  return !type.startsWith('device.slot') && type !== 'system.checkpoint';
}

interface Figure {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly tone: Tone;
}

function figures(status: Status): readonly Figure[] {
  const { keys, devices, clock, storage, cloud, vendors, now } = status;
  const offline = devices.all - devices.online;
  return [
    {
      name: say('overview.keys-out'),
      value: say('overview.of', { some: keys.out, all: keys.all }),
      note:
        keys.overdue > 0
          ? say('overview.overdue', { n: keys.overdue })
          : keys.unknown > 0
            ? say('overview.unknown', { n: keys.unknown })
            : say('overview.none-overdue'),
      tone: keys.overdue + keys.unknown > 0 ? 'warn' : 'good',
    },
    {
      name: say('nav.devices'),
      value: say('overview.of', { some: devices.online, all: devices.all }),
      note: offline === 0 ? say('overview.all-online') : say('overview.offline', { n: offline }),
      tone: offline === 0 ? 'good' : 'bad',
    },
    {
      name: say('overview.clock'),
      value: sayWord('clock', clock.state),
      note:
        clock.errMs === null
          ? say('clock.width-unknown')
          : say('clock.within', { span: span(clock.errMs) }),
      tone: clock.state === 'trusted' ? 'good' : 'warn',
    },
    {
      name: say('overview.cloud'),
      value: say(cloud === null ? 'cloud.none' : cloud.online ? 'cloud.online' : 'cloud.away'),
      note:
        cloud === null
          ? say('cloud.alone')
          : cloud.outbox === 0
            ? say('cloud.outbox-empty')
            : say('cloud.outbox', { n: cloud.outbox }),
      tone: cloud === null ? 'quiet' : cloud.online ? 'good' : 'warn',
    },
    {
      name: say('overview.storage'),
      value: say(`storage.${storage}`),
      note:
        status.unstored.kept + status.unstored.lost > 0
          ? say('storage.unstored', { n: status.unstored.kept + status.unstored.lost })
          : say('storage.entries', { n: status.journal.lastSeq }),
      tone: storage === 'ok' ? 'good' : 'bad',
    },
    ...vendors.map(
      ({ vendor, online, syncedAt, drift }): Figure => ({
        name: sayWord('source', vendor),
        value: say(
          !online
            ? 'cloud.away'
            : drift > 0
              ? 'vendor.apart'
              : syncedAt === null
                ? 'cloud.online'
                : 'vendor.in-step',
        ),
        note:
          drift > 0
            ? say('vendor.differences', { n: drift })
            : syncedAt === null
              ? say('vendor.never-read')
              : ago(syncedAt, now),
        tone: drift > 0 || !online ? 'warn' : 'good',
      }),
    ),
  ];
}
