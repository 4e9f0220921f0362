package search

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// Bounds of a page.
const (
	defaultLimit = 20
	maxLimit     = 100
)

// maxWords is of how many sessions of a shard the index is asked by their words; more
// are compared one by one.
const maxWords = 500

// hit is an event that matches.
type hit struct {
	seq   int64
	score float64
}

// finder is one call of Search.
type finder struct {
	*Index
	file     *file
	p        api.SearchConversationsParams
	query    query
	sessions store.SessionFilter
	deadline time.Time
}

// Search finds events. Its errors are *api.Error, or the store's.
func (x *Index) Search(ctx context.Context, p api.SearchConversationsParams) (api.SearchConversationsResult, error) {
	s := &finder{Index: x, p: p, deadline: time.Now().Add(x.o.patience)}
	var result api.SearchConversationsResult
	at, err := s.check()
	if err != nil {
		return result, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	if s.file = x.file; s.file == nil {
		return result, x.unavailable()
	}
	result.HeadSeq, result.IndexedSeq = x.o.Store.Head(), s.file.indexed.Load()
	if at.upTo == 0 {
		at.upTo = result.IndexedSeq
	}
	hits, oldest := x.windows.find(at, s.p), at.oldest
	if hits == nil {
		if hits, oldest, err = s.collect(ctx, at); err != nil {
			return result, s.failed(err)
		}
	}
	result.Total, result.Partial = len(hits), oldest > 1
	page := hits[min(at.offset, len(hits)):]
	page = page[:min(len(page), *s.p.Limit)]
	var shown int
	if result.Matches, shown, err = s.show(ctx, page); err != nil {
		return result, s.failed(err)
	}
	switch at.offset += shown; {
	case at.offset < len(hits):
		at.oldest = oldest
		result.NextCursor = at.render(s.p)
		x.windows.keep(at, s.p, hits)
	case oldest > 1:
		result.NextCursor = place{upTo: oldest - 1}.render(s.p)
	}
	return result, nil
}

// failed says what an error means for who searches, and has the index made anew if it is
// the index's fault.
func (s *finder) failed(err error) error {
	switch {
	case s.file.moved():
		s.Wake()
		return unavailable("the index of texts was removed, and is made anew", "try again in a moment")
	case damage(err):
		s.hurt.Store(true)
		s.Wake()
		return unavailable("the index of texts is damaged (%v), and is made anew", "try again in a moment", err)
	}
	return fmt.Errorf("search: %w", err)
}

// unavailable is the error of a search for which there is no index.
func (x *Index) unavailable() error {
	switch {
	case x.closed:
		return ErrClosed
	case errors.Is(x.problem, errUnsupported):
		return unavailable("this daemon was built without full text search", BuildHint)
	case x.problem != nil:
		return unavailable("there is no index of texts: %v", "it is made as soon as that is possible; 'sessiond doctor' looks for what is wrong", x.problem)
	}
	return unavailable("the index of texts is being opened", "try again in a moment")
}

func unavailable(format, hint string, args ...any) *api.Error {
	return api.Errorf(api.ReasonSearchUnavailable, format, args...).With("hint", hint)
}

// check looks at the params, and fills in what was left out.
func (s *finder) check() (at place, err error) {
	p := &s.p
	if s.query, err = parseQuery(p.Query); err != nil {
		return at, err
	}
	p.Order = cmp.Or(p.Order, api.OrderRank)
	if p.Limit == nil {
		p.Limit = new(defaultLimit)
	}
	switch {
	case *p.Limit < 1 || *p.Limit > maxLimit:
		return at, api.InvalidParams("limit", "%d is not between 1 and %d", *p.Limit, maxLimit)
	case p.WorkingDir != "" && !filepath.IsAbs(p.WorkingDir):
		return at, api.InvalidParams("working_dir", "%q is not an absolute path", p.WorkingDir)
	case !p.Before.IsZero() && !p.After.IsZero() && !p.After.Before(p.Before.Time):
		return at, api.InvalidParams("before", "nothing is after %s and before %s", p.After, p.Before)
	}
	if p.SessionID != "" {
		if p.SessionID, err = api.ParseID("session_id", p.SessionID); err != nil {
			return at, err
		}
	}
	if p.WorkingDir != "" {
		p.WorkingDir = filepath.Clean(p.WorkingDir)
	}
	s.sessions = store.SessionFilter{ID: p.SessionID, WorkingDir: p.WorkingDir, Tag: p.Tag, Archived: p.Archived}
	if p.Cursor != "" {
		return parsePlace(*p)
	}
	return at, nil
}

// collect finds the hits of a window, in the order that was asked for. A window ends
// behind so many hits, or when the time is over: oldest is the seq that it reaches
// down to, 1 if that is all. On the pages behind the first it is what it was on that.
func (s *finder) collect(ctx context.Context, at place) (hits []hit, oldest int64, err error) {
	shards, err := s.shards(ctx, at)
	if err != nil {
		return nil, 0, err
	}
	if at.oldest != 0 { // it has been found how far it reaches, and that is no matter of time
		s.deadline = time.Time{}
	}
	for i, sh := range shards {
		from, upTo := max(at.oldest, sh.first), min(at.upTo, sh.last)
		found, reached, err := s.inShard(ctx, sh, from, upTo, s.o.maxRanked-len(hits))
		if err != nil {
			return nil, 0, err
		}
		if hits = append(hits, found...); reached > from || len(hits) >= s.o.maxRanked {
			oldest = reached
			break
		}
		if i+1 < len(shards) && s.late() {
			oldest = sh.first
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
	}
	oldest = cmp.Or(oldest, at.oldest, 1)
	if s.p.Order == api.OrderRank {
		slices.SortFunc(hits, func(a, b hit) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(b.seq, a.seq)) })
	}
	return hits, oldest, nil
}

