import { spawn } from 'node:child_process';

/** What a guard watches over. */
export interface Guarded {
  /** The engine's process, which would outlive a killed supervisor. */
  readonly pid: number;
  /** A file whose first line is that pid for as long as the process runs, below `dir`. */
  readonly pidFile: string;
  /** The engine's directory. */
  readonly dir: string;
  /** The name of this supervisor's turn in it: a successor replaces it. */
  readonly turn: string;
  readonly log: (message: string) => void;
}

/** Time for members to start a successor, which takes the engine over. */
const GRACE_SECONDS = 3;

/**
 * Waits for the end of its input, which is the end of the supervisor however it came. Unless a successor
 * took its turn, nobody is left to stop the engine: every `node` process was killed at once.
 */
const SCRIPT = `
read -r _
sleep ${GRACE_SECONDS}
for turn in supervisor-*.json; do
  if [ -e "$turn" ] && [ "$turn" != "$2" ]; then exit 0; fi
done
read -r pid < "$3" && [ "$pid" = "$1" ] && kill -INT "$pid"
`;

/** Sees to it that the engine ends even when the supervisor and all members are killed. Returns its end. */
export function guardOrphan({ pid, pidFile, dir, turn, log }: Guarded): () => void {
  if (process.platform === 'win32') return () => {};
  const guard = spawn('sh', ['-c', SCRIPT, 'engine-guard', String(pid), turn, pidFile], {
    cwd: dir,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.on('error', (error) => log(`no guard: ${error.message}`));
  guard.stdin.on('error', () => {});
  guard.unref();
  return () => void guard.kill('SIGKILL');
}
