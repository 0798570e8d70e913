/** `--set NAME=value` for the `${NAME}`s of a config. */
import { InvalidArgumentError, Option } from 'commander';

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
