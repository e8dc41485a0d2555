import { readFileSync } from 'node:fs';

/** This package's version. The file lies as far above `src/app` as above `build/app`. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
