/** The bench top: everything within reach of two hands. */
import { html } from 'htm/preact';
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Box } from './box.ts';
import { Door } from './door.ts';
import { Faults } from './faults.ts';
import { act, type Bench, type DeviceLook, inventory, look } from './hands.ts';
import { Lock } from './lock.ts';
import { Keypad, Reader } from './readers.ts';

const LOOK_EVERY_MS = 250;
/** As long as a person holds a fob to a reader. */
const SHOW_MS = 400;
/** Nobody knows this one. */
const STRANGER = '0F00DEAD01';

const DONE: Readonly<Record<string, string>> = {
  'take-key': 'Took the key out of',
  'open-door': 'Pulled open',
  'close-door': 'Shut',
};

function useBench() {
  const [bench, setBench] = useState<Bench | undefined>();
  const [isThere, setThere] = useState(true);
  useEffect(() => {
    let isLeft = false;
    const loop = async () => {
      let what: Awaited<ReturnType<typeof inventory>> | undefined;
      while (!isLeft) {
        try {
          what ??= await inventory();
          const seen = await look(what.hasSite);
          setBench({ ...what, ...seen });
          setThere(true);
        } catch {
          // The simulator is stopped; the page waits for it.
          setThere(false);
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
    };
    loop();
    return () => {
      isLeft = true;
    };
  }, []);
  return { bench, isThere };
}

function App() {
  const { bench, isThere } = useBench();
  const [pocket, setPocket] = useState<readonly string[]>([STRANGER]);
  const [chosen, setChosen] = useState<string | undefined>();
  const [told, setTold] = useState('');

  /** Says what came of it, also where nothing did. */
  async function attempt(what: string, asked: Promise<unknown>): Promise<unknown> {
    try {
      const result = await asked;
      setTold(what);
      return result;
    } catch (error) {
      setTold(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  async function handle(box: string, verb: string, slot: number) {
    const result = await attempt(
      `${DONE[verb] ?? verb} slot ${slot}`,
      act('devices', box, verb, { slot }),
    );
    if (verb !== 'take-key') return;
    const fob = Object(result).fob;
    if (typeof fob !== 'string') return;
    setPocket((before) => [...before.filter((each) => each !== fob), fob]);
    setChosen(fob);
  }

  async function put(box: string, slot: number, fob: string) {
    const done = await attempt(
      `Fob ${fob} put into slot ${slot}`,
      act('devices', box, 'put-key', { slot, fob }),
    );
    if (done === undefined) return;
    setPocket((before) => before.filter((each) => each !== fob));
    setChosen(undefined);
  }

  /** An OSDP reader is shown the fob's number as bits; a reader of its own kind the fob. */
  const show = (reader: string, fob: string, { outputs }: DeviceLook) =>
    attempt(
      `Fob ${fob} shown at ${reader}`,
      act('devices', reader, 'show', outputs === undefined ? { fob, ms: SHOW_MS } : { bits: fob }),
    );

  if (bench === undefined) return html`<main><p role="status">Looking …</p></main>`;
  const devices = Object.entries(bench.devices);
  const can = (name: string, verb: string) => bench.verbs[name]?.includes(verb) === true;
  return html`<header class="top">
      <h1>Bench top</h1>
      <p>${bench.title}</p>
      <p class="told" role="status">${isThere ? told : 'The simulator does not answer.'}</p>
    </header>
    <main>
      <div class="columns">
        <div>
          ${devices.map(
            ([name, { slots }]) =>
              slots !== undefined &&
              html`<${Box}
                key=${name}
                name=${name}
                slots=${slots}
                fob=${chosen}
                act=${(verb: string, slot: number) => handle(name, verb, slot)}
                put=${(slot: number, fob: string) => put(name, slot, fob)}
              />`,
          )}
          <fieldset class="card pocket">
            <legend>In the pocket</legend>
            ${pocket.map(
              (fob) => html`<label
                key=${fob}
                draggable="true"
                onDragStart=${(event: DragEvent) => event.dataTransfer?.setData('text/plain', fob)}
              >
                <input type="radio" name="fob" checked=${fob === chosen} onChange=${() => setChosen(fob)} />
                Fob ${fob}${fob === STRANGER ? ', a stranger’s' : ''}
              </label>`,
            )}
            <small>Choose one, or drag it to a reader or into an open slot.</small>
          </fieldset>
          ${devices.map(
            ([name, device]) =>
              device.wiring != null &&
              html`<${Door} key=${`door ${name}`} name=${name} look=${device} attempt=${attempt} />`,
          )}
          ${devices.map(
            ([name, device]) =>
              can(name, 'turn') &&
              html`<${Lock} key=${`lock ${name}`} name=${name} look=${device} attempt=${attempt} />`,
          )}
        </div>
        <div class="readers">
          ${devices.map(
            ([name, device]) =>
              can(name, 'press') &&
              html`<${Keypad}
                key=${name}
                name=${name}
                look=${device}
                fob=${chosen}
                show=${device.leds === undefined ? undefined : (each: string) => show(name, each, device)}
                press=${(keys: string) => attempt(`Key pressed at ${name}`, act('devices', name, 'press', { keys }))}
              />`,
          )}
          ${devices.map(
            ([name, device]) =>
              can(name, 'show') &&
              !can(name, 'press') &&
              html`<${Reader}
                key=${name}
                name=${name}
                look=${device}
                fob=${chosen}
                show=${(each: string) => show(name, each, device)}
              />`,
          )}
        </div>
      </div>
      <${Faults} bench=${bench} attempt=${attempt} />
    </main>`;
}

const root = document.getElementById('app');
if (root !== null) render(html`<${App} />`, root);
