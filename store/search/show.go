package search

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// showAtOnce is how many hits are shown between two looks at the time.
const showAtOnce = 5

// maxTitle is how much of a prompt stands for a title, in characters.
const maxTitle = 80

// show reads hits from the log, as many as there is time for, and returns how many that
// were: some at least. Those that are not there any more are left out.
func (s *finder) show(ctx context.Context, hits []hit) (matches []api.SearchMatch, n int, err error) {
	matches = make([]api.SearchMatch, 0, len(hits))
	until := time.Now().Add(s.o.patience / 3)
	for n < len(hits) && (n == 0 || time.Now().Before(until)) {
		some := hits[n:min(n+showAtOnce, len(hits))]
		shown, err := s.showSome(ctx, some)
		if err != nil {
			return nil, 0, err
		}
		matches, n = append(matches, shown...), n+len(some)
	}
	return matches, n, nil
}

// showSome reads hits from the log.
func (s *finder) showSome(ctx context.Context, hits []hit) (matches []api.SearchMatch, err error) {
	at, err := s.events(ctx, hits)
	if err != nil {
		return nil, err
	}
	of := make([]int64, 0, len(at))
	for _, ev := range at {
		of = append(of, ev.SessionN)
	}
	sessions, err := s.o.Store.SessionsAt(ctx, of)
	if err != nil {
		return nil, err
	}
	for _, h := range hits {
		ev := at[h.seq]
		if ev == nil {
			continue
		}
		ses, known := sessions[ev.SessionN]
		shown, err := s.o.Render(ev)
		if err != nil || !known {
			continue
		}
		said, _ := whatIsSaid(&shown)
		m := api.SearchMatch{SessionID: ev.SessionID, Seq: h.seq, EventType: shown.EventType, Role: said.role, ToolName: said.tool,
			CreatedAt: ev.Time, Title: titleOf(&ses), WorkingDir: ses.WorkingDir, Score: h.score}
		if said.toolID != "" && said.tool == "" {
			if m.ToolName, err = s.tool(ctx, h.seq); err != nil {
				return nil, err
			}
		}
		m.Snippet, m.Highlights = snippet(said.text, s.query)
		matches = append(matches, m)
	}
	return matches, nil
}

// events reads hits from the log, by their seq, without those that were deleted.
func (s *finder) events(ctx context.Context, hits []hit) (map[int64]*store.Event, error) {
	seqs := make([]int64, len(hits))
	for i, h := range hits {
		seqs[i] = h.seq
	}
	events, err := s.o.Store.EventsAt(ctx, seqs)
	at := make(map[int64]*store.Event, len(events))
	for i := range events {
		at[events[i].Seq] = &events[i]
	}
	return at, err
}

// tool is the tool whose result an event is.
func (s *finder) tool(ctx context.Context, seq int64) (name string, err error) {
	rows, err := s.file.readers.QueryContext(ctx, "SELECT coalesce(tool, '') FROM events WHERE seq = ?", seq)
	if err != nil {
		return "", fault(err)
	}
	defer func() { err = fault(errors.Join(err, rows.Close())) }()
	if rows.Next() {
		err = rows.Scan(&name)
	}
	return name, errors.Join(err, rows.Err())
}

// titleOf is what a session is called.
func titleOf(s *api.Session) string {
	if s.Title != "" {
		return s.Title
	}
	title := []rune(strings.Join(strings.Fields(cutText(s.Query, 8*maxTitle)), " "))
	if len(title) > maxTitle {
		title = append(title[:maxTitle-1], '…')
	}
	return string(title)
}
