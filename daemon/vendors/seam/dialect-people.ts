/** The workspace and user identities. */
import { z } from 'zod';
import { drawnUuid } from '../uuid.ts';
import { BY, type DialectParts, idHere, KINDS, rankOf } from './dialect-parts.ts';
import {
  CHANGE,
  endpoint,
  limit,
  READ,
  REMOVE,
  type SeamEndpoint,
  uuid,
  uuids,
  WRITE,
} from './endpoint.ts';
import type { PersonFields } from './fields.ts';
import { pageOf } from './page.ts';
import { notFound, SeamError } from './seam-error.ts';

export const personSchema = z.strictObject({
  full_name: z.string().min(1).max(256).nullish(),
  email_address: z.email().max(320).nullish(),
  /** E.164. */
  phone_number: z
    .string()
    .regex(/^\+[1-9]\d{4,14}$/, { error: 'a number such as +46701234567' })
    .nullish(),
  user_identity_key: z.string().min(1).max(256).nullish(),
});
export type WantedPerson = z.output<typeof personSchema>;

export function peopleEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  const { shelves, devices, sync } = parts;
  const byId = (id: string) => {
    const found = shelves.people.find(
      ({ user_identity_id }) => user_identity_id === id.toLowerCase(),
    );
    if (found === undefined) throw notFound('user_identity');
    return found;
  };
  const bodyOf = (fields: PersonFields) => personBody(fields, devices.workspace);
  const workspace = () => ({
    workspace_id: devices.workspace,
    name: sync.desk.about.site,
    company_name: sync.desk.about.site,
    connect_partner_name: null,
    connect_webview_customization: {},
    is_publishable_key_auth_enabled: false,
    is_sandbox: false,
    is_suspended: false,
    organization_id: null,
  });
  return [
    endpoint('/workspaces/get', READ, z.object({}).loose(), () => ({ workspace: workspace() })),
    endpoint('/workspaces/list', READ, z.object({}).loose(), () => ({ workspaces: [workspace()] })),
    endpoint(
      '/user_identities/create',
      WRITE,
      personSchema.extend({ acs_system_ids: uuids.optional() }),
      async ({ acs_system_ids: _none, ...wanted }) => {
        if (known(parts, wanted) !== undefined) {
          throw new SeamError(
            409,
            'user_identity_already_exists',
            'there is one with this key, mail or number',
          );
        }
        return { user_identity: bodyOf(await keepPerson(parts, wanted)) };
      },
    ),
    endpoint(
      '/user_identities/get',
      READ,
      z.object({ user_identity_id: uuid.optional(), user_identity_key: z.string().optional() }),
      ({ user_identity_id, user_identity_key }) => {
        if (user_identity_id !== undefined)
          return { user_identity: bodyOf(byId(user_identity_id).fields) };
        const found = shelves.people.find((each) => each.user_identity_key === user_identity_key);
        if (found === undefined || user_identity_key === undefined) throw notFound('user_identity');
        return { user_identity: bodyOf(found.fields) };
      },
    ),
    endpoint(
      '/user_identities/list',
      READ,
      z.object({
        user_identity_ids: uuids.optional(),
        search: z.string().optional(),
        created_before: z.string().optional(),
        limit: limit(500),
        page_cursor: z.string().nullish(),
      }),
      (asked, call) => {
        const words = asked.search?.toLowerCase() ?? '';
        const found = shelves.people
          .all()
          .filter(
            ({ fields }) =>
              (asked.user_identity_ids?.includes(fields.user_identity_id) ?? true) &&
              `${fields.full_name} ${fields.email_address} ${fields.phone_number}`
                .toLowerCase()
                .includes(words),
          );
        const cursor = { limit: asked.limit, cursor: asked.page_cursor };
        const page = pageOf(found, ({ fields, id }) => rankOf(fields, id), cursor, call);
        return {
          user_identities: page.items.map(({ fields }) => bodyOf(fields)),
          pagination: page.pagination,
        };
      },
    ),
    endpoint(
      '/user_identities/update',
      CHANGE,
      personSchema.extend({ user_identity_id: uuid }),
      async ({ user_identity_id, ...changed }) => {
        const { id, record, fields } = byId(user_identity_id);
        const set = Object.fromEntries(
          Object.entries(changed).filter(([, each]) => each !== undefined),
        );
        const next: PersonFields = { ...fields, ...set };
        await sync.apply([{ id, record: { ...record, sealed: sync.seal(id, next) } }], { by: BY });
        return {};
      },
    ),
    endpoint(
      '/user_identities/delete',
      REMOVE,
      z.strictObject({ user_identity_id: uuid }),
      async ({ user_identity_id }) => {
        const { id, fields } = byId(user_identity_id);
        const has = shelves.grants.find(
          (each) => each.user_identity_id === fields.user_identity_id,
        );
        if (has !== undefined) {
          throw new SeamError(
            409,
            'user_identity_in_use',
            'an access grant is still given to them',
          );
        }
        await sync.apply([{ id, record: null }], { by: BY });
        return {};
      },
    ),
  ];
}

/** By key, else mail, else number: each is one person's only. */
export function known({ shelves }: DialectParts, wanted: WantedPerson): PersonFields | undefined {
  const names = ['user_identity_key', 'email_address', 'phone_number'] as const;
  for (const name of names) {
    const value = wanted[name];
    if (value === undefined || value === null) continue;
    const found = shelves.people.find((each) => each[name] === value);
    if (found !== undefined) return found.fields;
  }
  return undefined;
}

export async function keepPerson(
  { sync }: DialectParts,
  wanted: WantedPerson,
): Promise<PersonFields> {
  const { clock, random } = sync.desk;
  const fields: PersonFields = {
    user_identity_id: drawnUuid(random),
    user_identity_key: wanted.user_identity_key ?? null,
    full_name: wanted.full_name ?? null,
    email_address: wanted.email_address ?? null,
    phone_number: wanted.phone_number ?? null,
    created_at: new Date(clock.now()).toISOString(),
  };
  const id = idHere(fields.user_identity_id);
  const record = {
    kind: KINDS.person,
    origin: 'here',
    state: 'in-step',
    since: clock.now(),
    sealed: sync.seal(id, fields),
  } as const;
  await sync.apply([{ id, record }], { by: BY });
  return fields;
}

export function personBody(fields: PersonFields, workspace_id: string) {
  return {
    ...fields,
    display_name: displayName(fields),
    acs_user_ids: [],
    errors: [],
    warnings: [],
    workspace_id,
  };
}

export function displayName(person: PersonFields | undefined): string {
  return person?.full_name ?? person?.email_address ?? person?.phone_number ?? 'Guest';
}
