package search

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sessiond/sessiond/rpc/api"
)

const (
	// maxAsked is of how many words of a phrase a shard is asked: few events have
	// those that have not all of them.
	maxAsked = 8
	// maxPages is how many pages of a shard's words are read for a query, about. A
	// page of words that begin in one way counts for several: they have to be merged.
	maxPages    = 250
	prefixPages = 5
	// fewWords are so few that they need not be weighed.
	fewWords = 8
)

// plan is how a shard is searched: it is asked for what it answers quickly, and what
// it has of that is checked for all else by reading the texts. What is left to that
// is in so many events that it says nothing about how well one matches.
type plan struct{ ask, check query }

// part is a group of a query, or one of what it is to be without.
type part struct {
	terms   []term
	without bool
	pages   int
}

// plan divides the query for a shard.
func (s *finder) plan(ctx context.Context, sh shard) (p plan, err error) {
	var parts []part
	for _, group := range s.query.groups {
		parts = append(parts, part{terms: group})
	}
	for _, t := range s.query.without {
		parts = append(parts, part{terms: []term{t}, without: true})
	}
	if s.query.heavy() || s.o.maxPages != maxPages {
		if err := s.weigh(ctx, sh, parts); err != nil {
			return p, err
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.pages, b.pages) })
	left := s.o.maxPages
	for _, part := range parts {
		asked, whole := part.asked()
		fits := part.pages <= left && (whole || !part.without)
		if fits {
			left -= part.pages
			p.ask.add(part.without, asked)
		}
		if !fits || !whole {
			p.check.add(part.without, part.terms)
		}
	}
	return p, nil
}

// asked are the terms as a shard is asked for them; whole reports whether that is all of them.
func (p *part) asked() (terms []term, whole bool) {
	whole = true
	for _, t := range p.terms {
		if len(t.words) > maxAsked {
			t, whole = term{words: t.words[:maxAsked]}, false
		}
		terms = append(terms, t)
	}
	return terms, whole
}

func (q *query) add(without bool, terms []term) {
	if without {
		q.without = append(q.without, terms...)
	} else {
		q.groups = append(q.groups, terms)
	}
}

// weigh finds out how many pages of a shard the words of each part take. SQLite keeps
// the first word of each page, so it is known without reading one of them.
func (s *finder) weigh(ctx context.Context, sh shard, parts []part) (err error) {
	var of []*part
	var times []int
	var args []any
	for i := range parts {
		asked, _ := parts[i].asked()
		for _, t := range asked {
			for k, word := range t.words {
				beyond, n := "\x00", 1
				if t.prefix && k == len(t.words)-1 {
					beyond, n = "\xff", prefixPages
				}
				args = append(args, len(of), []byte(mainWords+word), []byte(mainWords+word+beyond))
				of, times = append(of, &parts[i]), append(times, n)
			}
		}
	}
	find := fmt.Sprintf(pagesOf, textTable(sh.n)+"_idx", strings.Repeat(", (?, ?, ?)", len(of))[2:]) // #nosec G201 -- nothing in it is a client's
	rows, err := s.file.readers.QueryContext(ctx, find, args...)
	if err != nil {
		return fault(err)
	}
	defer func() { err = fault(errors.Join(err, rows.Close())) }()
	for rows.Next() {
		var i, pages int
		if err := rows.Scan(&i, &pages); err != nil {
			return err
		}
		of[i].pages += pages * times[i]
	}
	return rows.Err()
}

// mainWords begins the words of an index that are no prefixes, as FTS5 keeps them.
const mainWords = "0"

