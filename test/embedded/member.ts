// A process that joins an engine, says so in one line of JSON, and stays until its input ends.
import { joinEngine } from '../../src/app/embedded/engine.ts';

const options = JSON.parse(process.argv[2] ?? '{}');
try {
  const { url, started } = await joinEngine(options);
  process.stdout.write(`${JSON.stringify({ url, started })}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
}
process.stdin.resume();
process.stdin.once('end', () => process.exit(0));
