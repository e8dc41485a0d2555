/**
 * What in a migration would disturb the servers of the version before, which serve while it runs and after it: not
 * one of the statements that only add, or one that holds up callers for as long as it reads a table.
 *
 * Allowed are: a new table with its constraints and indexes; a column that may be null or has a constant default; a
 * constraint on an older table that is `not valid`; an index on an older table `if not exists`, which an operator
 * has built `concurrently` before, where the table is large.
 *
 * @returns one line for each statement that is not allowed
 */
export function disturbances(statements: readonly string[]): readonly string[] {
  const created = new Set<string>();
  return statements.map(normalized).flatMap((statement) => {
    if (statement === '') return [];
    const table = /^create table (?:if not exists )?(\S+) ?\(/.exec(statement)?.[1];
    if (table !== undefined) created.add(table);
    const target =
      /^alter table (\S+) /.exec(statement)?.[1] ?? /^create .*?index .* on (\S+) /.exec(statement)?.[1];
    const isNew = target !== undefined && created.has(target);
    const only = statement.replace(/;$/, '');
    const isAllowed =
      !/[;]/.test(only) &&
      (table !== undefined ||
        (isNew && /^(alter table \S+ add constraint|create (unique )?index) /.test(only)) ||
        isHarmlessColumn(only) ||
        /^alter table \S+ add constraint .* not valid$/.test(only) ||
        /^create index if not exists /.test(only));
    return isAllowed ? [] : [statement];
  });
}

/** Constants are not written into each row, and every older `insert` goes on without naming the column. */
function isHarmlessColumn(statement: string): boolean {
  const column = /^alter table \S+ add column (?:if not exists )?\S+ (.*)$/.exec(statement)?.[1];
  if (column === undefined || /\b(references|unique|primary key|check|generated)\b|,/.test(column))
    return false;
  const constant = /\bdefault (-?\d+|'[^']*'|true|false)(?=$| )/.test(column);
  return constant || !/\b(not null|default)\b/.test(column);
}

function normalized(statement: string): string {
  return statement
    .replaceAll(/--.*$/gm, '')
    .replaceAll('"public".', '')
    .replaceAll('"', '')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .toLowerCase();
}
