import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The port of the last run, so that URLs which members hold stay valid when the engine restarts. */
export function rememberedPort(dir: string): number | undefined {
  try {
    const port = Number(readFileSync(join(dir, 'port'), 'utf8'));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
  } catch {
    return undefined;
  }
}

/** Remembers a port; a crash leaves the old or the new one, never half a number. */
export function rememberPort(dir: string, port: number): void {
  const draft = join(dir, 'port.tmp');
  writeFileSync(draft, String(port), { mode: 0o600 });
  renameSync(draft, join(dir, 'port'));
}
