/** `latchkey check-config`: every fault of a config at once. */
import type { Command } from 'commander';
import { parseConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { readConfigText } from '../../config/text.ts';
import { nearest } from '../../config/values.ts';
import { readYaml } from '../../config/yaml.ts';
import { ConfigError, type Fault, faultLine } from '../../drivers/contract/errors.ts';
import { EXIT } from './failure.ts';
import { printJson, printLine, styled } from './output.ts';
import { variableOption } from './variables.ts';

export function checkConfigCommand(program: Command): void {
  program
    .command('check-config')
    .description(
      'check a config, and tell every fault with its place, what was found, and what would do',
    )
    .argument('<file>', 'the config, YAML')
    .addOption(variableOption())
    .option('--json', 'print {"ok", "faults"} as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ latchkey check-config /etc/latchkey/config.yaml\n  $ latchkey check-config --json config.yaml\n\nExit status: 0 all is right, 2 there are faults.',
    )
    .action(
      (
        file: string,
        options: { readonly json?: boolean; readonly set: ReadonlyMap<string, string> },
      ) => {
        const { config, faults } = checked(file, options.set);
        if (faults.length > 0) process.exitCode = EXIT.badInput;
        if (options.json) printJson({ ok: faults.length === 0, faults });
        else if (config === undefined) for (const line of faultLines(file, faults)) printLine(line);
        else printLine(`${styled('green', 'right')}  ${file}: ${summary(config)}`);
      },
    );
}

/** The config, or every fault of it and of what was given for it. */
function checked(
  file: string,
  variables: ReadonlyMap<string, string>,
): { readonly config?: Config; readonly faults: readonly Fault[] } {
  const faults: Fault[] = [];
  try {
    const text = readConfigText(file);
    faults.push(...unaskedFor(text, variables));
    const config = parseConfig(text, { variables });
    return faults.length > 0 ? { faults } : { config, faults };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { faults: [...faults, ...error.faults] };
  }
}

/** A name mistyped leaves what it was meant for at its default, and nobody sees it. */
function unaskedFor(text: string, variables: ReadonlyMap<string, string>): readonly Fault[] {
  const { value, names } = readYaml(text, variables);
  if (value === undefined) return [];
  return [...variables.keys()]
    .filter((name) => !names.has(name))
    .map((name) => {
      const near = nearest(name, names);
      const hint = near === undefined ? '' : `; did you mean ${near}?`;
      return { path: '', found: `--set ${name}=…`, remedy: `nothing in it asks for that${hint}` };
    });
}

function faultLines(file: string, faults: readonly Fault[]): readonly string[] {
  const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`;
  return [
    ...faults.map((fault) => {
      const { path } = fault;
      return faultLine(path === '' ? fault : { ...fault, path: styled('bold', path) }, file);
    }),
    styled('red', count),
  ];
}

function summary({ buses, devices, accessPoints, keys }: Config): string {
  const count = (names: object, one: string, many: string) => {
    const found = Object.keys(names).length;
    return `${found} ${found === 1 ? one : many}`;
  };
  return [
    count(buses, 'bus', 'buses'),
    count(devices, 'device', 'devices'),
    count(accessPoints, 'access point', 'access points'),
    count(keys, 'key', 'keys'),
  ].join(', ');
}
