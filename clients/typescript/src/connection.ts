import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { DisconnectedError, ProtocolError, SessiondError, UnreachableError, typed, type WireError } from './errors.js';
import { Lines } from './lines.js';

/** What comes from the daemon: an answer, or a notification. */
export interface Incoming {
  id?: number | string | null;
  result?: unknown;
  error?: WireError;
  method?: string;
  params?: unknown;
}

/** The longest line that a daemon takes, unless it was told otherwise. */
export const defaultMaxRequestBytes = 32 << 20;

/** How long a daemon is given to which more are connecting than it can take at once. */
const crowdPatience = 30_000;

/** Connects to a socket, which has to be the user's own. */
export async function dial(path: string, signal?: AbortSignal): Promise<Socket> {
  const deadline = Date.now() + crowdPatience;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const { uid } = await stat(path);
      if (process.getuid && uid !== process.getuid()) {
        throw new UnreachableError(path, `belongs to another user (uid ${uid}): nothing was sent`);
      }
      return await connectOnce(path, signal);
    } catch (err) {
      if (signal?.aborted) throw signal.reason;
      const code = (err as NodeJS.ErrnoException).code;
      if (code === 'EAGAIN' && Date.now() < deadline) {
        await sleep(1);
        continue;
      }
      if (code === 'ENOENT' || code === 'ECONNREFUSED') {
        throw new UnreachableError(path, 'no daemon listens there: any `sessiond` command starts one, `sessiond serve` in the foreground', { cause: err });
      }
      throw err instanceof UnreachableError ? err : new UnreachableError(path, (err as Error).message, { cause: err });
    }
  }
}

async function connectOnce(path: string, signal?: AbortSignal): Promise<Socket> {
  const socket = createConnection(path);
  try {
    await once(socket, 'connect', signal ? { signal } : {});
  } catch (err) {
    socket.destroy();
    throw err;
  }
  return socket;
}

/** The line of a request. One that the daemon would not take is refused here: it would hang up. */
export function requestLine(id: number, method: string, params: unknown, limit: number): string {
  const line = JSON.stringify({ jsonrpc: '2.0', id, method, params });
  const size = Buffer.byteLength(line);
  if (size > limit) {
    throw new SessiondError('limit_exceeded', `the request has ${size} bytes, and the daemon takes at most ${limit}`, {
      reason: 'limit_exceeded',
      limit,
      setting: 'max_request_bytes',
      hint: 'start the daemon with a higher --max-request-bytes, and say the same to the client',
    });
  }
  return line + '\n';
}

/** Reads one line of the daemon's. */
export function parse(line: string): Incoming {
  try {
    return JSON.parse(line) as Incoming;
  } catch (err) {
    throw new ProtocolError('the daemon sent something that is not JSON', { cause: err });
  }
}

interface Waiting {
  resolve(result: unknown): void;
  reject(err: unknown): void;
}

/** One connection on which calls are made. While none is under way it does not keep the process alive. */
export class Connection {
  #pending = new Map<number, Waiting>();
  #lastId = 0;
  #broken: Error | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly maxRequestBytes: number,
  ) {
    const lines = new Lines();
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const line of lines.push(chunk)) this.#deliver(parse(line));
      } catch (err) {
        this.#fail(err as Error);
      }
    });
    socket.on('error', (err) => this.#fail(new DisconnectedError(`the connection to the daemon broke: ${err.message}`, { cause: err })));
    socket.on('close', () => this.#fail(new DisconnectedError('the connection to the daemon broke before it answered')));
    socket.setMaxListeners(0); // each call that waits for room to write listens
    socket.unref();
  }

  /** Why it is of no more use, if so. */
  get broken(): Error | undefined {
    return this.#broken;
  }

  /** Breaks the connection; calls under way fail. */
  close(): void {
    this.socket.destroy();
    this.#fail(new DisconnectedError('the client was closed before the daemon answered'));
  }

  /** Sends a request and waits for its answer. */
  async call(method: string, params: unknown, signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted();
    const id = ++this.#lastId;
    const line = requestLine(id, method, params, this.maxRequestBytes);
    return new Promise((resolve, reject) => {
      const give = (settle: () => void) => {
        signal?.removeEventListener('abort', abort);
        if (this.#pending.delete(id) && this.#pending.size === 0) this.socket.unref();
        settle();
      };
      const abort = () => give(() => reject(signal!.reason));
      signal?.addEventListener('abort', abort, { once: true });
      this.#pending.set(id, { resolve: (r) => give(() => resolve(r)), reject: (e) => give(() => reject(e)) });
      this.socket.ref();
      if (this.#broken) this.#pending.get(id)!.reject(this.#broken);
      else void this.#write(id, line);
    });
  }

  /** Writes when there is room, so that what waits to be sent does not pile up here. */
  async #write(id: number, line: string): Promise<void> {
    while (this.socket.writableNeedDrain && !this.#broken) {
      await new Promise<void>((go) => {
        const done = () => {
          this.socket.off('drain', done).off('close', done);
          go();
        };
        this.socket.once('drain', done).once('close', done);
      });
    }
    if (!this.#broken && this.#pending.has(id)) this.socket.write(line);
  }

  #deliver(m: Incoming): void {
    if (m.error && (m.id === undefined || m.id === null)) {
      this.#fail(typed(m.error)); // about the connection, which ends behind it
      return;
    }
    const waiting = this.#pending.get(m.id as number);
    if (m.error) waiting?.reject(typed(m.error));
    else waiting?.resolve(m.result); // nobody waits for a call that was given up
  }

  #fail(cause: Error): void {
    this.#broken ??= cause;
    this.socket.destroy();
    for (const waiting of [...this.#pending.values()]) waiting.reject(this.#broken);
  }
}
