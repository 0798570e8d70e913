/** Who is there: an account, a token, or the setup code where nobody has an account yet. */
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { call, get, useToken } from './api.ts';
import { say } from './language.ts';
import { FaultText, fieldsOf, textIn } from './parts.ts';
import type { Me } from './shapes.ts';
import { Tongue } from './tongue.ts';

type Way = 'account' | 'token' | 'setup';

interface LoginProps {
  /** Whoever was here is not any more. */
  readonly isOver: boolean;
  readonly entered: (me: Me) => void;
  readonly spoke: () => void;
}

export function Login({ isOver, entered, spoke }: LoginProps) {
  const [way, setWay] = useState<Way>('account');
  const [fault, setFault] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    get<{ done: boolean }>('setup').then(
      ({ done }) => setWay(done ? 'account' : 'setup'),
      setFault,
    );
  }, []);

  async function submit(event: SubmitEvent) {
    const fields = fieldsOf(event);
    setBusy(true);
    setFault(undefined);
    try {
      if (way === 'token') {
        useToken(textIn(fields, 'token'));
        entered(await get<Me>('me'));
      } else {
        useToken(undefined);
        const name = textIn(fields, 'name').toLowerCase();
        const who = { name, password: String(fields.get('password')) };
        entered(
          way === 'setup'
            ? await call<Me>('POST', 'setup', { code: textIn(fields, 'code'), ...who })
            : await call<Me>('POST', 'login', who),
        );
      }
    } catch (error) {
      useToken(undefined);
      setFault(error);
    } finally {
      setBusy(false);
    }
  }

  const choose = (next: Way) => () => {
    setWay(next);
    setFault(undefined);
  };
  return html`<main class="login">
    <img src="/panel/icon.svg" alt="" width="48" height="48" />
    <h1 translate=${false}>Latchkey</h1>
    ${isOver && html`<p class="stale" role="status">${say('login.over')}</p>`}
    <form class="card" onSubmit=${submit} aria-describedby="login-fault">
      ${
        way === 'setup' &&
        html`<p>${say('login.setup')} <code translate=${false}>latchkey setup-code</code></p>
          <label>${say('login.code')}<input name="code" autocomplete="off" required autocapitalize="characters" /></label>`
      }
      ${
        way === 'token'
          ? html`<label>${say('login.token')}<input name="token" type="password" autocomplete="off" required /></label>`
          : html`<label>${say('login.name')}<input name="name" autocomplete="username" required autocapitalize="none" /></label>
              <label>
                ${say('login.password')}
                <input
                  name="password"
                  type="password"
                  required
                  autocomplete=${way === 'setup' ? 'new-password' : 'current-password'}
                />
                ${way === 'setup' && html`<small>${say('login.password-note')}</small>`}
              </label>`
      }
      <p class="fault" id="login-fault" role="alert">${fault !== undefined && html`<${FaultText} fault=${fault} />`}</p>
      <button class="main" disabled=${busy}>${say(`login.do-${way}`)}</button>
    </form>
    <p class="ways">
      ${way !== 'account' && html`<button type="button" class="link" onClick=${choose('account')}>${say('login.with-account')}</button>`}
      ${way !== 'token' && html`<button type="button" class="link" onClick=${choose('token')}>${say('login.with-token')}</button>`}
      ${way === 'account' && html`<button type="button" class="link" onClick=${choose('setup')}>${say('login.with-setup')}</button>`}
    </p>
    <${Tongue} spoke=${spoke} />
  </main>`;
}
