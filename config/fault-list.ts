/** Faults while they are gathered: from zod's issues, or found between settings. */
import type { z } from 'zod';
import type { Fault } from '../drivers/contract/errors.ts';
import { SECRET } from './secrets.ts';
import { nearest } from './values.ts';
import type { Path, YamlText } from './yaml.ts';

interface Found {
  readonly at: Path;
  readonly line: number | undefined;
  readonly found: string;
  readonly remedy: string;
}

/** What zod tells of a fault before it makes a message of it. */
type RawIssue = z.core.$ZodRawIssue;

export class FaultList {
  readonly #text: YamlText;
  readonly #found: Found[] = [];

  constructor(text: YamlText) {
    this.#text = text;
    for (const fault of text.faults) this.#found.push({ ...fault, line: fault.line });
  }

  add(at: Path, found: string, remedy: string): void {
    const known = this.#found.some((each) => pathText(each.at) === pathText(at));
    // One fault a place: what follows from the first is no news.
    const isUnfilled = at.length > 0 && /\$\{[A-Z]/.test(found); // told already, where it is
    if (isUnfilled) return;
    if (!known || at.length === 0) {
      this.#found.push({ at, line: this.#text.lineOf(at), found, remedy });
    }
  }

  /** In the order of the file. */
  get all(): readonly Fault[] {
    return this.#found
      .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
      .map(({ at, line, found, remedy }) => ({
        path: pathText(at),
        found,
        remedy,
        ...(line === undefined ? {} : { line }),
      }));
  }

  get isEmpty(): boolean {
    return this.#found.length === 0;
  }

  /** The value as the schema reads it; `undefined`, and faults, where it does not fit. */
  parse<T>(schema: z.ZodType<T>, value: unknown, at: Path): T | undefined {
    const known = new WeakMap<readonly string[], readonly string[]>();
    const error = (issue: RawIssue) => remedyFor(issue, known);
    const result = schema.safeParse(value, { error, reportInput: true });
    if (result.success) return result.data;
    for (const issue of result.error.issues) this.#addIssue(issue, value, at, known);
    return undefined;
  }

  #addIssue(
    issue: z.core.$ZodIssue,
    value: unknown,
    at: Path,
    known: WeakMap<readonly string[], readonly string[]>,
  ): void {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
    const whole = [...at, ...path];
    switch (issue.code) {
      case 'unrecognized_keys':
        for (const key of issue.keys) {
          const names = known.get(issue.keys) ?? [];
          this.add([...whole, key], `"${key.slice(0, 60)}"`, unknownRemedy(key, names));
        }
        return;
      case 'invalid_union': {
        const branch = deepest(issue.errors);
        if (branch === undefined)
          this.add(whole, shown(valueAt(value, path), whole), issue.message);
        for (const each of branch ?? []) {
          this.#addIssue(each, valueAt(value, path), whole, known);
        }
        return;
      }
      case 'invalid_key':
        this.add(whole, `the name "${String(path.at(-1)).slice(0, 60)}"`, nameRemedy(issue.issues));
        return;
      default:
        this.add(whole, shown(valueAt(value, path), whole), issue.message);
    }
  }
}

/** `devices.box.readers[1]` */
function pathText(at: Path): string {
  return at.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`,
    '',
  );
}

/** A value as it may be shown: short, and without what may be a secret. */
export function shown(value: unknown, at: Path): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') {
    const names = Object.keys(value);
    return names.length === 0 ? 'nothing in it' : `settings (${names.slice(0, 6).join(', ')})`;
  }
  if (isSecret(at) && !SECRET.test(String(value))) return '(hidden)';
  const text = withoutLogin(JSON.stringify(value));
  return text.length > 80 ? `${text.slice(0, 77)}…"` : text;
}

/** Settings that name a secret, or are one, so that somebody may write the secret itself there. */
const SECRET_NAME =
  /(token|password|secret|credential|pepper|fob|pin|code|key|authorization|webhook|channel)s?$/i;

function isSecret(at: Path): boolean {
  const last = at.findLast((part) => typeof part === 'string');
  return typeof last === 'string' && isSecretName(last);
}

export function isSecretName(setting: string): boolean {
  return SECRET_NAME.test(setting);
}

/** Name and password of a URL. */
export function withoutLogin(text: string): string {
  return text.replace(/\/\/[^/\s@]*@/g, '//(hidden)@');
}

function remedyFor(
  issue: RawIssue,
  known: WeakMap<readonly string[], readonly string[]>,
): string | undefined {
  switch (issue.code) {
    case 'unrecognized_keys':
      known.set(issue.keys, namesOf(issue.inst));
      return undefined;
    case 'invalid_type':
      return `${issue.input === undefined ? 'missing: ' : ''}${TYPES[issue.expected] ?? `${issue.expected}`}`;
    case 'too_small':
      return `at least ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      return `at most ${issue.maximum}${unitOf(issue.origin)}`;
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`;
    case 'invalid_value':
      return choice(issue.values, issue.input);
    case 'invalid_format':
      return issue.format === 'regex' ? `text of the form ${issue.pattern}` : `a ${issue.format}`;
    case 'invalid_union':
      return 'another kind of value';
    default:
      return undefined;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text, in quotes where it is all digits',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'settings, indented below it',
  record: 'names with settings, indented below it',
  array: 'a list',
};

function unitOf(origin: string): string {
  return origin === 'string' ? ' characters' : origin === 'array' ? ' of them' : '';
}

function choice(values: readonly unknown[], input: unknown): string {
  const words = values.map(String);
  const near = typeof input === 'string' ? nearest(input, words) : undefined;
  const list = words.length === 1 ? words[0] : `one of ${words.join(', ')}`;
  return near === undefined ? `${list}` : `${list}; did you mean ${near}?`;
}

function namesOf(schema: unknown): readonly string[] {
  if (typeof schema !== 'object' || schema === null || !('shape' in schema)) return [];
  const { shape } = schema;
  return typeof shape === 'object' && shape !== null ? Object.keys(shape) : [];
}

export function unknownRemedy(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  if (near !== undefined) return `there is no such setting; did you mean ${near}?`;
  return known.length === 0
    ? 'there is no such setting'
    : `there is no such setting; there are: ${known.join(', ')}`;
}

/** What would do where something is named that the config does not have. */
export function missing(what: string, name: string, names: Iterable<string>): string {
  const all = [...names];
  const near = nearest(name, all);
  if (near !== undefined) return `there is no ${what} of that name; did you mean ${near}?`;
  return all.length === 0
    ? `there is no ${what} yet: name it first`
    : `a ${what} that exists: ${all.slice(0, 12).join(', ')}`;
}

/** Of the branches of a union, the one that fits best: it fails inside, not as a whole. */
function deepest(
  branches: readonly (readonly z.core.$ZodIssue[])[],
): readonly z.core.$ZodIssue[] | undefined {
  return branches
    .filter((issues) => issues.some(isInside))
    .toSorted((a, b) => a.length - b.length)
    .at(0);
}

function isInside(issue: z.core.$ZodIssue): boolean {
  return issue.path.length > 0 || issue.code === 'unrecognized_keys';
}

function nameRemedy(issues: readonly z.core.$ZodIssue[]): string {
  return issues[0]?.message ?? 'another name';
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, part) =>
      typeof inner === 'object' && inner !== null ? Reflect.get(inner, part) : undefined,
    value,
  );
}
