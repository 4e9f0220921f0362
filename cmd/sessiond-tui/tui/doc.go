// Package tui is the terminal UI, `sessiond tui`: all sessions, what needs a
// person first, and beside them the conversation of one of them, live.
//
// It is a client like any other: what it shows it has read by calls, and keeps
// up to date by one subscription to all events. A model (model.go) takes
// messages, one at a time: keys, events, results of calls. Whatever may take
// time is done by a worker's goroutines (work.go), which send a message when they are
// done, and are waited for at the end. Conversations are read a page at a time
// from their end (history.go), become blocks (blocks.go), and only those blocks
// are rendered that are on the screen (scroll.go), once.
//
// Everything that comes from outside passes package plain: no text can give the
// terminal orders.
package tui
