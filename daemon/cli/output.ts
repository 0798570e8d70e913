/** What commands print: tables and lines for people, one JSON value for programs. */
import { styleText } from 'node:util';

export function printJson(value: unknown): void {
  process.stdout.write(
    `${JSON.stringify(value, undefined, process.stdout.isTTY ? 2 : undefined)}\n`,
  );
}

export function printLine(text = ''): void {
  process.stdout.write(`${text}\n`);
}

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/** Plain where nobody sees colours: a file, a pipe, NO_COLOR. */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** Columns as wide as their widest cell; the last is not padded. */
export function printTable(heads: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  printLine(styled('dim', line(heads)));
  for (const row of rows) printLine(line(row));
}

/** `3 d`, `2 h`, `5 min`, `12 s`. */
export function ago(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** `2026-03-02 10:04:11` as the clock of the site shows it. */
export function siteTime(iso: string, zone: string): string {
  return new Date(iso).toLocaleString('sv-SE', { timeZone: zone });
}
