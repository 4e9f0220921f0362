import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { Client, UnreachableError, isFinal } from 'sessiond';

/** How long anything is waited for. It is reached only by a failure. */
export const patience = 120_000;

function given(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: these tests are run by \`go test ./internal/clients\``);
  return value;
}

/** A daemon of its own, as a process that this one started, in directories of its own. */
export class Daemon {
  readonly dir = mkdtempSync(join(given('SESSIOND_TEST_DIR'), 'd'));
  readonly socket = join(this.dir, 's');
  readonly work = join(this.dir, 'work');
  #process: ChildProcess | undefined;

  /** Starts one for a test, which ends it and its sessions. */
  static async start(t: TestContext): Promise<Daemon> {
    const daemon = new Daemon();
    mkdirSync(daemon.work);
    t.after(() => daemon.#end());
    await daemon.start();
    return daemon;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get env(): NodeJS.ProcessEnv {
    return {
      HOME: this.dir,
      PATH: process.env['PATH'],
      SESSIOND_STATE_DIR: join(this.dir, 'state'),
      SESSIOND_SOCKET: this.socket,
      SESSIOND_CLAUDE: given('SESSIOND_TEST_CLAUDE'),
    };
  }

  async start(): Promise<void> {
    const log = openSync(join(this.dir, 'log'), 'a');
    this.#process = spawn(given('SESSIOND_TEST_PROGRAM'), ['serve'], { env: this.env, stdio: ['ignore', log, log] });
    closeSync(log);
    const deadline = Date.now() + patience;
    for (;;) {
      try {
        using client = await this.client();
        await client.health();
        return;
      } catch (err) {
        const ended = this.#process.exitCode ?? this.#process.signalCode;
        if (ended !== null || Date.now() > deadline) {
          throw new Error(`the daemon does not answer (${ended}): ${readFileSync(join(this.dir, 'log'), 'utf8')}`, { cause: err });
        }
        if (!(err instanceof UnreachableError)) throw err;
        await sleep(5);
      }
    }
  }

  async client(): Promise<Client> {
    return Client.connect({ socket: this.socket });
  }

  /** Kills the daemon, as a crash would. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const process = this.#process!;
    if (process.exitCode !== null || process.signalCode !== null) return;
    const gone = once(process, 'exit');
    process.kill(signal);
    await gone;
  }

  async #end(): Promise<void> {
    if (!this.#process || this.#process.exitCode !== null || this.#process.signalCode !== null) await this.start();
    const client = await this.client();
    for await (const session of client.sessions({ status: ['queued', 'starting', 'running', 'waiting_input', 'interrupting'] })) {
      const { id: session_id } = session;
      await client.endSession({ session_id, force: true }).catch(() => {}); // it may have ended meanwhile
      for await (const event of client.events({ session_id, after_seq: 0, event_types: ['session_status_changed'] })) {
        if (event.type === 'session_status_changed' && isFinal(event.data.new_status)) break;
      }
    }
    client.close();
    await this.kill('SIGTERM');
    rmSync(this.dir, { recursive: true });
  }
}
