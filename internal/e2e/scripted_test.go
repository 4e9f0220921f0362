package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/program"
	"github.com/sessiond/sessiond/internal/traces"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestEnds is how a process can end, and what becomes of its session.
func TestEnds(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	for prompt, want := range map[string]struct {
		status  api.Status
		message string
		result  string
	}{
		"say: hi":                          {api.StatusCompleted, "", "hi"},
		"say: hi\nexit: 0":                 {api.StatusFailed, "exited with code 0 before its turn had a result", ""},
		"exit: 4":                          {api.StatusFailed, "exited with code 4 before its turn had a result", ""},
		"stderr: out of cheese\nexit: 1":   {api.StatusFailed, "out of cheese", ""},
		"say: hi\nresult-exit: 3":          {api.StatusFailed, "exited with code 3 after its last result", "hi"},
		"say: hi\nresult-exit: 0":          {api.StatusCompleted, "", "hi"},
		"die: KILL":                        {api.StatusFailed, "SIGKILL", ""},
		"error: overloaded":                {api.StatusFailed, "overloaded", "overloaded"},
		"say: hi\nhalf: {\"type\":\"assis": {api.StatusFailed, "before its turn had a result", ""},
	} {
		t.Run(prompt, func(t *testing.T) {
			t.Parallel()
			ses := w.run(prompt)
			if ses.Status != want.status || !strings.Contains(ses.ErrorMessage, want.message) || (want.message == "") != (ses.ErrorMessage == "") {
				t.Errorf("ended %s (%q)\n%s", ses.Status, ses.ErrorMessage, w.dump(ses.ID))
			}
			if ses.Result != want.result {
				t.Errorf("result %q", ses.Result)
			}
		})
	}
}

// TestRawIsByteForByte has Claude Code print the oddest lines, and compares
// what raw says with what the journal held, which the shim's child wrote itself.
func TestRawIsByteForByte(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	for name, prompt := range map[string]string{"junk": "junk\njunk", "half a line": "say: hi\nhalf: half\xc3 a line", "tools": "tools: 3\nthink: hm"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := w.prompt(prompt)
			gate := filepath.Join(t.TempDir(), "gate")
			p.Query = api.Text(strings.ToValidUTF8("wait: "+gate+"\n"+prompt, "?"))
			id := w.launch(p)
			w.until(id, api.StatusRunning)
			journal := keepOpen(t, filepath.Join(w.cfg.StateDir, "sessions", id, "journal"))
			if err := os.WriteFile(gate, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			w.until(id, final...)
			printed := journal()
			var raw bytes.Buffer
			for _, ev := range w.conversation(api.GetConversationParams{SessionID: id, IncludeRaw: true}) {
				switch {
				case ev.Raw != nil:
					raw.WriteString(*ev.Raw)
				case ev.RawBase64 != nil:
					raw.Write(ev.RawBase64)
				default:
					continue
				}
				if !ev.RawUnterminated {
					raw.WriteByte('\n')
				}
			}
			if !bytes.Equal(printed, raw.Bytes()) || len(printed) == 0 {
				t.Errorf("printed %d bytes, raw has %d:\n%.2000s", len(printed), raw.Len(), cmp.Diff(string(printed), raw.String()))
			}
		})
	}
}

// keepOpen opens a file now, to be read later, when it has no name any more.
func keepOpen(t *testing.T, path string) func() []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return func() []byte {
		var b bytes.Buffer
		if _, err := b.ReadFrom(f); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
}

func TestBigLine(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	w := scriptedWorld(t, claudecli.Pinned)
	ses := w.run(fmt.Sprintf("bigline: %d\nsay: after", size))
	if ses.Status != api.StatusCompleted || ses.Result != "after" {
		t.Fatalf("session: %.500s", fmt.Sprint(ses))
	}
	longest := 0
	for _, ev := range w.conversation(api.GetConversationParams{SessionID: ses.ID}) {
		longest = max(longest, len(ev.Content))
	}
	if longest != size {
		t.Errorf("the longest text has %d bytes", longest)
	}
}

// TestInstantExit runs a child that exits right behind its last line, again and
// again: result and exit are two things, and nothing of either may be missing.
func TestInstantExit(t *testing.T) {
	t.Parallel()
	runs := 1000
	if testing.Short() {
		runs = 50
	}
	w := newWorld(t)
	w.cfg.Claude = quickClaude(t)
	w.start()
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for range runs {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			ses := w.run("go")
			events := w.conversation(api.GetConversationParams{SessionID: ses.ID})
			if ses.Status != api.StatusCompleted || ses.Result != "the end" || len(events) != quickLines+1 {
				t.Errorf("%s, %q, %d events: %s", ses.Status, ses.Result, len(events), ses.ErrorMessage)
			}
		})
	}
	wg.Wait()
}