// late reports whether the time is over.
func (s *finder) late() bool { return !s.deadline.IsZero() && time.Now().After(s.deadline) }

// shards are those that can have something, newest first.
func (s *finder) shards(ctx context.Context, at place) (list []shard, err error) {
	query, args := "SELECT n, living, first_seq, last_seq, min_time, max_time FROM shards WHERE first_seq <= ? AND last_seq >= ? AND living > 0",
		[]any{at.upTo, at.oldest}
	if !s.p.After.IsZero() {
		query, args = query+" AND max_time >= ?", append(args, s.p.After.Millis())
	}
	if !s.p.Before.IsZero() {
		query, args = query+" AND min_time < ?", append(args, s.p.Before.Millis())
	}
	rows, err := s.file.readers.QueryContext(ctx, query+" ORDER BY n DESC", args...)
	if err != nil {
		return nil, fault(err)
	}
	defer func() { err = fault(errors.Join(err, rows.Close())) }()
	for rows.Next() {
		var sh shard
		if err := rows.Scan(&sh.n, &sh.living, &sh.first, &sh.last, &sh.minTime, &sh.maxTime); err != nil {
			return nil, err
		}
		list = append(list, sh)
	}
	return list, rows.Err()
}

// inShard finds the newest hits of a shard, newest first: so many at most, and those
// that are found in the time. All events from reached on were looked at.
func (s *finder) inShard(ctx context.Context, sh shard, from, upTo int64, most int) (hits []hit, reached int64, err error) {
	words, conditions, args, some, err := s.conditions(ctx, sh)
	if err != nil || !some {
		return nil, from, err
	}
	p, err := s.plan(ctx, sh)
	if err != nil {
		return nil, 0, err
	}
	find, args := s.statement(sh, p, words, conditions, args)
	rows, err := s.file.readers.QueryContext(context.WithoutCancel(ctx), find, append(args, from, upTo)...)
	if err != nil {
		return nil, 0, fault(err)
	}
	defer func() { err = fault(errors.Join(err, rows.Close())) }()
	for more := true; more; {
		var some []hit
		if some, reached, more, err = take(rows); err != nil {
			return nil, 0, err
		}
		for len(some) > 0 {
			kept, n, err := s.keep(ctx, p.check, some)
			if err != nil {
				return nil, 0, err
			}
			at := some[n-1].seq
			if hits, some = append(hits, kept...), some[n:]; len(hits) >= most {
				hits = hits[:most]
				return hits, hits[most-1].seq, nil
			}
			if len(some) > 0 && s.late() {
				return hits, at, nil
			}
		}
		if more && s.late() {
			return hits, reached, nil
		}
	}
	return hits, from, nil
}

// conditions renders the filters for a shard: words that the index is asked for, and
// what is asked of the events that have them. some is false if nothing in the shard
// can match.
func (s *finder) conditions(ctx context.Context, sh shard) (words, conditions []string, args []any, some bool, err error) {
	if s.p.Role != "" {
		words = append(words, `"`+roleWord(s.p.Role)+`"`)
	}
	if s.p.ToolName != "" {
		words = append(words, `"`+toolWord(s.p.ToolName)+`"`)
	}
	if after := s.p.After.Millis(); after > sh.minTime {
		conditions, args = append(conditions, "e.time >= ?"), append(args, after)
	}
	if before := s.p.Before.Millis(); !s.p.Before.IsZero() && before <= sh.maxTime {
		conditions, args = append(conditions, "e.time < ?"), append(args, before)
	}
	if s.sessions.IsZero() {
		return words, conditions, args, true, nil
	}
	all, err := numbers(ctx, s.file.readers, "SELECT session FROM shard_sessions WHERE shard = ?", sh.n)
	if err != nil {
		return nil, nil, nil, false, fault(err)
	}
	picked, err := s.o.Store.WhichSessions(ctx, all, s.sessions)
	switch {
	case err != nil || len(picked) == 0:
		return nil, nil, nil, false, err
	case len(picked) == len(all):
	case len(picked) <= s.o.maxWords:
		either := make([]string, len(picked))
		for i, n := range picked {
			either[i] = `"` + sessionWord(n) + `"`
		}
		words = append(words, "("+strings.Join(either, " OR ")+")")
	default:
		list, err := json.Marshal(picked)
		if err != nil {
			return nil, nil, nil, false, err
		}
		conditions, args = append(conditions, "e.session IN (SELECT value FROM json_each(?))"), append(args, string(list))
	}
	return words, conditions, args, true, nil
}
