/**
 * Others who decide, over the same grants in memory: none of them hashes a code or keeps anything on a disk, which is
 * in their favour. `slice` is handed the two grants of the code and need not find them.
 */
import { createMongoAbility, subject } from '@casl/ability';
import { isAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import { newEnforcer, newModelFromString } from 'casbin';

/** A grant as a peer needs it. */
export interface PlainGrant {
  readonly index: string;
  readonly target: string;
  readonly start: number;
  readonly end: number;
}

export interface Asked {
  readonly index: string;
  readonly target: string;
  readonly now: number;
}

export type Decide = (asked: Asked) => boolean;

export function scan(grants: readonly PlainGrant[]): Decide {
  return ({ index, target, now }) =>
    grants.some(
      (each) =>
        each.index === index && each.target === target && each.start <= now && now < each.end,
    );
}

/** The code is asked for first: with the target or the time first CASL takes twice as long, and no question needs it. */
export function casl(grants: readonly PlainGrant[]): Decide {
  const ability = createMongoAbility(
    grants.map(({ index, target, start, end }) => ({
      action: 'unlock',
      subject: 'lock',
      conditions: { index, target, now: { $gte: start, $lt: end } },
    })),
  );
  return (asked) => ability.can('unlock', subject('lock', { ...asked }));
}

const MODEL = `
[request_definition]
r = sub, obj, now
[policy_definition]
p = sub, obj, start, end
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.obj == p.obj && within(r.now, p.start, p.end)
`;

export async function casbin(grants: readonly PlainGrant[]): Promise<Decide> {
  const enforcer = await newEnforcer(newModelFromString(MODEL));
  enforcer.enableAutoSave(false);
  await enforcer.addFunction(
    'within',
    (now: number, start: string, end: string) => Number(start) <= now && now < Number(end),
  );
  await enforcer.addPolicies(
    grants.map(({ index, target, start, end }) => [index, target, String(start), String(end)]),
  );
  return ({ index, target, now }) => enforcer.enforceSync(index, target, now);
}

/** A policy for each grant; each question brings those of its slice, written beforehand. */
export function cedar(slices: ReadonlyMap<string, readonly PlainGrant[]>): Decide {
  const written = new Map(
    Array.from(slices, ([index, grants]) => [index, grants.map(policyOf).join('\n')] as const),
  );
  return ({ index, target, now }) => {
    const answer = isAuthorized({
      principal: { type: 'Credential', id: index },
      action: { type: 'Action', id: 'unlock' },
      resource: { type: 'Lock', id: target },
      context: { now },
      policies: { staticPolicies: written.get(index) ?? '' },
      entities: [],
    });
    if (answer.type !== 'success') throw new Error(JSON.stringify(answer.errors));
    return answer.response.decision === 'allow';
  };
}

function policyOf({ index, target, start, end }: PlainGrant): string {
  const scope = `principal == Credential::"${index}", action == Action::"unlock", resource == Lock::"${target}"`;
  return `permit (${scope}) when { ${start} <= context.now && context.now < ${end} };`;
}
