/** The simulated Seam's paths, as its pages list them; every one by POST, and reads also by GET. */
import type { CloudRequest } from './common.ts';
import { pageOf } from './seam-page.ts';
import { shownCode, shownDevice, shownGrant, shownMethod } from './seam-shown.ts';
import { Refused } from './seam-things.ts';
import type { SeamWorkspace } from './seam-workspace.ts';

export function answerTo(
  path: string,
  asked: Readonly<Record<string, unknown>>,
  workspace: SeamWorkspace,
  { now, pageSize }: { readonly now: number; readonly pageSize: number },
): object {
  const things = { methods: workspace.methods, now };
  const text = (name: string) => {
    const value = asked[name];
    return typeof value === 'string' ? value : '';
  };
  const page = (name: string, rows: readonly object[], of: Readonly<Record<string, unknown>>) =>
    pageOf(name, rows, of, pageSize);
  switch (path) {
    case '/access_grants/list':
      return page(
        'access_grants',
        [...workspace.grants.values()].map((each) => shownGrant(each, things)),
        asked,
      );
    case '/access_grants/get': {
      const key = text('access_grant_key');
      const found =
        key === ''
          ? workspace.grantAt(text('access_grant_id'))
          : [...workspace.grants.values()].find((each) => each.access_grant_key === key);
      if (found === undefined) throw new Refused(404, 'access_grant_not_found');
      return { access_grant: shownGrant(found, things) };
    }
    case '/access_grants/create':
      return { access_grant: shownGrant(workspace.addGrant(asked), things) };
    case '/access_grants/update':
      workspace.changeGrant(asked);
      return {};
    case '/access_grants/delete':
      workspace.deleteGrant(text('access_grant_id'));
      return {};
    case '/access_methods/list': {
      const { methods } = workspace.grantAt(text('access_grant_id'));
      return { access_methods: methods.flatMap((id) => shownMethod(id, things) ?? []) };
    }
    case '/access_codes/list': {
      const grant = text('access_grant_id');
      const methods = grant === '' ? undefined : workspace.grantAt(grant).methods;
      const found = [...workspace.codes.values()].filter((code) =>
        methods === undefined
          ? code.device_id === text('device_id')
          : code.method !== undefined && methods.includes(code.method),
      );
      return page(
        'access_codes',
        found.map((each) => shownCode(each, things)),
        asked,
      );
    }
    case '/access_codes/create': {
      const code = workspace.addCode(asked);
      const action_attempt = workspace.attempts.begin('CREATE_ACCESS_CODE', code);
      return { access_code: shownCode(code, things), action_attempt };
    }
    case '/access_codes/update':
      return {
        action_attempt: workspace.attempts.begin('UPDATE_ACCESS_CODE', workspace.changeCode(asked)),
      };
    case '/access_codes/delete': {
      // One that fails leaves it where it is.
      if (!workspace.attempts.isFailing) workspace.deleteCode(text('access_code_id'), true);
      return { action_attempt: workspace.attempts.begin('DELETE_ACCESS_CODE') };
    }
    case '/action_attempts/get': {
      const action_attempt = workspace.attempts.at(text('action_attempt_id'));
      if (action_attempt === undefined) throw new Refused(404, 'action_attempt_not_found');
      return { action_attempt };
    }
    case '/devices/list':
      return page(
        'devices',
        [...workspace.devices].map((id) =>
          shownDevice(id, workspace.offline.has(id), new Date(now).toISOString()),
        ),
        asked,
      );
    case '/user_identities/get': {
      const user_identity = workspace.people.get(text('user_identity_id'));
      if (user_identity === undefined) throw new Refused(404, 'user_identity_not_found');
      return { user_identity };
    }
    case '/events/list': {
      if (text('since') === '') throw new Refused(400, 'invalid_input');
      const since = Date.parse(text('since'));
      const found = workspace.events.filter(({ created_at }) => Date.parse(created_at) > since);
      return { events: found.slice(0, Number(asked['limit'] ?? 500)) };
    }
    default:
      throw new Refused(404, 'not_found');
  }
}

export function fieldsOf({ body, query }: CloudRequest): Readonly<Record<string, unknown>> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return { ...body };
  return Object.fromEntries([...query].filter(([name]) => name !== '_strict'));
}
