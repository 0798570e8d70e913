/** `copyright` of the package in Debian's machine-readable form: ours, Node's, and that of every package inside. */
import type { PackageFacts } from './modules.ts';

const HEAD = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: latchkey
Comment: The program is bundled with the packages below and runs on a Node.js of its own.
`;

/** Debian has this one already, and asks to name it instead. */
const APACHE =
  /TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION[\s\S]*?END OF TERMS AND CONDITIONS/g;
const ON_DEBIAN = 'The whole text is in /usr/share/common-licenses/Apache-2.0.';

/** @param own text of our licence. @param node text of Node's, with all that it lists. */
export function copyrightFile(
  own: string,
  node: string,
  packages: readonly PackageFacts[],
): string {
  const blocks = [
    stanza('*', 'the authors of Latchkey', 'MIT', own),
    stanza('usr/lib/latchkey/bin/node', 'Node.js contributors and others', 'Node.js', node),
    ...packages
      .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
      .map(({ name, version, licence, text }) =>
        stanza(
          `usr/lib/latchkey/*/${name}/*`,
          holdersIn(text ?? '') ?? `the authors of ${name}`,
          `${name}-${version}`,
          text ?? `The package ${name} names its licence as: ${licence}`,
        ),
      ),
  ];
  return `${HEAD}\n${blocks.join('\n')}`;
}

function stanza(files: string, holder: string, licence: string, text: string): string {
  return `Files: ${files}
Copyright: ${holder}
License: ${licence.replaceAll(/[^A-Za-z0-9.+-]/g, '-')}
${indented(text.replace(APACHE, ON_DEBIAN))}
`;
}

function holdersIn(text: string): string | undefined {
  const line = /^\W*copyright (?:\(c\)|©)?.*$/im.exec(text)?.[0];
  return line?.replace(/^\W*copyright\s*(\(c\)|©)?\s*/i, '').trim() || undefined;
}

function indented(text: string): string {
  return text
    .replaceAll('\r', '')
    .trim()
    .split('\n')
    .map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`))
    .join('\n');
}
