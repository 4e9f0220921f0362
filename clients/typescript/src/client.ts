import { Connection, defaultMaxRequestBytes, dial } from './connection.js';
import { ClosedError } from './errors.js';
import { follow, type EventOptions } from './events.js';
import { Methods, type CallOptions, type MethodTypes } from './methods.gen.js';
import { socketPath } from './socket.js';
import type { ConversationEvent, EventFilter, GetConversationParams, ListSessionsParams, Session, SessiondEvent } from './types.gen.js';

/** How a client connects. */
export interface ConnectOptions {
  /** Path of the daemon's socket; default: where the protocol says, see `socketPath`. */
  socket?: string;
  /** How long a request may be that the daemon takes: its `max_request_bytes`, by default 32 MiB. */
  maxRequestBytes?: number;
  /** Gives up connecting. */
  signal?: AbortSignal;
}

/**
 * Talks to one daemon. Its calls share a connection, on which they may overlap; one that
 * breaks is made anew by the next call. A client that does nothing does not keep the
 * process alive.
 */
export class Client extends Methods {
  #connection: Connection | undefined;
  #connecting: Promise<Connection> | undefined;
  #closed = false;

  private constructor(
    /** Path of the daemon's socket. */
    readonly socket: string,
    private readonly maxRequestBytes: number,
  ) {
    super();
  }

  /** Connects to a daemon. It fails with an `UnreachableError` where there is none. */
  static async connect(options: ConnectOptions = {}): Promise<Client> {
    const client = new Client(options.socket ?? socketPath(), options.maxRequestBytes ?? defaultMaxRequestBytes);
    await client.#live(options.signal);
    return client;
  }

  /**
   * Calls a method by its name.
   *
   * @throws SessiondError: what the daemon answered.
   * @throws DisconnectedError: the connection broke before the answer; the call is not repeated.
   */
  override async call<M extends keyof MethodTypes>(method: M, params?: MethodTypes[M]['params'], options: CallOptions = {}): Promise<MethodTypes[M]['result']> {
    const connection = await this.#live(options.signal);
    return (await connection.call(method, params, options.signal)) as MethodTypes[M]['result'];
  }

  /**
   * Follows events: in the order of `seq`, each once, from `after_seq` on, or from the
   * moment that the first is asked for. When the connection breaks it is made anew, and
   * the next event is the one behind the last that was yielded: nothing is missing and
   * nothing comes twice, also when the daemon was killed.
   *
   * Each iteration has a connection of its own and keeps no queue: what is not taken waits
   * in the daemon's log. Only deltas (`include_partial`) may be left out, and are counted
   * in `dropped` of the next.
   *
   * @throws SessiondError: what trying again cannot mend, such as `cursor_expired`.
   */
  events(filter: EventFilter = {}, options: EventOptions = {}): AsyncGenerator<SessiondEvent, void, undefined> {
    return follow(this.socket, this.maxRequestBytes, filter, options);
  }

  /** All sessions that `listSessions` finds, page by page. */
  async *sessions(params: ListSessionsParams = {}, options?: CallOptions): AsyncGenerator<Session, void, undefined> {
    for (let page = params; ; ) {
      const { sessions, next_cursor } = await this.listSessions(page, options);
      yield* sessions;
      if (!next_cursor) return;
      page = { ...params, cursor: next_cursor };
    }
  }

  /** A whole conversation, page by page. */
  async *conversation(params: GetConversationParams, options?: CallOptions): AsyncGenerator<ConversationEvent, void, undefined> {
    for (let page = params; ; ) {
      const { events, next_after_seq } = await this.getConversation(page, options);
      yield* events;
      if (next_after_seq === null) return;
      page = { ...params, after_seq: next_after_seq };
    }
  }

  /** Breaks the connection. Calls under way fail; iterations over events end only by themselves. */
  close(): void {
    this.#closed = true;
    this.#connection?.close();
    this.#connection = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The connection, made anew where it is broken. */
  async #live(signal?: AbortSignal): Promise<Connection> {
    if (this.#closed) throw new ClosedError();
    if (this.#connection && !this.#connection.broken) return this.#connection;
    // Not with the signal: others may be waiting for the same connection.
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    return signal ? abortable(this.#connecting, signal) : this.#connecting;
  }

  async #connect(): Promise<Connection> {
    const connection = new Connection(await dial(this.socket), this.maxRequestBytes);
    if (this.#closed) {
      connection.close();
      throw new ClosedError();
    }
    this.#connection = connection;
    return connection;
  }
}

/** Waits for a promise, or for a signal. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
