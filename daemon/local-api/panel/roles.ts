/** What somebody may: the page shows no control that the daemon would refuse. */
import type { Me, Scope } from './shapes.ts';

const SCOPES: readonly Scope[] = ['read', 'operate', 'admin'];

export function may({ scope }: Me, needed: Scope): boolean {
  return SCOPES.indexOf(scope) >= SCOPES.indexOf(needed);
}

/** Opening is for programs with a token, and for people where the config says so (`api.panelOpening`). */
export function mayOpen(me: Me): boolean {
  const isToken = sessionStorage.getItem('latchkey-token') !== null;
  return may(me, 'operate') && (isToken || document.documentElement.dataset['opening'] === 'on');
}
