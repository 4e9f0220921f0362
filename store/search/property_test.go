package search

import (
	"errors"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

var vocabulary = []string{"alpha", "Beta", "GAMMA", "crème", "creme", "straße", "日本語", "本", "user_id", "user", "id", "readFile",
	"a.b", "ελληνικά", "поиск", "ПОИСК", "42", "OR", "x", "don't", "ﬁle", "ｗｉｄｅ"}

func textOf(least int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		said := rapid.SliceOfN(rapid.SampledFrom(vocabulary), least, 9).Draw(t, "words")
		return strings.Join(said, rapid.SampledFrom([]string{" ", "\n", ", ", " - "}).Draw(t, "between"))
	})
}

// anyQuery makes a query out of the vocabulary, and of signs that mean something.
func anyQuery() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		word := rapid.SampledFrom(vocabulary)
		part := rapid.Custom(func(t *rapid.T) string {
			w := word.Draw(t, "word")
			switch rapid.IntRange(0, 7).Draw(t, "form") {
			case 0:
				return `"` + w + " " + word.Draw(t, "second") + `"`
			case 1:
				return w[:len(w)/2] + "*"
			case 2:
				return "-" + w
			case 4:
				long := rapid.SliceOfN(word, maxAsked, maxAsked+2).Draw(t, "long")
				return strings.Repeat("-", rapid.IntRange(0, 1).Draw(t, "minus")) + `"` + strings.Join(long, " ") + `"`
			case 3:
				return w + " OR " + word.Draw(t, "other")
			}
			return w
		})
		return strings.Join(rapid.SliceOfN(part, 1, 3).Draw(t, "parts"), " ")
	})
}

// entry is an event as the plain search has it.
type entry struct {
	seq     int64
	session *store.SessionRow
	said    api.ConversationEvent
	time    api.Time
}

// TestSearchIsLikeReadingEverything: whatever is said and looked for, the index finds
// what somebody would find who reads everything, with any size of shards and windows.
func TestSearchIsLikeReadingEverything(t *testing.T) {
	t.Parallel()
	needIndex(t)
	rapid.Check(t, func(rt *rapid.T) {
		o := quick()
		o.shardEvents, o.maxRanked = rapid.IntRange(1, 12).Draw(rt, "shard"), rapid.IntRange(1, 20).Draw(rt, "ranked")
		o.maxWords, o.maxPages = rapid.IntRange(1, 3).Draw(rt, "words"), rapid.IntRange(-1, 12).Draw(rt, "pages")
		o.shardBytes = rapid.IntRange(1, 500).Draw(rt, "bytes")
		o.patience = rapid.SampledFrom([]time.Duration{time.Nanosecond, time.Hour}).Draw(rt, "patience")
		l := newLibrary(t, o)
		all := l.fill(rt)
		for range 6 {
			p := anyParams(rt, all)
			q, err := parseQuery(p.Query)
			if err != nil {
				continue
			}
			want := []int64{}
			for i := len(all) - 1; i >= 0; i-- {
				if all[i].fits(&p, q) {
					want = append(want, all[i].seq)
				}
			}
			got := l.all(p)
			l.check(rt, &p, q, got, want)
		}
		if err := errors.Join(l.Close(), l.store.Close()); err != nil { // there will be many
			rt.Fatal(err)
		}
	})
}

