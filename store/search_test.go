package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/rpc/api"
)

// indexed waits until no block is due.
func indexed(t testing.TB, s *Store) {
	t.Helper()
	eventually(t, "no block is due", func() bool {
		var waiting int
		err := s.db.QueryRow("SELECT count(*) FROM session_unindexed WHERE NOT too_large").Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
		return waiting < blockDue
	})
}

// words are those of which titles and queries are made here, so that words are
// found in none, in some and in nearly all of them.
var words = []string{"a", "ab", "work", "Straße", "日本", "~", "100%", "work number", "\x00", "zebra", strings.Repeat("long ", 50)}

func someText(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(4) {
		b.WriteString(words[min(r.IntN(len(words)), r.IntN(len(words)))])
		b.WriteByte(" -"[r.IntN(2)])
	}
	return b.String()
}

// TestSearchFindsWhatContainsTheText, whether it is in a block or not, and after
// titles have changed and sessions are gone.
func TestSearchFindsWhatContainsTheText(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	r := rand.New(rand.NewPCG(1, 2))
	var rows []*SessionRow
	check := func(when string) {
		t.Helper()
		for _, text := range append(words, "k n", "ZEB", "zebra work", "-", "b", "nowhere", "本", "\xff", "ber", "\x00 ", "g long l", "Stras", "%-a") {
			var want []string
			for i := len(rows) - 1; i >= 0; i-- {
				if x := &rows[i].Session; strings.Contains(fold(x.Title), fold(text)) || strings.Contains(fold(x.Query), fold(text)) {
					want = append(want, x.Title)
				}
			}
			got := listed(t, s, api.ListSessionsParams{Text: text, Limit: new(100)})
			if !slices.Equal(got, want) {
				t.Fatalf("%s: %q is found in %d sessions, want %d", when, text, len(got), len(want))
			}
		}
	}
	for i := range 3*blockSessions + 100 {
		rows = append(rows, create(t, s, func(row *SessionRow) {
			row.Session.Title, row.Session.Query = fmt.Sprintf("%s#%d", someText(r), i), someText(r)
			row.Session.LastActivityAt = api.FromMillis(int64(1e12 + i))
		}))
	}
	check("before all are in blocks")
	indexed(t, s)
	check("in blocks")
	var blocks int
	if err := s.db.QueryRow("SELECT count(*) FROM session_blocks").Scan(&blocks); err != nil || blocks < 3 {
		t.Fatalf("%d blocks, %v", blocks, err)
	}
	for i := range rows {
		if i%3 > 0 {
			rows[i].Session.Title = fmt.Sprintf("%s, renamed#%d", someText(r), i)
			commit(t, s, &Batch{Update: &SessionUpdate{N: rows[i].N, JournalOffset: -1, Session: &rows[i].Session}})
		}
	}
	check("renamed")
	for i := 0; i < len(rows); i += 3 {
		commit(t, s, &Batch{Delete: rows[i].N})
		rows[i] = nil
	}
	rows = slices.DeleteFunc(rows, func(row *SessionRow) bool { return row == nil })
	check("deleted")
	s.indexer.look()
	indexed(t, s)
	check("in blocks again")
	eventually(t, "blocks that are empty go", func() bool {
		var thin int
		if err := s.db.QueryRow("SELECT count(*) FROM session_blocks WHERE living * 2 <= members").Scan(&thin); err != nil {
			t.Fatal(err)
		}
		return thin == 0
	})
	check("without empty blocks")
}

// TestBlocksGrow: half a block is made anew with what comes next, but not one that is
// full of text, which would be as full each time.
func TestBlocksGrow(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	r := rand.New(rand.NewPCG(5, 6))
	members := func(want string) {
		t.Helper()
		eventually(t, "blocks of "+want+" sessions", func() bool {
			var got string
			err := s.db.QueryRow("SELECT coalesce(group_concat(members, ' '), '') FROM (SELECT members FROM session_blocks ORDER BY block)").Scan(&got)
			if err != nil {
				t.Fatal(err)
			}
			return got == want
		})
	}
	add := func(n, letters int) {
		t.Helper()
		for range n {
			create(t, s, func(row *SessionRow) {
				query := make([]byte, letters)
				for i := range query {
					query[i] = 'a' + byte(r.IntN(26))
				}
				row.Session.Query = string(query)
			})
		}
		s.indexer.look() // it looks by itself behind every 16
	}
	add(blockDue, 10)
	members("128")
	add(blockDue, 10)
	members("256")
	add(blockDue, 10)
	members("256 128")

	const large = 12_000 // letters, of which a block has room for some eight sessions
	add(2*blockDueBytes/large, large)
	eventually(t, "sessions with much text are in blocks", func() bool {
		var waiting int
		if err := s.db.QueryRow("SELECT count(*) FROM session_unindexed").Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		return waiting*large < blockDueBytes
	})
}

// TestSearchLooksAtMore: whatever has the grams of a text, and not the text, hides
// none that has it, however many and new they are.
func TestSearchLooksAtMore(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	const few, many = 3, 2 * blockSessions
	var want []string
	add := func(n int, query string) {
		for i := range n {
			create(t, s, func(row *SessionRow) {
				row.Session.Query, row.Session.Title = query, fmt.Sprint(query, i)
				if n == few {
					want = append([]string{row.Session.Title}, want...)
				}
			})
		}
	}
	add(few, "abcabd")
	add(many, "bcabd abc")
	indexed(t, s)
	for limit := 1; limit <= few+1; limit++ { // of a page
		if got := listed(t, s, api.ListSessionsParams{Text: "abcabd", Limit: &limit}); !slices.Equal(got, want) {
			t.Errorf("by %d: got %v", limit, got)
		}
	}
}

// BenchmarkSearch looks for texts in 100,000 sessions.
func BenchmarkSearch(b *testing.B) {
	s := open(b, Options{})
	const sessions = 100_000
	var wg sync.WaitGroup
	for worker := range 64 {
		wg.Go(func() {
			for i := worker; i < sessions; i += 64 {
				row := &SessionRow{ParamsHash: "h", Session: api.Session{ID: uuid.NewString(), RunID: uuid.NewString(), ClaudeSessionID: uuid.NewString(),
					Status: api.StatusCompleted, Title: fmt.Sprint("session ", i), Query: fmt.Sprintf("do the work number %d, %s", i, benchQuery(i)),
					LastActivityAt: api.FromMillis(int64(1e12 + i))}}
				if err := s.Commit(b.Context(), &Batch{Create: row}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	indexed(b, s)
	for _, text := range []string{"", "work number", "work number 77", "wombat", "~", "q#", "number 99999", "77", "777", "gamma delta mu", "the work number 1x", "alpha alpha alpha beta"} {
		b.Run(fmt.Sprintf("%q", text), func(b *testing.B) {
			for b.Loop() {
				if _, err := s.ListSessions(b.Context(), api.ListSessionsParams{Text: text}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchQuery is a text of about forty words.
func benchQuery(i int) string {
	greek := strings.Fields("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi psi omega")
	r := rand.New(rand.NewPCG(3, uint64(i)))
	words := make([]string, 40)
	for j := range words {
		words[j] = greek[r.IntN(len(greek))] + [...]string{"", "s", "ing", "ed"}[r.IntN(4)]
	}
	return strings.Join(words, " ")
}
