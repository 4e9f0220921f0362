import assert from 'node:assert/strict';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { Client, ClosedError, DisconnectedError, ProtocolError, UnreachableError, isReason, socketPath } from 'sessiond';

import { patience } from './daemon.js';

const options = { timeout: patience, concurrency: true };

interface Request {
  id: number;
  method: string;
  params: Record<string, unknown>;
}

/** One end of a connection, played by a test. */
class Peer {
  #lines: AsyncIterator<string>;

  constructor(readonly socket: Socket) {
    this.#lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    socket.on('error', () => {});
  }

  async next(): Promise<Request> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the client has left');
    return JSON.parse(value);
  }

  send(message: unknown): boolean {
    return this.socket.write(JSON.stringify({ jsonrpc: '2.0', ...(message as object) }) + '\n');
  }

  async subscribed(head_seq = 0): Promise<Request> {
    const request = await this.next();
    this.send({ id: request.id, result: { subscription_id: 'sub', head_seq } });
    return request;
  }

  event(seq: number | undefined, more: object = {}): boolean {
    return this.send({ method: 'event', params: { subscription_id: 'sub', event: { seq, type: 'session_deleted', ...more } } });
  }
}

/** A daemon that a test plays, a connection at a time. */
async function play(t: TestContext, ...scripts: ((peer: Peer) => Promise<void>)[]): Promise<string> {
  const dir = mkdtempSync(join(process.env['SESSIOND_TEST_DIR']!, 'f'));
  const path = join(dir, 's');
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    const script = scripts.shift();
    if (!script) return void socket.destroy();
    script(new Peer(socket)).catch((err: Error) => {
      if (!/has left/.test(err.message)) throw err;
    });
  });
  await new Promise<void>((listening) => server.listen(path, listening));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
    rmSync(dir, { recursive: true, force: true });
  });
  return path;
}

const nothing = async () => {};

test('the socket is where the protocol says', () => {
  const home = { HOME: '/h' };
  assert.equal(socketPath({ ...home, SESSIOND_SOCKET: '/x/s', SESSIOND_STATE_DIR: '/state' }), '/x/s');
  assert.equal(socketPath({ ...home, SESSIOND_STATE_DIR: '/state', XDG_RUNTIME_DIR: '/run/1' }), '/state/sessiond.sock');
  assert.equal(socketPath({ ...home, XDG_RUNTIME_DIR: '/run/1', XDG_STATE_HOME: '/s' }), '/run/1/sessiond/sessiond.sock');
  assert.equal(socketPath({ ...home, XDG_RUNTIME_DIR: 'relative', XDG_STATE_HOME: '/s' }), '/s/sessiond/sessiond.sock');
  assert.equal(socketPath({ ...home, XDG_STATE_HOME: 'relative', SESSIOND_SOCKET: '' }), '/h/.local/state/sessiond/sessiond.sock');
});

test('calls share a connection and find their answers', options, async (t) => {
  const socket = await play(t, nothing, async (peer) => {
    const requests = [await peer.next(), await peer.next(), await peer.next()];
    for (const { id, params } of requests.reverse()) peer.send({ id, result: params });
  });
  await Client.connect({ socket }).then((c) => c.close());
  using client = await Client.connect({ socket });
  const ids = ['a', 'b', 'c'];
  const answers = await Promise.all(ids.map((session_id) => client.getSessionState({ session_id })));
  assert.deepEqual(answers, ids.map((session_id) => ({ session_id })));
});

test('characters may be cut anywhere', options, async (t) => {
  const title = 'é€🎉\u2028"\\';
  const socket = await play(t, async (peer) => {
    const { id } = await peer.next();
    for (const byte of Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result: { title } }) + '\n')) {
      peer.socket.write(Buffer.of(byte));
      await turn();
    }
  });
  using client = await Client.connect({ socket });
  assert.deepEqual(await client.health(), { title });
});

test('a broken connection fails its calls, and the next one connects anew', options, async (t) => {
  const answer = async (peer: Peer) => peer.send({ id: (await peer.next()).id, result: { status: 'ok' } });
  const socket = await play(
    t,
    async (peer) => void (await peer.next(), peer.socket.destroy()),
    async (peer) => void (await answer(peer)),
    async (peer) => {
      await peer.next();
      peer.send({ id: null, error: { code: -32008, message: 'going down', data: { reason: 'shutting_down' } } });
    },
    async (peer) => void (await peer.next(), peer.socket.write('what?\n')),
  );
  using client = await Client.connect({ socket });
  await assert.rejects(client.health(), DisconnectedError);
  assert.equal((await client.health()).status, 'ok');
  await assert.rejects(
    (async () => {
      using other = await Client.connect({ socket });
      await other.health();
    })(),
    (err) => isReason(err, 'shutting_down'),
  );
  using last = await Client.connect({ socket });
  await assert.rejects(last.health(), ProtocolError);
  last.close();
  await assert.rejects(last.health(), ClosedError);
});

