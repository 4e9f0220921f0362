// Answers a session's questions until it ends: the tools that are named are allowed,
// everything else is denied.
//
//	node approve.js SESSION_ID [TOOL...]
import { Client, isFinal, isReason, type Approval } from 'sessiond';

const [session_id, ...allowed] = process.argv.slice(2);
if (!session_id) {
  console.error('usage: approve SESSION_ID [TOOL...]');
  process.exit(2);
}

const client = await Client.connect();

async function answer({ id: approval_id, tool_name, tool_input }: Approval): Promise<void> {
  const decision = allowed.includes(tool_name) ? 'approve' : 'deny';
  try {
    await client.sendDecision({ approval_id, decision, ...(decision === 'deny' && { comment: `${tool_name} is not allowed here` }) });
    console.log(`${decision} ${tool_name} ${JSON.stringify(tool_input)}`);
  } catch (err) {
    if (!isReason(err, 'already_resolved')) throw err;
    console.log(`${err.data.approval.status} ${tool_name} by ${err.data.approval.resolved_by}`);
  }
}

// From the beginning on: a question that was asked before this program came is answered too.
for await (const event of client.events({ session_id, after_seq: 0, event_types: ['new_approval', 'session_status_changed'] })) {
  if (event.type === 'new_approval') await answer(event.data);
  if (event.type === 'session_status_changed' && isFinal(event.data.new_status)) break;
}
