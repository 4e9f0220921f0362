// Launches a session, follows it to its end, and prints what came of it:
//
//	node launch-and-follow.js PROMPT [DIRECTORY]
import { Client, isFinal } from 'sessiond';

const [query, working_dir = process.cwd()] = process.argv.slice(2);
if (!query) {
  console.error('usage: launch-and-follow PROMPT [DIRECTORY]');
  process.exit(2);
}

const client = await Client.connect();
const { session_id } = await client.launchSession({ query, working_dir });
console.error(`session ${session_id}`);

for await (const event of client.events({ session_id, after_seq: 0 })) {
  if (event.type === 'conversation_updated') {
    const { event_type, role, content, tool_name } = event.data;
    if (event_type === 'message' && role === 'assistant') console.log(content);
    if (event_type === 'tool_call') console.log(`● ${tool_name}`);
  } else if (event.type === 'new_approval') {
    console.error(`it asks for ${event.data.tool_name}: answer with \`sessiond approve\` or \`sessiond deny\``);
  } else if (event.type === 'session_status_changed' && isFinal(event.data.new_status)) {
    break;
  }
}

const { session } = await client.getSessionState({ session_id });
console.error(`${session.status}, ${session.num_turns} turn(s), $${session.cost_usd.toFixed(4)}`);
if (session.error_message) console.error(session.error_message);
process.exitCode = session.status === 'completed' ? 0 : 1;
