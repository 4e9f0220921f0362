package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/sessiond/sessiond/rpc/api"
)

func TestProgressLine(t *testing.T) {
	t.Parallel()
	bar := func(full int) string { return strings.Repeat("█", full) + strings.Repeat("░", progressBar-full) }
	for want, p := range map[string]*progress{
		"reading": {what: "reading"},
		"importing  " + bar(4) + "  25 %  1,000 of 4,000 sessions  30s left  demo": {
			what: "importing", unit: "sessions", done: 1000, total: 4000, note: "demo"},
		"copying  " + bar(8) + "  50 %  1.5 GB of 3.0 GB  10s left": {what: "copying", unit: unitBytes, done: 1.5e9, total: 3e9},
		"copying  " + bar(16) + " 100 %":                            {what: "copying", done: 8, total: 8},
		"copying  " + bar(16) + " 100 %  9 of 8 x":                  {what: "copying", unit: "x", done: 9, total: 8},
		"reading  7 lines  10s":                                     {what: "reading", unit: "lines", done: 7},
		"checking  10s":                                             {what: "checking"},
	} {
		took := 10 * time.Second
		if want == "reading" {
			took = progressSure
		}
		if got := p.line(took); got != want {
			t.Errorf("line\n%q, want\n%q", got, want)
		}
	}
}

// TestProgressOnATerminal: one line that is drawn anew, makes room for others, keeps
// to the width, gives the terminal no orders, and is gone in the end.
func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, tty: master, more: make(chan struct{}, 1)}
	s.reading.Go(s.read)
	t.Cleanup(func() { _ = tty.Close(); _ = master.Close(); s.reading.Wait() })
	if err := pty.Setsize(master, &pty.Winsize{Rows: 10, Cols: 70}); err != nil {
		t.Fatal(err)
	}
	p := &progress{out: newPrinter(tty, func(string) string { return "" })}
	t.Cleanup(p.end)
	p.step("importing", "sessions")
	s.see("importing")
	p.set(1, 4)
	p.remark("%s", "\x1b[2Jhostile"+strings.Repeat(" long", 100))
	s.see(" 25 %  1 of 4 sessions", "  ␛[2J") // how long it takes yet may stand between
	p.step("importing", "sessions")           // said again: it is the same
	p.set(2, 4)
	s.see(" 50 %  2 of 4 sessions")
	p.hide()
	if _, err := tty.WriteString("a line\n"); err != nil {
		t.Fatal(err)
	}
	s.see("a line\n")
	p.step("another step", "")
	s.see("another step")
	p.end()
	p.end()
	p.step("and once more", "")
	s.see("and once more")
	p.end()
	if _, err := tty.WriteString("the end"); err != nil {
		t.Fatal(err)
	}
	s.see("the end")
	s.mu.Lock()
	defer s.mu.Unlock()
	drawn := strings.Split(s.text.String(), "\r")
	stood, blanks, end := drawn[len(drawn)-3], drawn[len(drawn)-2], drawn[len(drawn)-1]
	if end != "the end" || strings.Trim(blanks, " ") != "" || !strings.HasPrefix(stood, "and once more") || len(blanks) < len(strings.TrimRight(stood, " ")) {
		t.Errorf("something is left of it: %q", s.text.String())
	}
	for line := range strings.FieldsFuncSeq(s.text.String(), func(r rune) bool { return r == '\r' || r == '\n' }) {
		if columns(line) > 69 {
			t.Errorf("a line of %d columns: %q", columns(line), line)
		}
	}
}

// TestProgressInAPipe: nothing, however much it is told.
func TestProgressInAPipe(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &progress{out: newPrinter(&out, os.Getenv)}
	p.step("importing", "sessions")
	p.set(1, 2)
	p.remark("x")
	p.hide()
	p.end()
	if err := p.out.Flush(); err != nil || out.Len() > 0 {
		t.Fatalf("%q, %v", out.String(), err)
	}
}

// TestLongWorkShowsProgress: prune, backup, restore and doctor on a terminal, and
// that nothing of it is left. What they print in a pipe is in testdata.
func TestLongWorkShowsProgress(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.run("launch", "say: hi")
	for _, c := range []struct {
		args []string
		see  []string
	}{
		{[]string{"backup", "copy.db"}, []string{"copying the database", "copy.db: "}},
		{[]string{"doctor"}, []string{"reading the whole database, ", "reading 1 session and "}},
		{[]string{"prune", "--older-than", "0"}, []string{"archiving and deleting", "archived and deleted 1 session"}},
		{[]string{"stop", "--all"}, []string{"stopped the daemon"}},
		{[]string{"restore", "copy.db"}, []string{"looking at the backup", "restored copy.db"}},
	} {
		s := p.open(c.args...)
		s.see(c.see...)
		s.ends(0)
		for line := range strings.Lines(s.all()) {
			if strings.Contains(line, c.see[0]) && strings.HasSuffix(strings.TrimSpace(line), c.see[0]) {
				t.Errorf("%q is left: %q", c.see[0], line)
			}
		}
	}
}

func TestWorkText(t *testing.T) {
	t.Parallel()
	got := workText([]api.Work{
		{Kind: api.WorkBackup, Subject: "/b\x1b.db", Step: "copying the database", Done: 1, Total: 3},
		{Kind: api.WorkPrune, Step: "looking\nhere"}})
	if want := "backup: copying the database, 33 %  /b␛.db\nprune: looking here\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
