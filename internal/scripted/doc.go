// Package scripted is a claude that does what its prompt says: it takes the
// arguments of the real Claude Code, reads and prints the same lines, and ends
// the same ways, but asks no API. Tests run it as a process in place of the real
// one, which is too slow, too large and too well-behaved for most of them.
//
// A test binary becomes claude when it is started under that name: TestMain
// calls RunIfClaude first, and Install puts a link of that name into a
// directory. Under the name claude-VERSION it acts as that version; the pinned
// one (with command_lifecycle lines) and the kept one (without) differ.
//
// # Prompts
//
// Each line of a prompt is a step, and the steps of a turn are done in order. A
// prompt whose first line is none of these is answered with "you said: " and the
// whole of it. N counts are decimal.
//
//	say: TEXT              TEXT as one text
//	think: TEXT            a thinking block, then TEXT
//	emit: N [BYTES [RATE]] N lines of text "event I of N", I from 1, each padded to BYTES (430) bytes without
//	                       its newline; flat out, or RATE lines a second
//	stamp: N [RATE]        N lines of text "stamp NANOSECONDS", the Unix time at which each is printed
//	tools: N               N pairs of tool_use and tool_result
//	partial: N             N deltas as stream_event (if --include-partial-messages was given), then their text
//	bigline: BYTES         one text of BYTES bytes; the result does not repeat it
//	ask: TOOL JSON         a tool that needs a permission: asks the host as the real one would
//	error: TEXT            ends the turn with an API error: is_error with subtype success
//	stderr: TEXT           a line on standard error
//	report                 a text that is a JSON object: argv, env, cwd, and files: what the files hold that flags name
//	history                a text that is a JSON list: the prompts of this conversation so far
//	spawn: N               starts N processes in sessions of their own, that live for ten minutes; "spawned PID PID ..."
//	wait: FILE             nothing until FILE exists; end-of-file does not end it
//	silence                nothing until the turn is interrupted or standard input ends
//	ignore-signals         from here on nothing but SIGKILL ends it: no signal, request or end-of-file is heeded
//	junk                   lines that are not JSON, not objects, empty, not UTF-8, of unknown types, very deep
//	answer: JSON           answers by the schema that --json-schema has given, whether it follows that or not
//	trace: NAME            the lines of a trace of this version, result and all, with this session's id; it waits
//	                       for an answer where the trace asks, and for an interrupt where the trace was interrupted
//	half: TEXT             TEXT without a newline, then exit 0
//	exit: CODE             exit, without a result
//	result-exit: CODE      the result, and exit right behind it
//	die: SIGNAL            kills itself: KILL, TERM, INT or HUP
//
// Every step can be interrupted, but for those that end the process. A step
// whose argument is wrong ends the turn as error does.
//
// # As the real one
//
// Conversations are kept under $HOME/.claude/projects and can be resumed, forked
// and forked at a line; their ids are refused to --session-id. A message whose
// uuid was taken is ignored. Messages that come in a turn are folded into it
// behind a tool's result, else those that wait are taken together as the next
// turn (the steps of all of them); "later" and "now" are as in the real one.
// Session states are printed if CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS is 1.
// With --json-schema it takes its steps from elsewhere: see SummariesVariable.
// With SCRIPTED_RECORD in its environment it keeps a record of what it has done:
// see RecordVariable. Each step counts as one call of the API, each pair of `tools` too, with the
// tokens and the cost of one.
package scripted
