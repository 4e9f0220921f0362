// Package search finds texts in all conversations.
//
// Its index is a database of its own beside the log, STATE/search/index.db, and
// nothing but a derivation: it can be removed at any time, also while the daemon
// works, and is made anew then. That is why it is not in the log's database: there
// its transactions would stand in the way of the one writer, its pages in every
// backup, and damage to it would be damage to what cannot be made anew.
//
// One goroutine reads the log behind the seq that is kept in the transaction of what
// was derived from it, so a crash loses and doubles nothing. It takes a bounded share
// of the time while others write, waits when the disk is nearly full, and begins anew
// when the index is damaged, or was made of another log, or of one that is gone since
// a backup was put back.
//
// The index is a row of shards, each with up to 16,384 events, newest last, of which a
// search looks at as many as it has to, newest first: so what it takes is bounded,
// however large the log is and however frequent a word. SQLite's FTS5 keeps words,
// not texts: what is shown is read from the log, where what was deleted is gone at once.
package search
