/** A door in its frame: the bolt that holds it, its leaf, and the button beside it on the inside. */
import { html } from 'htm/preact';
import { useEffect, useRef } from 'preact/hooks';
import { act, type DeviceLook } from './hands.ts';
import { clunk } from './sounds.ts';

interface DoorProps {
  readonly name: string;
  readonly look: DeviceLook;
  readonly attempt: (what: string, asked: Promise<unknown>) => void;
}

/** As long as a thumb rests on a button. */
const PRESS_MS = 500;

export function Door({ name, look, attempt }: DoorProps) {
  const { wiring, inputs = [], outputs = [] } = look;
  const isCurrent = wiring?.strike != null && outputs[wiring.strike]?.isOn === true;
  const isFree = wiring?.opensWithoutPower === true ? !isCurrent : isCurrent;
  const before = useRef(isFree);
  useEffect(() => {
    if (before.current !== isFree) clunk();
    before.current = isFree;
  }, [isFree]);
  if (wiring == null || wiring.contact === null) return null;
  const { contact, exit, closedIsOpen } = wiring;
  const isOpen = inputs[contact] === closedIsOpen;
  const move = (open: boolean, force = false) => {
    const what = force ? 'forced open' : open ? 'opened' : 'shut';
    if (open && !force && !isFree) {
      attempt('', Promise.reject(new RangeError(`${name}: the bolt holds the door`)));
      return;
    }
    attempt(
      `${name}: ${what}`,
      act('devices', name, 'input', { input: contact, closed: open === closedIsOpen }),
    );
  };
  const leave = async () => {
    await act('devices', name, 'input', { input: exit, closed: true });
    await new Promise((resolve) => setTimeout(resolve, PRESS_MS));
    await act('devices', name, 'input', { input: exit, closed: false });
  };
  return html`<section class="card doorway" aria-label=${`Door ${name}`}>
    <h2>Door <span>${name}</span></h2>
    <div class=${`frame ${isOpen ? 'open' : ''} ${isFree ? 'free' : ''}`} aria-hidden="true">
      <span class="leaf"></span><span class="bolt"></span>
    </div>
    <p class="bolt-state" data-bolt=${isFree ? 'free' : 'locked'}>
      ${isFree ? 'Bolt withdrawn' : 'Bolt out'}, door ${isOpen ? 'open' : 'shut'}
    </p>
    <div class="buttons">
      ${
        isOpen
          ? html`<button type="button" onClick=${() => move(false)}>Shut the door</button>`
          : html`<button type="button" onClick=${() => move(true)}>Pull the door</button>
              <button type="button" class="bad" onClick=${() => move(true, true)}>Force it</button>`
      }
      ${exit !== null && html`<button type="button" onClick=${() => attempt(`${name}: exit button pressed`, leave())}>Exit button</button>`}
    </div>
  </section>`;
}
