/** Options whose values are more than text: `--set NAME=value` for the `${NAME}`s of a config, and lengths of time. */
import { InvalidArgumentError, Option } from 'commander';
import { duration } from '../../config/values.ts';

export function variableOption(): Option {
  return new Option(
    '--set <name=value>',
    'value for a NAME that the config asks for; may be given several times',
  )
    .default(new Map<string, string>(), 'none')
    .argParser((text: string, before: ReadonlyMap<string, string>) => {
      const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/s.exec(text) ?? [];
      if (name === undefined || value === undefined) throw new InvalidArgumentError('NAME=value');
      return new Map([...before, [name, value]]);
    });
}

/** As the config writes them; the longest by default. */
export function lengthOption(
  flags: string,
  what: string,
  { from, to }: { readonly from: string; readonly to: string },
): Option {
  const schema = duration(from, to);
  return new Option(flags, what).default(schema.parse(to), to).argParser((text: string): number => {
    const read = schema.safeParse(text);
    if (read.success) return read.data;
    throw new InvalidArgumentError(read.error.issues.map(({ message }) => message).join('; '));
  });
}
