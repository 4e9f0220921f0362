import { codes, type ErrorData, type Reason } from './types.gen.js';

/**
 * An error that the daemon answered. `reason` is the word to tell errors apart by,
 * `message` is for people, and `data` names the culprit and the next step; `isReason`
 * tells TypeScript what is in it.
 */
export class SessiondError<R extends Reason = Reason> extends Error {
  override readonly name = 'SessiondError';

  constructor(
    readonly reason: R,
    message: string,
    readonly data: ErrorData[R],
    readonly code: number = codes[reason],
  ) {
    super(message);
  }
}

/** Whether an error is the daemon's, for one of these reasons. */
export function isReason<R extends Reason>(err: unknown, ...reasons: R[]): err is SessiondError<R> {
  return err instanceof SessiondError && (reasons as Reason[]).includes(err.reason);
}

/** Nobody listens on the socket, or it cannot be used. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';

  constructor(
    readonly socket: string,
    why: string,
    options?: ErrorOptions,
  ) {
    super(`${socket}: ${why}`, options);
  }
}

/**
 * The connection broke before the answer came: whether the daemon has done what it was
 * asked is unknown. With an `idempotency_key` or a `message_id` it can be asked again.
 */
export class DisconnectedError extends Error {
  override readonly name = 'DisconnectedError';
}

/** The client was closed. */
export class ClosedError extends Error {
  override readonly name = 'ClosedError';

  constructor() {
    super('the client is closed');
  }
}

/** The daemon sent what the protocol does not have. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** The error object of an answer. */
export interface WireError {
  code: number;
  message: string;
  data?: { reason?: string; [member: string]: unknown };
}

/** Makes the typed error of one on the wire; JSON-RPC's own may come without a reason. */
export function typed(e: WireError): SessiondError {
  const known = (Object.keys(codes) as Reason[]).find((r) => codes[r] === e.code);
  const reason = (e.data?.reason ?? known ?? 'internal_error') as Reason;
  return new SessiondError(reason, e.message, { ...e.data, reason } as ErrorData[Reason], e.code);
}
