package store

import (
	"encoding/binary"
	"os"
	"testing"
)

// TestPagesOfACommit: a line that a session prints costs four pages of the write-ahead
// log: the event, its place in the index of its session, the session's row, and the
// number of the newest event. What has not changed is not written again.
func TestPagesOfACommit(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	row := create(t, s, nil)
	pages := func() (n uint32, log uint64) { // that the log has, as its index says, and which log that is
		t.Helper()
		b, err := os.ReadFile(s.trouble.path + "-shm")
		if err != nil || len(b) < 40 {
			t.Fatal(len(b), err)
		}
		return binary.NativeEndian.Uint32(b[16:]), binary.NativeEndian.Uint64(b[32:])
	}
	least := uint32(0) // now and then a page is full
	for n := range int64(50) {
		before, log := pages()
		commit(t, s, &Batch{Events: []Event{lineEvent(row.N, string(benchLine))}, Update: &SessionUpdate{N: row.N, JournalOffset: n + 1}})
		wrote, now := pages()
		if now == log { // else it has begun anew
			wrote -= before
		}
		if least == 0 || wrote > 0 && wrote < least { // 0: it was cut meanwhile
			least = wrote
		}
	}
	if least != 4 {
		t.Errorf("%d pages", least)
	}
}
