/**
 * A request as tools may see it: without the token that brought it, which is for this server and nobody behind it
 * (2025-11-25, Authorization, Token Handling), and without its body, which has been read.
 */
export function withoutCredentials(request: Request): Request {
  const headers = new Headers(request.headers);
  headers.delete('authorization');
  const shown = new Request(request.url, { method: request.method, headers });
  // The very one: a signal that follows it is forgotten with its request, and that the client hung up with it.
  return Object.defineProperty(shown, 'signal', { value: request.signal });
}
