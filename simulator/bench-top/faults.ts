/** What goes wrong at a real site, as switches. */
import { html } from 'htm/preact';
import { act, type Bench, surround } from './hands.ts';
import { soundIsOn, turnSound } from './sounds.ts';

interface FaultsProps {
  readonly bench: Bench;
  readonly attempt: (what: string, asked: Promise<unknown>) => void;
}

export function Faults({ bench, attempt }: FaultsProps) {
  return html`<section class="card faults" aria-labelledby="faults-title">
    <h2 id="faults-title">Faults</h2>
    <${SiteFaults} bench=${bench} attempt=${attempt} />
    <${WireFaults} bench=${bench} attempt=${attempt} />
    <${DeviceFaults} bench=${bench} attempt=${attempt} />
  </section>`;
}

const HOUR_MS = 3_600_000;
const SHIFTS = [
  ['An hour slow', -HOUR_MS],
  ['Right', 0],
  ['An hour fast', HOUR_MS],
  ['A day fast', 24 * HOUR_MS],
] as const;

function SiteFaults({ bench: { site }, attempt }: FaultsProps) {
  const sound = html`<${Switch}
    name="Sound of readers and bolts"
    on=${soundIsOn()}
    isFault=${false}
    flip=${() => {
      turnSound(!soundIsOn());
      attempt(soundIsOn() ? 'Sound on' : 'Sound off', Promise.resolve());
    }}
  />`;
  if (site === undefined) return html`<div class="switches">${sound}</div>`;
  const flip = (verb: string, on: boolean, what: string) => () =>
    attempt(what, surround(verb, { on }));
  return html`<h3>The site</h3>
    <div class="switches">
      <${Switch}
        name="Internet off"
        on=${!site.hasInternet}
        flip=${flip('internet', !site.hasInternet, site.hasInternet ? 'The internet is gone' : 'The internet is back')}
      />
      <${Switch}
        name="Power cut at the box"
        on=${!site.hasPower}
        flip=${flip('power', !site.hasPower, site.hasPower ? 'The power is gone' : 'The power is back')}
      />
      ${sound}
    </div>
    <fieldset class="clock">
      <legend>Clock of the box</legend>
      ${SHIFTS.map(
        ([name, ms]) => html`<label>
          <input
            type="radio"
            name="clock"
            checked=${site.clockShiftMs === ms}
            onChange=${() => attempt(`Clock: ${name.toLowerCase()}`, surround('clock', { ms }))}
          />
          ${name}
        </label>`,
      )}
    </fieldset>`;
}

function WireFaults({ bench, attempt }: FaultsProps) {
  const bus = (name: string, verb: string) => () =>
    attempt(`${name}: ${verb}`, act('buses', name, verb));
  return html`<h3>Wires</h3>
    <div class="switches">
      ${Object.entries(bench.buses).map(
        ([name, { isPlugged, isCut }]) => html`<${Switch}
            key=${`${name} plug`}
            name=${`Unplug ${name}`}
            on=${!isPlugged}
            flip=${bus(name, isPlugged ? 'unplug' : 'plug')}
          />
          <${Switch}
            key=${`${name} cut`}
            name=${`Cut the wire of ${name}`}
            on=${isCut}
            flip=${bus(name, isCut ? 'mend' : 'cut')}
          />`,
      )}
    </div>`;
}

function DeviceFaults({ bench, attempt }: FaultsProps) {
  const devices = Object.entries(bench.devices);
  const can = (name: string, verb: string) => bench.verbs[name]?.includes(verb) === true;
  return html`<h3>Devices</h3>
    <div class="switches">
      ${devices.map(
        ([name, { hasPower, tamper }]) => html`${
          hasPower !== undefined &&
          html`<${Switch}
            key=${`${name} power`}
            name=${`No power at ${name}`}
            on=${!hasPower}
            flip=${() => attempt(`${name}: power`, act('devices', name, 'power', { on: !hasPower }))}
          />`
        }
        ${
          typeof tamper === 'boolean' &&
          can(name, 'tamper') &&
          html`<${Switch}
            key=${`${name} tamper`}
            name=${`Open the housing of ${name}`}
            on=${tamper}
            flip=${() => attempt(`${name}: housing`, act('devices', name, 'tamper', { open: !tamper }))}
          />`
        }`,
      )}
      ${devices.map(
        ([name, { isJammed }]) =>
          isJammed !== undefined &&
          html`<${Switch}
            key=${`${name} jam`}
            name=${`Jam the bolt of ${name}`}
            on=${isJammed}
            flip=${() => attempt(`${name}: bolt`, act('devices', name, 'jam', { on: !isJammed }))}
          />`,
      )}
      ${devices.map(
        ([name, { battery }]) =>
          battery !== undefined &&
          can(name, 'battery') &&
          html`<${Switch}
            key=${`${name} battery`}
            name=${`Battery of ${name} drained`}
            on=${battery < 20}
            flip=${() => attempt(`${name}: battery`, act('devices', name, 'battery', { percent: battery < 20 ? 100 : 5 }))}
          />`,
      )}
    </div>
    ${devices.map(
      ([name, { slots }]) =>
        slots !== undefined &&
        can(name, 'jam') &&
        html`<h3>Hooks of ${name} that stick</h3>
          <div class="hooks">
            ${Object.entries(slots).map(
              ([slot, { isJammed }]) => html`<${Switch}
                key=${slot}
                name=${`Jam slot ${slot}`}
                on=${isJammed}
                flip=${() => attempt(`jam, slot ${slot}`, act('devices', name, 'jam', { slot: Number(slot), on: !isJammed }))}
              />`,
            )}
          </div>`,
    )}`;
}

interface SwitchProps {
  readonly name: string;
  readonly on: boolean;
  readonly isFault?: boolean;
  readonly flip: () => void;
}

function Switch({ name, on, isFault = true, flip }: SwitchProps) {
  return html`<button
    type="button"
    class=${`switch ${isFault ? '' : 'calm'}`}
    role="switch"
    aria-checked=${on ? 'true' : 'false'}
    onClick=${flip}
  >
    <span class="track" aria-hidden="true"></span>
    ${name}
  </button>`;
}
