package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/hook"
)

// TestHookCrashes kills the daemon, or the hook's command, at each step of taking in
// what hooks tell, one by one: each input is taken in once, and so is each line of the
// transcripts beside them, and nothing of them is left.
func TestHookCrashes(t *testing.T) {
	t.Parallel()
	eachPointOf(t, "hook", crashHooks)
}

const (
	crashProducers    = 3
	crashObservations = perPrompt + 5
)

func crashHooks(t *testing.T, p crashpoint.Point, times int) {
	w := newWorld(t, crashing, claudecli.Pinned)
	at, reached := w.crashAt(p, times)
	w.daemon.env = append(w.daemon.env, at...)
	relax := w.supervise()
	w.connect()
	all := make([]producer, crashProducers)
	var commands sync.WaitGroup
	var killed sync.Map // the commands that were, by their process ids
	for i := range all {
		one := &all[i]
		one.id = uuid.NewString()
		one.transcript = filepath.Join(w.dir, one.id+".jsonl")
		one.write = one.writeLines
		one.put = func(input string) error { return w.hook(input, at, &killed) }
		commands.Go(func() {
			if err := one.run(crashObservations); err != nil {
				w.problem("%v", err)
			}
		})
	}
	commands.Wait()
	var sessions []api.Session
	err := w.again(func(ctx context.Context) error {
		list, err := w.client.ListSessions(ctx, api.ListSessionsParams{})
		sessions = list.Sessions
		if err == nil && (len(sessions) != crashProducers || slices.ContainsFunc(sessions, func(s api.Session) bool { return !s.Status.Final() })) {
			return errors.New("not yet")
		}
		return err
	})
	if err != nil {
		t.Fatalf("%v: %+v", err, sessions)
	}
	crashes, due := relax(), 1
	if p == crashpoint.HookWritten {
		killed.Range(func(any, any) bool { crashes++; return true })
	}
	if reached() < times || crashes != due {
		w.problem("the point was reached %d times, and who comes there has died %d times", reached(), crashes)
	}
	for i := range all {
		checkObservations(w.ctx, t, w.client, &all[i], sessions)
	}
	for _, ses := range sessions {
		said := map[string]int{}
		for _, l := range w.lines(ses.ID) {
			if strings.Contains(string(l.bytes), `"text":"word `) {
				said[string(l.bytes)]++
			}
		}
		for text, n := range said {
			if n != 1 {
				w.problem("session %s: %d times: %s", ses.ID, n, text)
			}
		}
		if len(said) != crashObservations || ses.Origin != api.OriginExternal {
			w.problem("session %s: %d of the lines of its transcript are there", ses.ID, len(said))
		}
	}
	_ = w.client.Close()
	if err := w.daemon.stop(); err != nil {
		w.problem("%v", err)
	}
	checkSpool(w.ctx, t, w.daemon.state)
	w.checkDatabase()
	w.checkLog()
	w.report(string(p))
}

// writeLines writes what Claude Code writes down before a hook tells of a tool.
func (p *producer) writeLines(i int) error {
	f, err := os.OpenFile(p.transcript, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	line := func(rest string, args ...any) {
		at := time.Now().UTC().Format(time.RFC3339Nano)
		_, failed := fmt.Fprintf(f, `{"uuid":%q,"sessionId":%q,"timestamp":%q,"cwd":"/work",%s}`+"\n", uuid.NewString(), p.id, at, fmt.Sprintf(rest, args...))
		err = errors.Join(err, failed)
	}
	if i%perPrompt == 0 {
		line(`"type":"user","promptId":"p%d","message":{"role":"user","content":"prompt %d"}`, i/perPrompt, i/perPrompt)
	}
	line(`"type":"assistant","message":{"id":"m%d","role":"assistant","content":[{"type":"text","text":"word %d"}]}`, i, i)
	line(`"type":"assistant","message":{"id":"m%d","role":"assistant","content":[{"type":"tool_use","id":"toolu_%d","name":"Bash","input":{"command":"echo %d"}}]}`, i, i, i)
	return errors.Join(err, f.Close())
}

// hook runs the command that Claude Code runs, and now and then waits until what it has
// left is taken in. If it is killed on its way, what it was about to leave is old at once.
func (w *world) hook(input string, env []string, killed *sync.Map) error {
	cmd := exec.CommandContext(w.ctx, crashing, "hook", "--state-dir="+w.daemon.state, "--patience=5m")
	cmd.Env, cmd.Stdin = env, strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil { // it was not started
		return err
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		killed.Store(cmd.Process.Pid, true)
		drafts, _ := filepath.Glob(filepath.Join(hook.Dir(w.daemon.state), "*.tmp"))
		for _, draft := range drafts { // others may be on their way
			if err := os.Chtimes(draft, time.Time{}, time.Now().Add(-time.Hour)); err != nil && !os.IsNotExist(err) {
				return err
			}
		}
	} else if err != nil || len(out) > 0 {
		return fmt.Errorf("the hook's command: %w: %s", err, out)
	}
	wait := strings.Contains(input, `0"}`) || len(out) > 0 // it has said that it was killed
	for wait {
		left, err := os.ReadDir(hook.Dir(w.daemon.state))
		if err != nil || len(left) == 0 {
			return err
		}
		if w.ctx.Err() != nil {
			return fmt.Errorf("not taken in: %v", left)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}
