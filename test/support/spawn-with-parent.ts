import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';

/** Ends the program when its standard input ends, and so also with a test process that was killed. */
const WITH_PARENT = '"$0" "$@" & cat > /dev/null; kill -9 $!';

/** An engine as a child process that does not outlive this one. */
export interface ChildEngine {
  /** The last of what it said, on stdout and stderr. */
  output(): string;
  /** Kills it, and resolves when it is gone. */
  stop(): Promise<void>;
}

export function spawnWithParent(command: readonly string[]): ChildEngine {
  const child: ChildProcessWithoutNullStreams = spawn('sh', ['-c', WITH_PARENT, ...command], {
    stdio: 'pipe',
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_000);
    });
  }
  return {
    output: () => output,
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
}
