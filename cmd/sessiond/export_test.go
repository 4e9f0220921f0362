package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/cmd/sessiond/export"
	"github.com/sessiond/sessiond/internal/program"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// TestAnExportOutlivesItsDaemon kills the daemon while a conversation of 20,000
// events is exported: the export goes on with the next one, and has each event once.
func TestAnExportOutlivesItsDaemon(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	id := p.run("launch", "-d", "emit: 20000 100")
	p.until(`"status":"completed"`, "show", "--json", id)
	cmd := exec.CommandContext(t.Context(), "sessiond", "export", id, "--format", "jsonl")
	said := filepath.Join(p.dir, "said")
	stderr, err := os.Create(said)
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	cmd.Env, cmd.Stderr = p.env, stderr
	out, err := cmd.StdoutPipe() // it takes little of them: the export waits for us
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	last, texts := int64(0), 0
	read := func() bool {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return false
		}
		var ev api.ConversationEvent
		if err := errors.Join(err, json.Unmarshal(line, &ev)); err != nil {
			t.Errorf("%v: %.200q", err, line)
			return false
		}
		if ev.Seq <= last {
			t.Errorf("seq %d comes behind %d", ev.Seq, last)
			return false
		}
		last = ev.Seq
		if ev.EventType == api.ConversationMessage && strings.HasPrefix(ev.Content, "event ") {
			if texts++; !strings.HasPrefix(ev.Content, fmt.Sprintf("event %d of 20000", texts)) {
				t.Errorf("event %d is %.40q", texts, ev.Content)
				return false
			}
		}
		return true
	}
	for range 1000 {
		read()
	}
	p.killDaemon()
	rest := make(chan struct{})
	go func() {
		defer close(rest)
		for read() {
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := poll(ctx, func() bool {
		b, err := os.ReadFile(said)
		return err == nil && strings.Contains(string(b), "the export goes on when it is back")
	}); err != nil {
		t.Fatalf("it does not say that the daemon is gone: %v", err)
	}
	p.run("list") // starts one
	<-rest
	if err := cmd.Wait(); err != nil || texts != 20000 {
		b, _ := os.ReadFile(said)
		t.Fatalf("%v: %d events, and %s", err, texts, b)
	}
	pages := filepath.Join(p.dir, "pages")
	for _, format := range exportFormats {
		p.run("export", id, "--format", format, "-o", pages+"/")
		b, err := os.ReadFile(filepath.Join(pages, id+"."+format))
		if err != nil || !bytes.Contains(b, []byte("event 1 of 20000")) || !bytes.Contains(b, []byte("event 20000 of 20000")) {
			t.Errorf("%s: %v, %d bytes", format, err, len(b))
		}
	}
}

// TestAnExportGivesUp has a daemon that does not come back.
func TestAnExportGivesUp(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	r := &reader{app: &app{errs: newPrinter(&said, os.Getenv)}, patience: time.Millisecond}
	calls := 0
	err := r.patiently(t.Context(), func() error { calls++; return client.ErrDisconnected })
	if exitCode(err) != exitUnreachable || calls < 2 || !strings.Contains(err.Error(), "was not back within") {
		t.Errorf("%d calls: %v", calls, err)
	}
	if n := strings.Count(said.String(), "the daemon is gone"); n != 1 {
		t.Errorf("it is said %d times", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.patience = time.Hour
	if err := r.patiently(ctx, func() error { return client.ErrDisconnected }); exitCode(err) != exitStopped {
		t.Errorf("stopped: %v", err)
	}
	if err := r.patiently(t.Context(), func() error { return io.ErrUnexpectedEOF }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("another error: %v", err)
	}
}

// TestAnExportThatFailsLeavesNoFile has none appear, and none change.
func TestAnExportThatFailsLeavesNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "talk.md")
	failing := func(w io.Writer) error {
		_, _ = io.WriteString(w, strings.Repeat("half of it ", 100000))
		return io.ErrUnexpectedEOF
	}
	whole := func(text string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
	}
	files := func() string {
		var all []string
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			b, _ := os.ReadFile(filepath.Join(dir, e.Name()))
			all = append(all, e.Name()+"="+string(b))
		}
		return strings.Join(all, " ")
	}
	careful, bold := &exporting{}, &exporting{force: true}
	for _, e := range []*exporting{careful, bold} {
		if err := e.write(path, failing); !errors.Is(err, io.ErrUnexpectedEOF) || files() != "" {
			t.Errorf("%v, and there is %.80q", err, files())
		}
	}
	if err := careful.write(path, whole("one")); err != nil || files() != "talk.md=one" {
		t.Errorf("%v, and there is %q", err, files())
	}
	if err := careful.write(path, whole("two")); exitCode(err) != exitUsage || files() != "talk.md=one" {
		t.Errorf("%v, and there is %q", err, files())
	}
	if err := bold.write(path, failing); err == nil || files() != "talk.md=one" {
		t.Errorf("%v, and there is %.80q", err, files())
	}
	if err := bold.write(path, whole("three")); err != nil || files() != "talk.md=three" {
		t.Errorf("%v, and there is %q", err, files())
	}
	late := filepath.Join(dir, "late.md")
	err := careful.write(late, func(w io.Writer) error { // somebody else is faster
		return errors.Join(whole("mine")(w), os.WriteFile(late, []byte("theirs"), 0o600))
	})
	if exitCode(err) != exitUsage || files() != "late.md=theirs talk.md=three" {
		t.Errorf("%v, and there is %q", err, files())
	}
	if err := os.Symlink(path, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, e := range []*exporting{careful, bold} {
		if err := e.write(filepath.Join(dir, "link"), whole("four")); exitCode(err) != exitUsage {
			t.Errorf("a link: %v", err)
		}
	}
}

// TestAProgramThatFailsIsHeard has what makes pages missing, and failing.
func TestAProgramThatFailsIsHeard(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	id := p.run("launch", "-d", "say: hi")
	p.until(`"status":"completed"`, "show", "--json", id)
	sessiond, err := exec.LookPath("sessiond")
	if err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(p.dir, "sessiond")
	b, err := os.ReadFile(sessiond)
	if err != nil {
		t.Fatal(err)
	}
	program.Write(t, alone, string(b))
	for _, tc := range []struct{ script, want string }{
		{"", "neither in " + p.dir + " nor on PATH: 'make build' builds it"},
		{"#!/bin/sh\necho it is broken >&2\nexit 3\n", "sessiond-export: exit status 3: it is broken"},
		{"#!/bin/sh\nhead -c 10\nkill -9 $$\n", "sessiond-export: signal: killed"},
	} {
		beside := filepath.Join(p.dir, export.Program)
		if tc.script != "" {
			program.Write(t, beside, tc.script)
		}
		cmd := exec.Command(alone, "export", id, "-o", filepath.Join(p.dir, "out.html"))
		cmd.Env = append(slices.Clone(p.env), "PATH=/bin:/usr/bin")
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != exitError || !strings.Contains(string(out), tc.want) {
			t.Errorf("%v: %s", err, out)
		}
		if _, err := os.Stat(filepath.Join(p.dir, "out.html")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("there is a file: %v", err)
		}
	}
}
