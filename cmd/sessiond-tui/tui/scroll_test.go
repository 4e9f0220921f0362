package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"github.com/sessiond/sessiond/rpc/api"
)

// sparse is a conversation whose seqs are far apart: others go on beside it.
func sparse(seqs []int64) *fake {
	f := newFake()
	for _, seq := range seqs {
		ev := says(fmt.Sprint(seq))
		ev.Seq = seq
		f.talks["s"] = append(f.talks["s"], ev)
		f.head = seq
	}
	return f
}

// Read from its end, a conversation is whole, and each event comes once.
func TestAConversationIsReadBackwards(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var seqs []int64
		seq := int64(0)
		for range rapid.IntRange(0, 6).Draw(t, "bursts") {
			seq += rapid.Int64Range(1, 3_000_000).Draw(t, "gap")
			for range rapid.IntRange(1, 1500).Draw(t, "events") {
				seq += rapid.Int64Range(1, 3).Draw(t, "step")
				seqs = append(seqs, seq)
			}
		}
		f := sparse(seqs)
		f.head += rapid.Int64Range(0, 1_000_000).Draw(t, "head")
		var got []int64
		for before := int64(0); ; {
			p, err := earlier(context.Background(), f, "s", before, f.head)
			if err != nil {
				t.Fatal(err)
			}
			var piece []int64
			for _, ev := range p.events {
				piece = append(piece, ev.Seq)
			}
			got = append(piece, got...)
			if p.after == 0 {
				break
			}
			if len(piece) == 0 {
				t.Fatal("nothing was found although there may be more")
			}
			before = p.after + 1
		}
		if !slices.Equal(got, seqs) {
			t.Fatalf("%d events became %d", len(seqs), len(got))
		}
		if f.reads > 100+len(seqs)/50 {
			t.Fatalf("%d events took %d readings", len(seqs), f.reads)
		}
	})
}

// The screen is always a part of all lines, as long as there are enough; what is
// loaded before it, or comes behind it, does not move it.
func TestScrollingShowsAPartOfAllLines(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := &scroll{transcript: newTranscript(), r: newRenderer(newTheme(true, false)), width: 40, follow: true}
		s.height = rapid.IntRange(1, 30).Draw(t, "height")
		seq := int64(10_000)
		next := func() api.ConversationEvent {
			seq++
			ev := says(strings.Repeat(fmt.Sprintf("line of %d\n", seq), rapid.IntRange(1, 40).Draw(t, "lines")))
			ev.Seq = seq
			return ev
		}
		for range rapid.IntRange(1, 20).Draw(t, "blocks") {
			s.append(next())
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			was := first(s)
			moved := true
			switch rapid.IntRange(0, 7).Draw(t, "step") {
			case 0:
				s.by(rapid.IntRange(-50, 50).Draw(t, "by"))
			case 1:
				s.selectBy(rapid.SampledFrom([]int{-1, 1}).Draw(t, "select"))
				if from, to := s.visible(); s.selected < from || s.selected > to {
					t.Fatalf("block %d is selected, and %d to %d are on the screen", s.selected, from, to)
				}
			case 2:
				s.home()
			case 3:
				s.last()
			case 4:
				moved = s.follow
				s.append(next())
			case 5:
				moved = len(everything(s)) <= s.height // then there is room for it
				older := next()
				older.Seq = 10_000 - seq
				s.before([]api.ConversationEvent{older})
			case 6:
				s.selected = min(s.selected, len(s.blocks)-1)
				s.blocks[s.selected].fold = foldOpen
			case 7:
				s.height = rapid.IntRange(1, 30).Draw(t, "height")
			}
			all, screen := everything(s), s.view(false)
			if !contains(all, screen) {
				t.Fatalf("the screen is no part of the conversation:\n%s", strings.Join(screen, "\n"))
			}
			if want := min(len(all), s.height); len(screen) != want {
				t.Fatalf("%d lines on the screen, not %d", len(screen), want)
			}
			if now := first(s); !moved && now != was {
				t.Fatalf("the screen moved from %q to %q", was, now)
			}
			if s.selected < 0 || s.selected >= len(s.blocks) {
				t.Fatalf("block %d of %d is selected", s.selected, len(s.blocks))
			}
		}
	})
}

// first is the first line that is not empty on the screen, and where it stands.
func first(s *scroll) string {
	for i, line := range s.view(false) {
		if strings.TrimSpace(line) != "" {
			return fmt.Sprint(i, line)
		}
	}
	return ""
}

func everything(s *scroll) (all []string) {
	for i := range s.count() {
		for _, line := range s.lines(i) {
			all = append(all, "  "+line)
		}
	}
	return all
}

func contains(all, part []string) bool {
	for i := 0; i+len(part) <= len(all); i++ {
		if slices.Equal(all[i:i+len(part)], part) {
			return true
		}
	}
	return false
}

