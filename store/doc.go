// Package store keeps everything that lasts in one SQLite database: the log of
// events, and the sessions, messages and approvals that change together with it.
//
// # Writing
//
// One goroutine, the writer, owns the only connection that writes. [Store.Commit]
// hands it a [Batch], which is committed whole or not at all, and returns once
// it is on disk (WAL, synchronous=FULL). Batches that wait at the same time share
// a transaction, each in a savepoint of its own, so that many rows go to disk
// at once when the writer is busy, and one goes at once when it is idle. After a
// commit the writer calls Options.Published, in the order of seq and before the
// committers are released; it knows nothing else of who listens.
//
// Every event has a seq from one counter. Numbers grow in the order of commits,
// consecutively within a batch, and none that was ever seen comes again.
//
// # Reading
//
// Readings have connections of their own and never wait for the writer. They
// are short: a page of the log ends after a number of rows or of bytes, so that
// no reading holds the write-ahead log back. After [Store.Close] they return
// [ErrClosed].
//
// # Faults
//
// Whatever goes wrong with the disk or the database is an error that wraps
// [ErrFull], [ErrReadOnly], [ErrIO], [ErrBusy] or [ErrCorrupt], and [Store.Problem]
// tells of it until it is over. Readings go on while commits fail, and commits
// go on by themselves when the cause is gone. What is damaged is never replaced
// by something new, and holds up nothing but itself.
//
// # Lines
//
// The events of a line that Claude Code printed are the line itself, byte for
// byte, beside the few columns that are searched by. A line of several blocks is
// several consecutive events; its bytes are stored once, with the first, and
// readings give all of them the same slice: it must not be changed.
//
// # Deleting
//
// A deleted session is gone at once, with its messages and approvals, and its
// events are hidden from every reading. The writer removes them from the file
// in small steps between other work, also after a crash. Its session_deleted event stays.
// [Store.Vacuum] gives the room back to the disk.
package store
