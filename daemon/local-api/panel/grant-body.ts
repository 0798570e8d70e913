/** A grant as it was told, as the body that would store it again: what a form does not show stays as it is. */
import type { Grant, Json } from './shapes.ts';

const OPTIONS = ['staff', 'allowSetup', 'remindMinutes', 'antiPassback'];

/** Its next revision: who changed it meanwhile is not overruled. */
export function bodyOf(grant: Grant): { readonly [name: string]: Json } {
  const window = Object.fromEntries(
    Object.entries(grant.window).filter(([, value]) => value !== null),
  );
  const options = Object.fromEntries(
    Object.entries(grant.options).filter(([name]) => OPTIONS.includes(name)),
  );
  return {
    rev: grant.rev + 1,
    holder: grant.holder,
    credentials: credentialsOf(grant),
    targets: grant.targets,
    window,
    ...(grant.schedule === null ? {} : { schedule: grant.schedule }),
    ...(grant.uses === null ? {} : { uses: usesOf(grant.uses, grant.uses.max) }),
    operations: grant.operations,
    options,
  };
}

/** The word under which they are counted stays, and so does the count. */
export function usesOf(before: Grant['uses'], max: number): Json {
  return { max, ...(before?.reset === undefined ? {} : { reset: before.reset }) };
}

/** Without their secrets: one that is named again stays. */
export function credentialsOf(
  grant: Grant,
): readonly { readonly id: string; readonly kind: string; readonly combineWith?: string }[] {
  return grant.credentials.map(({ id, kind, combineWith }) => ({
    id,
    kind,
    ...(combineWith === null ? {} : { combineWith }),
  }));
}
