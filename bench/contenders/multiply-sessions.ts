import pg from 'pg';

/**
 * Copies the one session that a database holds, with its values, until there are `count` others beside it, and lets
 * the planner know.
 */
export async function multiplySessions(connectionString: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query('create temporary table template as select ref from mcp_sessions');
    await client.query(
      `insert into mcp_sessions
       select copy.* from mcp_sessions original, generate_series(1, $1::int) n,
         jsonb_populate_record(original, jsonb_build_object('ref', original.ref || '-' || n)) copy
       where original.ref in (select ref from template)`,
      [count],
    );
    await client.query(
      `insert into mcp_session_values
       select copy.* from mcp_session_values original, generate_series(1, $1::int) n,
         jsonb_populate_record(original, jsonb_build_object('session_ref', original.session_ref || '-' || n)) copy
       where original.session_ref in (select ref from template)`,
      [count],
    );
    await client.query('vacuum analyze');
    // Else one would fall into the measurement.
    await client.query('checkpoint');
  } finally {
    await client.end();
  }
}
