/** What a caller of the control API gave, read with a sentence for him where it is wrong. */
import type { SimJson, Verb } from './device.ts';

export type Arguments = Readonly<Record<string, SimJson>>;

export class ArgumentError extends RangeError {
  override readonly name = 'ArgumentError';
  readonly field: string;
  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** Names that the verb has, and all that it needs; its own `run` checks the values. */
export function checkNames(verb: Pick<Verb, 'arguments'>, given: Arguments): void {
  const names = Object.keys(verb.arguments);
  const known = names.map((name) => name.replace(/\?$/, ''));
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const has = known.length === 0 ? 'none' : known.join(', ');
    throw new ArgumentError(name, `there is no argument "${name}" here; there are: ${has}`);
  }
  for (const name of names) {
    if (name.endsWith('?') || name in given) continue;
    throw new ArgumentError(name, `"${name}" is missing: ${verb.arguments[name] ?? ''}`);
  }
}

export function numberIn(
  given: Arguments,
  name: string,
  bounds: { readonly from: number; readonly to: number; readonly otherwise?: number },
): number {
  const value = given[name] ?? bounds.otherwise;
  if (typeof value !== 'number' || !(value >= bounds.from && value <= bounds.to)) {
    throw new ArgumentError(name, `"${name}" is a number from ${bounds.from} to ${bounds.to}`);
  }
  return value;
}

export function yesOrNo(given: Arguments, name: string, otherwise?: boolean): boolean {
  const value = given[name] ?? otherwise;
  if (typeof value !== 'boolean') throw new ArgumentError(name, `"${name}" is true or false`);
  return value;
}

export function textIn(given: Arguments, name: string): string | undefined {
  const value = given[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value.length === 0) {
    throw new ArgumentError(name, `"${name}" is a text`);
  }
  return value;
}
