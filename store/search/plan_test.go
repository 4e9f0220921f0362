package search

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// TestWhatTheIndexIsNotAskedFor: what would take long is looked for in the texts, the
// newest first, for as long as there is time; the cursor goes on from there.
func TestWhatTheIndexIsNotAskedFor(t *testing.T) {
	t.Parallel()
	o := quick()
	o.maxPages, o.patience = -1, time.Nanosecond
	l := newLibrary(t, o)
	row := l.session(nil)
	var want []int64
	for i := range 5 * readAtOnce {
		want = append(want, l.say(row, "every apple "+strings.Repeat("and more ", i%3)))
	}
	l.say(row, "a pear")
	slices.Reverse(want)
	l.settle()
	for _, query := range []string{"app*", "every", `"every apple"`, "app* OR nothing", "ever* -pear"} {
		r, err := l.Search(t.Context(), api.SearchConversationsParams{Query: query})
		if err != nil || !r.Partial || r.NextCursor == "" || r.Total > readAtOnce {
			t.Errorf("%s: %+v, %v", query, r, err)
		}
		l.want(query, want...)
	}
}

// TestWhatAWordTakes: the begin of many words weighs more than a word, and that more
// than one that is rare; a query that is heavy is not asked of the index whole.
func TestWhatAWordTakes(t *testing.T) {
	t.Parallel()
	o := quick()
	o.shardEvents, o.maxPages = 41, 100
	l := newLibrary(t, o)
	row := l.session(nil)
	for i := range 40 {
		var text strings.Builder
		for k := range 2000 {
			fmt.Fprintf(&text, "w%d every ", i*2000+k)
		}
		l.say(row, text.String())
	}
	l.say(row, strings.Repeat("of ", 100)+"zebra")
	l.say(row, "the shard before is full")
	eventually(t, "it is packed", func() bool {
		untidy, err := numbers(t.Context(), l.file.readers, "SELECT n FROM shards WHERE untidy OR (SELECT count(*) FROM shards) < 2")
		return err == nil && len(untidy) == 0 && l.Health().Behind == 0
	})
	plan := func(text string) (plan, int) {
		query, err := parseQuery(text)
		if err != nil {
			t.Fatal(err)
		}
		s := &finder{Index: l.Index, file: l.file, query: query}
		parts := []part{{terms: query.groups[0]}}
		if err := s.weigh(t.Context(), shard{n: 1}, parts); err != nil {
			t.Fatal(err)
		}
		p, err := s.plan(t.Context(), shard{n: 1})
		if err != nil {
			t.Fatal(err)
		}
		return p, parts[0].pages
	}
	_, rare := plan("zebra")
	_, frequent := plan("every")
	begins, many := plan("w1*")
	if rare >= frequent || frequent >= many || many < o.maxPages || len(begins.ask.groups) != 0 || len(begins.check.groups) != 1 {
		t.Errorf("%d pages for a rare word, %d for a frequent one, %d for many: %+v", rare, frequent, many, begins)
	}
	if p, _ := plan("zebra w1*"); len(p.ask.groups) != 1 || len(p.check.groups) != 1 {
		t.Errorf("a rare word and a frequent begin: %+v", p)
	}
	if p, _ := plan(`"` + strings.Repeat("of ", 100) + `zebra"`); len(p.ask.groups[0][0].words) != maxAsked || len(p.check.groups[0][0].words) != 101 {
		t.Errorf("a long phrase: %+v", p)
	}
	if seqs := l.seqs(`"` + strings.Repeat("of ", 99) + `zebra"`); len(seqs) != 1 {
		t.Errorf("the phrase is at %v", seqs)
	}
}

// TestAShardIsBoundInBytesToo: long events come to more shards.
func TestAShardIsBoundInBytesToo(t *testing.T) {
	t.Parallel()
	o := quick()
	o.shardBytes = 100
	l := newLibrary(t, o)
	row := l.session(nil)
	for range 5 {
		l.say(row, strings.Repeat("apple ", 12), "pear", "pear") // 80 bytes: the next one still fits
	}
	l.settle()
	n, err := numbers(t.Context(), l.file.readers, "SELECT bytes FROM shards WHERE bytes BETWEEN 100 AND 200")
	if err != nil || len(n) < 2 {
		t.Errorf("%v, %v", n, err)
	}
	if seqs := l.seqs("pear"); len(seqs) != 10 {
		t.Errorf("there are pears at %v", seqs)
	}
}

