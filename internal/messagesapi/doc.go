// Package messagesapi is a stand-in for the Messages API on the loopback, so
// that the real Claude Code runs without a network and says what a test wants.
//
// The reply is scripted by the newest text of the user's that is not a
// <system-reminder>:
//
//	bash: CMD        a tool_use of Bash
//	write: PATH      a tool_use of Write, with the content "hello\n"
//	read: PATH       a tool_use of Read
//	tool: NAME JSON  a tool_use of NAME with that input
//	task: PROMPT     a tool_use of Task: a subagent is asked PROMPT
//	think: TEXT      a thinking block, then TEXT
//	multi: TEXT      one message of three text blocks and a tool_use of Bash
//	slow: N          N deltas of text, a fifth of a second apart
//	big: N           one text of N bytes
//	wait: NAME       the text "waiting", then nothing until Server.Release(NAME), then " released"
//	hold: NAME       nothing at all until Server.Release(NAME), then the text "held"
//	err: CODE        an HTTP error of that status
//	anything else    "you said: TEXT"
//
// After the result of a tool the reply is "done with the tool", whatever the
// text was. A reply that cannot be scripted (a number that is none, a tool whose
// input is not JSON) is an HTTP error 400 that says so.
//
// Ids are counted from 1 for each server, so that two equal runs look equal.
package messagesapi
