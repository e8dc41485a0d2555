import { LimitExceeded } from '../../../domain/errors.ts';
import { SUBSCRIPTIONS_BYTES } from '../../../domain/limits.ts';
import type { Session, SessionChanges, SessionRef } from '../../../domain/session.ts';
import type { Sessions } from '../../../domain/sessions.ts';
import type { JsonRpcRequest } from '../jsonrpc.ts';

/**
 * Writes down what an answered request changed about its session, before the client has the answer: whichever
 * instance serves the next request must behave accordingly.
 *
 * @returns the changed session, or `undefined` if the request was not one of those
 */
export async function recordSessionChange(
  sessions: Sessions,
  ref: SessionRef,
  request: JsonRpcRequest,
): Promise<Session | undefined> {
  const change = changeOf(request);
  return change && sessions.change(ref, change);
}

function changeOf({ method, params }: JsonRpcRequest): ((session: Session) => SessionChanges) | undefined {
  switch (method) {
    case 'logging/setLevel': {
      const logLevel = String(params?.['level']);
      return () => ({ logLevel });
    }
    case 'resources/subscribe': {
      const uri = String(params?.['uri']);
      return ({ subscriptions }) => ({ subscriptions: withUri(subscriptions, uri) });
    }
    case 'resources/unsubscribe': {
      const uri = String(params?.['uri']);
      return ({ subscriptions }) => ({ subscriptions: subscriptions.filter((each) => each !== uri) });
    }
    default:
      return undefined;
  }
}

/** @throws LimitExceeded */
function withUri(subscriptions: readonly string[], uri: string): readonly string[] {
  const all = [...new Set([...subscriptions, uri])];
  if (Buffer.byteLength(JSON.stringify(all)) > SUBSCRIPTIONS_BYTES) {
    throw new LimitExceeded(
      `uri: the URIs that this session subscribes to have at most ${SUBSCRIPTIONS_BYTES} bytes together: ` +
        'unsubscribe from some first',
      SUBSCRIPTIONS_BYTES,
    );
  }
  return all;
}
