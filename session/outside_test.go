package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/hook"
	"github.com/sessiond/sessiond/session/redact"
	"github.com/sessiond/sessiond/store"
)

// pub is where claudes are in their terminals, with an observer that looks when it is
// told to.
type pub struct {
	t     *testing.T
	m     *Manager
	o     *observer
	home  string
	clock time.Time
	pid   int // of the claude that speaks; 0: not known
	began uint64

	withheld bool // what hooks are told from now on
}

func newPub(t *testing.T, change func(*Config)) *pub {
	t.Helper()
	dir := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(t.Context(), filepath.Join(dir, "db"), store.Options{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Store: st, StateDir: dir, LockDir: dir, Logger: log, Claude: "/bin/sh"} // it is never run
	if change != nil {
		change(&cfg)
	}
	m, err := NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = m.Close(), st.Close() })
	return &pub{t: t, m: m, o: patient(m), home: t.TempDir(), clock: time.Now().Add(-time.Hour)}
}

// patient is an observer that ends no session by itself, however slow a test is.
func patient(m *Manager) *observer {
	o := m.newObserver()
	o.ended = time.Hour
	return o
}

// later has the time be over in which a session that has ended writes its last lines.
func (p *pub) later(id string) {
	p.t.Helper()
	p.o.live[id].since = time.Now().Add(-2 * p.o.ended)
}

