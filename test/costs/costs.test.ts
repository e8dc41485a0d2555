import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type DynamodbEngine,
  dynoxideMissing,
  startDynalite,
  startDynoxide,
} from '../support/dynamodb-engines.ts';
import { countCosts } from './count.ts';
import { committedTables } from './page.ts';
import { costTables } from './tables.ts';

/** It makes more than a thousand requests, most of them one after the other. */
const PATIENCE_MS = 120_000;

let engine: DynamodbEngine;
beforeAll(async () => {
  // Both count the same; the one is there on every platform, the other is faster.
  engine = await (dynoxideMissing() === undefined ? startDynoxide() : startDynalite());
});
afterAll(() => engine?.stop());

// Catches: a request more, or a larger item, of which nobody knows what it costs; a page that nobody has brought up
// to date: `npm run costs -- --write` does.
it(
  'the page on costs shows what is charged',
  async () => {
    expect(costTables(await countCosts(engine))).toBe(committedTables());
  },
  PATIENCE_MS,
);
