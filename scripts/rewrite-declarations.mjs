// Makes `.js` of the `.ts` that tsc leaves in relative imports of declarations: TypeScript finds its way without,
// other tools that read declarations do not.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const RELATIVE_TS = /((?:\bfrom |\bimport\()(["']))(\.{1,2}\/[^"']+)\.ts\2/g;

const directory = process.argv[2] ?? 'dist';
for (const name of readdirSync(directory, { recursive: true })) {
  if (!name.endsWith('.d.ts')) continue;
  const file = join(directory, name);
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(RELATIVE_TS, '$1$3.js$2'));
}
