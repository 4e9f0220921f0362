package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/messagesapi"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
)

// canary is in every secret that is planted, and in nothing else.
const canary = "CANARY"

// planted is a value to plant; where tells which one was found.
func planted(where string) string { return canary + "-" + where + "-do-not-tell" }

var canaries = regexp.MustCompile(canary + `-[a-z0-9-]+?-do-not-tell`)

// found names the secrets in b. They may have been written in other ways too:
// nothing here encodes text but JSON, which leaves them as they are, and the
// shim's base64, which nobody may see either.
func found(b []byte) []string {
	var names []string
	for _, m := range canaries.FindAll(b, -1) {
		names = append(names, string(m))
	}
	for before := range 3 { // base64 depends on where in its groups of three a text begins
		text := base64.StdEncoding.EncodeToString([]byte("xxx"[:before] + canary + "-"))
		if bytes.Contains(b, []byte(text[before+1:9])) {
			names = append(names, "base64")
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// leak fails the test if b has a secret.
func leak(t *testing.T, where string, b []byte) {
	t.Helper()
	if names := found(b); len(names) > 0 {
		t.Errorf("%s has %v", where, names)
	}
}

// TestSecretsAreNowhere plants secrets wherever a client can, has a session live,
// fail, continue and end, and looks for them everywhere.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	t.Run("scripted", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
		secretsAreNowhere(t, w)
	})
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.cfg.Claude = claudecli.Path(t, claudecli.Pinned)
		server, err := messagesapi.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		w.API, w.url = server, server.URL
		secretsAreNowhere(t, w)
	})
}

func secretsAreNowhere(t *testing.T, w *world) {
	log := filepath.Join(t.TempDir(), "daemon.log")
	s := servePrepared(t, w, func(cmd *exec.Cmd) {
		f, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		cmd.Stderr = f
		cmd.Env = append(cmd.Env, "SESSIOND_LOG_LEVEL=debug")
		// Whatever the system would let it write at a crash.
		cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", `ulimit -c unlimited; exec "$0" "$@"`}, cmd.Args...)
	})
	answers := &answered{}
	stop := s.collect(answers)

	live := s.launch(s.plant(s.prompt(s.gate("secrets")), "live"))
	s.reached(live, "secrets", 0)
	s.askEverything(answers, live)
	leakOfProcesses(t, s, live)
	leakOfFiles(t, s)

	s.open("secrets")
	s.idle(live, 1)
	if _, err := s.EndSession(s.ctx, api.EndSessionParams{SessionID: live}); err != nil {
		t.Fatal(err)
	}
	s.until(live, final...)
	s.continueAndRefuse(answers, live)
	s.askEverything(answers, live)
	leakOfFiles(t, s)
	stop()

	s.crash(t, syscall.SIGQUIT, log)
	s.launchDaemon()
	s.crash(t, syscall.SIGABRT, log)
	s.launchDaemon()
	leakOfFiles(t, s)
	for where, b := range answers.all() {
		leak(t, "the answer of "+where, b)
	}
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte("goroutine ")) || !bytes.Contains(b, []byte("launchSession")) {
		t.Error("the log has no stack trace, or no debug lines: the test sees nothing")
	}
	leak(t, "the log", b)
}

// plant puts secrets into a launch.
func (s *served) plant(p api.LaunchSessionParams, where string) api.LaunchSessionParams {
	p.Interactive = ptr(true)
	p.Env = map[string]string{"A_TOKEN": planted(where + "-env")}
	for _, pair := range s.environ() {
		name, value, _ := strings.Cut(pair, "=")
		p.Env[name] = value
	}
	p.Env["ANTHROPIC_API_KEY"] = planted(where + "-key")
	p.MCPConfig = json.RawMessage(fmt.Sprintf(`{"mcpServers":{"one":{"command":"/bin/cat","args":[%q],"env":{"TOKEN":%q}},
		"two":{"type":"http","url":"http://127.0.0.1:9/","headers":{"Authorization":%q}}}}`,
		planted(where+"-mcp-arg"), planted(where+"-mcp-env"), "Bearer "+planted(where+"-mcp-header")))
	return p
}

// answered is everything that the daemon has said.
type answered struct {
	mu   sync.Mutex
	said map[string][]byte
}

func (a *answered) add(where string, b []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.said == nil {
		a.said = map[string][]byte{}
	}
	a.said[where] = append(append(a.said[where], b...), '\n')
}

func (a *answered) all() map[string][]byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.said)
}