// quickLines is how many lines the quick claude prints.
const quickLines = 22

// quickClaude is a claude that costs nearly nothing: it reads its prompt, prints
// its lines with one write, and is gone.
func quickClaude(t *testing.T) string {
	t.Helper()
	lines := []string{`{"type":"system","subtype":"init","model":"m"}`}
	for i := range quickLines - 2 {
		lines = append(lines, fmt.Sprintf(`{"type":"assistant","message":{"content":[{"type":"text","text":"event %d"}]}}`, i))
	}
	lines = append(lines, `{"type":"result","subtype":"success","is_error":false,"result":"the end"}`)
	dir := t.TempDir()
	output, path := filepath.Join(dir, "lines"), filepath.Join(dir, "claude")
	script := "#!/bin/sh\n[ \"$1\" = --version ] && echo 2.1.329 && exit\nread -r prompt\nexec cat " + output + "\n"
	if err := os.WriteFile(output, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	program.Write(t, path, script)
	return path
}

// TestManyFlatOut has sessions print as fast as they can, all at once: every
// line is stored once, in order, and a subscriber gets it once, in order.
func TestManyFlatOut(t *testing.T) {
	t.Parallel()
	for sessions, lines := range map[int]int{8: 1500, 32: 400} {
		t.Run(fmt.Sprint(sessions), func(t *testing.T) {
			t.Parallel()
			w := scriptedWorld(t, claudecli.Pinned)
			var wg sync.WaitGroup
			for range sessions {
				wg.Go(func() {
					id := w.launch(w.prompt(fmt.Sprintf("emit: %d 430", lines)))
					heard := numbers(w.follow(id))
					if ses := w.until(id, final...); ses.Status != api.StatusCompleted {
						t.Errorf("session: %+v", ses)
					}
					stored := numbers(w.conversation(api.GetConversationParams{SessionID: id, Limit: ptr(10000)}))
					for name, got := range map[string][]int{"stored": stored, "heard": heard} {
						if len(got) != lines || !slices.IsSorted(got) || got[0] != 1 || got[lines-1] != lines {
							t.Errorf("%s: %d lines, sorted %v", name, len(got), slices.IsSorted(got))
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// follow gathers the conversation of a session from the events of a
// subscription, until the session is final.
func (w *world) follow(id string) []api.ConversationEvent {
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	var events []api.ConversationEvent
	for ev, err := range w.Events(ctx, api.SubscribeParams{SessionID: id, AfterSeq: ptr(int64(0))}) {
		if err != nil {
			w.t.Errorf("subscribe: %v", err)
			break
		}
		switch ev.Type {
		case api.EventConversationUpdated:
			events = append(events, decode[api.ConversationEvent](w.t, ev))
		case api.EventSessionStatusChanged:
			if decode[api.StatusChange](w.t, ev).NewStatus.Final() {
				return events
			}
		}
	}
	return events
}

// numbers picks the I of each "event I of N".
func numbers(events []api.ConversationEvent) []int {
	var list []int
	for _, ev := range events {
		var i, n int
		if _, err := fmt.Sscanf(ev.Content, "event %d of %d", &i, &n); err == nil && ev.EventType == api.ConversationMessage && ev.Role == "assistant" {
			list = append(list, i)
		}
	}
	return list
}

// report is what the scripted claude says of how it was started.
type report struct {
	Argv  []string
	Env   map[string]string
	Cwd   string
	Files map[string]string
}

func (w *world) report(id string) report {
	w.t.Helper()
	w.until(id, final...)
	for _, ev := range w.conversation(api.GetConversationParams{SessionID: id, IncludeAncestors: ptr(false)}) {
		var r report
		if ev.Role == "assistant" && json.Unmarshal([]byte(ev.Content), &r) == nil {
			return r
		}
	}
	w.t.Fatalf("no report:\n%s", w.dump(id))
	return report{}
}

// secret is planted wherever a secret may be given.
const secret = "s3cr3t-0b9e"

func fullLaunch(w *world) api.LaunchSessionParams {
	return api.LaunchSessionParams{Query: api.Text("report"), Env: map[string]string{"HOME": w.home, "PATH": os.Getenv("PATH"), "MY_KEY": secret},
		LaunchOptions: api.LaunchOptions{WorkingDir: &w.work, Title: ptr("all of it"), Model: ptr("opus"), PermissionMode: ptr("plan"),
			AllowedTools: &[]string{"Bash(git log:*)", "Read"}, DisallowedTools: &[]string{"WebFetch"}, AdditionalDirectories: &[]string{w.home},
			SystemPrompt: ptr("be brief"), AppendSystemPrompt: ptr("and kind"), MaxTurns: ptr(7), MaxBudgetUSD: ptr(1.5), Tags: &[]string{"a", "b", "a"},
			IncludePartialMessages: ptr(true), Unattended: ptr(true),
			MCPConfig: []byte(`{"mcpServers":{"files":{"command":"mcp-files","args":["-x"],"env":{"TOKEN":"` + secret + `"}},"web":{"type":"http","url":"http://127.0.0.1:1/","headers":{"Authorization":"` + secret + `"}}}}`)}}
}

// TestOptionsReachClaude reads what the scripted claude was given.
func TestOptionsReachClaude(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	parent := w.launch(fullLaunch(w))
	checkReport(t, w, parent, "opus")
	result, err := w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: parent, Query: api.Text("report"),
		Env: map[string]string{"HOME": w.home, "PATH": os.Getenv("PATH"), "MY_KEY": secret}, LaunchOptions: api.LaunchOptions{Model: ptr("haiku"), IncludePartialMessages: ptr(true), Unattended: ptr(true)}})
	if err != nil {
		t.Fatal(err)
	}
	checkReport(t, w, result.SessionID, "haiku")
	result, err = w.ContinueSession(w.ctx, api.ContinueSessionParams{SessionID: result.SessionID, Query: api.Text("report"),
		LaunchOptions: api.LaunchOptions{MCPConfig: []byte(`{}`), SystemPrompt: ptr("")}})
	if err != nil {
		t.Fatal(err)
	}
	if argv := strings.Join(w.report(result.SessionID).Argv, " "); strings.Contains(argv, "--mcp-config") || strings.Contains(argv, "--system-prompt-file") {
		t.Errorf("an empty option does not replace what is inherited: %s", argv)
	}
}

func checkReport(t *testing.T, w *world, id, model string) {
	t.Helper()
	r := w.report(id)
	ses := w.until(id, final...)
	argv := strings.Join(r.Argv, " ")
	for _, want := range []string{"--model=" + model, "--permission-mode=plan", "--allowed-tools=Bash(git log:*)", "--allowed-tools=Read", "--disallowed-tools=WebFetch",
		"--add-dir=" + w.home, "--max-turns=7", "--max-budget-usd=1.5", "--include-partial-messages"} {
		if !slices.Contains(r.Argv, want) {
			t.Errorf("%s is not in %s", want, argv)
		}
	}
	if strings.Contains(argv, "permission-prompt-tool") || strings.Contains(argv, "report") || strings.Contains(argv, "be brief") || strings.Contains(argv, secret) {
		t.Errorf("argv: %s", argv)
	}
	if r.Cwd != w.work || r.Env["MY_KEY"] != secret || r.Env["SESSIOND_SESSION_ID"] != id || r.Env["SESSIOND_RUN_ID"] != ses.RunID || r.Env["CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS"] != "1" {
		t.Errorf("cwd %s, env %v", r.Cwd, r.Env)
	}
	var files []string
	for _, content := range r.Files {
		files = append(files, content)
	}
	all := strings.Join(files, "\n")
	for _, want := range []string{"be brief", "and kind", `"TOKEN":"` + secret, `"Authorization":"` + secret, `"SESSIOND_SESSION_ID":"` + id, "mcp-files"} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not in the files: %s", want, all)
		}
	}
	if ses.Title != "all of it" || !slices.Equal(ses.Tags, []string{"a", "b"}) || !ses.Unattended {
		t.Errorf("session: %+v", ses)
	}
}

// TestSecretsStayOut looks for planted secrets in whatever the daemon leaves behind.
func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	p := fullLaunch(w)
	p.Query = api.Text("say: hi")
	p.IdempotencyKey = "once"
	id := w.launch(p)
	w.until(id, final...)
	answers, err := json.Marshal([]any{must(w.GetSessionState(w.ctx, api.SessionParams{SessionID: id}))(t), must(w.ListSessions(w.ctx, api.ListSessionsParams{}))(t), w.log(id),
		w.conversation(api.GetConversationParams{SessionID: id, IncludeRaw: true})})
	if err != nil || bytes.Contains(answers, []byte(secret)) {
		t.Errorf("a secret was answered: %v %s", err, answers)
	}
	w.stop()
	err = filepath.WalkDir(w.cfg.StateDir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(secret)) && entry.Name() != "mcp.json" || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v, holds a secret: %v", path, info.Mode(), bytes.Contains(content, []byte(secret)))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	w.start()
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	for field, change := range map[string]func(*api.LaunchSessionParams){
		"query":                          func(p *api.LaunchSessionParams) { p.Query = api.Text("  ") },
		"working_dir":                    func(p *api.LaunchSessionParams) { p.WorkingDir = ptr("/no/such/dir") },
		"working_dir (relative)":         func(p *api.LaunchSessionParams) { p.WorkingDir = ptr("here") },
		"working_dir (a file)":           func(p *api.LaunchSessionParams) { p.WorkingDir = ptr("/etc/passwd") },
		"permission_mode":                func(p *api.LaunchSessionParams) { p.PermissionMode = ptr("yolo") },
		"max_turns":                      func(p *api.LaunchSessionParams) { p.MaxTurns = ptr(-1) },
		"max_budget_usd":                 func(p *api.LaunchSessionParams) { p.MaxBudgetUSD = ptr(-0.5) },
		"additional_directories":         func(p *api.LaunchSessionParams) { p.AdditionalDirectories = &[]string{"/no/such/dir"} },
		"allowed_tools":                  func(p *api.LaunchSessionParams) { p.AllowedTools = &[]string{""} },
		"tags":                           func(p *api.LaunchSessionParams) { p.Tags = &[]string{" "} },
		"env":                            func(p *api.LaunchSessionParams) { p.Env = map[string]string{"A=B": "c"} },
		"mcp_config (list)":              func(p *api.LaunchSessionParams) { p.MCPConfig = []byte(`[]`) },
		"mcp_config (list of servers)":   func(p *api.LaunchSessionParams) { p.MCPConfig = []byte(`{"mcpServers":[]}`) },
		"mcp_config (no command or url)": func(p *api.LaunchSessionParams) { p.MCPConfig = []byte(`{"mcpServers":{"a":{"args":[]}}}`) },
		"mcp_config (text)":              func(p *api.LaunchSessionParams) { p.MCPConfig = []byte(`"x"`) },
	} {
		p := w.prompt("say: hi")
		change(&p)
		_, err := w.LaunchSession(w.ctx, p)
		word, _, _ := strings.Cut(field, " ")
		if refused := new(api.Error); !errors.As(err, &refused) || refused.Reason != api.ReasonInvalidParams || refused.Data["field"] != word {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := w.ListSessions(w.ctx, api.ListSessionsParams{WorkingDir: "here"}); !errors.Is(err, &api.Error{Reason: api.ReasonInvalidParams}) {
		t.Errorf("a list of a relative directory: %v", err)
	}
	list, err := w.ListSessions(w.ctx, api.ListSessionsParams{})
	dirs, _ := os.ReadDir(filepath.Join(w.cfg.StateDir, "sessions"))
	if err != nil || len(list.Sessions) != 0 || len(dirs) != 0 {
		t.Errorf("something was left behind: %v, %v, %v", list.Sessions, dirs, err)
	}
	for _, empty := range []string{`{}`, `{"mcpServers":{}}`, `null`} {
		p := w.prompt("report")
		p.MCPConfig = []byte(empty)
		if r := w.report(w.launch(p)); strings.Contains(strings.Join(r.Argv, " "), "mcp") {
			t.Errorf("mcp_config %s: %v", empty, r.Argv)
		}
	}
}

func TestClaudeMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Claude = filepath.Join(t.TempDir(), "claude")
	w.start()
	_, err := w.LaunchSession(w.ctx, w.prompt("hi"))
	if refused := new(api.Error); !errors.As(err, &refused) || refused.Reason != api.ReasonClaudeUnavailable || !strings.Contains(fmt.Sprint(refused.Data["hint"]), "npm install") {
		t.Errorf("launchSession: %v", err)
	}
	if h, err := w.Health(w.ctx); err != nil || h.Status != api.HealthDegraded || h.Claude.Available || h.Claude.Hint == "" {
		t.Errorf("health: %+v, %v", h, err)
	}
}

// TestNoDescendantSurvives has Claude Code leave behind processes that have
// sessions of their own, as its Bash tool's commands do.
func TestNoDescendantSurvives(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	for name, prompt := range map[string]string{"a clean end": "spawn: 3", "a crash": "spawn: 3\ndie: KILL"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ses := w.run(prompt)
			var pids []int
			for _, ev := range w.conversation(api.GetConversationParams{SessionID: ses.ID}) {
				if rest, ok := strings.CutPrefix(ev.Content, "spawned "); ok && ev.Role == "assistant" {
					for _, word := range strings.Fields(rest) {
						var pid int
						if _, err := fmt.Sscan(word, &pid); err == nil {
							pids = append(pids, pid)
						}
					}
				}
			}
			if len(pids) != 3 {
				t.Fatalf("spawned %v", pids)
			}
			for _, pid := range pids {
				if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
					t.Errorf("process %d: %v", pid, err)
				}
			}
		})
	}
}

// TestForcedEnd ends a process that heeds nothing.
func TestForcedEnd(t *testing.T) {
	t.Parallel()
	w := scriptedWorld(t, claudecli.Pinned)
	id := w.launch(w.prompt("ignore-signals"))
	w.heard(id, "nothing but SIGKILL from here on")
	if _, err := w.EndSession(w.ctx, api.EndSessionParams{SessionID: id, Force: true}); err != nil {
		t.Fatal(err)
	}
	if ses := w.until(id, final...); ses.Status != api.StatusInterrupted || ses.ExitSignal != "SIGKILL" {
		t.Errorf("session: %+v", ses)
	}
}

// heard waits until Claude Code has said something.
func (w *world) heard(id, text string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	for ev, err := range w.Events(ctx, api.SubscribeParams{SessionID: id, AfterSeq: ptr(int64(0)), EventTypes: []api.EventType{api.EventConversationUpdated}}) {
		if err != nil {
			w.t.Fatalf("subscribe: %v", err)
		}
		if decode[api.ConversationEvent](w.t, ev).Content == text {
			return
		}
	}
}

// TestTraces plays what the real versions were seen to print: the same statuses
// and the same conversation come out of both.
func TestTraces(t *testing.T) {
	t.Parallel()
	for _, version := range traces.Versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := scriptedWorld(t, version)
			for _, name := range traces.Names(version) {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					w.trace(t, version, name)
				})
			}
		})
	}
}

