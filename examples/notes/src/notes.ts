import { McpServer } from '@modelcontextprotocol/server';
import { type CallerSession, registerSessionTools, sessionIdArgument } from 'durable-mcp';
import { z } from 'zod';

const title = z.string().describe('What the note is called');
const version = z.number().int().describe('The version that was read; 0 for a note that must be new');

/**
 * An `McpServer` like any other, except that what it remembers is in `session`, and that its tools serve clients of
 * every protocol revision: they name a session with each call, or their connection has one. What a method of a
 * session throws (a version that has moved on, a session that has expired) says so in words that a model can act on;
 * the SDK makes a tool result of it.
 */
export function notesServer(session: CallerSession): McpServer {
  const server = new McpServer({ name: 'notes', version: '0.1.0' });
  const session_id = sessionIdArgument(session);
  registerSessionTools(server, session);

  server.registerTool(
    'write_note',
    {
      description: 'Write a note, if nobody else wrote it since',
      inputSchema: z.object({ session_id, title, text: z.string(), version }),
    },
    async ({ session_id, title, text, version }) => {
      const written = await session
        .at(session_id)
        .set(`note/${title}`, { text }, { expectedVersion: version });
      return say(`Written as version ${written.version}.`);
    },
  );

  server.registerTool(
    'read_note',
    { description: 'Read a note and its version', inputSchema: z.object({ session_id, title }) },
    async ({ session_id, title }) => {
      const note = await session.at(session_id).get(`note/${title}`);
      return say(note === undefined ? 'There is no such note.' : JSON.stringify(note));
    },
  );

  server.registerTool(
    'delete_note',
    { description: 'Delete a note', inputSchema: z.object({ session_id, title }) },
    async ({ session_id, title }) => {
      const wasThere = await session.at(session_id).delete(`note/${title}`);
      return say(wasThere ? 'Deleted.' : 'There is no such note.');
    },
  );

  server.registerTool(
    'list_notes',
    { description: 'The titles of the first 100 notes', inputSchema: z.object({ session_id }) },
    async ({ session_id }) => {
      const { values } = await session.at(session_id).list({ prefix: 'note/' });
      return say(values.map(({ key }) => key.slice('note/'.length)).join('\n'));
    },
  );

  return server;
}

function say(text: string) {
  return { content: [{ type: 'text' as const, text }] };
}
