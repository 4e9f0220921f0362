// Package session is what a session is: it launches Claude Code through a
// shim, reads what it prints, decides what that means for the session's status,
// messages and approvals, and tells Claude Code what clients have said.
//
// Each session that is not final has one actor: a goroutine that owns the
// session's state and is the only one to change it. The state is a machine
// (machine.go) without any input or output of its own: a step takes a line, an
// exit or a client's wish, changes a copy of the machine, and collects what has
// to be stored and what has to be written to Claude Code. The actor commits the
// step, and only then lets it take effect. So whatever anybody is told is on
// disk, and a step that cannot be stored has not happened.
//
// The manager holds the actors, decides which session may start, and answers
// what is asked of sessions, live or not.
package session
