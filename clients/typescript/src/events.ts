import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { dial, parse, requestLine, type Incoming } from './connection.js';
import { DisconnectedError, ProtocolError, SessiondError, UnreachableError, typed } from './errors.js';
import { Lines } from './lines.js';
import type { EventFilter, SessiondEvent } from './types.gen.js';

// How long is waited before connecting again: a random time up to a bound that doubles
// with each failure in a row.
const firstWait = 100;
const longestWait = 3_000;

/** How events are followed. */
export interface EventOptions {
  /** Ends the iteration: it then throws the signal's reason. */
  signal?: AbortSignal;
  /** Is told each time that the connection is lost or cannot be made, before it is tried again. */
  onDisconnect?: (err: Error) => void;
}

/** Yields events, each once and in order, across disconnects and restarts of the daemon. */
export async function* follow(path: string, maxRequestBytes: number, filter: EventFilter, options: EventOptions): AsyncGenerator<SessiondEvent, void, undefined> {
  const { signal } = options;
  let cursor = filter.after_seq;
  let wait = firstWait;
  for (;;) {
    try {
      const socket = await dial(path, signal);
      const abort = () => socket.destroy();
      signal?.addEventListener('abort', abort, { once: true });
      try {
        const messages = incoming(socket);
        const request = cursor === undefined ? filter : { ...filter, after_seq: cursor };
        const subscription = await subscribe(socket, messages, requestLine(1, 'subscribe', request, maxRequestBytes));
        cursor ??= subscription.head_seq;
        wait = firstWait;
        for await (const message of messages) {
          const event = eventOf(message, subscription.subscription_id);
          if (!event) continue;
          if (event.seq !== undefined) cursor = event.seq;
          yield event;
          signal?.throwIfAborted();
        }
        throw new DisconnectedError('the daemon closed the connection');
      } finally {
        signal?.removeEventListener('abort', abort);
        socket.destroy();
      }
    } catch (err) {
      signal?.throwIfAborted();
      if (!recoverable(err)) throw err;
      options.onDisconnect?.(err as Error);
    }
    await pause(Math.random() * wait, signal);
    wait = Math.min(2 * wait, longestWait);
  }
}

/**
 * What comes on a connection, read no faster than it is taken: while the consumer is
 * busy the socket is not read, and what it has not taken waits in the daemon's log.
 */
async function* incoming(socket: Socket): AsyncGenerator<Incoming, void, undefined> {
  const lines = new Lines();
  try {
    for await (const chunk of socket) {
      for (const line of lines.push(chunk as Buffer)) yield parse(line);
    }
  } catch (err) {
    if (err instanceof ProtocolError) throw err;
    throw new DisconnectedError(`the connection to the daemon broke: ${(err as Error).message}`, { cause: err });
  }
}

interface Subscription {
  subscription_id: string;
  head_seq: number;
}

/** Makes the one call of a connection, whose answer comes before the first event. */
async function subscribe(socket: Socket, messages: AsyncGenerator<Incoming, void, undefined>, line: string): Promise<Subscription> {
  socket.on('error', () => {}); // the reading tells
  socket.write(line);
  const answer = await messages.next();
  if (answer.done) throw new DisconnectedError('the daemon closed the connection before it answered');
  if (answer.value.error) throw typed(answer.value.error);
  const result = answer.value.result as Subscription | undefined;
  if (!result?.subscription_id) throw new ProtocolError('the daemon did not answer what was asked');
  return result;
}

/** The event in a notification, if it is one for this subscription. An error without a request is the daemon's last word. */
function eventOf(m: Incoming, subscription: string): SessiondEvent | undefined {
  if (m.error) throw typed(m.error);
  const params = m.params as { subscription_id: string; event: SessiondEvent } | undefined;
  return m.method === 'event' && params?.subscription_id === subscription ? params.event : undefined;
}

/** Whether the same subscription may work later: the connection failed, or the daemon is on its way down. */
function recoverable(err: unknown): boolean {
  if (err instanceof SessiondError) return err.reason === 'shutting_down';
  return err instanceof DisconnectedError || (err instanceof UnreachableError && err.cause !== undefined);
}

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal ? { signal } : {});
  } catch (err) {
    signal?.throwIfAborted();
    throw err;
  }
}
