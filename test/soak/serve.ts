import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

// Only this program says what its process holds: the product has no such signal.
process.on('SIGUSR2', () => {
  collectGarbage();
  const { rss, heapUsed, external } = process.memoryUsage();
  const timers = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
  const held = { rss, heapUsed, external, descriptors: readdirSync('/dev/fd').length, timers };
  process.stdout.write(`held ${JSON.stringify(held)}\n`);
});

await import('../e2e/serve.ts');
