/** Who is there: an account, a token, or the setup code where nobody has an account yet. */
import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';
import { call, get, useToken } from './api.ts';
import type { Me } from './shapes.ts';

type Way = 'account' | 'token' | 'setup';

const SUBMIT = { account: 'Log in', token: 'Use token', setup: 'Make account' } as const;

export function Login({ entered }: { readonly entered: (me: Me) => void }) {
  const [way, setWay] = useState<Way>('account');
  const [fault, setFault] = useState('');
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    get<{ done: boolean }>('setup').then(
      ({ done }) => setWay(done ? 'account' : 'setup'),
      () => setFault('The daemon does not answer.'),
    );
  }, []);

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const fields = new FormData(event.currentTarget);
    const field = (name: string) => String(fields.get(name) ?? '').trim();
    setBusy(true);
    setFault('');
    try {
      if (way === 'token') {
        useToken(field('token'));
        entered(await get<Me>('me'));
      } else {
        useToken(undefined);
        const who = { name: field('name').toLowerCase(), password: String(fields.get('password')) };
        entered(
          way === 'setup'
            ? await call<Me>('POST', 'setup', { code: field('code'), ...who })
            : await call<Me>('POST', 'login', who),
        );
      }
    } catch (error) {
      useToken(undefined);
      setFault(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  }

  const choose = (next: Way) => () => {
    setWay(next);
    setFault('');
  };
  return html`<main class="login">
    <img src="/panel/icon.svg" alt="" width="48" height="48" />
    <h1>Latchkey</h1>
    <form class="card" onSubmit=${submit} aria-describedby="login-fault">
      ${
        way === 'setup' &&
        html`<p>Nobody has an account yet. The setup code lies on the box: <code>latchkey setup-code</code></p>
          <label>Setup code <input name="code" autocomplete="off" required autocapitalize="characters" /></label>`
      }
      ${
        way === 'token'
          ? html`<label>Token <input name="token" type="password" autocomplete="off" required /></label>`
          : html`<label>Name <input name="name" autocomplete="username" required autocapitalize="none" /></label>
              <label>
                Password
                <input
                  name="password"
                  type="password"
                  required
                  autocomplete=${way === 'setup' ? 'new-password' : 'current-password'}
                />
                ${way === 'setup' && html`<small>At least 12 characters; a sentence is easy to remember.</small>`}
              </label>`
      }
      <p class="fault" id="login-fault" role="alert">${fault}</p>
      <button class="main" disabled=${busy}>${SUBMIT[way]}</button>
    </form>
    <p class="ways">
      ${way !== 'account' && html`<button class="link" onClick=${choose('account')}>Log in with an account</button>`}
      ${way !== 'token' && html`<button class="link" onClick=${choose('token')}>Use a token</button>`}
      ${way === 'account' && html`<button class="link" onClick=${choose('setup')}>First account</button>`}
    </p>
  </main>`;
}
