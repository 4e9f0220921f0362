import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/**
 * Where the daemon's socket is, as the protocol says: `$SESSIOND_SOCKET`; else
 * `sessiond.sock` in `$SESSIOND_STATE_DIR`; else in `$XDG_RUNTIME_DIR/sessiond`; else in
 * the default state directory. What only the daemon's configuration file says is not
 * known here.
 */
export function socketPath(env: NodeJS.ProcessEnv = process.env): string {
  const name = 'sessiond.sock';
  if (env['SESSIOND_SOCKET']) return env['SESSIOND_SOCKET'];
  if (env['SESSIOND_STATE_DIR']) return join(env['SESSIOND_STATE_DIR'], name);
  for (const base of [env['XDG_RUNTIME_DIR'], env['XDG_STATE_HOME']]) {
    if (base && isAbsolute(base)) return join(base, 'sessiond', name); // XDG has relative ones ignored
  }
  return join(env['HOME'] || homedir(), '.local', 'state', 'sessiond', name);
}