// pagesOf says how many pages words from one on, and before another, are on, in all
// segments of a table: the number of a page is the upper part of pgno. Where the table
// says nothing that is understood, they count for nothing.
const pagesOf = `WITH RECURSIVE words(i, first, beyond) AS (VALUES %[2]s),
segments(id) AS (
	SELECT min(segid) FROM %[1]s
	UNION ALL SELECT (SELECT min(segid) FROM %[1]s WHERE segid > id) FROM segments WHERE id IS NOT NULL
)
SELECT i, coalesce(sum(
	coalesce((SELECT pgno FROM %[1]s WHERE segid = id AND term >= beyond ORDER BY term LIMIT 1),
		(SELECT pgno + 2 FROM %[1]s WHERE segid = id ORDER BY term DESC LIMIT 1)) / 2
	- (SELECT pgno FROM %[1]s WHERE segid = id AND term <= first ORDER BY term DESC LIMIT 1) / 2
), 0) FROM words, segments WHERE id IS NOT NULL GROUP BY i`

// holds reports whether a text has what is looked for.
func (q query) holds(all []token) bool {
	has := func(t term) bool {
		for i := range all {
			if t.at(all[i:]) {
				return true
			}
		}
		return false
	}
	for _, group := range q.groups {
		if !slices.ContainsFunc(group, has) {
			return false
		}
	}
	return !slices.ContainsFunc(q.without, has)
}

// heavy reports whether a query may take long: it has many words, or begins of words.
func (q query) heavy() bool {
	n := 0
	for _, t := range slices.Concat(slices.Concat(q.groups...), q.without) {
		if n += len(t.words); t.prefix || n > fewWords {
			return true
		}
	}
	return false
}

// zero reports whether nothing is looked for.
func (q query) zero() bool { return len(q.groups) == 0 && len(q.without) == 0 }

// statement is what a shard is asked by. An event that does not meet the conditions is
// a row without a score: so all that takes time is between two rows.
func (s *finder) statement(sh shard, p plan, words, conditions []string, args []any) (string, []any) {
	text, score, join := textTable(sh.n), "0.0", ""
	if s.p.Order == api.OrderRank && len(p.ask.groups) > 0 {
		score = "-bm25(" + text + ", 1.0, 0.0)" // of what is said, not of what it is filtered by
	}
	if len(p.ask.groups) == 0 {
		words = append(words, everybody)
	}
	if len(conditions) > 0 {
		join = " CROSS JOIN events e ON e.seq = " + text + ".rowid"
		score = "CASE WHEN " + strings.Join(conditions, " AND ") + " THEN " + score + " END"
	}
	find := fmt.Sprintf("SELECT %[1]s.rowid, %[2]s FROM %[1]s%[3]s WHERE %[1]s MATCH ? AND %[1]s.rowid BETWEEN ? AND ? ORDER BY %[1]s.rowid DESC",
		text, score, join) // #nosec G201 -- nothing in it is a client's
	return find, append(args, p.ask.match(words...))
}

// atOnce is how many rows are taken between two looks at the time.
const atOnce = 64

// take takes the next rows, and returns the hits among them, and how far they reach.
func take(rows *sql.Rows) (hits []hit, reached int64, more bool, err error) {
	for range atOnce {
		if !rows.Next() {
			return hits, reached, false, rows.Err()
		}
		var score sql.NullFloat64
		if err := rows.Scan(&reached, &score); err != nil {
			return nil, 0, false, err
		}
		if score.Valid {
			hits = append(hits, hit{reached, score.Float64})
		}
	}
	return hits, reached, true, nil
}

// readAtOnce is how many events are read between two looks at the time.
const readAtOnce = 16

// keep looks through what the first hits say, and returns those that have what is to
// be checked, and how many it has looked at: one at least, and not more than there is time for.
func (s *finder) keep(ctx context.Context, check query, hits []hit) (kept []hit, n int, err error) {
	if check.zero() {
		return hits, len(hits), nil
	}
	hits = hits[:min(len(hits), readAtOnce)]
	at, err := s.events(ctx, hits)
	if err != nil {
		return nil, 0, err
	}
	for n < len(hits) && (n == 0 || !s.late()) {
		h := hits[n]
		n++
		ev := at[h.seq]
		if ev == nil { // it was deleted
			continue
		}
		if shown, err := s.o.Render(ev); err == nil {
			if said, ok := whatIsSaid(&shown); ok && check.holds(slices.Collect(tokens(said.text))) {
				kept = append(kept, h)
			}
		}
	}
	return kept, n, nil
}
