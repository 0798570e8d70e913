/** The language, chosen by whoever looks; each by its own name. */
import { html } from 'htm/preact';
import { choose, LANGUAGES, language, say } from './language.ts';
import { valueIn } from './parts.ts';

export function Tongue({ spoke }: { readonly spoke: () => void }) {
  return html`<label class="tongue">
    <span class="unseen">${say('page.language')}</span>
    <select
      value=${language()}
      onChange=${(event: Event) => {
        choose(valueIn(event));
        spoke();
      }}
    >
      ${Object.entries(LANGUAGES).map(([code, name]) => html`<option value=${code} lang=${code} translate=${false}>${name}</option>`)}
    </select>
  </label>`;
}
