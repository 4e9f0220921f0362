package page

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/cmd/sessiond/export"
	"github.com/sessiond/sessiond/rpc/api"
)

// asProgram makes this test binary the program sessiond-export.
const asProgram = "SESSIOND_EXPORT_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		w := &weighed{w: os.Stdout}
		code := Main(os.Args[1:], os.Stdin, w, os.Stderr)
		_, _ = fmt.Fprintln(os.Stderr, w.most)
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// weighed notes the most memory that was in use at a write.
type weighed struct {
	w      io.Writer
	writes int
	most   uint64
}

func (w *weighed) Write(b []byte) (int, error) {
	if w.writes++; w.writes%16 == 0 {
		var stats runtime.MemStats
		runtime.GC() // what is left is in use
		runtime.ReadMemStats(&stats)
		w.most = max(w.most, stats.HeapAlloc)
	}
	return w.w.Write(b)
}

// program is sessiond-export as a process.
func program(t *testing.T, args ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// TestALongConversationPassesThrough makes pages of one of 60,000 events, for which
// little more is in memory than for one of 6,000 (the names of the newest calls); and
// has all of it in them. One of the calls never gets its result, and subagents
// speak in turn.
func TestALongConversationPassesThrough(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"md", "html"} {
		short, long := peak(t, format, 1500), peak(t, format, 15000)
		t.Logf("%s: %d and %d kB", format, short>>10, long>>10)
		if long > short+(8<<20) || short > 16<<20 {
			t.Errorf("%s: 6,000 events took %d bytes of memory, 60,000 took %d", format, short, long)
		}
	}
}

// peak makes a page of a conversation with so many rounds of four events, and
// returns the most memory that it took.
func peak(t *testing.T, format string, rounds int) (most int64) {
	cmd := program(t, "--format", format)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() {
		err := writeLong(t, in, rounds)
		_ = in.Close()
		written <- err
	}()
	found := 0
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		found += strings.Count(line, "the answer of round")
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if found != rounds {
		t.Errorf("%s: %d of %d answers are in the page", format, found, rounds)
	}
	if _, err := fmt.Sscan(said.String(), &most); err != nil || most == 0 {
		t.Fatalf("%v: %q", err, said.String())
	}
	return most
}

func writeLong(t testing.TB, w io.Writer, rounds int) error {
	s := newStream(t, aSession())
	for i := range rounds {
		if i%50 == 0 {
			s.prompt(fmt.Sprintf("prompt of round %d", i))
		}
		if i == 10 {
			s.call("never", "Bash", map[string]string{"command": "sleep infinity"})
		}
		s.answer(fmt.Sprintf("the answer of round %d, **and more**: %s", i, strings.Repeat("word ", 50)))
		id := fmt.Sprintf("c%d", i)
		s.call(id, "Task", map[string]string{"description": "a subagent " + id})
		s.event(api.ConversationEvent{EventType: api.ConversationMessage, Role: "assistant", Content: "inside", ParentToolUseID: fmt.Sprintf("c%d", i-i%2)})
		s.result(id, numbered("line %d of the result", 30))
		if _, err := s.WriteTo(w); err != nil {
			return err
		}
	}
	_, err := s.end().WriteTo(w)
	return err
}

// TestWhatIsHeldBackIsBounded has calls without results, and large ones.
func TestWhatIsHeldBackIsBounded(t *testing.T) {
	t.Parallel()
	a := assembler{format: nothing{}, calls: newCalls()}
	var s stream
	s.t = t
	line := func(ev api.ConversationEvent) {
		a.step(ev, &export.Step{})
		if len(a.held) > maxHeld || a.bytes > maxHeldBytes+(1<<20) || len(a.calls.byID) > maxCalls || len(a.calls.order) > maxCalls {
			t.Fatalf("%d items, %d bytes, %d calls are held", len(a.held), a.bytes, len(a.calls.byID))
		}
	}
	for i := range maxCalls + 500 {
		line(api.ConversationEvent{EventType: api.ConversationToolCall, ToolID: fmt.Sprint(i), ToolName: "Bash"})
		line(api.ConversationEvent{EventType: api.ConversationToolCall, ToolID: "the same", ToolName: "Bash"})
	}
	for range 20 {
		line(api.ConversationEvent{EventType: api.ConversationMessage, Content: strings.Repeat("x", 1<<20)})
	}
	a.flush()
	if a.bytes != 0 || len(a.held) != 0 {
		t.Errorf("%d bytes and %d items are held in the end", a.bytes, len(a.held))
	}
}

// nothing is a format that writes nothing.
type nothing struct{}

func (nothing) begin(*export.Begin)  {}
func (nothing) session(*api.Session) {}
func (nothing) item(*item, []*call)  {}
func (nothing) end()                 {}

