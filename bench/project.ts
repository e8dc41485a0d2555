import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Whether the benchmark itself runs from its source, as tests run it, or compiled, from `build/bench`. */
const FROM_SOURCE = import.meta.url.endsWith('.ts');

const ROOT_URL = rootAbove(new URL('.', import.meta.url));

/** The project's directory. */
export const ROOT = fileURLToPath(ROOT_URL);

/** Arguments of `node` that run a program of the benchmark, given by its path from `bench`, as this one runs. */
export function programArguments(path: string): string[] {
  return [...loaderArguments(), fileURLToPath(ownFile(path))];
}

/** Arguments of `node` that load the probe into a server of whatever origin. */
export function probeArguments(): string[] {
  return [...loaderArguments(), '--expose-gc', '--import', ownFile('probe.ts').href];
}

/**
 * A module of the service, given by its path from `src`: as `npm run build:service` has compiled it, where the
 * benchmark is compiled too.
 */
export function serviceModule<Module>(path: string): Promise<Module> {
  const file = FROM_SOURCE ? `src/${path}` : `build/${compiled(path)}`;
  return import(new URL(file, ROOT_URL).href);
}

function ownFile(path: string): URL {
  return new URL(FROM_SOURCE ? path : compiled(path), import.meta.url);
}

function compiled(path: string): string {
  return path.replace(/\.ts$/, '.js');
}

function loaderArguments(): string[] {
  return FROM_SOURCE ? ['--import', 'tsx'] : [];
}

function rootAbove(directory: URL): URL {
  if (existsSync(new URL('package-lock.json', directory))) return directory;
  const parent = new URL('..', directory);
  if (parent.href === directory.href) throw new Error('the root of the project was not found');
  return rootAbove(parent);
}