// fill makes sessions and lets them say something.
func (l *library) fill(rt *rapid.T) (all []entry) {
	var rows []*store.SessionRow
	for range rapid.IntRange(1, 5).Draw(rt, "sessions") {
		rows = append(rows, l.session(func(s *api.Session) {
			s.WorkingDir = rapid.SampledFrom([]string{"/p", "/p/a", "/p/ab", "/q"}).Draw(rt, "dir")
			s.Archived = rapid.Bool().Draw(rt, "archived")
			s.Tags = rapid.SampledFrom([][]string{{}, {"t"}, {"t", "u"}}).Draw(rt, "tags")
		}))
	}
	b := &store.Batch{}
	for range rapid.IntRange(1, 40).Draw(rt, "events") {
		e := entry{session: rapid.SampledFrom(rows).Draw(rt, "session"), time: api.FromMillis(rapid.Int64Range(1, 50).Draw(rt, "time"))}
		e.said = api.ConversationEvent{EventType: api.ConversationMessage, Role: "user", Content: textOf(1).Draw(rt, "text")}
		switch rapid.IntRange(0, 3).Draw(rt, "who") {
		case 0:
			e.said.Role = "assistant"
		case 1:
			e.said = api.ConversationEvent{EventType: api.ConversationToolCall, Role: "assistant", ToolID: "x", ToolName: "Bash",
				ToolInput: must(api.Marshal(map[string]any{"alpha": []any{e.said.Content, 1}}))}
		}
		ev := event(e.session.N, e.said)
		ev.Time = e.time
		b.Events = append(b.Events, ev)
		all = append(all, e)
	}
	l.commit(b)
	for i := range all {
		all[i].seq = b.Events[i].Seq
	}
	return all
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func anyParams(rt *rapid.T, all []entry) (p api.SearchConversationsParams) {
	p.Query = anyQuery().Draw(rt, "query")
	p.Order = rapid.SampledFrom([]api.SearchOrder{api.OrderNewest, api.OrderRank, ""}).Draw(rt, "order")
	p.Limit = new(rapid.IntRange(1, 7).Draw(rt, "limit"))
	maybe := func(what string) bool { return rapid.IntRange(0, 3).Draw(rt, what) == 0 }
	if maybe("by dir") {
		p.WorkingDir = rapid.SampledFrom([]string{"/", "/p", "/p/a/", "/q"}).Draw(rt, "where")
	}
	if maybe("by tag") {
		p.Tag = rapid.SampledFrom([]string{"t", "u", "none"}).Draw(rt, "tag")
	}
	if maybe("by mark") {
		p.Archived = new(rapid.Bool().Draw(rt, "archived"))
	}
	if maybe("by session") {
		p.SessionID = rapid.SampledFrom(all).Draw(rt, "one").session.Session.ID
	}
	if maybe("by role") {
		p.Role = rapid.SampledFrom([]api.Role{api.RoleUser, api.RoleAssistant, api.RoleTool}).Draw(rt, "role")
	}
	if maybe("by tool") {
		p.ToolName = rapid.SampledFrom([]string{"Bash", "Read"}).Draw(rt, "tool")
	}
	if maybe("after") {
		p.After = api.FromMillis(rapid.Int64Range(1, 25).Draw(rt, "from"))
	}
	if maybe("before") {
		p.Before = api.FromMillis(rapid.Int64Range(26, 50).Draw(rt, "until"))
	}
	return p
}

var nobody = &store.SessionRow{}

// fits decides by reading.
func (e *entry) fits(p *api.SearchConversationsParams, q query) bool {
	said, ok := whatIsSaid(&e.said)
	s := &e.session.Session
	below := path.Clean(p.WorkingDir)
	words := strings.Fields(words(said.text))
	has := func(t term) bool {
		for i := 0; i+len(t.words) <= len(words); i++ {
			same := slices.Equal(words[i:i+len(t.words)-1], t.words[:len(t.words)-1])
			last, word := words[i+len(t.words)-1], t.words[len(t.words)-1]
			if same && (last == word || t.prefix && strings.HasPrefix(last, word)) {
				return true
			}
		}
		return false
	}
	for _, group := range q.groups {
		ok = ok && slices.ContainsFunc(group, has)
	}
	return ok && !slices.ContainsFunc(q.without, has) &&
		(p.WorkingDir == "" || below == "/" || s.WorkingDir == below || strings.HasPrefix(s.WorkingDir, below+"/")) &&
		(p.Tag == "" || slices.Contains(s.Tags, p.Tag)) && (p.Archived == nil || s.Archived == *p.Archived) &&
		(p.SessionID == "" || s.ID == p.SessionID) && (p.Role == "" || said.role == p.Role) &&
		(p.ToolName == "" || said.tool == p.ToolName) &&
		!e.time.Before(p.After.Time) && (p.Before.IsZero() || e.time.Before(p.Before.Time))
}

// check compares what was found, its order, and what is shown of it.
func (l *library) check(rt *rapid.T, p *api.SearchConversationsParams, q query, got []api.SearchMatch, want []int64) {
	seqs := make([]int64, len(got))
	for i, m := range got {
		seqs[i] = m.Seq
		var shown []string
		for _, r := range m.Highlights {
			shown = append(shown, string([]rune(m.Snippet)[r.Start:r.End]))
		}
		if len(shown) == 0 {
			rt.Fatalf("%q: nothing is highlighted in %q", p.Query, m.Snippet)
		}
		for _, s := range shown {
			if !slices.ContainsFunc(slices.Concat(q.groups...), func(t term) bool { return len(occurrences(slices.Collect(tokens(s)), []term{t})) > 0 }) {
				rt.Fatalf("%q: %q is highlighted in %q", p.Query, s, m.Snippet)
			}
		}
	}
	if p.Order != api.OrderNewest {
		if len(got) <= l.o.maxRanked && l.o.patience == time.Hour && !slices.IsSortedFunc(got, func(a, b api.SearchMatch) int {
			if a.Score != b.Score {
				return int(max(-1, min(1, (b.Score-a.Score)*1e12)))
			}
			return int(b.Seq - a.Seq)
		}) {
			rt.Fatalf("%q: not by rank: %+v", p.Query, got)
		}
		slices.Sort(seqs)
		slices.Reverse(seqs)
	}
	if diff := cmp.Diff(want, seqs); diff != "" {
		rt.Fatalf("%+v: %s", *p, diff)
	}
}
