/** What goes wrong at a real site, as switches. */
import { html } from 'htm/preact';
import { act, type Bench } from './hands.ts';

interface FaultsProps {
  readonly bench: Bench;
  readonly attempt: (what: string, asked: Promise<unknown>) => void;
}

export function Faults({ bench, attempt }: FaultsProps) {
  const bus = (name: string, verb: string) => () =>
    attempt(`${name}: ${verb}`, act('buses', name, verb));
  return html`<section class="card faults" aria-labelledby="faults-title">
    <h2 id="faults-title">Faults</h2>
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
      ${Object.entries(bench.devices).map(
        ([name, { hasPower }]) =>
          hasPower !== undefined &&
          html`<${Switch}
            key=${`${name} power`}
            name=${`No power at ${name}`}
            on=${!hasPower}
            flip=${() => attempt(`${name}: power`, act('devices', name, 'power', { on: !hasPower }))}
          />`,
      )}
    </div>
    ${Object.entries(bench.devices).map(
      ([name, { slots }]) =>
        slots !== undefined &&
        bench.verbs[name]?.includes('jam') &&
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
    )}
  </section>`;
}

interface SwitchProps {
  readonly name: string;
  readonly on: boolean;
  readonly flip: () => void;
}

function Switch({ name, on, flip }: SwitchProps) {
  return html`<button type="button" class="switch" role="switch" aria-checked=${on ? 'true' : 'false'} onClick=${flip}>
    <span class="track" aria-hidden="true"></span>
    ${name}
  </button>`;
}
