import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Client, SessiondError, UnreachableError, isFinal, isReason, type SessiondEvent } from 'sessiond';

import { Daemon, patience } from './daemon.js';

const options = { timeout: patience, concurrency: true };

/** Launches a session in the daemon's directory. */
async function launch(daemon: Daemon, client: Client, query: string, more: { interactive?: boolean; include_partial_messages?: boolean } = {}): Promise<string> {
  return (await client.launchSession({ query, working_dir: daemon.work, ...more })).session_id;
}

/** The events of a session from the beginning to its end. */
async function whole(client: Client, session_id: string): Promise<SessiondEvent[]> {
  const events: SessiondEvent[] = [];
  for await (const event of client.events({ session_id, after_seq: 0 })) {
    events.push(event);
    if (event.type === 'session_status_changed' && isFinal(event.data.new_status)) break;
  }
  return events;
}

/** Waits until a session waits for something. */
async function waiting(client: Client, session_id: string): Promise<void> {
  for await (const event of client.events({ session_id, after_seq: 0, event_types: ['session_status_changed'] })) {
    if (event.type === 'session_status_changed' && event.data.new_status === 'waiting_input') return;
  }
}

test('a session is launched, followed, read and found', options, async (t) => {
  const daemon = await Daemon.start(t);
  using client = await daemon.client();
  const id = await launch(daemon, client, 'say: grüße 🎉');
  const events = await whole(client, id);
  assert.equal(events[0]?.type, 'session_created');
  const said = events.flatMap((e) => (e.type === 'conversation_updated' && e.data.role === 'assistant' ? [e.data.content] : []));
  assert.deepEqual(said, ['grüße 🎉']);

  const { session } = await client.getSessionState({ session_id: id });
  assert.equal(session.status, 'completed');
  assert.equal(session.result, 'grüße 🎉');
  const read = [];
  for await (const e of client.conversation({ session_id: id, limit: 2 })) read.push(e.seq);
  assert.deepEqual(read, events.flatMap((e) => (e.type === 'conversation_updated' ? [e.seq] : [])));
  await launch(daemon, client, 'say: another');
  const found = [];
  for await (const s of client.sessions({ limit: 1 })) found.push(s.id);
  assert.equal(new Set(found).size, 2);
});

test('nothing is missing and nothing comes twice when the daemon is killed', options, async (t) => {
  const daemon = await Daemon.start(t);
  using client = await daemon.client();
  const n = 3000;
  const go = join(daemon.work, 'go');
  const id = await launch(daemon, client, `emit: ${n} 200 1500\nwait: ${go}`); // it does not end before the kills
  const seqs: number[] = [];
  const texts: string[] = [];
  let disconnects = 0;
  let restarted: Promise<void> | undefined;
  for await (const event of client.events({ session_id: id, after_seq: 0 }, { onDisconnect: () => disconnects++ })) {
    assert.ok(event.seq !== undefined);
    seqs.push(event.seq);
    if (event.type === 'conversation_updated' && event.data.role === 'assistant') texts.push(event.data.content!.trim());
    if (texts.length === 500 || texts.length === 1500) {
      await restarted;
      await daemon.kill();
      restarted = daemon.start(); // not waited for: the iteration has to find it
      if (texts.length === 1500) restarted = restarted.then(() => writeFileSync(go, ''));
      texts.push('killed');
    }
    if (event.type === 'session_status_changed' && isFinal(event.data.new_status)) break;
  }
  await restarted;
  assert.ok(disconnects >= 2, `${disconnects} disconnects`);
  assert.match(texts.pop()!, /^waited for/);
  const emitted = texts.filter((s) => s !== 'killed').map((s) => s.match(/^event \d+ of \d+/)?.[0]);
  assert.deepEqual(emitted, Array.from({ length: n }, (_, i) => `event ${i + 1} of ${n}`));
  assert.deepEqual(seqs, (await whole(client, id)).map((e) => e.seq)); // what the log holds
  assert.equal((await client.getSessionState({ session_id: id })).session.status, 'completed'); // on a new connection
});

