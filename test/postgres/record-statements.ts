import { packagedMigrations } from '../../src/adapters/postgres/journal.ts';
import { recordStatements } from './recorded-statements.ts';

/* `npm run migrations:record`, before a new migration is generated: keeps the statements that go with the last one. */
const tags = (await packagedMigrations()).map(({ tag }) => tag);
await recordStatements(tags);
console.log(`recorded the statements that go with ${tags.at(-1)}`);
