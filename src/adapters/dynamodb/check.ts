import { StoreNotSetUp, StoreUnavailable } from '../../domain/errors.ts';
import { SETUP_COMMAND } from './errors.ts';
import { describeTable, isOurs, type TableOptions, tableNames } from './table-schema.ts';

const BOUND_MS = 2_000;

/** @throws StoreNotSetUp, StoreUnavailable */
export async function checkTables({ client, tableName }: TableOptions): Promise<void> {
  const names = tableNames(tableName);
  const signal = AbortSignal.timeout(BOUND_MS);
  const tables = await Promise.all(names.map((name) => describeTable(client, name, signal)));
  for (const [index, table] of tables.entries()) {
    const name = names[index];
    if (table === undefined) throw new StoreNotSetUp(`The DynamoDB table ${name} is missing`, SETUP_COMMAND);
    if (!isOurs(table)) {
      throw new StoreNotSetUp(
        `The DynamoDB table ${name} has another key than pk and sk, so it is not one of this service; ` +
          'choose another table name',
        SETUP_COMMAND,
      );
    }
    if (table.TableStatus !== 'ACTIVE' && table.TableStatus !== 'UPDATING') {
      throw new StoreUnavailable({ cause: new Error(`the DynamoDB table ${name} is ${table.TableStatus}`) });
    }
  }
}
