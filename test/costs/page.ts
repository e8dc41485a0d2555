import { readFileSync, writeFileSync } from 'node:fs';

const PAGE = new URL('../../docs/costs.md', import.meta.url);
const BEGIN = '<!-- counted by `npm run costs` -->\n';
const END = '\n<!-- end of what is counted -->';

/** The tables, as `docs/costs.md` has them. */
export function committedTables(): string {
  const { text, begin, end } = readPage();
  return text.slice(begin, end).trim();
}

/** Puts `tables` in their place in `docs/costs.md`. */
export function writeTables(tables: string): void {
  const { text, begin, end } = readPage();
  writeFileSync(PAGE, `${text.slice(0, begin)}\n${tables}\n${text.slice(end)}`);
}

function readPage(): { readonly text: string; readonly begin: number; readonly end: number } {
  const text = readFileSync(PAGE, 'utf8');
  const begin = text.indexOf(BEGIN) + BEGIN.length;
  const end = text.indexOf(END);
  if (begin < BEGIN.length || end < begin) throw new Error('docs/costs.md has no place for the tables');
  return { text, begin, end };
}
