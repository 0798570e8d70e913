/** A modal dialog: the browser keeps the focus within, and Escape closes it. */
import { html } from 'htm/preact';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface DialogProps {
  readonly title: string;
  readonly closed: () => void;
  readonly children: ComponentChildren;
}

export function Dialog({ title, closed, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => element.current?.showModal(), []);
  const close = () => element.current?.close();
  return html`<dialog ref=${element} aria-labelledby="dialog-title" onClose=${closed}>
    <header>
      <h2 id="dialog-title">${title}</h2>
      <button type="button" class="plain" aria-label="Close" onClick=${close}>✕</button>
    </header>
    ${children}
  </dialog>`;
}

/** Names and what they are, as a description list; nothing for what is not known. */
export function Facts({
  facts,
}: {
  readonly facts: readonly (readonly [string, string | undefined | null])[];
}) {
  const known = facts.filter(([, value]) => value !== undefined && value !== null && value !== '');
  return html`<dl class="facts">
    ${known.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}
