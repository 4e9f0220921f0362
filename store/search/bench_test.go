package search

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// benchEvents is the size of log that a search has to answer from in 50 ms.
const benchEvents = 1_000_000

// benchCase is a search.
type benchCase struct {
	name string
	p    api.SearchConversationsParams
}

// extremes are the searches that the index is least made for.
func extremes() (list []benchCase) {
	words := func(format, between string, from, n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(format, from+i))
		}
		return strings.Join(all, between)
	}
	for _, c := range []struct{ name, query string }{
		{"begin of a quarter of all words", "w1*"},
		{"and a rare word", "needle w1*"},
		{"without it", "every -w1*"},
		{"begin of the last word of a phrase", `"w0 w1"*`},
		{"32 begins of words", words("w%d*", " OR ", 1, 32)},
		{"one of the 32 most frequent words", words("w%d", " OR ", 0, 32)},
		{"all of them", words("w%d", " ", 0, 32)},
		{"16 of them", words("w%d", " ", 0, 16)},
		{"none of them", "every -" + words("w%d", " -", 0, 31)},
		{"32 phrases", strings.Repeat(`"w0 w1 w2 w3" OR `, 31) + "nosuchword"},
		{"phrase of 300 words", `"` + strings.Repeat("w0 ", 300) + `"`},
		{"phrase of 220 words, all in every event", `"` + strings.Repeat("of every ", 110) + `"`},
	} {
		list = append(list, benchCase{c.name, api.SearchConversationsParams{Query: c.query}})
	}
	return list
}

// BenchmarkSearch searches 1,000,000 events of 2,000 sessions, each with some 60 words.
// The metric cpu-ms is the time that processors were at work for a search, which is what
// it takes on a machine that has nothing else to do; worst-ms is the slowest by the clock.
func BenchmarkSearch(b *testing.B) {
	l := newLibrary(b, Options{})
	rare := l.million(b)
	yes := true
	for _, c := range append([]benchCase{
		{"rare word", api.SearchConversationsParams{Query: "needle"}},
		{"no such word", api.SearchConversationsParams{Query: "nosuchword"}},
		{"word of every event", api.SearchConversationsParams{Query: "every"}},
		{"word of every event, newest", api.SearchConversationsParams{Query: "every", Order: api.OrderNewest}},
		{"two frequent words", api.SearchConversationsParams{Query: "every even"}},
		{"two that never meet", api.SearchConversationsParams{Query: "even odd"}},
		{"phrase", api.SearchConversationsParams{Query: `"w1 w2"`}},
		{"phrase of every event", api.SearchConversationsParams{Query: `"of every"`}},
		{"phrase that is nowhere", api.SearchConversationsParams{Query: `"every of"`}},
		{"prefix", api.SearchConversationsParams{Query: "w1*"}},
		{"or and not", api.SearchConversationsParams{Query: "needle OR w900 -even"}},
		{"frequent word, rare directory", api.SearchConversationsParams{Query: "every", WorkingDir: "/rare"}},
		{"frequent word, rare tag", api.SearchConversationsParams{Query: "every", Tag: "rare"}},
		{"frequent word, one session", api.SearchConversationsParams{Query: "every", SessionID: rare}},
		{"frequent word, archived", api.SearchConversationsParams{Query: "every", Archived: &yes}},
		{"frequent word, large directory", api.SearchConversationsParams{Query: "every", WorkingDir: "/projects"}},
		{"frequent word, rare tool", api.SearchConversationsParams{Query: "every", ToolName: "Rare"}},
		{"frequent word, role", api.SearchConversationsParams{Query: "every", Role: api.RoleUser}},
		{"frequent word, long ago", api.SearchConversationsParams{Query: "every", Before: api.FromMillis(1e12 + 1000)}},
		{"frequent word, long ago, imported", api.SearchConversationsParams{Query: "every", Before: api.FromMillis(1e12)}},
		{"frequent word, one millisecond", api.SearchConversationsParams{Query: "every", After: api.FromMillis(1e12 + 400_000), Before: api.FromMillis(1e12 + 400_001)}},
	}, extremes()...) {
		b.Run(c.name, func(b *testing.B) {
			worst, found, partial := time.Duration(0), 0, 0
			cpu := cpuTime(b)
			for b.Loop() {
				begun := time.Now()
				r, err := l.Search(b.Context(), c.p)
				if err != nil {
					b.Fatal(err)
				}
				worst, found = max(worst, time.Since(begun)), r.Total
				if r.Partial && r.Total < maxRanked { // the time was over before that was found
					partial++
				}
			}
			b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/1000/float64(b.N), "cpu-ms")
			b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
			b.ReportMetric(float64(found), "found")
			b.ReportMetric(float64(partial)/float64(b.N), "cut-short")
		})
	}
}

// cpuTime is what this process has taken of the processors so far.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// million fills a log, and waits for the index of it. It returns the id of a session
// that is rare in every way.
func (l *library) million(b *testing.B) (rare string) {
	const sessions = 2000
	rows := make([]*store.SessionRow, sessions)
	for i := range rows {
		rows[i] = l.session(func(s *api.Session) {
			s.WorkingDir, s.Archived = fmt.Sprintf("/projects/%d", i%50), i%7 == 0
			if i == 1000 {
				s.WorkingDir, s.Tags = "/rare/one", []string{"rare"}
			}
		})
	}
	r := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(r, 1.2, 4, 50000)
	begun := time.Now()
	for n := 0; n < benchEvents; {
		batch := &store.Batch{}
		for range 1000 {
			batch.Events = append(batch.Events, benchEvent(rows[n*sessions/benchEvents].N, n, zipf))
			n++
		}
		l.commit(batch)
	}
	b.Logf("written in %v", time.Since(begun))
	l.settle()
	b.Logf("indexed in %v", time.Since(begun))
	info, err := os.Stat(l.file.path)
	if err != nil {
		b.Fatal(err)
	}
	size, err := l.store.Size(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("the index has %d MB, the log %d MB", info.Size()>>20, size.Used>>20)
	return rows[1000].Session.ID
}

func benchEvent(session int64, n int, zipf *rand.Zipf) store.Event {
	var text strings.Builder
	for range 60 {
		fmt.Fprintf(&text, "w%d ", zipf.Uint64())
	}
	text.WriteString([]string{"even", "odd"}[n%2] + " part of every event")
	if n%100_000 == 7 {
		text.WriteString(" needle")
	}
	said := api.ConversationEvent{EventType: api.ConversationMessage, Role: []string{"user", "assistant"}[n/3%2], Content: text.String()}
	if n%250_000 == 11 {
		said = api.ConversationEvent{EventType: api.ConversationToolCall, ToolName: "Rare", ToolID: "x", ToolInput: must(api.Marshal(map[string]any{"a": said.Content}))}
	}
	ev := event(session, said)
	if ev.Time = api.FromMillis(1e12 + int64(n)); n%1000 == 500 { // it was imported: it is older than what stands around it
		ev.Time = api.FromMillis(1e12 - int64(n))
	}
	return ev
}
