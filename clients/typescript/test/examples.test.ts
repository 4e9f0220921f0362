import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Daemon, patience } from './daemon.js';

const options = { timeout: 2 * patience, concurrency: true }; // a program that hangs is killed before
const example = (name: string) => fileURLToPath(new URL(`../examples/${name}.js`, import.meta.url));

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. */
function run(daemon: Daemon, file: string, ...args: string[]): Promise<Outcome> {
  return new Promise((done) => {
    execFile(process.execPath, [file, ...args], { env: daemon.env, cwd: daemon.work, timeout: patience, killSignal: 'SIGKILL' }, (err, stdout, stderr) =>
      done({ code: typeof err?.code === 'number' ? err.code : err ? -1 : 0, stdout, stderr }),
    );
  });
}

test('launch and follow', options, async (t) => {
  const daemon = await Daemon.start(t);
  const well = await run(daemon, example('launch-and-follow'), 'say: all good');
  assert.deepEqual([well.code, well.stdout], [0, 'all good\n'], well.stderr);
  assert.match(well.stderr, /completed, 1 turn/);
  const badly = await run(daemon, example('launch-and-follow'), 'error: overloaded');
  assert.equal(badly.code, 1);
  assert.match(badly.stderr, /failed[^]*overloaded/);
  assert.equal((await run(daemon, example('launch-and-follow'))).code, 2);
});

test('approve from a script', options, async (t) => {
  const daemon = await Daemon.start(t);
  using client = await daemon.client();
  const { session_id } = await client.launchSession({
    query: 'ask: Bash {"command":"ls"}\nask: Write {"file_path":"/tmp/x","content":"x"}',
    working_dir: daemon.work,
  });
  const { code, stdout, stderr } = await run(daemon, example('approve'), session_id, 'Bash');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^approve Bash \{"command":"ls"\}\ndeny Write .*\n$/);
  const again = await run(daemon, example('approve'), session_id, 'Bash'); // it has ended: nothing is left to answer
  assert.match(again.stdout, /^approved Bash by pid \d+\ndenied Write by pid \d+\n$/);
});

test('tail everything', options, async (t) => {
  const daemon = await Daemon.start(t);
  using client = await daemon.client();
  const cursor = join(daemon.dir, 'cursor');
  const seqs: number[] = [];

  /** Tails until a session has ended, during which the daemon may be killed. */
  async function tail(query: string, kill: boolean): Promise<string> {
    const { session_id } = await client.launchSession({ query, working_dir: daemon.work });
    const process_ = spawn(process.execPath, [example('tail'), cursor], { env: daemon.env, timeout: patience, killSignal: 'SIGKILL' });
    let stderr = '';
    process_.stderr.on('data', (chunk) => (stderr += chunk));
    const exited = once(process_, 'exit');
    let lines = 0;
    for await (const line of createInterface({ input: process_.stdout })) {
      const event = JSON.parse(line);
      seqs.push(event.seq);
      if (kill && ++lines === 20) {
        await daemon.kill();
        await daemon.start();
        writeFileSync(join(daemon.work, 'go'), '');
      }
      if (event.type === 'session_status_changed' && event.session_id === session_id && event.data.new_status === 'completed') {
        process_.kill('SIGINT'); // what it prints until then counts
      }
    }
    assert.deepEqual(await exited, [0, null], stderr);
    return stderr;
  }

  assert.match(await tail(`emit: 100 100\nwait: ${daemon.work}/go\nemit: 100 100`, true), /trying again/);
  await tail('say: more', false);
  const log: number[] = [];
  for await (const event of client.events({ after_seq: 0 })) {
    log.push(event.seq!);
    if (event.seq === seqs.at(-1)) break;
  }
  assert.deepEqual(seqs, log);
  assert.equal(Number(readFileSync(cursor, 'utf8')), seqs.at(-1));
});

test('the first program of the README', options, async (t) => {
  const daemon = await Daemon.start(t);
  const { code, stdout, stderr } = await run(daemon, fileURLToPath(new URL('../readme/program1.js', import.meta.url)));
  assert.equal(code, 0, stderr);
  assert.match(stdout, /you said: /);
});
