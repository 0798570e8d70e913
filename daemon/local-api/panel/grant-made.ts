/** What was made or changed: its PIN, told once, and what it comes to. */
import { html } from 'htm/preact';
import { Dialog, Facts } from './dialog.ts';
import { Targets, Until } from './grant-words.ts';
import { say } from './language.ts';
import { siteNow } from './moments.ts';
import { Data } from './parts.ts';
import type { Grant } from './shapes.ts';
import type { Site } from './site.ts';

export interface Made {
  readonly grant: Grant;
  readonly pins: readonly { readonly credential: string; readonly digits: string }[];
  readonly collides: boolean;
}

interface GrantMadeProps {
  readonly site: Site;
  readonly result: Made;
  readonly isNew: boolean;
  readonly before: readonly string[];
  readonly closed: () => void;
}

/** A drawn PIN is told here, and never again. */
export function GrantMade({ result, isNew, before, site, closed }: GrantMadeProps) {
  const { ends } = result.grant;
  const isOver = ends !== null && Date.parse(ends) <= siteNow();
  const drawn = result.pins.filter(({ credential }) => !before.includes(credential));
  return html`<${Dialog} title=${say(isNew ? 'grants.made' : 'grants.changed')} closed=${closed}>
    ${drawn.map(
      ({ digits }) =>
        html`<p>${say('grants.pin-once')} <strong class="pin" translate=${false}>${digits}</strong></p>`,
    )}
    ${drawn.length === 0 && !isOver && html`<p>${say('grants.in-force')}</p>`}
    ${isOver && html`<p class="state warn">${say('grants.made-over')}</p>`}
    ${result.collides && html`<p class="state warn">${say('grants.collides')}</p>`}
    <${Facts}
      facts=${[
        [say('journal.holder'), html`<${Data}>${result.grant.holder}<//>`],
        [say('grants.opens'), html`<${Targets} grant=${result.grant} site=${site} />`],
        [say('grants.when'), html`<${Until} grant=${result.grant} />`],
      ]}
    />
  <//>`;
}
