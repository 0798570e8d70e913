/** What a list is looked through by: a text while it is typed, and beside it what else narrows the list. */
import { html } from 'htm/preact';
import type { ComponentChildren } from 'preact';
import { say } from './language.ts';
import { valueIn } from './parts.ts';

interface SearchFormProps {
  readonly text: string;
  readonly placeholder: string;
  readonly typed: (text: string) => void;
  readonly children?: ComponentChildren;
}

/** As long as a search of the API may be. */
const LENGTH_MAX = 100;

export function SearchForm({ text, placeholder, typed, children }: SearchFormProps) {
  return html`<form class="search" role="search" onSubmit=${(event: Event) => event.preventDefault()}>
    <label class="wide">
      ${say('field.search')}
      <input
        type="search"
        name="text"
        value=${text}
        maxlength=${LENGTH_MAX}
        placeholder=${placeholder}
        onInput=${(event: InputEvent) => typed(valueIn(event))}
      />
    </label>
    ${children}
  </form>`;
}