// trace plays one trace: whatever it asks is approved, and it is interrupted if
// the recorded one was.
func (w *world) trace(t *testing.T, version, name string) {
	p := w.prompt("trace: " + name)
	p.IncludePartialMessages = ptr(true)
	id := w.launch(p)
	if strings.Contains(name, "interrupted") || name == "command_lifecycle" {
		if _, err := w.InterruptSession(w.ctx, api.InterruptSessionParams{SessionID: id}); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.approveAll(id)
	}()
	ses := w.until(id, final...)
	<-done
	lines := bytes.Split(bytes.TrimSuffix(traces.Out(version, name), []byte("\n")), []byte("\n"))
	want := 0
	for _, l := range lines {
		if !bytes.Contains(l, []byte(`"type":"stream_event"`)) {
			want++
		}
	}
	raw := 0
	for _, ev := range w.conversation(api.GetConversationParams{SessionID: id, IncludeRaw: true}) {
		if ev.Raw != nil {
			raw++
		}
		if ev.EventType == api.ConversationUnparsed {
			t.Errorf("not understood: %s", *ev.Raw)
		}
	}
	if raw < want {
		t.Errorf("%d lines of %d are kept; %s\n%s", raw, want, ses.Status, w.dump(id))
	}
}

// approveAll answers every question of a session with yes, until it is final.
func (w *world) approveAll(id string) {
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	for ev, err := range w.Events(ctx, api.SubscribeParams{SessionID: id, AfterSeq: ptr(int64(0))}) {
		if err != nil {
			return
		}
		switch ev.Type {
		case api.EventNewApproval:
			a := decode[api.Approval](w.t, ev)
			_, err := w.SendDecision(w.ctx, api.SendDecisionParams{ApprovalID: a.ID, Decision: api.DecisionApprove})
			if refused := new(api.Error); err != nil && (!errors.As(err, &refused) || refused.Reason != api.ReasonAlreadyResolved) {
				w.t.Errorf("sendDecision: %v", err)
			}
		case api.EventSessionStatusChanged:
			if decode[api.StatusChange](w.t, ev).NewStatus.Final() {
				return
			}
		}
	}
}
