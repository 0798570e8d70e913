/** Readers to hold fobs to, and keypads to press: with the lights and sounds that the wire gives them. */
import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { DeviceLook } from './hands.ts';
import { beep, click } from './sounds.ts';

interface ReaderProps {
  readonly name: string;
  readonly look: DeviceLook;
  readonly fob: string | undefined;
  readonly show: (fob: string) => void;
}

/** Drops and a button, since not every hand can drag. */
export function Reader({ name, look, fob, show }: ReaderProps) {
  const shown = look.fob ?? null;
  return html`<section
    class=${`card reader ${shown === null ? '' : 'busy'}`}
    aria-label=${`Reader ${name}`}
    onDragOver=${(event: DragEvent) => event.preventDefault()}
    onDrop=${dropped(show)}
  >
    <h2>${name}</h2>
    <span class="coil" aria-hidden="true"></span>
    <button type="button" disabled=${fob === undefined} onClick=${() => fob !== undefined && show(fob)}>
      Show fob<span class="unseen"> at ${name}</span>
    </button>
  </section>`;
}

function dropped(show: (fob: string) => void) {
  return (event: DragEvent) => {
    event.preventDefault();
    const fob = event.dataTransfer?.getData('text/plain') ?? '';
    if (fob !== '') show(fob);
  };
}

const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#'] as const;
const SEEN_MAX = 12;

interface KeypadProps {
  readonly name: string;
  readonly look: DeviceLook;
  readonly press: (key: string) => Promise<unknown>;
  /** Of a keypad that reads fobs too. */
  readonly fob: string | undefined;
  readonly show: ((fob: string) => void) | undefined;
}

export function Keypad({ name, look, press, fob, show }: KeypadProps) {
  const [typed, setTyped] = useState('');
  const { beeps, text } = look;
  const pressed = useRef<Promise<unknown>>(Promise.resolve());
  const heard = useRef(beeps ?? 0);
  useEffect(() => {
    if (beeps !== undefined && beeps > heard.current) beep(beeps - heard.current);
    heard.current = beeps ?? 0;
  }, [beeps]);
  const hit = (key: string) => () => {
    setTyped((before) => (key === '#' || key === '*' ? '' : `${before}${key}`.slice(-SEEN_MAX)));
    click();
    // One after the other: several at one time may come in any order, and a code is one.
    pressed.current = pressed.current.then(() => press(key));
  };
  return html`<section
    class="card keypad"
    aria-label=${`Keypad ${name}`}
    onDragOver=${(event: DragEvent) => event.preventDefault()}
    onDrop=${show === undefined ? undefined : dropped(show)}
  >
    <header>
      <h2>${name}</h2>
      <${Lights} look=${look} />
    </header>
    <output aria-label="Typed">${typed === '' ? '–' : typed}</output>
    ${text !== undefined && text !== '' && html`<p class="display">${text}</p>`}
    <div class="keys">
      ${KEYS.map((key) => html`<button type="button" key=${key} onClick=${hit(key)}>${key}</button>`)}
    </div>
    ${
      show !== undefined &&
      html`<button type="button" class="show" disabled=${fob === undefined} onClick=${() => fob !== undefined && show(fob)}>
        Show fob<span class="unseen"> at ${name}</span>
      </button>`
    }
  </section>`;
}

/** Each light says its colour too: not every eye tells red from green. */
function Lights({ look: { leds, hasPower } }: { readonly look: DeviceLook }) {
  if (leds === undefined) return html`<small class="no-light">no light on this wire</small>`;
  const shown = hasPower === false ? [] : Object.entries(leds);
  return html`<span class="leds">
    ${shown.map(
      ([
        number,
        { colour, isBlinking },
      ]) => html`<span key=${number} class="led-state" data-led=${colour}>
        <span class=${`led ${colour} ${isBlinking ? 'blinking' : ''}`} aria-hidden="true"></span>
        ${colour}${isBlinking && ', blinking'}
      </span>`,
    )}
    ${shown.length === 0 && html`<span class="led-state">dark</span>`}
  </span>`;
}
