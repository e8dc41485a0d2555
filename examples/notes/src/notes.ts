import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { SessionState } from 'durable-mcp';
import { z } from 'zod';

const title = z.string().describe('What the note is called');
const version = z.number().int().describe('The version that was read; 0 for a note that must be new');

/**
 * An `McpServer` like any other, except that what it remembers is in `session`. What a method of `session` throws
 * (a version that has moved on, a note that is too large) says so in words that a model can act on; the SDK makes
 * a tool result of it.
 */
export function notesServer(session: SessionState): McpServer {
  const server = new McpServer({ name: 'notes', version: '0.1.0' });

  server.registerTool(
    'write_note',
    {
      description: 'Write a note, if nobody else wrote it since',
      inputSchema: { title, text: z.string(), version },
    },
    async ({ title, text, version }) => {
      const written = await session.set(`note/${title}`, { text }, { expectedVersion: version });
      return say(`Written as version ${written.version}.`);
    },
  );

  server.registerTool(
    'read_note',
    { description: 'Read a note and its version', inputSchema: { title } },
    async ({ title }) => {
      const note = await session.get(`note/${title}`);
      return say(note === undefined ? 'There is no such note.' : JSON.stringify(note));
    },
  );

  server.registerTool(
    'delete_note',
    { description: 'Delete a note', inputSchema: { title } },
    async ({ title }) => say((await session.delete(`note/${title}`)) ? 'Deleted.' : 'There is no such note.'),
  );

  server.registerTool('list_notes', { description: 'The titles of the first 100 notes' }, async () => {
    const { values } = await session.list({ prefix: 'note/' });
    return say(values.map(({ key }) => key.slice('note/'.length)).join('\n'));
  });

  return server;
}

function say(text: string) {
  return { content: [{ type: 'text' as const, text }] };
}
