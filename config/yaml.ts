/** A YAML 1.2 text as plain values, with the line of each, so that a fault can be shown where it stands. */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, Scalar, visit } from 'yaml';

export type Path = readonly (string | number)[];

export interface YamlFault {
  readonly at: Path;
  readonly line?: number;
  readonly found: string;
  readonly remedy: string;
}

export interface YamlText {
  readonly value: unknown;
  readonly faults: readonly YamlFault[];
  /** The `${NAME}`s in it. */
  readonly names: ReadonlySet<string>;
  /** Line of the value at `path`, or of the nearest thing around it. */
  lineOf(path: Path): number | undefined;
}

/** What `*name` may unfold to; a small text can otherwise stand for a huge one. */
const ALIASES_MAX = 100;
/** `${NAME}` or `${NAME:-default}`. */
const VARIABLE = /\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}/g;

/** `variables` stand for the `${NAME}`s in values; nothing is taken from the environment. */
export function readYaml(text: string, variables: ReadonlyMap<string, string>): YamlText {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    strict: true,
    prettyErrors: false,
    lineCounter: lines,
  });
  const lineAt = (offset: number) => lines.linePos(offset).line;
  const faults: YamlFault[] = document.errors.map((error) => ({
    at: [],
    line: lineAt(error.pos[0]),
    found: error.code === 'DUPLICATE_KEY' ? duplicate(text, error.pos) : 'no YAML',
    remedy:
      error.code === 'DUPLICATE_KEY' ? 'name each setting once' : firstSentence(error.message),
  }));
  const names = new Set<string>();
  const none = { value: undefined, faults, names, lineOf: () => undefined };
  if (faults.length > 0) return none;

  visit(document, {
    Scalar(_, node) {
      if (typeof node.value !== 'string') return;
      for (const [, name = ''] of node.value.matchAll(VARIABLE)) names.add(name);
      const filled = fill(node.value, variables, (found, name) => {
        const line = node.range ? { line: lineAt(node.range[0]) } : {};
        faults.push({ at: [], ...line, found, remedy: `a value for it: --set ${name}=…` });
      });
      const isBare = node.type === Scalar.PLAIN && filled !== node.value;
      node.value = isBare && /^(0|[1-9]\d{0,14})$/.test(filled) ? Number(filled) : filled;
    },
  });
  try {
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    return { value, faults, names, lineOf: (path) => lineOf(document.contents, path, lineAt) };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    faults.push({ at: [], found: 'too many aliases', remedy: 'write the values out' });
    return none;
  }
}

function fill(
  text: string,
  variables: ReadonlyMap<string, string>,
  missing: (found: string, name: string) => void,
): string {
  return text.replaceAll(VARIABLE, (found: string, name: string, otherwise?: string) => {
    const value = variables.get(name) ?? otherwise;
    if (value === undefined) missing(found, name);
    return value ?? found;
  });
}

function lineOf(root: unknown, path: Path, lineAt: (offset: number) => number): number | undefined {
  let node = root;
  let offset = start(root);
  for (const part of path) {
    const next = child(node, part);
    if (next === undefined) break;
    node = next.value;
    offset = next.offset ?? offset;
  }
  return offset === undefined ? undefined : lineAt(offset);
}

function child(
  node: unknown,
  part: string | number,
): { readonly value: unknown; readonly offset: number | undefined } | undefined {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
    return pair === undefined ? undefined : { value: pair.value, offset: start(pair.key) };
  }
  if (isSeq(node)) {
    const value = node.items[Number(part)];
    return value === undefined ? undefined : { value, offset: start(value) };
  }
  return undefined;
}

function start(node: unknown): number | undefined {
  const isNode = isScalar(node) || isMap(node) || isSeq(node);
  return isNode ? (node satisfies Node).range?.[0] : undefined;
}

function duplicate(text: string, [from]: readonly [number, number]): string {
  const [name = ''] = /^[^:\n]*/.exec(text.slice(from)) ?? [];
  return `"${name.trim().slice(0, 40)}" twice`;
}

function firstSentence(message: string): string {
  return message.replace(/\s+/g, ' ').slice(0, 160);
}
