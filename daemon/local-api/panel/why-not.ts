/** “Why can’t she get in?”: every grant she has, tried at a place and a time, with the reason in words. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { call } from './api.ts';
import { say, sayWord } from './language.ts';
import { Data, fieldsOf, State, Told, textIn, useAction } from './parts.ts';
import type { Grant, WouldBe } from './shapes.ts';
import type { Site } from './site.ts';

interface WhyNotProps {
  readonly grants: readonly Grant[];
  readonly site: Site;
}

interface Tried {
  readonly grant: Grant;
  readonly credential: string;
  readonly wouldBe: WouldBe;
}

/** The daemon answers so many of these a minute. */
const TRIES_MAX = 12;

export function WhyNot({ grants, site }: WhyNotProps) {
  const action = useAction();
  const [tried, setTried] = useState<readonly Tried[]>([]);
  const places = site.places.filter(({ readers }) => readers.length > 0);

  async function ask(event: SubmitEvent) {
    const fields = fieldsOf(event);
    const accessPoint = textIn(fields, 'place');
    const at = textIn(fields, 'at');
    setTried([]);
    await action.run(async () => {
      const found: Tried[] = [];
      const each = grants.flatMap((grant) =>
        grant.credentials.map((credential) => ({ grant, credential })),
      );
      for (const { grant, credential } of each.slice(0, TRIES_MAX)) {
        const wouldBe = await call<WouldBe>('POST', 'what-if', {
          ...(accessPoint === '' ? {} : { accessPoint }),
          grant: grant.id,
          credential: credential.id,
          ...(at === '' ? {} : { at }),
        });
        found.push({ grant, credential: credential.kind, wouldBe });
      }
      setTried(found);
      if (found.length === 0) return say('why.shows-nothing');
      const isGranted = found.some(({ wouldBe }) => wouldBe.decision.kind === 'granted');
      return say(isGranted ? 'why.gets-in' : 'why.does-not');
    });
  }

  return html`<div class="part">
    <form onSubmit=${ask}>
      <div class="pair">
        <label>
          ${say('why.where')}
          <select name="place">
            ${places.map(({ id }) => html`<option value=${id} translate=${false}>${id}</option>`)}
          </select>
        </label>
        <label>${say('why.when')}<input name="at" type="datetime-local" /></label>
      </div>
      <small>${say('why.note')}</small>
      <button class="main" disabled=${action.busy}>${say('why.ask')}</button>
    </form>
    <${Told} action=${action} />
    <ul class="rows">
      ${tried.map(
        ({
          grant,
          credential,
          wouldBe,
        }) => html`<li key=${`${grant.id} ${credential}`} class="tried">
          <div>
            <${State} tone=${wouldBe.decision.kind === 'granted' ? 'good' : 'bad'}>
              ${
                wouldBe.decision.reason === undefined
                  ? say('decision.granted')
                  : sayWord('reason', wouldBe.decision.reason)
              }
            <//>
            ${' '}${sayWord('credential', credential)}${' '}<${Data}>${grant.targets.map(({ id }) => id).join(', ')}<//>
            <small lang="en" translate=${false}>${wouldBe.sentence}</small>
          </div>
        </li>`,
      )}
    </ul>
  </div>`;
}