test('questions are answered, and the first answer wins', options, async (t) => {
  const daemon = await Daemon.start(t);
  using client = await daemon.client();
  const id = await launch(daemon, client, 'ask: Bash {"command":"ls"}');
  await waiting(client, id);
  const { approvals } = await client.fetchApprovals({ session_id: id });
  const approval_id = approvals[0]!.id;
  assert.equal(approvals[0]!.tool_name, 'Bash');
  const { approval } = await client.sendDecision({ approval_id, decision: 'approve' });
  assert.equal(approval.status, 'approved');
  await assert.rejects(client.sendDecision({ approval_id, decision: 'approve' }), (err) => {
    assert.ok(isReason(err, 'already_resolved'));
    assert.equal(err.code, -32005);
    assert.equal(err.data.approval.resolved_by, approval.resolved_by);
    return true;
  });
  await whole(client, id);
});

test('errors are typed', options, async (t) => {
  const daemon = await Daemon.start(t);
  using client = await daemon.client();
  const nobody = '00000000-0000-7000-8000-000000000000';
  await assert.rejects(client.getSessionState({ session_id: nobody }), (err) => {
    assert.ok(err instanceof SessiondError && isReason(err, 'session_not_found'));
    assert.equal(err.data.id, nobody);
    assert.ok(!isReason(err, 'invalid_state', 'conflict'));
    return true;
  });
  await assert.rejects(client.listSessions({ limit: 0 }), (err) => isReason(err, 'invalid_params') && err.data.field === 'limit');
  await assert.rejects(client.call('nope' as 'health'), (err) => isReason(err, 'method_not_found'));
  const events = client.events({ after_seq: 1_000_000 });
  await assert.rejects(events.next(), (err) => isReason(err, 'cursor_expired') && err.data.oldest_seq === 1);
  await assert.rejects(Client.connect({ socket: daemon.dir + '/none' }), UnreachableError);
});

test('messages of many megabytes arrive whole', options, async (t) => {
  const daemon = await Daemon.start(t);
  using client = await daemon.client();
  const size = 20_000_000;
  const events = await whole(client, await launch(daemon, client, `bigline: ${size}`));
  assert.ok(events.some((e) => e.type === 'conversation_updated' && e.data.content?.length === size));
  const text = 'é€🎉'.repeat(500_000); // 4.5 MB up, and back
  const id = await launch(daemon, client, `say: hello\n${text}`);
  await whole(client, id);
  assert.equal((await client.listMessages({ session_id: id })).messages[0]?.content, `say: hello\n${text}`);
});

test('deltas have no seq', options, async (t) => {
  const daemon = await Daemon.start(t);
  using client = await daemon.client();
  const stop = new AbortController();
  const go = join(daemon.work, 'go');
  const id = await launch(daemon, client, `wait: ${go}\npartial: 5`, { include_partial_messages: true, interactive: true });
  const events = client.events({ after_seq: 0, include_partial: true }, { signal: stop.signal });
  const first = await events.next(); // it has subscribed: deltas are not in the log
  writeFileSync(go, '');
  let deltas = 0;
  let last = 0;
  for (let next = first; !next.done; next = await events.next()) {
    const event = next.value;
    if (event.type === 'partial_message') deltas++;
    assert.equal(event.seq === undefined, event.type === 'partial_message');
    if (event.seq !== undefined) assert.ok(event.seq > last);
    last = event.seq ?? last;
    if (event.type === 'session_status_changed' && event.data.new_status === 'waiting_input' && event.session_id === id) break;
  }
  assert.ok(deltas >= 5, `${deltas} deltas`);
  await events.return();
});

test('what waits can be given up', options, async (t) => {
  const daemon = await Daemon.start(t);
  using client = await daemon.client();
  const stop = new AbortController();
  const next = client.events({}, { signal: stop.signal }).next();
  await client.health();
  stop.abort(new Error('enough'));
  await assert.rejects(next, /enough/);
  await assert.rejects(client.health({ signal: AbortSignal.abort(new Error('never')) }), /never/);
  assert.equal((await client.health()).pid, daemon.pid);
});