// collect collects every event from now on, until stop.
func (s *served) collect(a *answered) (stop func()) {
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ev, err := range s.Events(ctx, api.SubscribeParams{AfterSeq: ptr(int64(0)), IncludePartial: true}) {
			if err == nil {
				a.add("event "+string(ev.Type), ev.Data)
			}
		}
	}()
	return func() { cancel(); <-done }
}

// askEverything calls every method there is, about a session.
func (s *served) askEverything(a *answered, id string) {
	s.t.Helper()
	document, err := s.Discover(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	var openrpc struct {
		Methods []struct{ Name string }
	}
	if err := json.Unmarshal(document, &openrpc); err != nil {
		s.t.Fatal(err)
	}
	unknown, backup := "0198c5a1-0000-7000-8000-000000000001", filepath.Join(s.t.TempDir(), "backup")
	params := map[string]string{
		"health": `{}`, "rpc.discover": `{}`, "subscribe": `{"after_seq":0}`, "listSessions": `{}`,
		"getConversation":  `{"session_id":"` + id + `","include_raw":true}`,
		"updateSession":    `{"session_id":"` + id + `","title":"t"}`,
		"archiveSessions":  `{"session_ids":["` + unknown + `"],"archived":true}`,
		"deleteSession":    `{"session_id":"` + unknown + `"}`,
		"interruptSession": `{"session_id":"` + unknown + `"}`, "endSession": `{"session_id":"` + unknown + `"}`,
		"unsubscribe": `{"subscription_id":"` + unknown + `"}`,
		"sendMessage": `{"session_id":"` + unknown + `","content":"x"}`, "cancelMessage": `{"message_id":"` + unknown + `"}`,
		"fetchApprovals": `{"status":["pending","approved","denied","cancelled"]}`, "getApproval": `{"approval_id":"` + unknown + `"}`,
		"sendDecision":    `{"approval_id":"` + unknown + `","decision":"approve"}`,
		"launchSession":   `{"query":""}`,
		"continueSession": `{"session_id":"` + id + `","query":""}`,
		"pruneSessions":   `{"before":"2000-01-01T00:00:00Z","dry_run":true}`,
		"backup":          `{"path":"` + backup + `"}`,
		"retryJob":        `{"job_id":"` + unknown + `"}`, "cancelJob": `{"job_id":"` + unknown + `"}`,
		"getUsage": `{"by":"session"}`, "searchConversations": `{"query":"x"}`, "importTranscripts": `{"paths":["` + s.work + `"],"dry_run":true}`,
	}
	for _, m := range openrpc.Methods {
		p, ok := params[m.Name]
		if !ok {
			p = `{"session_id":"` + id + `"}` // what most want
		}
		var result json.RawMessage
		if err := s.Call(s.ctx, m.Name, json.RawMessage(p), &result); err != nil {
			a.add(m.Name, []byte(err.Error()))
			var e *api.Error
			if b, jsonErr := json.Marshal(asError(err, &e)); jsonErr == nil {
				a.add(m.Name, b)
			}
			if e == nil || e.Reason == api.ReasonInvalidParams && m.Name != "launchSession" && m.Name != "continueSession" {
				s.t.Errorf("%s: %v", m.Name, err) // it was not called as it is meant
			}
		}
		a.add(m.Name, result)
	}
	if b, err := os.ReadFile(backup); err != nil {
		s.t.Error(err)
	} else {
		leak(s.t.(*testing.T), "the backup", b)
	}
}

// continueAndRefuse continues a session, which inherits its servers, and has
// launches that are refused, or fail, with secrets in hand.
func (s *served) continueAndRefuse(a *answered, parent string) {
	p := s.plant(s.prompt("say: again"), "next")
	next, err := s.ContinueSession(s.ctx, api.ContinueSessionParams{SessionID: parent, Query: p.Query, Env: p.Env})
	if err != nil {
		s.t.Fatal(err)
	}
	s.until(next.SessionID, final...)
	lost := s.plant(s.prompt("x"), "lost")
	lost.Env["SESSIOND_CLAUDE"], lost.Env["PATH"] = "/nowhere", "/nowhere"
	for i, params := range []any{
		lost,
		map[string]any{"query": "x", "env": map[string]any{"A": []string{planted("list")}}},
		map[string]any{"query": "x", "env": map[string]string{"A": planted("nul") + "\x00"}},
		map[string]any{"query": "x", "env": map[string]string{"A=" + planted("name"): "x"}},
		map[string]any{"query": "x", "mcp_config": map[string]any{"mcpServers": map[string]any{"x": map[string]string{"env": planted("noserver")}}}},
		map[string]any{"query": "x", "mcp_config": map[string]any{"mcpServers": map[string]any{"x": map[string]any{"command": "c", "env": planted("noenv")}}}},
		map[string]any{"query": "x", "mcp_config": planted("noobject")},
		map[string]any{"query": "x", "mcp_config": map[string]any{"mcpServers": []string{planted("nomap")}}},
		map[string]any{"query": "x", "env": planted("noenvironment")},
		map[string]any{"query": "x", "working_dir": "/nowhere", "env": map[string]string{"A": planted("nodir")}},
		map[string]any{"query": "x", "idempotency_key": "k", "env": map[string]string{"A": planted("key1")}, "working_dir": s.work},
		map[string]any{"query": "y", "idempotency_key": "k", "env": map[string]string{"A": planted("key2")}, "working_dir": s.work},
	} {
		var result json.RawMessage
		err := s.Call(s.ctx, "launchSession", params, &result)
		a.add(fmt.Sprintf("launch %d", i), fmt.Appendf(result, "%v", err))
		var e *api.Error
		if b, jsonErr := json.Marshal(asError(err, &e)); jsonErr == nil {
			a.add(fmt.Sprintf("launch %d", i), b)
		}
		var launched api.LaunchSessionResult
		if err == nil && json.Unmarshal(result, &launched) == nil {
			_, _ = s.EndSession(s.ctx, api.EndSessionParams{SessionID: launched.SessionID, Force: true}) // it may have failed already
			s.until(launched.SessionID, final...)
		}
	}
}

// crash ends the daemon with a signal that has the runtime print every stack.
func (s *served) crash(t *testing.T, sig syscall.Signal, log string) {
	t.Helper()
	if err := s.daemon.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	_ = s.daemon.Wait() // it has not ended well
	if status := s.daemon.ProcessState.Sys().(syscall.WaitStatus); status.CoreDump() {
		t.Errorf("%v leaves a core", sig)
	}
	if b, err := os.ReadFile(log); err != nil || !bytes.Contains(b, []byte(sig.String())) && !bytes.Contains(b, []byte("SIG")) {
		t.Errorf("%v leaves no trace: %v", sig, err)
	}
}

// mayHave are the files in which secrets lie, for the child and those that
// continue its session.
var mayHave = []string{"mcp.json"}

// leakOfFiles looks into all that the daemon has on disk.
func leakOfFiles(t *testing.T, s *served) {
	t.Helper()
	read := 0
	for _, dir := range []string{s.cfg.StateDir, filepath.Dir(s.cfg.Socket)} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) { // of a session that has ended, or a job that is done
				return nil
			}
			if err != nil || !d.Type().IsRegular() || slices.Contains(mayHave, d.Name()) {
				return err
			}
			b, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			read++
			leak(t, path, b)
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if read < 3 {
		t.Errorf("only %d files: the test sees nothing", read)
	}
}

