/** Completion for bash, zsh and fish, from the tree of commands: the words themselves, so that a TAB starts nothing. */
import { type CommandFacts, type OptionFacts, walk } from './command-tree.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(shell: Shell, tree: CommandFacts): string {
  switch (shell) {
    case 'bash':
      return bash(tree);
    case 'zsh':
      return zsh(tree);
    case 'fish':
      return fish(tree);
  }
}

/** Below the program itself: `journal verify`. */
function below({ path }: CommandFacts): string {
  return path.slice(1).join(' ');
}

function flagsOf({ long, short }: OptionFacts): readonly string[] {
  return [long, short].filter((flag) => flag !== undefined);
}

function wordsOf(command: CommandFacts): readonly string[] {
  return [
    ...command.commands.map(({ path }) => path.at(-1) ?? ''),
    ...command.arguments.flatMap(({ choices }) => choices),
    ...command.options.flatMap(flagsOf),
  ];
}

function bash(tree: CommandFacts): string {
  const [name = ''] = tree.path;
  const all = [...walk(tree)];
  const paths = all.map(below).filter((path) => path !== '');
  return `# bash completion for ${name}; written by \`${name} completion bash\`
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} at='' word next
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    next="\${at:+$at }$word"
    case "|${paths.join('|')}|" in
      *"|$next|"*) at=$next ;;
    esac
  done
  case "$at $previous" in
${all.flatMap((command) => command.options.flatMap((option) => bashValue(command, option))).join('\n')}
  esac
  case "$at" in
${all
  .map((command) => `    '${below(command)}') word='${wordsOf(command).join(' ')}' ;;`)
  .join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current")
  [[ \${#COMPREPLY[@]} -gt 0 || $current == -* ]] || compopt -o default
}
complete -F _${name} ${name}
`;
}

function bashValue(command: CommandFacts, option: OptionFacts): readonly string[] {
  if (option.takes === 'nothing') return [];
  const pattern = flagsOf(option)
    .map((flag) => `'${below(command)} ${flag}'`)
    .join('|');
  if (option.choices.length > 0) {
    const words = option.choices.join(' ');
    return [
      `    ${pattern}) mapfile -t COMPREPLY < <(compgen -W '${words}' -- "$current"); return ;;`,
    ];
  }
  if (option.takes === 'text') return [`    ${pattern}) return ;;`];
  const kind = option.takes === 'file' ? '-f' : '-d';
  return [
    `    ${pattern}) compopt -o filenames; mapfile -t COMPREPLY < <(compgen ${kind} -- "$current"); return ;;`,
  ];
}

function zsh(tree: CommandFacts): string {
  const [name = ''] = tree.path;
  return `#compdef ${name}
# written by \`${name} completion zsh\`
${[...walk(tree)].map(zshFunction).join('\n')}
if [ "$funcstack[1]" = "_${name}" ]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function zshFunction(command: CommandFacts): string {
  const specs = [
    ...command.options.map(zshOption),
    ...(command.commands.length > 0
      ? [`'1: :->command'`, `'*:: :->rest'`]
      : command.arguments.map(
          ({ name, choices, isSeveral, isFile }) =>
            `'${isSeveral ? '*' : ''}:${zshText(name)}:${zshAction(choices, isFile ? 'file' : 'text')}'`,
        )),
  ];
  const own = command.path.join('_').replaceAll('-', '_');
  const list = command.commands
    .map(({ path, description }) => `'${path.at(-1)}:${zshText(description)}'`)
    .join(' ');
  const cases = command.commands
    .map(({ path }) => `      ${path.at(-1)}) _${path.join('_').replaceAll('-', '_')} ;;`)
    .join('\n');
  const states =
    command.commands.length === 0
      ? ''
      : `
  case $state in
    command) local -a commands=(${list}); _describe command commands ;;
    rest) case $line[1] in
${cases}
    esac ;;
  esac`;
  return `_${own}() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -C ${specs.join(' ')}${states}
}`;
}

function zshOption(option: OptionFacts): string {
  const flags = flagsOf(option);
  const value =
    option.takes === 'nothing' ? '' : `:value:${zshAction(option.choices, option.takes)}`;
  const tail = `'[${zshText(option.description)}]${value}'`;
  return flags.length > 1
    ? `'(${flags.join(' ')})'{${flags.join(',')}}${tail}`
    : `'${flags[0]}'${tail}`;
}

function zshAction(choices: readonly string[], takes: OptionFacts['takes']): string {
  if (choices.length > 0) return `(${choices.join(' ')})`;
  return takes === 'file' ? '_files' : takes === 'directory' ? '_files -/' : ' ';
}

function zshText(text: string): string {
  return text.replaceAll("'", '’').replaceAll(/[[\]:\\]/g, (sign) => `\\${sign}`);
}

function fish(tree: CommandFacts): string {
  const [name = ''] = tree.path;
  const lines = [...walk(tree)].flatMap((command) => {
    const { path, commands, options, arguments: given } = command;
    const seen = path.slice(1).map((word) => `__fish_seen_subcommand_from ${word}`);
    const others = commands.map((each) => each.path.at(-1)).join(' ');
    const none =
      path.length === 1
        ? '__fish_use_subcommand'
        : [...seen, ...(others === '' ? [] : [`not __fish_seen_subcommand_from ${others}`])].join(
            '; and ',
          );
    const here = path.length === 1 ? '' : ` -n '${seen.join('; and ')}'`;
    return [
      ...commands.map(
        (each) =>
          `complete -c ${name} -f -n '${none}' -a '${each.path.at(-1)}' -d '${fishText(each.description)}'`,
      ),
      ...given.flatMap(({ choices, description }) =>
        choices.length === 0
          ? []
          : [
              `complete -c ${name} -f -n '${none}' -a '${choices.join(' ')}' -d '${fishText(description)}'`,
            ],
      ),
      ...options.map((option) => `complete -c ${name}${here}${fishOption(option)}`),
    ];
  });
  return `# fish completion for ${name}; written by \`${name} completion fish\`\n${lines.join('\n')}\n`;
}

function fishOption({ long, short, takes, choices, description }: OptionFacts): string {
  const flags = [
    ...(short === undefined ? [] : [`-s ${short.slice(1)}`]),
    ...(long === undefined ? [] : [`-l ${long.slice(2)}`]),
  ].join(' ');
  const value =
    choices.length > 0
      ? ` -x -a '${choices.join(' ')}'`
      : takes === 'nothing'
        ? ''
        : takes === 'file'
          ? ' -r -F'
          : takes === 'directory'
            ? " -x -a '(__fish_complete_directories)'"
            : ' -x';
  return ` ${flags}${value} -d '${fishText(description)}'`;
}

function fishText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}
