/** A lock that turns its bolt by a motor, on the air: what a person at its door sees and can do. */
import { html } from 'htm/preact';
import { useEffect, useRef } from 'preact/hooks';
import { act, type DeviceLook } from './hands.ts';
import { clunk } from './sounds.ts';

interface LockProps {
  readonly name: string;
  readonly look: DeviceLook;
  readonly attempt: (what: string, asked: Promise<unknown>) => void;
}

export function Lock({ name, look, attempt }: LockProps) {
  const { state = 'unknown', battery = 0 } = look;
  const isFree = state === 'unlocked' || state === 'unlatched';
  const before = useRef(state);
  useEffect(() => {
    if (before.current !== state) clunk();
    before.current = state;
  }, [state]);
  const turn = () => {
    const to = isFree ? 'locked' : 'unlocked';
    attempt(`${name}: ${to} by hand`, act('devices', name, 'turn', { to }));
  };
  return html`<section class="card doorway" aria-label=${`Lock ${name}`}>
    <h2>Lock <span>${name}</span></h2>
    <div class=${`frame ${isFree ? 'free' : ''}`} aria-hidden="true">
      <span class="leaf"></span><span class="bolt"></span>
    </div>
    <p class="bolt-state">
      Bolt ${state}<br /><small>on the air, battery ${battery} %</small>
    </p>
    <div class="buttons">
      <button type="button" onClick=${turn}>${isFree ? 'Lock by hand' : 'Unlock by hand'}</button>
    </div>
  </section>`;
}
