/** A grant told in a word or a line: whether it holds, from when until when, and what it opens. */
import { html } from 'htm/preact';
import { say, sayWord } from './language.ts';
import { siteNow } from './moments.ts';
import { Data, State, Time } from './parts.ts';
import type { Grant } from './shapes.ts';
import type { Site } from './site.ts';

export function GrantState({ grant }: { readonly grant: Grant }) {
  if (grant.revoked !== null) return html`<${State} tone="bad">${say('grants.revoked')}<//>`;
  if (grant.ends !== null && Date.parse(grant.ends) <= siteNow()) {
    return html`<${State} tone="quiet">${say('grants.over')}<//>`;
  }
  if (grant.state === 'active' && grant.starts !== null && Date.parse(grant.starts) > siteNow()) {
    return html`<${State} tone="quiet">${say('grants.to-come')}<//>`;
  }
  return html`<${State} tone=${grant.state === 'active' ? 'good' : 'quiet'}>${sayWord('grant-state', grant.state)}<//>`;
}

/** From when until when, in one line. */
export function Until({ grant: { starts, ends } }: { readonly grant: Grant }) {
  if (starts === null && ends === null) return html`${say('grants.always')}`;
  return html`${starts !== null && html`<${Time} at=${starts} />`} –${' '}
    ${ends === null ? say('grants.open-end') : html`<${Time} at=${ends} />`}`;
}

interface TargetsProps {
  readonly grant: Grant;
  readonly site: Site;
}

export function Targets({ grant, site }: TargetsProps) {
  return html`${grant.targets.map(({ kind, id }, at) => {
    const name = kind === 'key' ? site.keys.find((key) => key.id === id)?.name : undefined;
    return html`${at > 0 && ', '}${sayWord('target', kind)}${' '}<${Data}>${name ?? id}<//>`;
  })}`;
}