// long is a conversation of 50,000 events of all kinds.
func long() *fake {
	f := newFake()
	f.sessions = []api.Session{{ID: "s", Title: "long", Status: api.StatusRunning}}
	for i := range 50_000 / 4 {
		tool := fmt.Sprint("t", i)
		f.say("s", says(fmt.Sprintf("Step %d: **look** at `file%d.go`\n\n- and then\n- go on", i, i)))
		f.say("s", calls(tool, "Edit", `{"file_path":"/a/b.go","old_string":"one\ntwo","new_string":"one\nthree"}`))
		f.say("s", result(tool, "updated\nthe file", false))
		f.say("s", thinks("What is next?\nThe next file."))
	}
	return f
}

// opened is the UI with such a conversation, of which more and more is read.
func opened(t testing.TB) (*model, *talk) {
	f := long()
	m := quiet(t, f)
	m.list.selected = "s"
	m.Update(nil)
	tk := m.current
	p, err := earlier(context.Background(), f, "s", 0, f.head)
	m.Update(pastMsg{"s", 0, p, err})
	m.focus = focusTalk
	m.View()
	return m, tk
}

// Only what is on the screen is rendered, and that once.
func TestOnlyWhatIsSeenIsRendered(t *testing.T) {
	t.Parallel()
	m, tk := opened(t)
	if n := m.r.rendered; n > 120 { // two screens full: the first one is drawn twice, before and after it is sized
		t.Errorf("opening it rendered %d blocks", n)
	}
	if len(tk.blocks) > 2*pageful {
		t.Errorf("%d blocks were loaded", len(tk.blocks))
	}
	before := m.r.rendered
	for range 10 {
		m.View()
	}
	if m.r.rendered != before {
		t.Error("drawing it again rendered it again")
	}
	for range 20 {
		tk.by(-30)
		m.View()
	}
	if n := m.r.rendered - before; n > 700 {
		t.Errorf("600 lines further up, %d blocks were rendered", n)
	}
}

// A conversation of 50,000 events is read to its beginning, and is whole.
func TestALongConversationIsReadToItsBeginning(t *testing.T) {
	t.Parallel()
	s := show(t, long(), 120, 36, false, nil)
	s.See("Step 12499")
	s.Press("l", "g")
	s.See("Step 0: look", "Step 1: look")
	s.Press("G")
	s.See("Step 12499")
}

// A text of many megabytes is shown as far as anybody reads it.
func TestAHugeTextIsBounded(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("漢字 and more of it\n", 1_000_000)
	r := newRenderer(newTheme(true, true))
	r.tools = true
	for _, ev := range []api.ConversationEvent{user(huge), says(huge), thinks(huge), result("x", huge, false)} {
		b := &block{ConversationEvent: ev, fold: foldOpen}
		lines := r.render(b, 80)
		if len(lines) > 20_000 || !strings.Contains(strings.Join(lines[len(lines)-3:], ""), "more") {
			t.Errorf("%s: %d lines, the last is %q", ev.EventType, len(lines), lines[len(lines)-1])
		}
	}
}

func BenchmarkManySessions(b *testing.B) {
	f := newFake()
	for i := range 10_000 {
		f.sessions = append(f.sessions, api.Session{ID: fmt.Sprint("s", i), Title: fmt.Sprint("session ", i), Status: api.StatusCompleted, LastActivityAt: ago(0)})
	}
	m := quiet(b, f)
	seq := int64(0)
	for b.Loop() {
		seq++
		m.Update(eventsMsg{event(seq, api.EventSessionUpdated, "s7", f.sessions[7])})
		m.View()
	}
}

func BenchmarkScroll(b *testing.B) {
	m, tk := opened(b)
	f := m.daemon.(*fake)
	for tk.after > 0 {
		p, err := earlier(context.Background(), f, "s", tk.after+1, f.head)
		m.Update(pastMsg{"s", tk.after + 1, p, err})
	}
	up := -1
	b.ReportAllocs()
	for b.Loop() {
		tk.by(up * (tk.height - 2))
		m.View()
		if tk.top == 0 || tk.follow {
			up = -up
		}
	}
	b.ReportMetric(float64(len(tk.blocks)), "blocks")
}

func BenchmarkOpen(b *testing.B) {
	f := long()
	for b.Loop() {
		m := quiet(b, f)
		m.list.selected = "s"
		m.Update(nil)
		p, err := earlier(context.Background(), f, "s", 0, f.head)
		m.Update(pastMsg{"s", 0, p, err})
		m.View()
	}
}

func BenchmarkLiveEvent(b *testing.B) {
	m, _ := opened(b)
	seq := int64(1_000_000)
	for b.Loop() {
		seq++
		ev := says("Another **step** is done.")
		ev.Seq = seq
		m.Update(eventsMsg{event(seq, api.EventConversationUpdated, "s", ev)})
		m.View()
	}
}

func TestLinesNeverHangOver(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {40, 10}, {120, 36}, {250, 70}, {20, 5}, {1, 1}} {
		m := quiet(t, scene())
		m.width, m.height = size[0], size[1]
		for _, f := range []focus{focusList, focusTalk, focusPrompt} {
			m.focus = f
			lines := strings.Split(m.View().Content, "\n")
			if len(lines) != size[1] {
				t.Errorf("%v: %d lines", size, len(lines))
			}
			for _, line := range lines {
				if w := ansi.StringWidth(line); w > size[0] {
					t.Errorf("%v: a line of %d columns: %q", size, w, line)
				}
			}
		}
	}
}
