/** Devices: how their wires are, and what may be asked of one. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { call } from './api.ts';
import { command, resetKeypad, written } from './commands.ts';
import { Dialog, Facts } from './dialog.ts';
import { number, say, sayWord } from './language.ts';
import { span } from './moments.ts';
import { Danger, Data, Empty, fieldsOf, Page, State, Told, textIn, useAction } from './parts.ts';
import { may, mayOpen } from './roles.ts';
import type { Device, Me } from './shapes.ts';
import type { Site } from './site.ts';

interface DevicesProps {
  readonly site: Site;
  readonly me: Me;
  readonly refresh: () => void;
}

export function Devices({ site, me, refresh }: DevicesProps) {
  const { devices } = site;
  const [chosen, setChosen] = useState<string | undefined>();
  const device = devices.find(({ id }) => id === chosen);
  return html`<${Page} name="devices" title=${say('nav.devices')} note=${say('devices.note')}>
    <div class="card flush">
      <table>
        <thead>
          <tr>
            <th scope="col">${say('journal.device')}</th>
            <th scope="col">${say('devices.link')}</th>
            <th scope="col">${say('devices.proof')}</th>
            <th scope="col">${say('devices.driver')}</th>
            <th scope="col">${say('devices.port')}</th>
            <th scope="col">${say('devices.wire')}</th>
          </tr>
        </thead>
        <tbody>
          ${devices.map(
            (each) => html`<tr key=${each.id} data-device=${each.id}>
              <th scope="row">
                <button type="button" class="link" translate=${false} onClick=${() => setChosen(each.id)}>${each.id}</button>
                ${each.batteryPercent !== null && html`<small>${say('devices.battery', { percent: each.batteryPercent })}</small>`}
                ${each.onPowerLoss !== null && html`<small>${sayWord('power-loss', each.onPowerLoss)}</small>`}
              </th>
              <td data-name=${say('devices.link')}><${Link} device=${each} /></td>
              <td data-name=${say('devices.proof')} data-none=${each.lastProofMs === null}>
                ${each.lastProofMs === null ? '—' : html`<time>${say('time.ago', { span: span(each.lastProofMs) })}</time>`}
              </td>
              <td data-name=${say('devices.driver')} translate=${false}>${each.driver}</td>
              <td data-name=${say('devices.port')} class="break" translate=${false}>${each.port}</td>
              <td data-name=${say('devices.wire')} data-none=${wire(each) === NOTHING}>${wire(each)}</td>
            </tr>`,
          )}
        </tbody>
      </table>
      ${devices.length === 0 && html`<${Empty} title=${say('devices.none')} hint=${say('devices.none-hint')} />`}
    </div>
    ${
      device !== undefined &&
      html`<${DeviceDialog} device=${device} site=${site} me=${me} refresh=${refresh} closed=${() => setChosen(undefined)} />`
    }
  <//>`;
}

export function Link({ device }: { readonly device: Device }) {
  const { online, link, detail } = device;
  return html`<${State} tone=${online ? 'good' : 'bad'}>${sayWord('link', !online && link === 'up' ? 'silent' : link)}<//>
    ${detail !== '' && html`<small lang="en" translate=${false}>${detail}</small>`}`;
}

const NOTHING = '—';
const COUNTS = ['replies', 'retries', 'timeouts', 'checksumErrors', 'noiseBytes'] as const;

function wire({ statistics }: Device): string {
  const some = COUNTS.filter((name) => (statistics[name] ?? 0) > 0);
  if (some.length === 0) return NOTHING;
  return some.map((name) => say(`wire.${name}`, { n: statistics[name] ?? 0 })).join(', ');
}

interface DeviceDialogProps extends DevicesProps {
  readonly device: Device;
  readonly closed: () => void;
}

function DeviceDialog({ device, site, me, refresh, closed }: DeviceDialogProps) {
  const action = useAction();
  const readers = site.places.flatMap((place) => place.readers);
  const isKeypad = readers.some((reader) => reader.device === device.id && reader.codes);
  const isLock = site.places.some(({ locks }) => locks.some((lock) => lock.device === device.id));
  const path = `devices/${device.id}`;
  const does = async (what: () => Promise<string>) => {
    await action.run(what);
    refresh();
  };
  const unlock = (event: SubmitEvent) => {
    const body = written({ why: textIn(fieldsOf(event), 'why') });
    does(() => command('POST', `${path}/unlock`, body, say('devices.unlocked')));
  };
  return html`<${Dialog} title=${device.id} isName closed=${closed}>
    <p class="lead"><${Link} device=${device} /></p>
    <${Facts}
      facts=${[
        [say('devices.driver'), html`<${Data}>${device.driver}<//>`],
        [say('devices.bus'), html`<${Data}>${device.bus}<//>`],
        [say('devices.port'), html`<${Data}>${device.port}<//>`],
        [
          say('devices.identity'),
          device.identity === null ? null : html`<${Data}>${device.identity}<//>`,
        ],
        [
          say('devices.proof'),
          device.lastProofMs === null ? null : say('time.ago', { span: span(device.lastProofMs) }),
        ],
        [
          say('devices.lock-state'),
          device.lockState === null ? null : sayWord('lock-state', device.lockState),
        ],
        [
          say('devices.battery-title'),
          device.batteryPercent === null
            ? null
            : say('devices.percent', { percent: device.batteryPercent }),
        ],
        [
          say('devices.tamper'),
          device.tamper === null
            ? null
            : say(device.tamper ? 'devices.tampered' : 'devices.untouched'),
        ],
        [
          say('devices.power-loss'),
          device.onPowerLoss === null ? null : sayWord('power-loss', device.onPowerLoss),
        ],
        [say('devices.queued'), device.queued === 0 ? null : number(device.queued)],
        [say('devices.wire'), wire(device)],
      ]}
    />
    ${
      isLock &&
      mayOpen(me) &&
      html`<form onSubmit=${unlock}>
        <label>${say('field.why')}<input name="why" maxlength="200" /></label>
        <div class="actions">
          <button class="main" disabled=${action.busy}>${say('devices.unlock')}</button>
          <button
            type="button"
            disabled=${action.busy}
            onClick=${() => does(() => command('POST', `${path}/lock`, {}, say('devices.locked')))}
          >
            ${say('devices.lock')}
          </button>
        </div>
      </form>`
    }
    ${isLock && !mayOpen(me) && html`<p class="hint flat">${say(may(me, 'operate') ? 'slot.opening-off' : 'slot.needs-operate')}</p>`}
    <div class="actions">
      ${
        isKeypad &&
        may(me, 'operate') &&
        html`<button type="button" disabled=${action.busy} onClick=${() => does(() => resetKeypad(device.id))}>
          ${say('devices.reset')}
        </button>`
      }
      ${
        device.link === 'other-device' &&
        may(me, 'admin') &&
        html`<${Danger}
          ask=${say('devices.adopt')}
          sure=${say('devices.adopt-sure')}
          busy=${action.busy}
          does=${() => does(() => call('POST', `${path}/adopt`, {}).then(() => say('devices.adopted')))}
        />`
      }
      <a class="button" href=${`#journal/${encodeURIComponent(device.id)}`}>${say('keys.history')}</a>
    </div>
    <${Told} action=${action} />
  <//>`;
}
