/** Readers to hold fobs to, and keypads to press. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';

interface ReaderProps {
  readonly name: string;
  readonly shown: string | null;
  readonly fob: string | undefined;
  readonly show: (fob: string) => void;
}

export function Reader({ name, shown, fob, show }: ReaderProps) {
  const drop = (event: DragEvent) => {
    event.preventDefault();
    const dropped = event.dataTransfer?.getData('text/plain') ?? '';
    if (dropped !== '') show(dropped);
  };
  return html`<section
    class=${`card reader ${shown === null ? '' : 'busy'}`}
    aria-label=${`Reader ${name}`}
    onDragOver=${(event: DragEvent) => event.preventDefault()}
    onDrop=${drop}
  >
    <h2>${name}</h2>
    <span class="coil" aria-hidden="true"></span>
    <button type="button" disabled=${fob === undefined} onClick=${() => fob !== undefined && show(fob)}>
      Show fob<span class="unseen"> at ${name}</span>
    </button>
  </section>`;
}

const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#'] as const;
const SEEN_MAX = 12;

interface KeypadProps {
  readonly name: string;
  readonly press: (key: string) => void;
}

export function Keypad({ name, press }: KeypadProps) {
  const [typed, setTyped] = useState('');
  const hit = (key: string) => () => {
    setTyped((before) => (key === '#' || key === '*' ? '' : `${before}${key}`.slice(-SEEN_MAX)));
    press(key);
  };
  return html`<section class="card keypad" aria-label=${`Keypad ${name}`}>
    <h2>${name}</h2>
    <output aria-label="Typed">${typed === '' ? '–' : typed}</output>
    <div class="keys">
      ${KEYS.map((key) => html`<button type="button" key=${key} onClick=${hit(key)}>${key}</button>`)}
    </div>
  </section>`;
}
