/** What commander knows of all commands, as plain data: the manual page and the completions are written from it. */
import type { Argument, Command, Option } from 'commander';

export interface OptionFacts {
  /** `-n, --limit <count>` */
  readonly flags: string;
  readonly long: string | undefined;
  readonly short: string | undefined;
  readonly description: string;
  /** What it takes: nothing, a word of a list, or something that only a person knows. */
  readonly takes: 'nothing' | 'file' | 'directory' | 'text';
  readonly choices: readonly string[];
  readonly defaultText: string | undefined;
  readonly variable: string | undefined;
}

export interface ArgumentFacts {
  readonly name: string;
  readonly description: string;
  readonly isRequired: boolean;
  readonly isSeveral: boolean;
  readonly isFile: boolean;
  readonly choices: readonly string[];
}

export interface CommandFacts {
  /** `latchkey journal verify` */
  readonly path: readonly string[];
  readonly description: string;
  readonly usage: string;
  readonly arguments: readonly ArgumentFacts[];
  readonly options: readonly OptionFacts[];
  /** What the help says after the options: examples, exit status. */
  readonly notes: string;
  readonly commands: readonly CommandFacts[];
}

export function treeOf(command: Command, above: readonly string[] = []): CommandFacts {
  const path = [...above, command.name()];
  const help = command.createHelp();
  return {
    path,
    description: command.description(),
    usage: command.usage(),
    arguments: command.registeredArguments.map(argumentFacts),
    options: help.visibleOptions(command).map(optionFacts),
    notes: notesOf(command),
    commands: command.commands.map((each) => treeOf(each, path)),
  };
}

function optionFacts(option: Option): OptionFacts {
  const { flags, long, short, description, argChoices = [], defaultValue, envVar } = option;
  const takes = /<|\[/.test(flags) ? whatIsTaken(flags) : 'nothing';
  const told = option.defaultValueDescription ?? defaultValue;
  return {
    flags,
    long: long ?? undefined,
    short: short ?? undefined,
    description,
    takes,
    choices: argChoices,
    defaultText: told === undefined || takes === 'nothing' ? undefined : String(told),
    variable: envVar,
  };
}

function whatIsTaken(flags: string): OptionFacts['takes'] {
  if (flags.includes('<file>')) return 'file';
  return flags.includes('<path>') ? 'directory' : 'text';
}

function argumentFacts(argument: Argument): ArgumentFacts {
  return {
    name: argument.name(),
    description: argument.description,
    isRequired: argument.required,
    isSeveral: argument.variadic,
    isFile: /file|journal|config/.test(argument.name()),
    choices: argument.argChoices ?? [],
  };
}

/** The text behind commander's own part of the help. */
function notesOf(command: Command): string {
  let text = '';
  const before = command.configureOutput();
  command.configureOutput({
    ...before,
    writeOut: (more) => {
      text += more;
    },
  });
  command.outputHelp();
  command.configureOutput(before);
  const own = command.helpInformation();
  return text.startsWith(own) ? text.slice(own.length).trim() : '';
}

/** Every command with those below it, in the order of the help. */
export function* walk(tree: CommandFacts): Iterable<CommandFacts> {
  yield tree;
  for (const each of tree.commands) yield* walk(each);
}