// TestLongTextsAreShortenedHonestly has the beginning, the end and a note of what is between.
func TestLongTextsAreShortenedHonestly(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, note, head, tail string }{
		"lines": {numbered("line %d", 1000), "900 lines, 8.1 kB, left out here; the option --full shows them", "\nline 80", "line 981\n"},
		"bytes": {strings.Repeat("é", 50000), "1 line, 84 kB, left out here; the option --full shows them", "é", "é"},
		"short": {numbered("line %d", 100), "", "line 100", ""},
	} {
		e := Options{}.excerpt(tc.text)
		if e.Note != tc.note || !strings.HasSuffix(e.Head, tc.head) || !strings.HasPrefix(e.Tail, tc.tail) {
			t.Errorf("%s: %q, %.20q, %q", name, e.Note, e.Tail, e.Head[max(0, len(e.Head)-20):])
		}
		if e := (Options{Full: true}).excerpt(tc.text); e.Head != tc.text || e.Note != "" {
			t.Errorf("%s is not whole with --full", name)
		}
	}
	s := newStream(t, aSession())
	s.call("c", "Bash", map[string]string{"command": "seq 1000"})
	s.result("c", numbered("line %d", 1000))
	s.end()
	for _, format := range []string{"md", "html"} {
		for full, want := range map[bool]int{false: 100, true: 1000} {
			page := s.page(Options{Format: format, Full: full})
			if n := strings.Count(page, "\nline ") + strings.Count(page, ">line "); n != want || strings.Contains(page, "--full") == full {
				t.Errorf("%s: %d lines are shown, full %v", format, n, full)
			}
		}
	}
}

// TestHeadingsGoBelowThoseOfThePage keeps their order.
func TestHeadingsGoBelowThoseOfThePage(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"# a\n\n## b\n\n### c\n\n##### d\n\n###### e": "### a\n\n#### b\n\n##### c\n\n###### d\n\n###### e\n",
		"```\n# a\n```": "```\n# a\n```\n",
		"- # a":         "- ### a\n",
		"#a":            "#a\n",
	} {
		if got := prose("", in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// TestTangledTextsAreShownAsTheyAre has texts that would take too long.
func TestTangledTextsAreShownAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("**a** ", 12000), strings.Repeat("[a](", 3000), strings.Repeat("> ", 3000) + "a"} {
		if got := prose("> ", text); !strings.HasPrefix(got, "> ```text\n") {
			t.Errorf("md: %.40q", got)
		}
		s := newStream(t, aSession())
		s.answer(text)
		if page := s.end().page(Options{Format: "html"}); !strings.Contains(page, `<div class="said">`) || strings.Contains(page, "<strong>") {
			t.Errorf("html: %.40q", text)
		}
	}
}

// TestDeepTextsAreShownAsTheyAre has texts of more elements within each other than a
// browser takes.
func TestDeepTextsAreShownAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("__", 600) + "a" + strings.Repeat("__", 600), strings.Repeat("- ", 600) + "a"} {
		s := newStream(t, aSession())
		s.answer(text)
		page := s.end().page(Options{Format: "html"})
		if err := checkHTML(page); err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
		if !strings.Contains(page, `<div class="said">`) || strings.Contains(page, "<strong>") || strings.Contains(page, "<ul>") {
			t.Errorf("%.40q is shown in another way", text)
		}
	}
}

// TestResultsFindTheirCalls has results come late, in another order, and without calls.
func TestResultsFindTheirCalls(t *testing.T) {
	t.Parallel()
	s := newStream(t, aSession())
	s.call("a", "Bash", map[string]string{"command": "first"})
	s.call("b", "Bash", map[string]string{"command": "second"})
	s.result("b", "of the second")
	s.result("a", "of the first")
	s.result("none", "of none")
	s.call("t", "Task", map[string]string{"description": "an errand"})
	s.event(api.ConversationEvent{EventType: api.ConversationMessage, Role: "assistant", Content: "on my way", ParentToolUseID: "t"})
	s.result("t", "of the errand")
	page := s.end().page(Options{Format: "md"})
	at := -1
	for _, want := range []string{"first\n", "of the first\n", "second\n", "of the second\n", "of none\n", "**Task**", "> **Subagent** an errand", "> on my way", "**Task** `an errand` has come to its end", "of the errand"} {
		next := strings.Index(page, want)
		if next <= at {
			t.Errorf("%q comes too early, or never:\n%s", want, page)
		}
		at = next
	}
}

// TestStreamsThatAreNotWhole have no page.
func TestStreamsThatAreNotWhole(t *testing.T) {
	t.Parallel()
	s := newStream(t, aSession())
	s.prompt("hi")
	cut := s.String()
	whole := s.end().String()
	for name, in := range map[string]string{
		"empty": "", "cut off": cut, "no stream": "hello", "no beginning": `{"end":{"steps":0}}`, "another version": `{"begin":{"version":99}}`,
		"a step too few": strings.Replace(whole, `"steps":1`, `"steps":2`, 1), "begun twice": cut + cut,
	} {
		var out bytes.Buffer
		err := Render(&out, strings.NewReader(in), Options{Format: "md"})
		if err == nil || !strings.Contains(err.Error(), "the conversation on standard input") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Render(io.Discard, strings.NewReader(whole), Options{Format: "pdf"}); err == nil {
		t.Error("pdf is no format")
	}
}