// says leaves what a hook was told.
func (p *pub) says(id, event, rest string) {
	p.t.Helper()
	p.clock = p.clock.Add(time.Second)
	input := fmt.Sprintf(`{"session_id":%q,"transcript_path":%q,"cwd":"/work","hook_event_name":%q%s}`, id, p.transcript(id), event, rest)
	if err := hook.Put(p.o.dir, hook.Record{Time: p.clock, PID: p.pid, Began: p.began, Input: []byte(input), Withheld: p.withheld}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pub) prompts(id, promptID, text string) {
	p.t.Helper()
	p.says(id, "UserPromptSubmit", fmt.Sprintf(`,"prompt_id":%q,"prompt":%q`, promptID, text))
}

func (p *pub) uses(id, tool, text string) {
	p.t.Helper()
	p.says(id, "PostToolUse", fmt.Sprintf(`,"tool_name":"Bash","tool_use_id":%q,"tool_input":{"command":%q},"tool_response":%q`, tool, text, "did "+text))
}

func (p *pub) transcript(id string) string { return filepath.Join(p.home, id+".jsonl") }

// writes appends lines to a transcript.
func (p *pub) writes(id string, lines ...string) {
	p.t.Helper()
	f, err := os.OpenFile(p.transcript(id), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	for _, line := range lines {
		p.clock = p.clock.Add(time.Second)
		line = fmt.Sprintf(`{"sessionId":%q,"timestamp":%q,"uuid":%q,"cwd":"/work",%s}`+"\n", id, p.clock.UTC().Format(time.RFC3339Nano), newID(), line)
		if _, err := f.WriteString(line); err != nil {
			p.t.Fatal(err)
		}
	}
}

func promptLine(id, text string) string {
	return fmt.Sprintf(`"type":"user","promptId":%q,"message":{"role":"user","content":%q}`, id, text)
}

func saidLine(text string) string {
	return fmt.Sprintf(`"type":"assistant","message":{"id":"m","role":"assistant","model":"opus","stop_reason":"end_turn","usage":{"output_tokens":7},"content":[{"type":"text","text":%q}]}`, text)
}

func callLine(tool, text string) string {
	return fmt.Sprintf(`"type":"assistant","message":{"id":"n","role":"assistant","content":[{"type":"tool_use","id":%q,"name":"Bash","input":{"command":%q}}]}`, tool, text)
}

func answerLine(tool, text string) string {
	return fmt.Sprintf(`"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":%q,"content":%q}]}`, tool, text)
}

// round has the observer look once.
func (p *pub) round() {
	p.t.Helper()
	p.o.looked = time.Time{}
	if err := p.o.round(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// another has another observer in the place of this one, as the next daemon has.
func (p *pub) another() {
	p.t.Helper()
	p.o = patient(p.m)
	rows, err := p.m.store.OpenSessions(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	for _, row := range rows {
		p.o.remember(row)
	}
	if err := p.o.begin(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// sessions are all of them, the oldest first.
func (p *pub) sessions() []api.Session {
	p.t.Helper()
	list, err := p.m.ListSessions(p.t.Context(), api.ListSessionsParams{})
	if err != nil {
		p.t.Fatal(err)
	}
	slices.SortFunc(list.Sessions, func(a, b api.Session) int { return a.CreatedAt.Compare(b.CreatedAt.Time) })
	return list.Sessions
}

func (p *pub) one() api.Session {
	p.t.Helper()
	list := p.sessions()
	if len(list) != 1 {
		p.t.Fatalf("sessions: %+v", list)
	}
	return list[0]
}

// history is what happened in a session, in short.
func (p *pub) history(id string) []string {
	p.t.Helper()
	events, _, err := p.m.store.Log(p.t.Context(), 0, 1000, store.Filter{SessionID: id})
	if err != nil {
		p.t.Fatal(err)
	}
	var all []string
	for i := range events {
		switch ev := &events[i]; ev.Type {
		case api.EventConversationUpdated:
			shown := p.m.shown(ev)
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s%s%s", shown.EventType, shown.Role, shown.Content, shown.ToolID, shown.ToolResultForID)))
		case api.EventSessionStatusChanged:
			var c api.StatusChange
			if err := json.Unmarshal(ev.Data, &c); err != nil {
				p.t.Fatal(err)
			}
			all = append(all, strings.TrimSuffix(fmt.Sprintf("> %s %s", c.NewStatus, c.WaitingFor), " ")+" ("+c.Reason+")")
		}
	}
	return all
}

func (p *pub) wants(id string, want ...string) {
	p.t.Helper()
	if diff := cmp.Diff(want, p.history(id)); diff != "" {
		p.t.Error(diff)
	}
}

// TestOutsideOnce has what hook and transcript both tell kept once, whoever comes first.
func TestOutsideOnce(t *testing.T) {
	t.Parallel()
	whole := []string{"message user go", "> running (message)", "message assistant running it", "tool_call assistant t1", "tool_result user did xt1",
		"message assistant done", "> waiting_input message (turn_ended)"}
	for name, c := range map[string]struct {
		tell func(p *pub, id string)
		want []string
	}{
		"the hook first": {func(p *pub, id string) {
			p.says(id, "SessionStart", `,"source":"startup"`)
			p.prompts(id, "p1", "go")
			p.round()
			p.writes(id, promptLine("p1", "go"), saidLine("running it"), callLine("t1", "x"))
			p.uses(id, "t1", "x")
			p.round()
			p.writes(id, answerLine("t1", "did x"), saidLine("done"))
			p.round()
			p.says(id, "Stop", "")
		}, whole},
		"the transcript first": {func(p *pub, id string) {
			p.says(id, "SessionStart", `,"source":"startup"`)
			p.prompts(id, "p1", "go")
			p.uses(id, "t1", "x")
			p.says(id, "Stop", "")
			p.writes(id, promptLine("p1", "go"), saidLine("running it"), callLine("t1", "x"), answerLine("t1", "did x"), saidLine("done"))
		}, []string{"message user go", "message assistant running it", "tool_call assistant t1", "tool_result user did xt1", "message assistant done",
			"> running (message)", "> waiting_input message (turn_ended)"}},
		"hooks alone": {func(p *pub, id string) {
			p.says(id, "SessionStart", `,"source":"startup"`)
			p.prompts(id, "p1", "go")
			p.uses(id, "t1", "x")
			p.says(id, "Stop", "")
		}, []string{"message user go", "> running (message)", "tool_call assistant t1", "tool_result user did xt1", "> waiting_input message (turn_ended)"}},
		"all twice, and without ids": {func(p *pub, id string) {
			p.says(id, "SessionStart", `,"source":"startup"`)
			p.prompts(id, "", "go")
			p.writes(id, promptLine("p1", "go"), callLine("t1", "x"))
			p.round()
			p.uses(id, "t1", "x")
			p.uses(id, "t1", "x")
			p.round()
			p.writes(id, answerLine("t1", "did x"), answerLine("t1", "did x"))
			p.uses(id, "t1", "x")
			p.says(id, "Stop", "")
		}, []string{"message user go", "tool_call assistant t1", "> running (message)", "tool_result user did xt1", "> waiting_input message (turn_ended)"}},
		"hooks installed in mid-session": {func(p *pub, id string) {
			p.writes(id, promptLine("p1", "go"), saidLine("running it"), callLine("t1", "x"))
			p.uses(id, "t1", "x")
			p.round()
			p.writes(id, answerLine("t1", "did x"), saidLine("done"))
			p.says(id, "Stop", "")
		}, []string{"message user go", "message assistant running it", "tool_call assistant t1", "tool_result user did xt1", "> running (claude_activity)",
			"message assistant done", "> waiting_input message (turn_ended)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, id := newPub(t, nil), newID()
			c.tell(p, id)
			p.round()
			p.another()
			p.round()
			ses := p.one()
			p.wants(ses.ID, c.want...)
			if ses.Query != "go" || ses.Origin != api.OriginExternal || ses.ClaudeSessionID != id || ses.WorkingDir != "/work" {
				t.Errorf("session: %+v", ses)
			}
			obs, err := p.m.ListObservations(t.Context(), api.ListObservationsParams{SessionID: ses.ID})
			if err != nil || len(obs.Observations) != 1 {
				t.Fatalf("observations: %+v, %v", obs, err)
			}
			if o := obs.Observations[0]; o.ToolName != "Bash" || o.ToolID != "t1" || o.Response != "did x" || o.PromptNumber != 1 || o.WorkingDir != "/work" {
				t.Errorf("observation: %+v", o)
			}
			if list, err := p.m.ListSessions(t.Context(), api.ListSessionsParams{Text: "go"}); err != nil || len(list.Sessions) != 1 {
				t.Errorf("found by its prompt: %+v, %v", list, err)
			}
		})
	}
}

// TestOutsideStatus follows what hooks tell of a session.
func TestOutsideStatus(t *testing.T) {
	t.Parallel()
	p, id := newPub(t, nil), newID()
	p.says(id, "SessionStart", `,"source":"startup","model":"opus"`)
	p.prompts(id, "p1", "one")
	p.says(id, "Notification", `,"notification_type":"permission_prompt"`)
	p.uses(id, "t1", "x")
	p.says(id, "PostToolUseFailure", `,"tool_name":"Bash","tool_use_id":"t2","error":"Exit code 3","is_interrupt":true`)
	p.says(id, "Notification", `,"notification_type":"permission_prompt"`) // of nothing that runs
	p.prompts(id, "p2", "<task-notification>x</task-notification>")
	p.says(id, "SessionStart", `,"source":"compact"`)
	p.says(id, "StopFailure", `,"error":"unknown","last_assistant_message":"API Error"`)
	p.says(id, "SubagentStop", `,"agent_id":"a"`)
	p.says(id, "PostToolUse", `,"agent_id":"a","tool_name":"Read","tool_use_id":"t3","tool_response":{"a":1}`)
	p.prompts(id, "p3", "three")
	p.says(id, "Notification", `,"notification_type":"idle_prompt"`)
	p.says(id, "SessionEnd", `,"reason":"logout"`)
	p.round()
	ses := p.one()
	if ses.Status.Final() || ses.NumTurns != 2 || ses.Model != "opus" {
		t.Errorf("session: %+v", ses)
	}
	p.later(ses.ID)
	p.round()
	p.wants(ses.ID, "message user one", "> running (message)", "> waiting_input approval (approval)", "tool_call assistant t1", "tool_result user did xt1",
		"> running (answered)", "tool_call assistant t2", "tool_result user Exit code 3t2", "> waiting_input message (claude_activity)", "> running (message)",
		"> waiting_input message (turn_ended)", `tool_call assistant t3`, `tool_result user {"a":1}t3`, "message user three", "> running (message)",
		"> waiting_input message (turn_ended)", "> completed (exited)")
}

// TestOutsideRefused has a question answered with no: no hook tells of that.
func TestOutsideRefused(t *testing.T) {
	t.Parallel()
	p, id := newPub(t, nil), newID()
	p.says(id, "SessionStart", `,"source":"startup"`)
	p.writes(id, promptLine("p1", "go"), callLine("t1", "x"), callLine("t2", "y"))
	p.prompts(id, "p1", "go")
	p.says(id, "Notification", `,"notification_type":"permission_prompt"`)
	p.round()
	p.writes(id, answerLine("t1", "done")) // not what is asked about, perhaps
	p.round()
	ses := p.one()
	if ses.WaitingFor != api.WaitingForApproval {
		t.Errorf("session: %+v", ses)
	}
	p.writes(id, answerLine("t2", "no: do something else"))
	p.round()
	p.wants(ses.ID, "message user go", "tool_call assistant t1", "tool_call assistant t2", "> running (message)", "> waiting_input approval (approval)",
		"tool_result user donet1", "> running (answered)", "tool_result user no: do something elset2")
}

// notes has the transcripts where Claude Code keeps them, and returns the file in which
// this process, as a claude, says what it does.
func (p *pub) notes() (file string) {
	p.t.Helper()
	claude := p.home
	p.home, p.pid = filepath.Join(claude, "projects", "-work"), os.Getpid()
	file = filepath.Join(claude, "sessions", fmt.Sprintf("%d.json", p.pid))
	for _, dir := range []string{p.home, filepath.Dir(file)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			p.t.Fatal(err)
		}
	}
	return file
}

// TestOutsideAbandoned has a prompt taken back before it is answered, of which neither a
// hook nor the transcript tells: Claude Code says that it waits for the next one.
func TestOutsideAbandoned(t *testing.T) {
	t.Parallel()
	p, id := newPub(t, nil), newID()
	file := p.notes()
	p.says(id, "SessionStart", `,"source":"startup"`)
	p.prompts(id, "p1", "go")
	p.round()
	last := p.one().LastActivityAt.Time
	for _, says := range []struct {
		pid           int
		session, word string
		since         time.Time
		over          bool
	}{
		{p.pid, id, "busy", last.Add(time.Second), false},
		{p.pid, id, "idle", last.Add(-time.Second), false},    // from before the prompt
		{p.pid, id, "idle", time.Now().Add(time.Hour), false}, // a hook may tell of it yet
		{p.pid, newID(), "idle", last.Add(time.Second), false},
		{p.pid + 1, id, "idle", last.Add(time.Second), false},
		{p.pid, id, "idle", last.Add(time.Second), true},
	} {
		content := fmt.Sprintf(`{"pid":%d,"sessionId":%q,"status":%q,"statusUpdatedAt":%d}`, says.pid, says.session, says.word, says.since.UnixMilli())
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		p.round()
		if ses := p.one(); (ses.WaitingFor == api.WaitingForMessage) != says.over {
			t.Errorf("%s: %+v", content, ses)
		}
	}
	p.wants(p.one().ID, "message user go", "> running (message)", "> waiting_input message (interrupt)")
}

// TestOutsideAbandonedUnfit has a prompt taken back where the transcript cannot be read,
// and while a command of before runs in the background.
func TestOutsideAbandonedUnfit(t *testing.T) {
	t.Parallel()
	p, id := newPub(t, nil), newID()
	file := p.notes()
	if err := os.Symlink(file, p.transcript(id)); err != nil {
		t.Fatal(err)
	}
	p.says(id, "SessionStart", `,"source":"startup"`)
	p.prompts(id, "p1", "go")
	p.round()
	content := fmt.Sprintf(`{"pid":%d,"sessionId":%q,"status":"shell","statusUpdatedAt":%d}`, p.pid, id, p.one().LastActivityAt.Add(time.Second).UnixMilli())
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	p.round()
	if ses := p.one(); ses.WaitingFor != api.WaitingForMessage {
		t.Errorf("session: %+v", ses)
	}
}

// TestOutsideNext has one conversation go on in one session after the other.
func TestOutsideNext(t *testing.T) {
	t.Parallel()
	p, id := newPub(t, nil), newID()
	p.says(id, "Stop", "") // of nothing
	p.says(id, "SessionEnd", `,"reason":"other"`)
	p.says(id, "SessionStart", `,"source":"startup"`)
	p.prompts(id, "p1", "one")
	p.writes(id, promptLine("p1", "one"), saidLine("first"))
	p.says(id, "Stop", "")
	p.says(id, "SessionEnd", `,"reason":"other"`)
	p.round()
	first := p.one()
	p.says(id, "SessionStart", `,"source":"resume"`)
	p.prompts(id, "p2", "two")
	p.writes(id, promptLine("p2", "two"), saidLine("second"))
	p.says(id, "Stop", "")
	p.says(id, "SessionEnd", `,"reason":"other"`)
	p.round()
	list := p.sessions()
	if len(list) != 2 || list[0].ID != first.ID || list[0].Status != api.StatusCompleted || list[1].ParentSessionID != first.ID {
		t.Fatalf("sessions: %+v", list)
	}
	p.later(list[1].ID)
	p.round()
	p.says(id, "Stop", "")
	p.uses(id, "late", "x")
	p.round()
	row, err := p.m.row(t.Context(), list[1].ID)
	if err != nil {
		t.Fatal(err)
	}
	segments, err := p.m.ancestry(row)
	if err != nil {
		t.Fatal(err)
	}
	events, _, err := p.m.store.Conversation(t.Context(), segments, 0, 100, maxPageBytes)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for i := range events {
		ev := p.m.shown(&events[i])
		said = append(said, ev.Content+ev.ToolID)
	}
	if diff := cmp.Diff([]string{"one", "first", "two", "second", "late", "did x"}, said); diff != "" {
		t.Error(diff)
	}
	if list := p.sessions(); len(list) != 2 || list[1].Status != api.StatusCompleted {
		t.Errorf("sessions: %+v", list)
	}
}

// TestOutsideCrash has a daemon die between the commit and the removal of inputs.
func TestOutsideCrash(t *testing.T) {
	t.Parallel()
	p, id := newPub(t, nil), newID()
	p.says(id, "SessionStart", `,"source":"startup"`)
	p.prompts(id, "p1", "go")
	for i := range 5 {
		p.says(id, "PostToolUse", fmt.Sprintf(`,"tool_name":"Bash","tool_response":"%d"`, i)) // without ids
	}
	names, err := hook.Waiting(p.o.dir)
	if err != nil {
		t.Fatal(err)
	}
	var inputs []input
	for _, name := range names {
		in, ok, err := p.o.read(name)
		if !ok || err != nil {
			t.Fatal(name, err)
		}
		inputs = append(inputs, in)
	}
	if err := p.o.take(t.Context(), id, inputs); err != nil {
		t.Fatal(err)
	}
	if err := hook.Remove(p.o.dir, names[:2]); err != nil { // in the midst of it
		t.Fatal(err)
	}
	p.another()
	p.says(id, "Stop", "")
	p.round()
	obs, err := p.m.ListObservations(t.Context(), api.ListObservationsParams{})
	if err != nil || len(obs.Observations) != 5 {
		t.Errorf("observations: %+v, %v", obs, err)
	}
	names, err = hook.Waiting(p.o.dir)
	stored, storeErr := p.m.store.HookInputs(t.Context())
	if len(names)+len(stored) != 0 || errors.Join(err, storeErr) != nil {
		t.Errorf("left: %q, %q, %v, %v", names, stored, err, storeErr)
	}
}

// TestOutsideParentDamaged has a session that cannot be gone on from hold up no other.
func TestOutsideParentDamaged(t *testing.T) {
	t.Parallel()
	p, bad, good := newPub(t, nil), newID(), newID()
	row := store.SessionRow{Session: api.Session{ID: newID(), RunID: newID(), ClaudeSessionID: bad, Origin: api.OriginLaunched, Status: api.StatusCompleted,
		Tags: []string{}, Rules: []api.Rule{}, CreatedAt: api.Now(), LastActivityAt: api.Now()}, Options: []byte("{")}
	if err := p.m.store.Commit(t.Context(), &store.Batch{Create: &row}); err != nil {
		t.Fatal(err)
	}
	p.says(bad, "SessionStart", `,"source":"resume"`)
	p.says(good, "SessionStart", `,"source":"startup"`)
	p.round()
	if list := p.sessions(); len(list) != 2 || list[0].ClaudeSessionID != good {
		t.Errorf("sessions: %+v", list)
	}
	if names, err := hook.Waiting(p.o.dir); err != nil || len(names) != 0 {
		t.Errorf("left: %q, %v", names, err)
	}
}

// TestOutsideDamaged has what is no input of a hook's dropped, and nothing else.
func TestOutsideDamaged(t *testing.T) {
	t.Parallel()
	p, id := newPub(t, nil), newID()
	for _, bad := range []string{"", "x", "{}", `{"session_id":"no uuid","hook_event_name":"Stop"}`, `{"session_id":"` + newID() + `","hook_event_name":"SomethingNew"}`} {
		if err := hook.Put(p.o.dir, hook.Record{Time: p.clock, Input: []byte(bad)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(p.o.dir, "0000.hook"), []byte("half of"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.says(id, "SessionStart", `,"source":"startup"`)
	for name, path := range map[string]string{"directory": p.home, "none": filepath.Join(p.home, newID()+".jsonl"), "other": filepath.Join(p.home, "notes.jsonl")} {
		p.says(id, "UserPromptSubmit", fmt.Sprintf(`,"prompt_id":%q,"prompt":%q,"transcript_path":%q`, name, name, path))
	}
	p.round()
	if ses := p.one(); ses.ClaudeSessionID != id || len(p.history(ses.ID)) != 4 {
		t.Errorf("session: %+v, %q", ses, p.history(ses.ID))
	}
	if names, err := hook.Waiting(p.o.dir); err != nil || len(names) != 0 {
		t.Errorf("left: %q, %v", names, err)
	}
}

// TestOutsideTranscriptUnfit has no file read that is not the conversation's own: not
// another one, not through a link.
func TestOutsideTranscriptUnfit(t *testing.T) {
	t.Parallel()
	p, id := newPub(t, nil), newID()
	secret := filepath.Join(p.home, "secret")
	if err := os.WriteFile(secret, []byte(`{"type":"user","message":{"role":"user","content":"secret"}}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, p.transcript(id)); err != nil {
		t.Fatal(err)
	}
	p.says(id, "SessionStart", `,"source":"startup"`)
	p.prompts(id, "p1", "go")
	p.round()
	p.uses(id, "t1", "x")
	p.round()
	p.wants(p.one().ID, "message user go", "> running (message)", "tool_call assistant t1", "tool_result user did xt1")
}

// TestOutsideOurs has a conversation left alone that the daemon itself runs.
func TestOutsideOurs(t *testing.T) {
	t.Parallel()
	p, id := newPub(t, nil), newID()
	row := store.SessionRow{Session: api.Session{ID: newID(), RunID: newID(), ClaudeSessionID: id, Origin: api.OriginLaunched, Status: api.StatusRunning,
		Tags: []string{}, Rules: []api.Rule{}, CreatedAt: api.Now(), LastActivityAt: api.Now()}, Options: []byte("{}")}
	if err := p.m.store.Commit(t.Context(), &store.Batch{Create: &row}); err != nil {
		t.Fatal(err)
	}
	p.says(id, "SessionStart", `,"source":"startup"`)
	p.prompts(id, "p1", "go")
	p.uses(id, "t1", "x")
	p.round()
	if h := p.history(p.one().ID); len(h) != 0 {
		t.Errorf("recorded twice: %q", h)
	}
}

// TestOutsideStale ends sessions of which nothing is heard, by when that was last.
func TestOutsideStale(t *testing.T) {
	t.Parallel()
	self, _ := os.FindProcess(os.Getpid())
	for name, c := range map[string]struct {
		timeout time.Duration
		pid     int
		tell    func(p *pub, id string)
		want    string
	}{
		"idle":                    {time.Minute, 0, func(p *pub, id string) {}, "> completed (stale)"},
		"idle, its process lives": {time.Minute, self.Pid, func(p *pub, id string) {}, "> completed (stale)"},
		"in a turn":               {time.Minute, 0, func(p *pub, id string) { p.prompts(id, "p", "go") }, "> interrupted (stale)"},
		"works":                   {time.Minute, self.Pid, func(p *pub, id string) { p.prompts(id, "p", "go") }, "> running (message)"},
		"asks": {time.Minute, self.Pid, func(p *pub, id string) {
			p.prompts(id, "p", "go")
			p.says(id, "Notification", `,"notification_type":"permission_prompt"`)
		}, "> waiting_input approval (approval)"},
		"not long enough":  {2 * time.Hour, 0, func(p *pub, id string) {}, ""},
		"never":            {0, 0, func(p *pub, id string) {}, ""},
		"transcript grown": {time.Minute, 0, func(p *pub, id string) { p.clock = time.Now(); p.writes(id, saidLine("still here")) }, "message assistant still here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, id := newPub(t, nil), newID()
			p.m.cfg.SessionTimeout = c.timeout
			p.pid = c.pid
			p.says(id, "SessionStart", `,"source":"startup"`)
			c.tell(p, id)
			p.round()
			ses := p.one()
			last := ""
			if h := p.history(ses.ID); len(h) > 0 {
				last = h[len(h)-1]
			}
			if last != c.want {
				t.Errorf("%s: %q, want %q", name, p.history(ses.ID), c.want)
			}
			if ses.Status.Final() && !ses.CompletedAt.Equal(ses.LastActivityAt.Time) {
				t.Errorf("ended at %v, last heard of at %v", ses.CompletedAt, ses.LastActivityAt)
			}
		})
	}
}

// TestOutsideGone has a process go without a word.
func TestOutsideGone(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	idle, busy := newID(), newID()
	p := newPub(t, nil)
	p.pid = cmd.Process.Pid
	p.says(idle, "SessionStart", `,"source":"startup"`)
	p.says(busy, "SessionStart", `,"source":"startup"`)
	p.prompts(busy, "p", "go")
	p.round()
	p.round()
	for _, ses := range p.sessions() {
		if ses.Status.Final() || ses.PID != p.pid {
			t.Errorf("its process lives: %+v", ses)
		}
		_, err := p.m.SendMessage(t.Context(), api.SendMessageParams{SessionID: ses.ID, Content: api.Text("x")})
		if answered := new(api.Error); !errors.As(err, &answered) || answered.Reason != api.ReasonInvalidState {
			t.Errorf("sendMessage: %v", err)
		}
	}
	_ = stdin.Close()
	_ = cmd.Wait()
	p.round()
	p.round()
	for _, ses := range p.sessions() {
		want := map[string]api.Status{idle: api.StatusCompleted, busy: api.StatusFailed}[ses.ClaudeSessionID]
		if ses.Status != want || ses.PID != 0 {
			t.Errorf("%+v, want %s", ses, want)
		}
	}
}

// TestOutsideInterrupted has the user interrupt a turn, of which only the transcript tells.
func TestOutsideInterrupted(t *testing.T) {
	t.Parallel()
	p, id := newPub(t, nil), newID()
	p.says(id, "SessionStart", `,"source":"startup"`)
	p.prompts(id, "p1", "go")
	p.round()
	p.writes(id, promptLine("p1", "go"), `"type":"user","message":{"role":"user","content":[{"type":"text","text":"[Request interrupted by user]"}]}`)
	p.round()
	if ses := p.one(); ses.Status != api.StatusWaitingInput {
		t.Errorf("session: %+v", ses)
	}
	p.says(id, "SessionEnd", `,"reason":"prompt_input_exit"`)
	p.round()
	p.later(p.one().ID)
	p.round()
	if ses := p.one(); ses.Status != api.StatusInterrupted {
		t.Errorf("session: %+v", ses)
	}
}

// TestOutsidePrivate keeps nothing private, from wherever it comes.
func TestOutsidePrivate(t *testing.T) {
	t.Parallel()
	r, err := redact.Parse(`sk-[a-z]+`)
	if err != nil {
		t.Fatal(err)
	}
	p, id := newPub(t, func(c *Config) { c.Summaries.Redactor = r }), newID()
	p.says(id, "SessionStart", `,"source":"startup"`)
	p.prompts(id, "p1", "go <private>secret</private> sk-secret")
	p.uses(id, "t1", "echo <private>secret</private> sk-secret")
	p.says(id, "PostToolUseFailure", `,"tool_name":"Bash","tool_use_id":"t2","error":"sk-secret","tool_input":{"sk-secret":["\u003cprivate>secret"]}`)
	p.round()
	p.writes(id, promptLine("p1", "go <private>secret</private> sk-secret"), promptLine("p2", "more sk-secret"), saidLine("sk-secret, <private>secret</private>"),
		callLine("t3", "<private>secret"), answerLine("t3", "secret </private> sk-secret"[7:]))
	p.says(id, "Stop", `,"last_assistant_message":"sk-secret"`)
	p.round()
	ses := p.one()
	events, _, err := p.m.store.Log(t.Context(), 0, 1000, store.Filter{SessionID: ses.ID})
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%+v", ses)
	for _, ev := range events {
		all += string(ev.Data) + string(ev.Line)
	}
	if strings.Contains(all, "secret") {
		t.Errorf("kept: %s", all)
	}
	if n := strings.Count(all, redact.Mark); n < 12 {
		t.Errorf("%d places: %s", n, all)
	}
}

// TestOutsidePatternsOfIDs has patterns that fit ids too take nothing of what tells which
// call an answer is to.
func TestOutsidePatternsOfIDs(t *testing.T) {
	t.Parallel()
	r, err := redact.Parse(`[A-Za-z0-9]{6,}`)
	if err != nil {
		t.Fatal(err)
	}
	p, id := newPub(t, func(c *Config) { c.Summaries.Redactor = r }), newID()
	p.says(id, "SessionStart", `,"source":"startup"`)
	p.writes(id, promptLine("p1", "abcdefgh"), callLine("toolu_aaaaaaaa", "abcdefgh"), answerLine("toolu_aaaaaaaa", "abcdefgh"), callLine("toolu_bbbbbbbb", "x"))
	p.uses(id, "toolu_aaaaaaaa", "abcdefgh")
	p.round()
	p.wants(p.one().ID, "message user [private]", "tool_call assistant toolu_aaaaaaaa", "tool_result user [private]toolu_aaaaaaaa", "tool_call assistant toolu_bbbbbbbb", "> running (claude_activity)")
}

// TestOutsideWithheld has the transcript tell what a hook had no time to look through.
func TestOutsideWithheld(t *testing.T) {
	t.Parallel()
	p, id := newPub(t, nil), newID()
	p.withheld = true
	p.says(id, "SessionStart", `,"source":"startup"`)
	p.prompts(id, "p1", redact.Mark)
	p.uses(id, "t1", redact.Mark)
	p.round()
	p.wants(p.one().ID, "> running (message)")
	p.writes(id, promptLine("p1", "go"), saidLine("running it"), callLine("t1", "x"), answerLine("t1", "did x"), saidLine("done"))
	p.says(id, "Stop", `,"last_assistant_message":"[private]"`)
	p.round()
	p.wants(p.one().ID, "> running (message)", "message user go", "message assistant running it", "tool_call assistant t1", "tool_result user did xt1",
		"message assistant done", "> waiting_input message (turn_ended)")
}

// TestOutsideWithheldEnd has the transcript tell what a turn ended with, if the hook does
// not, before it or behind it, and over a restart.
func TestOutsideWithheldEnd(t *testing.T) {
	t.Parallel()
	p, id := newPub(t, nil), newID()
	p.withheld = true
	p.says(id, "SessionStart", `,"source":"startup"`)
	stop := `,"last_assistant_message":"[private]"`
	for n, c := range []struct {
		event, rest       string
		before, behind    []string
		first, then, fail string
	}{
		{"Stop", stop, []string{saidLine("a"), callLine("t1", "x"), answerLine("t1", "did x"), saidLine("b")}, nil, "b", "b", ""},
		{"Stop", stop, []string{saidLine("c")}, []string{saidLine("d")}, "c", "d", ""},
		{"Stop", stop, nil, []string{saidLine("e")}, redact.Mark, "e", ""},
		{"StopFailure", `,"error":"[private]"`, []string{saidLine("f")}, nil, "", "", "f"},
		{"Stop", stop, nil, nil, redact.Mark, redact.Mark, ""},
	} {
		prompt := fmt.Sprint("p", n)
		p.prompts(id, prompt, redact.Mark)
		p.writes(id, append([]string{promptLine(prompt, prompt)}, c.before...)...)
		p.round()
		p.another()
		p.says(id, c.event, c.rest)
		p.round()
		if ses := p.one(); ses.Result != c.first || ses.ErrorMessage != c.fail {
			t.Errorf("%d: at first %q, %q", n, ses.Result, ses.ErrorMessage)
		}
		p.another()
		p.writes(id, c.behind...)
		p.round()
		if ses := p.one(); ses.Result != c.then || ses.NumTurns != n+1 {
			t.Errorf("%d: then %q, %d turns", n, ses.Result, ses.NumTurns)
		}
	}
	p.withheld = false
	p.prompts(id, "last", "go")
	p.writes(id, promptLine("last", "go"), saidLine("g"))
	p.says(id, "Stop", `,"last_assistant_message":"h"`)
	p.round()
	p.writes(id, saidLine("i"))
	p.round()
	if ses := p.one(); ses.Result != "h" {
		t.Errorf("at last %q", ses.Result)
	}
}

// TestOutsideWithheldStale has a prompt that goes on with a stale session told by its line,
// which is older than the hook.
func TestOutsideWithheldStale(t *testing.T) {
	t.Parallel()
	p, id := newPub(t, func(cfg *Config) { cfg.SessionTimeout = time.Second }), newID()
	p.says(id, "SessionStart", `,"source":"startup"`)
	p.prompts(id, "p1", "go")
	p.writes(id, promptLine("p1", "go"), saidLine("done"))
	p.says(id, "Stop", "")
	p.round()
	if ses := p.one(); ses.Status != api.StatusCompleted {
		t.Fatalf("%+v", ses)
	}
	p.withheld = true
	p.clock = p.clock.Add(time.Hour)
	p.writes(id, promptLine("p2", "next"))
	p.prompts(id, "p2", redact.Mark)
	p.round()
	all := p.sessions()
	if len(all) != 2 || all[1].Query != "next" || all[1].ParentSessionID != all[0].ID {
		t.Fatalf("%+v", all)
	}
	if history := p.history(all[1].ID); len(history) == 0 || history[0] != "message user next" {
		t.Errorf("%q", history)
	}
}

// TestOutsideTitle takes a title from the transcript, unless a person has given one.
func TestOutsideTitle(t *testing.T) {
	t.Parallel()
	p, id := newPub(t, nil), newID()
	p.says(id, "SessionStart", `,"source":"startup"`)
	p.writes(id, `"type":"ai-title","aiTitle":"a name"`)
	p.round()
	ses := p.one()
	if ses.Title != "a name" {
		t.Errorf("title: %q", ses.Title)
	}
	mine := "mine"
	if _, err := p.m.UpdateSession(t.Context(), api.UpdateSessionParams{SessionID: ses.ID, Title: &mine}); err != nil {
		t.Fatal(err)
	}
	p.writes(id, `"type":"ai-title","aiTitle":"another"`, saidLine("x"))
	p.round()
	if ses := p.one(); ses.Title != "mine" || ses.OutputTokens != 7 {
		t.Errorf("session: %+v", ses)
	}
}

// TestObservationsUnknown has unknown sessions be errors, not silence.
func TestObservationsUnknown(t *testing.T) {
	t.Parallel()
	p := newPub(t, nil)
	for field, params := range map[string]api.ListObservationsParams{"session_id": {SessionID: "x"}, "after_seq": {AfterSeq: -1}, "limit": {Limit: new(int)}, "": {SessionID: newID()}} {
		_, err := p.m.ListObservations(t.Context(), params)
		answered := new(api.Error)
		if !errors.As(err, &answered) || field == "" && answered.Reason != api.ReasonSessionNotFound || field != "" && answered.Data["field"] != field {
			t.Errorf("%+v: %v", params, err)
		}
	}
}

// TestOutsideImport has the import leave alone what is watched, and a session that was
// imported be gone on with in a terminal.
func TestOutsideImport(t *testing.T) {
	t.Parallel()
	p, watched, imported := newPub(t, nil), newID(), newID()
	p.says(watched, "SessionStart", `,"source":"startup"`)
	p.writes(watched, promptLine("p1", "one"), saidLine("first"))
	p.round()
	p.writes(watched, saidLine("second"))
	p.writes(imported, promptLine("p1", "old"), saidLine("answer"))
	both := api.ImportTranscriptsParams{Paths: []string{p.transcript(watched), p.transcript(imported)}}
	result, err := p.m.ImportTranscripts(t.Context(), both)
	if err != nil || len(result.Transcripts) != 2 {
		t.Fatalf("imported: %+v, %v", result, err)
	}
	for _, one := range result.Transcripts {
		if want := map[string]api.ImportOutcome{watched: api.ImportSkipped, imported: api.ImportNew}[one.ClaudeSessionID]; one.Outcome != want {
			t.Errorf("%+v, want %s", one, want)
		}
	}
	p.round()
	p.uses(imported, "t1", "x") // the hooks were installed in mid-session
	p.round()
	p.writes(imported, answerLine("t1", "did x"))
	if _, err := p.m.ImportTranscripts(t.Context(), both); err != nil {
		t.Fatal(err)
	}
	p.round()
	for _, ses := range p.sessions() {
		switch {
		case ses.ClaudeSessionID == watched:
			p.wants(ses.ID, "message user one", "message assistant first", "message assistant second")
		case ses.Origin == api.OriginExternal:
			p.wants(ses.ID, "tool_call assistant t1", "tool_result user did xt1", "> running (claude_activity)")
			if ses.ParentSessionID == "" {
				t.Errorf("it goes on from nothing: %+v", ses)
			}
		default:
			p.wants(ses.ID, "message user old", "message assistant answer")
		}
	}
}

// TestOutsideDeaf has health tell that inputs wait, until they do not.
func TestOutsideDeaf(t *testing.T) {
	t.Parallel()
	p := newPub(t, nil)
	p.o.note(errors.New("the disk is on fire"))
	deaf := func() bool {
		h, err := p.m.Health(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(h.Problems, func(s string) bool { return strings.Contains(s, "the disk is on fire") })
	}
	if !deaf() {
		t.Error("health says nothing")
	}
	if p.o.note(nil); deaf() {
		t.Error("health still says so")
	}
}
