/** `latchkey check-config`: every fault of a config at once. */
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { ConfigError, type Fault } from '../../drivers/contract/errors.ts';
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
        try {
          const config = loadConfig(file, { variables: options.set });
          if (options.json) printJson({ ok: true, faults: [] });
          else printLine(`${styled('green', 'right')}  ${file}: ${summary(config)}`);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          process.exitCode = EXIT.badInput;
          if (options.json) printJson({ ok: false, faults: error.faults });
          else for (const line of faultLines(file, error.faults)) printLine(line);
        }
      },
    );
}

/** `config.yaml:12: devices.box.address: found 12; at most 9`, as editors and eyes find it. */
function faultLines(file: string, faults: readonly Fault[]): readonly string[] {
  const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`;
  return [
    ...faults.map(({ path, line, found, remedy }) => {
      const place = line === undefined ? file : `${file}:${line}`;
      return `${place}: ${path === '' ? '' : `${styled('bold', path)}: `}found ${found}; ${remedy}`;
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
