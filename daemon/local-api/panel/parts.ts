/** What all pages are made of: their head, states, what is said while there is nothing to show, and actions. */
import { html } from 'htm/preact';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, Refusal } from './api.ts';
import { say, sayWord } from './language.ts';
import { moment } from './moments.ts';
import type { Tone } from './words.ts';

interface PageProps {
  readonly name: string;
  readonly title: string;
  readonly note?: string;
  /** Buttons beside the title. */
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Page({ name, title, note, actions, children }: PageProps) {
  return html`<section aria-labelledby=${`${name}-title`}>
    <header class="page">
      <div>
        <h1 id=${`${name}-title`}>${title}</h1>
        ${note !== undefined && html`<p class="note">${note}</p>`}
      </div>
      <div class="page-actions">${actions}</div>
    </header>
    ${children}
  </section>`;
}

export function State({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return html`<span class=${`state ${tone}`}>${children}</span>`;
}

/** Names, ids, numbers and sentences of the daemon: never translated. */
export function Data({ children }: { children: ComponentChildren }) {
  return html`<span translate=${false}>${children}</span>`;
}

export function Time({ at }: { at: string }) {
  return html`<time datetime=${at}>${moment(at)}</time>`;
}

/** Keeps its place while it waits, so that nothing jumps. */
export function Loading({ rows = 4 }: { rows?: number }) {
  return html`<div class="skeleton">
    <p class="unseen" role="status">${say('page.loading')}</p>
    ${Array.from({ length: rows }, (_, at) => html`<span key=${at} aria-hidden="true"></span>`)}
  </div>`;
}

interface EmptyProps {
  readonly title: string;
  readonly hint?: string;
  readonly children?: ComponentChildren;
}

export function Empty({ title, hint, children }: EmptyProps) {
  return html`<div class="empty">
    <p><strong>${title}</strong></p>
    ${hint !== undefined && html`<p>${hint}</p>`}
    ${children}
  </div>`;
}

export function Fault({ fault, again }: { fault: unknown; again?: () => void }) {
  return html`<div class="broken" role="alert">
    <p><${FaultText} fault=${fault} /></p>
    ${again !== undefined && html`<button type="button" onClick=${again}>${say('page.again')}</button>`}
  </div>`;
}

/** The daemon adds nothing to these. */
const SAID = ['internal', 'busy', 'storage_full', 'too_many_requests'];

/** Refusals are sentences of the daemon; that it cannot be reached is the page's. */
export function FaultText({ fault }: { fault: unknown }) {
  if (fault instanceof Refusal) {
    const word = sayWord('error', fault.code);
    if (SAID.includes(fault.code)) return html`${word}`;
    return html`${word.replace(/[.。]$/, '')}: <span lang="en" translate=${false}>${fault.message}</span>`;
  }
  if (fault instanceof RangeError) return html`${fault.message}`;
  return html`${say('error.away')}`;
}

export interface Fetched<Reply> {
  readonly reply: Reply | undefined;
  readonly fault: unknown;
  again(): void;
}

/** A reply of the API, anew whenever `version` changes; what was there stays until then. */
export function useFetched<Reply>(path: string, version: unknown = 0): Fetched<Reply> {
  const [state, setState] = useState<{ reply?: Reply; fault?: unknown }>({});
  const [wish, setWish] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    get<Reply>(path).then(
      (reply) => isCurrent && setState({ reply }),
      (fault: unknown) => isCurrent && setState((before) => ({ ...before, fault })),
    );
    return () => {
      isCurrent = false;
    };
  }, [path, version, wish]);
  return {
    reply: state.reply,
    fault: state.fault,
    again: () => setWish((count) => count + 1),
  };
}

export interface Action {
  readonly busy: boolean;
  /** What came of it, for people. */
  readonly told: string;
  readonly fault: unknown;
  run(what: () => Promise<string>): Promise<boolean>;
  clear(): void;
}

export function useAction(): Action {
  const [state, setState] = useState<Omit<Action, 'run' | 'clear'>>(IDLE);
  // Known at once: a second click may come before the button is drawn as disabled.
  const isUnderWay = useRef(false);
  return {
    ...state,
    clear: () => setState(IDLE),
    async run(what) {
      if (isUnderWay.current) return false;
      isUnderWay.current = true;
      setState({ ...IDLE, busy: true });
      try {
        setState({ ...IDLE, told: await what() });
        return true;
      } catch (fault) {
        setState({ ...IDLE, fault });
        return false;
      } finally {
        isUnderWay.current = false;
      }
    },
  };
}

const IDLE = { busy: false, told: '', fault: undefined } as const;

export function Told({ action }: { action: Action }) {
  return html`<p class="fault" role="alert">${action.fault !== undefined && html`<${FaultText} fault=${action.fault} />`}</p>
    <p class="told" role="status">${action.busy ? say('page.working') : action.told}</p>`;
}

interface DangerProps {
  readonly ask: string;
  readonly sure: string;
  readonly busy?: boolean;
  readonly does: () => void;
}

/** Something that cannot be taken back is asked for twice. */
export function Danger({ ask, sure, busy = false, does }: DangerProps) {
  const [isAsked, setAsked] = useState(false);
  if (!isAsked) {
    return html`<button type="button" class="danger" onClick=${() => setAsked(true)}>${ask}</button>`;
  }
  return html`<span class="sure" role="group" aria-label=${ask}>
    <button
      type="button"
      class="danger full"
      disabled=${busy}
      onClick=${() => {
        setAsked(false);
        does();
      }}
    >
      ${sure}
    </button>
    <button type="button" class="plain" onClick=${() => setAsked(false)}>${say('page.keep')}</button>
  </span>`;
}

export function valueIn({ currentTarget }: Event): string {
  const isField =
    currentTarget instanceof HTMLInputElement || currentTarget instanceof HTMLSelectElement;
  return isField ? currentTarget.value : '';
}

/** The fields of a form that is sent, which stays on the page. */
export function fieldsOf(event: SubmitEvent): FormData {
  event.preventDefault();
  const { currentTarget } = event;
  return new FormData(currentTarget instanceof HTMLFormElement ? currentTarget : undefined);
}

export function textIn(fields: FormData, name: string): string {
  return String(fields.get(name) ?? '').trim();
}
