/**
 * `durable-mcp`: an MCP endpoint whose sessions outlive the process. A store comes from `durable-mcp/postgres`,
 * `durable-mcp/dynamodb` or `durable-mcp/memory`; this entry point loads none of them.
 */
export { jwtAuthentication } from '../../adapters/auth/jwt-authentication.ts';
export type { JwtAuthenticationOptions } from '../../adapters/auth/jwt-options.ts';
export type { McpHandler, NodeBindings } from '../../adapters/http/mcp-handler.ts';
export type { CallerSession } from '../../adapters/mcp/caller-session.ts';
export type { ChangeNotifier } from '../../adapters/mcp/change-notifier.ts';
export { type RequestState, RequestStateRefused } from '../../adapters/mcp/request-state.ts';
export type { ConnectableServer, ServerFactory } from '../../adapters/mcp/server-factory.ts';
export type { ServiceFacts } from '../../adapters/mcp/service-facts.ts';
export {
  registerSessionTools,
  sessionIdArgument,
  type ToolRegistry,
} from '../../adapters/mcp/session-tools/register-session-tools.ts';
export {
  DurableMcpError,
  type ErrorCode,
  InstanceFull,
  InsufficientScope,
  InvalidArgument,
  InvalidToken,
  IssuerUnavailable,
  LimitExceeded,
  OutcomeUnknown,
  QuotaExceeded,
  SessionExists,
  SessionNotFound,
  StoreNotSetUp,
  StoreUnavailable,
  StreamEnded,
  TokenRequired,
  VersionConflict,
} from '../../domain/errors.ts';
export type { EventGap, LoggedEvent } from '../../domain/event.ts';
export type { HandleOptions, OpenedSession, SessionListing } from '../../domain/handles.ts';
export type { JsonValue } from '../../domain/json.ts';
export {
  DEFAULT_LIMITS,
  INSTANCE_KEPT_MS,
  type Limits,
  MAX_VALUE_BYTES,
  PRINCIPAL_BYTES,
} from '../../domain/limits.ts';
export type { OnceCall } from '../../domain/once.ts';
export type { Principal } from '../../domain/principal.ts';
export type {
  InitializeParams,
  LiveSession,
  Session,
  SessionChanges,
  SessionRef,
} from '../../domain/session.ts';
export type { SessionState, ValueListing } from '../../domain/session-state.ts';
export type { SessionLifetime } from '../../domain/sessions.ts';
export type { StoredValue, ValueSummary } from '../../domain/value.ts';
export type { Authentication, ProtectedResource } from '../../ports/authentication.ts';
export type { Clock } from '../../ports/clock.ts';
export type { EventAppend, EventLog, EventPage, EventQuery } from '../../ports/event-log.ts';
export type { Instances } from '../../ports/instances.ts';
export type {
  SessionDirectory,
  SessionDirectoryPage,
  SessionDirectoryQuery,
  SessionPosition,
} from '../../ports/session-directory.ts';
export type {
  SessionRepository,
  Touch,
  ValueDeletion,
  ValuePage,
  ValueQuery,
  ValueWrite,
} from '../../ports/session-repository.ts';
export type { Signals, SignalTopic } from '../../ports/signals.ts';
export type { Store } from '../../ports/store.ts';
export { DEFAULT_EVENT_RETENTION_MS, DEFAULT_LIFETIME } from '../defaults.ts';
export { type DurableMcp, durableMcp } from '../durable-mcp.ts';
export type { DurableMcpOptions } from '../durable-mcp-options.ts';
