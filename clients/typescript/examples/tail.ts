// Prints every event of every session, one JSON object a line, until Ctrl-C. With a
// file it keeps its cursor there, and goes on behind it the next time.
//
//	node tail.js [CURSOR_FILE]
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Client } from 'sessiond';

const file = process.argv[2];
const after_seq = file && existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());
process.stdout.once('error', () => stop.abort()); // nobody reads on, as in `tail.js | head`

const client = await Client.connect();
const onDisconnect = (err: Error) => console.error(`${err.message}; trying again`);
try {
  for await (const event of client.events({ after_seq }, { signal: stop.signal, onDisconnect })) {
    console.log(JSON.stringify(event));
    if (file) writeFileSync(file, String(event.seq)); // behind the printing: once more is better than never
  }
} catch (err) {
  if (!stop.signal.aborted) throw err;
}
