package store

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// benchLine is as long as a usual line.
var benchLine = []byte(`{"type":"assistant","message":"` + strings.Repeat("x", 397) + `"}`)

const benchBatch = 256

// BenchmarkInsert commits batches of events with their offset. The metric
// plain/store is how many times the time of the plainest batched insert with
// the same driver it takes.
func BenchmarkInsert(b *testing.B) {
	s := open(b, Options{})
	row := create(b, s, nil)
	events := make([]Event, benchBatch)
	offset := int64(0)
	start := time.Now()
	for b.Loop() {
		for i := range events {
			events[i] = lineEvent(row.N, "")
			events[i].Line = benchLine
		}
		offset += int64(len(benchLine)+1) * benchBatch
		commit(b, s, &Batch{Events: events, Update: &SessionUpdate{N: row.N, JournalOffset: offset, LastActivityAt: api.Now()}})
	}
	spent := time.Since(start) / time.Duration(b.N)
	plain := plainInsert(b, b.N)
	b.ReportMetric(float64(spent)/float64(plain), "store/plain")
	b.ReportMetric(benchBatch/spent.Seconds(), "events/s")
}

// plainInsert returns how long a batch takes that inserts the lines and nothing else.
func plainInsert(b *testing.B, batches int) time.Duration {
	b.Helper()
	path := filepath.Join(b.TempDir(), "plain.db")
	db, err := sql.Open("sqlite3", dsn(path, strings.Replace(writerParams, "mode=rw", "mode=rwc", 1)))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE lines (n INTEGER PRIMARY KEY, session INTEGER, time INTEGER, line BLOB); CREATE INDEX by_session ON lines (session)"); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	for range batches {
		if err := insertPlainly(db); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start) / time.Duration(batches)
}

// insertPlainly inserts a batch of lines.
func insertPlainly(db *sql.DB) (err error) {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	in, err := tx.Prepare("INSERT INTO lines (session, time, line) VALUES (?, ?, ?)")
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	for range benchBatch {
		if _, err := in.Exec(1, time.Now().UnixMilli(), benchLine); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

// BenchmarkInsertOne commits events one by one.
func BenchmarkInsertOne(b *testing.B) {
	s := open(b, Options{})
	row := create(b, s, nil)
	for b.Loop() {
		commit(b, s, &Batch{Events: []Event{lineEvent(row.N, string(benchLine))}, Update: &SessionUpdate{N: row.N, JournalOffset: 1}})
	}
}

// BenchmarkList reads pages of 50 of 10,000 sessions.
func BenchmarkList(b *testing.B) {
	s := open(b, Options{})
	for i := range 10000 {
		create(b, s, func(r *SessionRow) {
			r.Session.Status = api.StatusCompleted
			r.Session.Title = fmt.Sprint("session ", i)
			r.Session.WorkingDir = fmt.Sprint("/projects/", i%100)
			r.Session.LastActivityAt = api.FromMillis(int64(1e12 + i))
			if i%100 == 0 {
				r.Session.Tags = []string{"rare"}
			}
		})
	}
	for name, p := range map[string]api.ListSessionsParams{
		"all": {}, "status": {Status: []api.Status{api.StatusCompleted}}, "directory": {WorkingDir: "/projects/7"},
		"tag": {Tag: "rare"}, "final": {Status: []api.Status{api.StatusCompleted, api.StatusFailed}},
		"leaves": {LeavesOnly: true}, "text": {Text: "SESSION 77"}, "nothing": {Text: "no such text"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.ListSessions(b.Context(), p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkConversation reads 20,000 events in pages of 1,000, and the log in pages of 256.
func BenchmarkConversation(b *testing.B) {
	const total = 20000
	s := open(b, Options{})
	row := create(b, s, nil)
	for range total / 1000 {
		events := make([]Event, 1000)
		for i := range events {
			events[i] = lineEvent(row.N, string(benchLine))
		}
		commit(b, s, &Batch{Events: events})
	}
	b.Run("conversation", func(b *testing.B) {
		for b.Loop() {
			n, after := 0, int64(0)
			for more := true; more; {
				events, m, err := s.Conversation(b.Context(), []Segment{{N: row.N}}, after, 1000, 1<<30)
				if err != nil {
					b.Fatal(err)
				}
				n, after, more = n+len(events), events[len(events)-1].Seq, m
			}
			if n != total {
				b.Fatal(n)
			}
		}
	})
	b.Run("log", func(b *testing.B) {
		for b.Loop() {
			if n := len(wholeLog(b, s, 256, Filter{})); n != total {
				b.Fatal(n)
			}
		}
	})
}
