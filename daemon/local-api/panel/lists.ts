/** Keys and devices as tables that become cards where there is no room. */
import { html } from 'htm/preact';
import { moment, span } from './moments.ts';
import type { Device, Key, KeyPlace } from './shapes.ts';
import { LINKS, words } from './words.ts';

export function Keys({ keys, now }: { readonly keys: readonly Key[]; readonly now: string }) {
  const rank = ({ place, flags }: Key) =>
    flags.includes('overdue') ? 0 : place.kind === 'unknown' ? 1 : place.kind === 'holder' ? 2 : 3;
  const sorted = keys.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  return html`<section aria-labelledby="keys-title">
    <h1 id="keys-title">Keys</h1>
    <div class="card flush">
      <table>
        <thead>
          <tr>
            <th scope="col">Key</th>
            <th scope="col">Where</th>
            <th scope="col">Since</th>
            <th scope="col">Due</th>
            <th scope="col">Remarks</th>
          </tr>
        </thead>
        <tbody>
          ${sorted.map(
            (key) => html`<tr key=${key.id} data-key=${key.id}>
              <th scope="row">${key.name}<small>${key.id}</small></th>
              <td data-name="Where">${whereIs(key.place)}</td>
              <td data-name="Since" data-none=${since(key.place, now) === '—'}>${since(key.place, now)}</td>
              <td data-name="Due" data-none=${key.place.kind !== 'holder' || key.place.due === null}>${key.place.kind === 'holder' && key.place.due !== null ? moment(key.place.due) : '—'}</td>
              <td data-name="Remarks" data-none=${key.flags.length === 0}>
                ${
                  key.flags.length === 0
                    ? '—'
                    : key.flags.map(
                        (flag) =>
                          html`<span class=${`state ${flag === 'reminded' ? 'quiet' : 'warn'}`}>${words(flag)}</span>`,
                      )
                }
              </td>
            </tr>`,
          )}
        </tbody>
      </table>
      ${keys.length === 0 && html`<p class="empty">No keys yet.</p>`}
    </div>
  </section>`;
}

function whereIs(place: KeyPlace): string {
  switch (place.kind) {
    case 'slot':
      return `${place.accessPoint ?? place.box}, slot ${place.slot}`;
    case 'holder':
      return `with ${place.holder}`;
    case 'unknown':
      return 'not known';
    case 'none':
      return 'virtual';
  }
}

function since(place: KeyPlace, now: string): string {
  if (place.kind === 'slot' || place.kind === 'none' || place.since === null) return '—';
  return `${moment(place.since)} (${span(Date.parse(now) - Date.parse(place.since))})`;
}

export function Devices({ devices }: { readonly devices: readonly Device[] }) {
  return html`<section aria-labelledby="devices-title">
    <h1 id="devices-title">Devices</h1>
    <div class="card flush">
      <table>
        <thead>
          <tr>
            <th scope="col">Device</th>
            <th scope="col">Link</th>
            <th scope="col">Driver</th>
            <th scope="col">Port</th>
            <th scope="col">On the wire</th>
          </tr>
        </thead>
        <tbody>
          ${devices.map(
            (device) => html`<tr key=${device.id} data-device=${device.id}>
              <th scope="row">
                ${device.id}
                ${device.batteryPercent !== null && html`<small>battery ${device.batteryPercent} %</small>`}
                ${device.onPowerLoss !== null && html`<small>${device.onPowerLoss}</small>`}
              </th>
              <td data-name="Link"><${Link} device=${device} /></td>
              <td data-name="Driver">${device.driver}</td>
              <td data-name="Port" class="break">${device.port}</td>
              <td data-name="On the wire">${wire(device)}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

export function Link({ device }: { readonly device: Device }) {
  const { online, link, detail } = device;
  return html`<span class=${`state ${online ? 'good' : 'bad'}`}>
      ${online ? (LINKS[link] ?? link) : (LINKS[link] ?? 'Offline')}
    </span>
    ${detail !== '' && html`<small>${detail}</small>`}`;
}

function wire({ statistics }: Device): string {
  const told = [
    ['replies', statistics['replies']],
    ['retries', statistics['retries']],
    ['timeouts', statistics['timeouts']],
    ['bad checks', statistics['checksumErrors']],
  ] as const;
  const some = told.filter(([, count]) => count !== undefined && count > 0);
  return some.length === 0 ? '—' : some.map(([name, count]) => `${count} ${name}`).join(', ');
}
