/** `latchkey drivers`: what hardware can be named in a config. */
import type { Command } from 'commander';
import { z } from 'zod';
import { catalogue } from '../../drivers/catalogue.ts';
import type { DriverEntry } from '../../drivers/contract/machine.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { printJson, printLine, printTable, styled } from './output.ts';

export function driversCommand(program: Command): void {
  program
    .command('drivers')
    .description('list the drivers, or the options of one')
    .argument('[driver]', 'name of a driver')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  $ latchkey drivers\n  $ latchkey drivers kerong-cu16')
    .action((name: string | undefined, { json }: { readonly json?: boolean }) => {
      if (name === undefined) all(json === true);
      else one(name, json === true);
    });
}

const BUSES = { bytes: 'serial or tcp', gatt: 'ble', input: 'input' } as const;

function all(json: boolean): void {
  const entries = [...catalogue.values()];
  if (json) {
    printJson(
      entries.map(({ name, title, link, defaultBaudRate }) => ({
        name,
        title,
        link,
        defaultBaudRate,
      })),
    );
    return;
  }
  printTable(
    ['driver', 'bus', 'what it is'],
    entries.map(({ name, link, title }) => [name, BUSES[link], title]),
  );
}

function one(name: string, json: boolean): void {
  const entry = catalogue.get(name);
  if (entry === undefined) throw new CommandFailure(`there is no driver ${name}`, EXIT.badInput);
  const schema = z.toJSONSchema(entry.options, { io: 'input', unrepresentable: 'any' });
  if (json) {
    printJson({ name, title: entry.title, link: entry.link, options: schema });
    return;
  }
  printLine(`${styled('bold', name)}: ${entry.title}`);
  printLine(`on a bus with ${BUSES[entry.link]}${speed(entry)}`);
  printLine();
  const rows = Object.entries(schema.properties ?? {}).map(([option, found]) => {
    const { description = '', default: usual } = typeof found === 'object' ? found : {};
    const needed = schema.required?.includes(option) ? 'needed' : '';
    return [option, usual === undefined ? needed : JSON.stringify(usual), description];
  });
  printTable(['option', 'default', 'what it is'], rows);
}

function speed({ link, defaultBaudRate }: DriverEntry): string {
  return link === 'bytes' ? `, ${defaultBaudRate} baud unless the bus says otherwise` : '';
}