// leakOfProcesses looks at what everybody on the machine can see of a session's
// processes, and at what their user can see of the daemon's and the shim's. The
// child's own environment is what it was given.
func leakOfProcesses(t *testing.T, s *served, id string) {
	t.Helper()
	started, err := shim.ReadStart(s.dir(id))
	if err != nil {
		t.Fatal(err)
	}
	ps, err := exec.Command("ps", "-eo", "pid,args").Output()
	if err != nil {
		t.Fatal(err)
	}
	mine := 0
	for line := range strings.Lines(string(ps)) {
		for _, pid := range []int{s.daemon.Process.Pid, started.ShimPID, started.PID} {
			if strings.HasPrefix(strings.TrimSpace(line), fmt.Sprint(pid, " ")) {
				mine++
				leak(t, "ps: "+line, []byte(line))
			}
		}
	}
	if mine != 3 {
		t.Errorf("ps shows %d of 3 processes", mine)
	}
	for name, pid := range map[string]int{"daemon": s.daemon.Process.Pid, "shim": started.ShimPID} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if os.IsNotExist(err) { // not Linux
			continue
		}
		if err != nil {
			t.Error(err)
		}
		leak(t, "the environment of the "+name, b)
	}
}

// asError is err as the daemon's answer, if it is one.
func asError(err error, e **api.Error) map[string]any {
	if typed, ok := errors.AsType[*api.Error](err); ok {
		*e = typed
		return typed.Data
	}
	return nil
}
