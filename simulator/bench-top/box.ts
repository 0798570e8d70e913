/** A key box with doors to pull at, keys to take and put, and hooks that may stick. */
import { html } from 'htm/preact';
import { useEffect, useRef } from 'preact/hooks';
import type { SlotLook } from './hands.ts';
import { clunk } from './sounds.ts';

interface BoxProps {
  readonly name: string;
  readonly slots: Readonly<Record<string, SlotLook>>;
  /** What the hand holds. */
  readonly fob: string | undefined;
  readonly act: (verb: string, slot: number) => void;
  readonly put: (slot: number, fob: string) => void;
}

export function Box({ name, slots, fob, act, put }: BoxProps) {
  const open = Object.values(slots).filter(({ door }) => door !== 'shut').length;
  const before = useRef(open);
  useEffect(() => {
    if (before.current !== open) clunk();
    before.current = open;
  }, [open]);
  return html`<section class="box" aria-label=${name}>
    <h2>${name}</h2>
    <ol class="doors">
      ${Object.entries(slots).map(
        ([number, slot]) =>
          html`<${Slot} key=${number} slot=${Number(number)} look=${slot} fob=${fob} act=${act} put=${put} />`,
      )}
    </ol>
  </section>`;
}

interface SlotProps extends Pick<BoxProps, 'fob' | 'act' | 'put'> {
  readonly slot: number;
  readonly look: SlotLook;
}

function Slot({ slot, look, fob, act, put }: SlotProps) {
  const isOpen = look.door !== 'shut';
  const [lying] = look.fobs;
  const drop = (event: DragEvent) => {
    event.preventDefault();
    const dropped = event.dataTransfer?.getData('text/plain') ?? '';
    if (isOpen && dropped !== '') put(slot, dropped);
  };
  return html`<li
    class=${`slot ${isOpen ? 'open' : ''} ${look.isPulsing ? 'pulsing' : ''}`}
    data-slot=${slot}
    onDragOver=${(event: DragEvent) => event.preventDefault()}
    onDrop=${drop}
  >
    <span class="number">
      ${slot}
      ${look.isJammed && html`<em>jammed</em>`}
    </span>
    ${
      isOpen
        ? html`<button type="button" onClick=${() => (lying === undefined ? fob !== undefined && put(slot, fob) : act('take-key', slot))} disabled=${lying === undefined && fob === undefined}>
              ${lying === undefined ? 'Put key' : 'Take key'}<span class="unseen"> of slot ${slot}</span>
            </button>
            <button type="button" onClick=${() => act('close-door', slot)}>
              Shut<span class="unseen"> door ${slot}</span>
            </button>`
        : html`<button type="button" class="pull" onClick=${() => act('open-door', slot)}>
            Pull<span class="unseen"> at door ${slot}${lying === undefined ? '' : ', a key hangs in it'}</span>
          </button>`
    }
    ${lying !== undefined && html`<span class="fob">${lying.slice(-4)}</span>`}
  </li>`;
}
