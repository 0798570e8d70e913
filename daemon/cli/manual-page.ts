/** latchkey(1) in man(7), from the tree of commands. */
import { type CommandFacts, type OptionFacts, walk } from './command-tree.ts';

/** @param date of the release, YYYY-MM-DD. */
export function manualPage(tree: CommandFacts, version: string, date: string): string {
  const [name = ''] = tree.path;
  const commands = [...walk(tree)].filter(({ path }) => path.length > 1);
  return `${[
    `.TH ${name.toUpperCase()} 1 ${date} "${name} ${version}" "User Commands"`,
    '.SH NAME',
    `${name} \\- ${escaped(tree.description)}`,
    '.SH SYNOPSIS',
    `.B ${name}`,
    '.I command',
    '.RI [ option ]...',
    '.SH DESCRIPTION',
    ...paragraphs(ABOUT),
    '.SH COMMANDS',
    ...commands.flatMap(commandSection),
    '.SH OPTIONS',
    ...tree.options.flatMap(option),
    '.SH EXIT STATUS',
    ...[
      ['0', 'done'],
      ['1', 'failed'],
      ['2', 'what was given is wrong'],
    ].flatMap(([status, what]) => ['.TP', `.B ${status}`, `${what}`]),
    '.SH FILES',
    ...FILES.flatMap(([file, what]) => ['.TP', `.I ${escaped(file)}`, escaped(what)]),
    '.SH SEE ALSO',
    ...SEE_ALSO,
  ].join('\n')}\n`;
}

const ABOUT = `The daemon stands between the key boxes and locks of a site and the clouds that decide who may use them. It decides \
from a local store whether what was shown at a reader may open what it asks for, and goes on doing so without any cloud.

Where it is installed as a package, it runs as latchkey.service. The other commands look at it, mend it, or prepare it; \
those that talk to the running daemon find it by a file that only its user may read, so call them as that user: \
sudo -u latchkey latchkey status.`;

const FILES: readonly (readonly [file: string, what: string])[] = [
  ['/etc/latchkey/config.yaml', 'the site; checked by latchkey check-config'],
  [
    '/etc/credstore.encrypted/latchkey.pin-pepper',
    'what stored codes are worth, sealed to this machine',
  ],
  ['/var/lib/latchkey/', 'the store: journal, grants, keys of this box, backups'],
  ['/usr/share/doc/latchkey/', 'how to install, example of a config, example of a dashboard'],
];

const SEE_ALSO = ['.BR systemctl (1),', '.BR journalctl (1),', '.BR systemd\\-creds (1)'];

function commandSection(command: CommandFacts): readonly string[] {
  return [
    `.SS ${escaped(command.path.slice(1).join(' '))} ${escaped(argumentsOf(command))}`.trimEnd(),
    ...paragraphs(sentence(command.description)),
    ...command.arguments
      .filter(({ description }) => description !== '')
      .flatMap(({ name, description }) => ['.TP', `.I ${escaped(name)}`, escaped(description)]),
    ...command.options.filter(({ long }) => long !== '--help').flatMap(option),
    ...notes(command.notes),
  ];
}

function argumentsOf({ arguments: all }: CommandFacts): string {
  return all
    .map(({ name, isRequired, isSeveral }) => {
      const shown = isSeveral ? `${name}...` : name;
      return isRequired ? `<${shown}>` : `[${shown}]`;
    })
    .join(' ');
}

function option({ flags, description, choices, defaultText, variable }: OptionFacts): string[] {
  const more = [
    ...(choices.length === 0 ? [] : [`one of ${choices.join(', ')}`]),
    ...(defaultText === undefined ? [] : [`default ${defaultText}`]),
    ...(variable === undefined ? [] : [`or the variable ${variable}`]),
  ];
  const text = [description, ...more].filter((part) => part !== '').join('; ');
  return ['.TP', `.B ${escaped(flags)}`, text === '' ? 'the same in the answer' : escaped(text)];
}

/** Examples and remarks: what is indented keeps its lines. */
function notes(text: string): readonly string[] {
  if (text === '') return [];
  return text.split(/\n{2,}/).flatMap((part) => {
    const lines = part.split('\n');
    const plain = lines.filter((line) => !/^\s/.test(line));
    const shown = lines.filter((line) => /^\s/.test(line)).map((line) => line.trim());
    return [
      '.PP',
      ...plain.map(escaped),
      ...(shown.length === 0 ? [] : ['.RS', '.nf', ...shown.map(escaped), '.fi', '.RE']),
    ];
  });
}

function paragraphs(text: string): readonly string[] {
  return text
    .split('\n\n')
    .flatMap((part, index) => [...(index === 0 ? [] : ['.PP']), escaped(part)]);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** No character of a text is an order to the formatter. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll('’', '\\(cq')
    .replaceAll('×', 'x')
    .replace(/^(?=[.'])/gm, '\\&');
}