test('a subscription goes on from where it was, or from the head that it began at', options, async (t) => {
  const asked: Request[] = [];
  const max = Number.MAX_SAFE_INTEGER;
  const socket = await play(
    t,
    nothing,
    async (peer) => {
      asked.push(await peer.subscribed(7));
      peer.socket.end();
    },
    async (peer) => {
      asked.push(await peer.subscribed(9));
      peer.event(8);
      peer.event(undefined, { type: 'partial_message' });
      peer.event(max);
      peer.send({ id: null, error: { code: -32008, message: 'going down', data: { reason: 'shutting_down' } } });
    },
    async (peer) => {
      const { id, ...rest } = await peer.next();
      asked.push({ id, ...rest });
      peer.send({ id, error: { code: -32003, message: 'gone', data: { reason: 'cursor_expired', oldest_seq: 12 } } });
    },
  );
  using client = await Client.connect({ socket });
  const seqs: (number | undefined)[] = [];
  let disconnects = 0;
  await assert.rejects(
    (async () => {
      for await (const event of client.events({ event_types: ['session_deleted'] }, { onDisconnect: () => disconnects++ })) seqs.push(event.seq);
    })(),
    (err) => isReason(err, 'cursor_expired') && err.data.oldest_seq === 12,
  );
  assert.deepEqual(seqs, [8, undefined, max]);
  assert.deepEqual(asked.map((r) => r.params['after_seq']), [undefined, 7, max]);
  assert.deepEqual(asked[2]?.params['event_types'], ['session_deleted']);
  assert.equal(disconnects, 2);
});

test('a slow consumer does not fill the memory', options, async (t) => {
  const lines = 400;
  const filler = 'x'.repeat(100_000);
  let sent = 0; // bytes that the client's side has taken
  const socket = await play(t, nothing, async (peer) => {
    await peer.subscribed();
    for (let seq = 1; seq <= lines; seq++) {
      if (!peer.event(seq, { filler })) await new Promise((go) => peer.socket.once('drain', go));
      sent = peer.socket.bytesWritten - peer.socket.writableLength;
    }
  });
  using client = await Client.connect({ socket });
  let taken = 0;
  for await (const event of client.events({ after_seq: 0 })) {
    assert.equal(event.seq, ++taken);
    for (let i = 0; i < 20; i++) await turn(); // whoever wants to read on has the time to
    const ahead = sent - taken * filler.length;
    assert.ok(ahead < 3_000_000, `${ahead} bytes were read ahead`);
    if (taken === lines) break;
  }
});

test('a request that the daemon would not take is refused', options, async (t) => {
  const socket = await play(t, async (peer) => void peer.send({ id: (await peer.next()).id, result: {} }));
  using client = await Client.connect({ socket, maxRequestBytes: 1000 });
  await assert.rejects(client.launchSession({ query: 'x'.repeat(1000) }), (err) => isReason(err, 'limit_exceeded') && err.data.limit === 1000);
  assert.deepEqual(await client.health(), {});
});

test('a call ends with its signal, and the connection goes on', options, async (t) => {
  const stop = new AbortController();
  const socket = await play(t, async (peer) => {
    const first = await peer.next();
    stop.abort(new Error('enough'));
    const second = await peer.next();
    peer.send({ id: first.id, result: { status: 'late' } });
    peer.send({ id: second.id, result: { status: 'ok' } });
  });
  using client = await Client.connect({ socket });
  await assert.rejects(client.health({ signal: stop.signal }), /enough/);
  assert.equal((await client.health()).status, 'ok');
});

test('the socket of another user is refused', { ...options, skip: process.getuid?.() !== 0 && 'only root can give a socket away' }, async (t) => {
  const socket = await play(t, async () => assert.fail('it connected'));
  chownSync(socket, 12345, 12345);
  await assert.rejects(Client.connect({ socket }), (err) => err instanceof UnreachableError && /another user/.test(err.message));
});
