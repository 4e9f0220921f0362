package scripted

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/traces"
)

// texts are the texts of the assistant lines.
func texts(lines []printed) (all []string) {
	for _, l := range lines {
		if l.Type == "assistant" {
			all = append(all, l.text())
		}
	}
	return all
}

func TestEmit(t *testing.T) {
	t.Parallel()
	lines, code := newPlace(t, claudecli.Pinned).once(t, "emit: 3000 500\nemit: 3 400 1000\nresult-exit: 3")
	if code != 3 {
		t.Errorf("the exit code is %d", code)
	}
	var assistants []printed
	for _, l := range lines {
		if l.Type == "assistant" {
			assistants = append(assistants, l)
		}
	}
	if len(assistants) != 3003 || lines[len(lines)-1].Type != "result" {
		t.Fatalf("%d lines, the last one is %s", len(assistants), lines[len(lines)-1].raw)
	}
	for i, l := range assistants[:3000] {
		if want := fmt.Sprintf("event %d of 3000 x", i+1); !strings.HasPrefix(l.text(), want) || len(l.raw) != 501 {
			t.Fatalf("%d bytes: %s", len(l.raw), l.raw)
		}
	}
}

func TestTools(t *testing.T) {
	t.Parallel()
	lines, _ := newPlace(t, claudecli.Pinned).once(t, "tools: 20")
	var open string
	pairs := 0
	for _, l := range lines {
		switch {
		case strings.Contains(l.raw, `"type":"tool_use"`):
			_, open, _ = strings.Cut(l.raw, `"id":"toolu_`)
			open, _, _ = strings.Cut(open, `"`)
		case strings.Contains(l.raw, `"tool_use_id":"toolu_`+open):
			pairs++
		}
	}
	if pairs != 20 {
		t.Errorf("%d pairs", pairs)
	}
}

func TestPartial(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		want int
	}{{nil, 0}, {[]string{"--include-partial-messages"}, 7}} {
		lines, _ := newPlace(t, claudecli.Pinned).once(t, "partial: 3", test.args...)
		n := 0
		for _, l := range lines {
			if l.Type == "stream_event" {
				n++
			}
		}
		if got := texts(lines); n != test.want || len(got) != 1 || got[0] != "delta 1 delta 2 delta 3 " {
			t.Errorf("%v: %d events, %q", test.args, n, got)
		}
	}
}

func TestBigLine(t *testing.T) {
	t.Parallel()
	lines, code := newPlace(t, claudecli.Pinned).once(t, "bigline: 3000000")
	if got := texts(lines); code != 0 || len(got) != 1 || len(got[0]) != 3000000 {
		t.Errorf("code %d, %d texts", code, len(got))
	}
}

func TestJunk(t *testing.T) {
	t.Parallel()
	lines, code := newPlace(t, claudecli.Pinned).once(t, "junk")
	broken, invalid, empty := 0, 0, 0
	for _, l := range lines {
		switch {
		case !utf8.ValidString(l.raw):
			invalid++
		case strings.TrimSpace(l.raw) == "":
			empty++
		case l.Type == "":
			broken++
		}
	}
	if code != 0 || broken < 5 || invalid < 2 || empty < 2 || lines[len(lines)-1].State != "idle" {
		t.Errorf("code %d, %d broken, %d invalid, %d empty", code, broken, invalid, empty)
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	tests := []struct{ prompt, last string }{
		{"exit: 0", "{"}, {"exit: 7", "{"}, {"half: {\"type\":\"assis", "{\"type\":\"assis"}, {"say: x\nresult-exit: 3", "{"},
	}
	for _, test := range tests {
		t.Run(test.prompt, func(t *testing.T) {
			t.Parallel()
			lines, code := newPlace(t, claudecli.Pinned).once(t, test.prompt)
			_, number, _ := strings.Cut(test.prompt, "exit: ")
			want, _ := strconv.Atoi(number)
			if last := lines[len(lines)-1].raw; code != want || !strings.HasPrefix(last, test.last) {
				t.Errorf("code %d behind %q", code, last)
			}
			if last := lines[len(lines)-1]; strings.HasPrefix(test.prompt, "half") && last.raw != test.last {
				t.Errorf("the last line is %q", last.raw)
			}
		})
	}
}

func TestDeaths(t *testing.T) {
	t.Parallel()
	for name, sig := range deadly {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, claudecli.Pinned).start(t)
			p.send("1", "say: last words\ndie: "+name)
			p.until("assistant last words")
			p.wait()
			if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != sig {
				t.Errorf("it ended so: %v", p.cmd.ProcessState)
			}
		})
	}
}

