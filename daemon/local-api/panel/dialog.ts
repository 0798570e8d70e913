/** A modal dialog: the browser keeps the focus within, and Escape closes it. */
import { html } from 'htm/preact';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { say } from './language.ts';

interface DialogProps {
  readonly title: string;
  /** The title is a name. */
  readonly isName?: boolean;
  readonly closed: () => void;
  readonly children: ComponentChildren;
}

export function Dialog({ title, isName = false, closed, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => element.current?.showModal(), []);
  const close = () => element.current?.close();
  return html`<dialog ref=${element} aria-labelledby=${id} onClose=${closed}>
    <header>
      <h2 id=${id} translate=${!isName}>${title}</h2>
      <button type="button" class="plain close" aria-label=${say('page.close')} onClick=${close}>✕</button>
    </header>
    ${children}
  </dialog>`;
}

export type Fact = readonly [name: string, value: ComponentChildren | undefined | null];

/** Names and what they are, as a description list; nothing for what is not known. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  const known = facts.filter(([, value]) => value !== undefined && value !== null && value !== '');
  return html`<dl class="facts">
    ${known.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}