// TestWhatThereIsNoTimeToShow comes with the next page.
func TestWhatThereIsNoTimeToShow(t *testing.T) {
	t.Parallel()
	o := quick()
	o.patience = time.Nanosecond
	l := newLibrary(t, o)
	row := l.session(nil)
	var want []int64
	for range 2*showAtOnce + 1 {
		want = append(want, l.say(row, "an apple"))
	}
	slices.Reverse(want)
	l.settle()
	r, err := l.Search(t.Context(), api.SearchConversationsParams{Query: "apple"})
	if err != nil || len(r.Matches) != showAtOnce || r.Total != len(want) || r.Partial || r.NextCursor == "" {
		t.Errorf("%+v, %v", r, err)
	}
	l.want("apple", want...)
}

// TestASnippetOfALongText is the one of all of it, however little of it was read.
func TestASnippetOfALongText(t *testing.T) {
	t.Parallel()
	filler := strings.Repeat("filler ", 2000)
	for text, want := range map[string]string{
		"apple " + filler + "apple pear " + filler: "apple pear",
		filler + "a pear. " + filler:               "a pear.",
		"apple pear " + filler:                     "apple pear",
	} {
		q, err := parseQuery("apple OR pear")
		if err != nil {
			t.Fatal(err)
		}
		if got, ranges := snippet(text, q); !strings.Contains(got, want) || len(ranges) == 0 {
			t.Errorf("%q, %v, not %q", got, ranges, want)
		}
	}
	q, err := parseQuery("apple OR pear")
	if err != nil {
		t.Fatal(err)
	}
	behind := strings.Repeat("behind ", 3000)
	for n := lookFirst/7 - 40; n < lookFirst/7+2; n++ { // wherever what is looked at first ends in it
		before := strings.Repeat("filler ", n)
		got, ranges := snippet(before+"apple pear "+behind, q)
		want, same := snippet(before[7*300:]+"apple pear "+behind, q)
		if got != want || !slices.Equal(ranges, same) {
			t.Errorf("%d words before: %q, %v, not %q, %v", n, got, ranges, want, same)
		}
	}
}

// TestPagesGoOnInOneOrder, although what comes in between them has the matches score
// otherwise.
func TestPagesGoOnInOneOrder(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, quick())
	row := l.session(nil)
	seen := map[int64]int{l.say(row, "pear pear pear plum"): 0, l.say(row, "plum plum plum pear"): 0}
	for range 5 {
		l.say(row, "a plum")
	}
	l.settle()
	p := api.SearchConversationsParams{Query: "pear plum", Limit: new(1)}
	for {
		r, err := l.Search(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range r.Matches {
			seen[m.Seq]++
		}
		if p.Cursor = r.NextCursor; p.Cursor == "" {
			break
		}
		for range 50 {
			l.say(row, "a pear")
		}
		l.settle()
	}
	for seq, n := range seen {
		if n != 1 {
			t.Errorf("%d is on %d pages", seq, n)
		}
	}
}

// TestWeighingIsNoJudgeOfTheIndex: where what words take cannot be told, they are
// looked for all the same, and the index is not thrown away.
func TestWeighingIsNoJudgeOfTheIndex(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, quick())
	l.say(l.session(nil), "every apple")
	l.settle()
	if _, err := l.file.writer.ExecContext(t.Context(), "UPDATE "+textTable(1)+"_idx SET term = x'ff'"); err != nil {
		t.Fatal(err)
	}
	query, err := parseQuery("app*")
	if err != nil {
		t.Fatal(err)
	}
	s := &finder{Index: l.Index, file: l.file, query: query}
	if err := s.weigh(t.Context(), shard{n: 1}, []part{{terms: query.groups[0]}}); err != nil {
		t.Error(err)
	}
}
