package store

import (
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
	length := func() int64 {
		t.Helper()
		info, err := os.Stat(s.trouble.path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	least := int64(0) // now and then a page is full, or the log begins anew
	for n := range int64(50) {
		before := length()
		commit(t, s, &Batch{Events: []Event{lineEvent(row.N, string(benchLine))}, Update: &SessionUpdate{N: row.N, JournalOffset: n + 1}})
		if pages := (length() - before) / pageSize; pages > 0 && (least == 0 || pages < least) {
			least = pages
		}
	}
	if least != 4 {
		t.Errorf("%d pages", least)
	}
}
