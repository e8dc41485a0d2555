import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

/*
 * The statements with which a version of the server worked, for tests of what comes later: for each migration those
 * of the last version before the next one, as far as they were new or had changed.
 */

export interface RecordedStatement {
  /** The names of `$1`, `$2` …, in this order. */
  readonly parameters: readonly string[];
  readonly text: string;
}

export type RecordedStatements = ReadonlyMap<string, RecordedStatement>;

type Recording = Record<string, { readonly parameters: readonly string[]; readonly text: readonly string[] }>;

const FOLDER = new URL('recorded/', import.meta.url);
const ADAPTER = new URL('../../src/adapters/postgres/', import.meta.url);

const fileOf = (tag: string): URL => new URL(`${tag}.json`, FOLDER);

/** Whether the version of a migration was recorded. */
export function isRecorded(tag: string): boolean {
  return existsSync(fileOf(tag));
}

/** All statements of the version that belonged to the last of `tags`, a beginning of the migrations. */
export function recordedStatements(tags: readonly string[]): RecordedStatements {
  const statements = new Map<string, RecordedStatement>();
  for (const tag of tags) {
    const recording = JSON.parse(readFileSync(fileOf(tag), 'utf8')) as Recording;
    for (const [name, { parameters, text }] of Object.entries(recording)) {
      statements.set(name, { parameters, text: text.join('\n') });
    }
  }
  return statements;
}

/** Keeps the statements of this checkout as those of the version of the last of `tags`. */
export async function recordStatements(tags: readonly string[]): Promise<void> {
  const before = recordedStatements(tags.slice(0, -1));
  const recording: Recording = {};
  for (const file of readdirSync(ADAPTER).filter((name) => /-statements?\.ts$/.test(name))) {
    const exported = (await import(new URL(file, ADAPTER).href)) as Record<string, unknown>;
    for (const each of Object.values(exported)) {
      if (!isStatement(each) || before.get(each.name)?.text === each.text.trim()) continue;
      recording[each.name] = { parameters: each.parameters, text: each.text.trim().split('\n') };
    }
  }
  writeFileSync(fileOf(tags.at(-1) ?? ''), `${JSON.stringify(recording, null, 2)}\n`);
}

function isStatement(value: unknown): value is RecordedStatement & { readonly name: string } {
  return typeof value === 'object' && value !== null && 'name' in value && 'text' in value;
}
