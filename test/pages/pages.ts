/** The pages of the project as data: their links, headings, and blocks of commands. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');

/** Where the commands of a block are meant to be typed; it stands behind `sh` at the head of the block. */
export const PLACES = [
  'demo', // beside a site that `npm start` keeps up
  'checkout', // npm scripts, in a clone
  'pi', // on the machine at the door, as root
] as const;
export type Place = (typeof PLACES)[number];

export interface Block {
  readonly page: string;
  /** Line of its first command, from 1. */
  readonly line: number;
  readonly language: string;
  readonly place: string | undefined;
  readonly text: string;
}

export interface Page {
  /** From the root of the project. */
  readonly path: string;
  readonly text: string;
  /** Without what stands in blocks. */
  readonly prose: string;
  readonly blocks: readonly Block[];
}

export function pages(): readonly Page[] {
  return markdownIn(ROOT).map((file) => {
    const path = relative(ROOT, file);
    const text = readFileSync(file, 'utf8');
    return { path, text, prose: text.replace(FENCE, ''), blocks: blocksOf(path, text) };
  });
}

const FENCE = /^```(?<head>[^\n`]*)\n(?<text>[\s\S]*?)^```$/gm;
const NOT_OURS = /^(node_modules|dist|\.git)$/;

function markdownIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) {
      return NOT_OURS.test(entry.name) ? [] : markdownIn(join(folder, entry.name));
    }
    return entry.name.endsWith('.md') ? [join(folder, entry.name)] : [];
  });
}

function blocksOf(page: string, text: string): readonly Block[] {
  return [...text.matchAll(FENCE)].map((found) => {
    const [language = '', place] = (found.groups?.['head'] ?? '').trim().split(/\s+/);
    const line = text.slice(0, found.index).split('\n').length + 1;
    return { page, line, language, place, text: found.groups?.['text'] ?? '' };
  });
}

/** Lines that are typed: without comments, and with lines that go on joined. */
export function commandLines(block: Block): readonly string[] {
  return block.text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#\s.*$/, '').trim())
    .filter((line) => line !== '');
}

/** `[text](target)` outside of code. */
export function links(page: Page): readonly string[] {
  return [...page.prose.replace(/`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map(
    ([, target = '']) => target,
  );
}

/** `latchkey …` as it stands in prose, and in blocks. */
export function mentions(page: Page): readonly string[] {
  const inline = [...page.prose.matchAll(/`(?:npx )?(latchkey [^`\n]+)`/g)].map(
    ([, line = '']) => line,
  );
  const typed = page.blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(commandLines)
    .flatMap((line) => line.split(/\||&&|;/))
    .map((line) => line.replace(/^\s*(sudo (-u \w+ )?)?(npx )?/, '').trim())
    .filter((line) => line.startsWith('latchkey '));
  return [...inline, ...typed];
}

/** As GitHub makes them. */
export function anchors(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}