func TestSignals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		signal syscall.Signal
		code   int
		last   string
	}{{syscall.SIGTERM, 143, ""}, {syscall.SIGINT, 0, "cancelled 1"}} {
		p := newPlace(t, claudecli.Pinned).start(t)
		p.send("1", "silence")
		p.until("system init")
		if err := p.cmd.Process.Signal(test.signal); err != nil {
			t.Fatal(err)
		}
		_, whats := p.rest()
		last := ""
		if len(whats) > 0 {
			last = whats[len(whats)-1]
		}
		if code := p.wait(); code != test.code || last != test.last {
			t.Errorf("%v: code %d behind %q", test.signal, code, last)
		}
	}
}

func TestIgnoreSignals(t *testing.T) {
	t.Parallel()
	p := newPlace(t, claudecli.Pinned).start(t)
	p.send("1", "ignore-signals")
	p.until("assistant nothing but SIGKILL from here on")
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		if err := p.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	p.request("e", "end_session")
	_ = p.stdin.Close()
	select {
	case l, ok := <-p.lines:
		t.Errorf("it heeded something: %v %s", ok, l.raw)
	case <-time.After(300 * time.Millisecond): // it had time to
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.wait()
}

func TestSpawn(t *testing.T) {
	t.Parallel()
	lines, code := newPlace(t, claudecli.Pinned).once(t, "spawn: 2")
	pids := strings.Fields(texts(lines)[0])[1:]
	if code != 0 || len(pids) != 2 {
		t.Fatalf("code %d, pids %v", code, pids)
	}
	for _, p := range pids {
		pid, err := strconv.Atoi(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Errorf("process %d has not outlived its parent: %v", pid, err)
		}
	}
}

func TestWaitForFile(t *testing.T) {
	t.Parallel()
	p := newPlace(t, claudecli.Pinned).start(t)
	file := filepath.Join(t.TempDir(), "go")
	p.send("1", "wait: "+file)
	p.until("system init")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.until("result success")
}

func TestWrongArguments(t *testing.T) {
	t.Parallel()
	for _, prompt := range []string{"emit: many", "emit: 1 2 3 4", "tools: -1", "ask: Bash {", "trace: of_tomorrow", "die: SLOWLY"} {
		t.Run(prompt, func(t *testing.T) {
			t.Parallel()
			if _, code := newPlace(t, claudecli.Pinned).once(t, prompt); code != 1 {
				t.Errorf("the exit code is %d", code)
			}
		})
	}
}

// TestTraces replays every trace, answers what it asks, and interrupts where it
// was interrupted.
func TestTraces(t *testing.T) {
	t.Parallel()
	for _, version := range claudecli.Versions() {
		here := newPlace(t, version)
		for _, name := range traces.Names(version) {
			t.Run(version+" "+name, func(t *testing.T) {
				t.Parallel()
				replay(t, here, version, name)
			})
		}
	}
}

func replay(t *testing.T, here place, version, name string) {
	session := newSession()
	p := here.start(t, "--session-id="+session)
	p.send("1", "trace: "+name)
	if err := p.closeInputAfter(strings.Contains(name, "interrupted") || strings.Contains(name, "command_lifecycle")); err != nil {
		t.Fatal(err)
	}
	lines, _ := p.rest()
	got := map[string]bool{}
	for _, l := range lines {
		got[strings.TrimSpace(l.raw)] = true
	}
	out := traces.Out(version, name)
	missing := 0
	for line := range strings.Lines(strings.ReplaceAll(string(out), traceSession(out), session)) {
		if !got[strings.TrimSpace(line)] {
			missing++
		}
	}
	// The engine answers an interrupt and voids a question in words of its own.
	if missing > 2 {
		t.Errorf("%d lines are missing", missing)
	}
	p.wait()
}

// closeInputAfter ends standard input, behind an interrupt where one is needed.
func (p *process) closeInputAfter(interrupt bool) error {
	if interrupt {
		p.until("system init")
		p.request("host", "interrupt")
	}
	return p.stdin.Close()
}
