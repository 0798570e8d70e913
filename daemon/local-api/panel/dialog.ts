/**
 * A modal dialog: the browser keeps the focus within, and Escape closes it. So does the way back, which on a phone is
 * how one leaves things: while a dialog is open there is a place of its own in the history, on top of the page's.
 */
import { html } from 'htm/preact';
import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
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
  const isGone = useRef(false);
  const id = useId();
  // Before anything else is drawn: another dialog may take the place of this one at the same moment.
  useLayoutEffect(() => {
    const { current } = element;
    current?.showModal();
    standInHistory();
    const back = () => !isInHistory() && current?.close();
    addEventListener('popstate', back);
    return () => {
      isGone.current = true;
      removeEventListener('popstate', back);
      // While it is still there: the focus goes back to where it was.
      current?.close();
      leaveHistory();
    };
  }, []);
  const close = () => element.current?.close();
  return html`<dialog ref=${element} aria-labelledby=${id} onClose=${() => !isGone.current && closed()} onClick=${followLink}>
    <header>
      <h2 id=${id} translate=${!isName}>${title}</h2>
      <button type="button" class="plain close" aria-label=${say('page.close')} onClick=${close}>✕</button>
    </header>
    ${children}
  </dialog>`;
}

const OPEN = 'dialog';

function isInHistory(): boolean {
  return history.state === OPEN;
}

/** One that another takes the place of leaves its own to that. */
function standInHistory(): void {
  if (!isInHistory()) history.pushState(OPEN, '');
}

/** Soon: by then another dialog may have taken its place, or another page. */
function leaveHistory(): void {
  setTimeout(() => {
    if (isInHistory() && document.querySelector('dialog[open]') === null) history.back();
  });
}

/** A link to another page takes the dialog's place in the history, so that the way back is to this page. */
function followLink(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest('a[href^="#"]') : null;
  if (link === null) return;
  event.preventDefault();
  location.replace(link.getAttribute('href') ?? '#');
}

export type Fact = readonly [name: string, value: ComponentChildren | undefined | null];

/** Names and what they are, as a description list; nothing for what is not known. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  const known = facts.filter(([, value]) => value !== undefined && value !== null && value !== '');
  return html`<dl class="facts">
    ${known.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}
