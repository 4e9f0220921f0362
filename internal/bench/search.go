package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// searching measures how fast the index of texts is made, and what it answers, of
// words as they are in a language: few are in most events, most in few.
func (b *bench) searching() (err error) {
	const sessions = 2000
	total := b.scaled(1_000_000)
	w, err := b.prepare()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	one, err := b.fillTexts(w, sessions, total)
	if err != nil {
		return err
	}
	if err := w.start(b.program); err != nil {
		return err
	}
	begin := time.Now()
	if err := w.indexed(); err != nil {
		return err
	}
	rate := float64(total) / time.Since(begin).Seconds()
	health, err := median(b.scaled(1000), func() error { _, err := w.Health(b.ctx); return err })
	if err != nil {
		return err
	}
	scan, err := plainScan(w.database(), total)
	if err != nil {
		return err
	}
	b.report.add(row{ID: "search-index", What: fmt.Sprintf("%d events indexed, beside nothing else", total), Figure: rate, Unit: "events/s",
		Yardstick: "plain scan of them", YardstickFigure: scan, Goal: 5000, Noise: 3})
	for _, f := range []struct {
		name string
		p    api.SearchConversationsParams
	}{
		{"a rare word", api.SearchConversationsParams{Query: "needle"}},
		{"a word of every event", api.SearchConversationsParams{Query: "every"}},
		{"the same, newest first", api.SearchConversationsParams{Query: "every", Order: api.OrderNewest}},
		{"two words that never meet", api.SearchConversationsParams{Query: "even odd"}},
		{"a frequent phrase", api.SearchConversationsParams{Query: `"part of every"`}},
		{"the begin of a word", api.SearchConversationsParams{Query: "need*"}},
		{"a frequent word in one directory of 200", api.SearchConversationsParams{Query: "every", WorkingDir: "/home/user/project-7"}},
		{"a frequent word in one session of 2000", api.SearchConversationsParams{Query: "every", SessionID: one}},
		{"a frequent word with a tag", api.SearchConversationsParams{Query: "every", Tag: "tag-7"}},
		{"a frequent word until yesterday", api.SearchConversationsParams{Query: "every", Before: api.At(time.Now().AddDate(0, 0, -1))}},
	} {
		took, err := median(b.scaled(100), func() error { _, err := w.SearchConversations(b.ctx, f.p); return err })
		if err != nil {
			return fmt.Errorf("search for %s: %w", f.name, err)
		}
		b.report.add(row{ID: "search-" + f.name, What: fmt.Sprintf("searchConversations, 20 of %d events: %s, p50", total, f.name), Figure: millis(took), Unit: "ms",
			Yardstick: "health", YardstickFigure: millis(health), Goal: 50, Most: true, Noise: 3})
	}
	return nil
}

// fillTexts writes sessions in which something is said, and returns the id of one.
func (b *bench) fillTexts(w *world, sessions, total int) (one string, err error) {
	db, err := store.Open(b.ctx, filepath.Join(w.state, "sessiond.db"), store.Options{})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	r := rand.New(rand.NewPCG(1, 2)) // #nosec G404 -- the same texts each time
	zipf := rand.NewZipf(r, 1.2, 4, 50_000)
	begin := time.Now().Add(-time.Duration(sessions) * time.Minute)
	for i := range sessions {
		row := seededSession(i, begin.Add(time.Duration(i)*time.Minute))
		if err := db.Commit(b.ctx, &store.Batch{Create: row}); err != nil {
			return "", err
		}
		batch := &store.Batch{}
		for k := range total / sessions {
			batch.Events = append(batch.Events, spokenEvent(row, i*(total/sessions)+k, zipf))
		}
		if err := db.Commit(b.ctx, batch); err != nil {
			return "", err
		}
		if i == sessions/2 {
			one = row.Session.ID
		}
	}
	return one, nil
}

// spokenEvent is a message of some fifty words.
func spokenEvent(row *store.SessionRow, i int, zipf *rand.Zipf) store.Event {
	var text strings.Builder
	for range 50 {
		fmt.Fprintf(&text, "w%d ", zipf.Uint64())
	}
	text.WriteString([]string{"even", "odd"}[i%2] + " part of every event")
	if i%50_000 == 7 {
		text.WriteString(" needle")
	}
	return store.Event{SessionN: row.N, Type: api.EventConversationUpdated, Time: row.Session.CreatedAt, FromLine: true, Kind: api.ConversationMessage,
		Line: []byte(`{"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":"` + text.String() + `"}]},"session_id":"` +
			row.Session.ClaudeSessionID + `"}`)}
}

// rested waits until the daemon has nothing else to do than what is measured: also
// behind the last event the index of texts is still put in order.
func (w *world) rested() error {
	if err := w.indexed(); err != nil {
		return err
	}
	before, err := usageOf(w.daemon.Process.Pid)
	for busy := true; busy && err == nil; {
		time.Sleep(500 * time.Millisecond)
		var now usage
		now, err = usageOf(w.daemon.Process.Pid)
		busy, before = now.minus(before).cpu > clockTick, now
	}
	return err
}

// indexed waits until every event that is stored can be searched for.
func (w *world) indexed() error {
	for behind := int64(1); behind > 0; time.Sleep(50 * time.Millisecond) {
		h, err := w.Health(w.ctx)
		if err != nil {
			return err
		}
		if behind = h.Search.Behind; !h.Search.Available && h.Search.Problem != "" {
			return errors.New(h.Search.Problem)
		}
	}
	return nil
}
