/** How a key is told of, wherever one is. */
import { html } from 'htm/preact';
import { say } from './language.ts';
import { Data } from './parts.ts';
import type { KeyPlace } from './shapes.ts';

export function Where({ place }: { readonly place: KeyPlace }) {
  switch (place.kind) {
    case 'slot':
      return html`${say('where.in-slot', { place: place.accessPoint ?? place.box, slot: place.slot })}`;
    case 'holder':
      return html`${say('where.with')}${' '}<${Data}>${place.holder}<//>`;
    case 'unknown':
      return html`${say('where.unknown')}`;
    case 'none':
      return html`${say('where.virtual')}`;
  }
}
