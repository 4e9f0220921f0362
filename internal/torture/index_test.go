package torture

import (
	"context"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"slices"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store/search"
)

// settleIndex waits until the index of texts has all of the log. It reports whether
// there is one.
func (w *world) settleIndex() bool {
	if !search.Supported() {
		return false // the programs that are tortured are built like this test
	}
	for end := time.Now().Add(patience / 4); ; time.Sleep(10 * time.Millisecond) {
		var h api.Health
		err := w.again(func(ctx context.Context) (err error) { h, err = w.client.Health(ctx); return err })
		switch {
		case err != nil:
			w.problem("health: %v", err)
			return false
		case h.Search.Available && h.Search.Behind == 0:
			return true
		case w.starved && h.Search.Problem != "":
			return false // it waits for more room than there is
		case time.Now().After(end):
			w.problem("the index of texts does not come to the end of the log: %+v", h.Search)
			return false
		}
	}
}

// checkIndex compares what can be found with what was said: each event is in the index,
// once, and nothing else is.
func (w *world) checkIndex(events []api.Event) {
	want := []int64{}
	for _, ev := range events {
		var said api.ConversationEvent
		if ev.Type == api.EventConversationUpdated && json.Unmarshal(ev.Data, &said) == nil && says(&said) {
			want = append(want, ev.Seq)
		}
	}
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(search.Dir(w.daemon.state), "index.db")+"?mode=ro")
	if err != nil {
		w.problem("%v", err)
		return
	}
	defer db.Close()
	rows, err := db.QueryContext(context.Background(), "SELECT seq FROM events ORDER BY seq")
	if err != nil {
		w.problem("the index of texts: %v", err)
		return
	}
	defer rows.Close()
	got := []int64{}
	for rows.Next() {
		var seq int64
		if err := rows.Scan(&seq); err != nil {
			w.problem("the index of texts: %v", err)
		}
		got = append(got, seq)
	}
	if err := rows.Err(); err != nil || !slices.Equal(got, want) {
		w.problem("%d events can be found, and %d say something (%v)", len(got), len(want), err)
	}
	var verdict string
	if err := db.QueryRowContext(context.Background(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		w.problem("the index of texts is not whole: %s %v", verdict, err)
	}
}

// says reports whether an event says something that can be looked for.
func says(ev *api.ConversationEvent) bool {
	switch ev.EventType {
	case api.ConversationSystem:
		return false
	case api.ConversationResult:
		return ev.IsError != nil && *ev.IsError && ev.Content != ""
	case api.ConversationToolCall:
		return true
	}
	return ev.Content != ""
}

// quietIndex waits until the index has all of the log and that does not grow any more,
// or until enough says that it is not to be waited for.
func (w *world) quietIndex(enough func() bool) {
	var head int64
	for since := time.Now(); !enough() && time.Since(since) < 2*time.Second && w.settleIndex(); time.Sleep(10 * time.Millisecond) {
		var h api.Health
		_ = w.again(func(ctx context.Context) (err error) { h, err = w.client.Health(ctx); return err })
		if h.Events.HeadSeq != head {
			head, since = h.Events.HeadSeq, time.Now()
		}
	}
	_ = w.again(func(ctx context.Context) error { _, err := w.client.Health(ctx); return err })
}
