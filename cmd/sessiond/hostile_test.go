package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/creack/pty"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sessiond/sessiond/bus"
	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc"
	"github.com/sessiond/sessiond/rpc/api"
)

// evil is a text that gives a terminal orders: to clear itself, hide what comes,
// fill the clipboard, link elsewhere, answer as if it were typed, and to write
// backwards; by 7-bit and 8-bit control characters, and in pieces.
const evil = "evil\x1b[2J\x1b[8mhidden\x1b]52;c;ZXZpbA==\x07\x1b]8;;http://evil\x1b\\link\x1b]0;title\x9c\x1bP$q\"p\x1b\\" +
	"\x1b[5n\x1bc\u009b2J\u009d0;t\u009c\u0090q\u009c\u0085\x00\x08\x0b\x0c\x0e\x7f\r\x1b\u202eback\u2066wards\u2069\xff\xc2"

// theEnd is in the last event.
const theEnd = "the-end"

// toldEnd is what notify says of that event, where the session can be read.
const toldEnd = "completed: evil"

const evilID = "0198c5a1-0000-7000-8000-000000000001"

// fill makes a value whose every text is evil, and every list has one element.
func fill(v reflect.Value) {
	switch v.Interface().(type) {
	case api.Time:
		v.Set(reflect.ValueOf(api.Now()))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(evilJSON))
		return
	case api.Content:
		v.Set(reflect.ValueOf(api.Text(strings.ToValidUTF8(evil, "?"))))
		return
	case api.Status:
		v.SetString(string(api.StatusCompleted))
		return
	case api.ApprovalStatus:
		v.SetString(string(api.ApprovalPending))
		return
	case []byte:
		v.SetBytes([]byte(evil))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(evil)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			switch {
			case !v.Type().Field(i).IsExported() || strings.HasPrefix(name, "Next"): // one page is enough
			case name == "ID" || name == "SessionID":
				v.Field(i).SetString(evilID + evil)
			default:
				fill(v.Field(i))
			}
		}
	}
}

func filled[T any]() (v T) {
	fill(reflect.ValueOf(&v).Elem())
	return v
}

// evilJSON is the input of a tool, and of the one that asks questions.
var evilJSON = func() json.RawMessage {
	option := map[string]any{"label": evil, "description": evil, "preview": evil}
	b, _ := json.Marshal(map[string]any{
		evil: evil, "command": evil, "description": evil, "file_path": evil, "old_string": evil, "new_string": evil, "content": evil,
		"pattern": evil, "url": evil, "prompt": evil, "plan": evil, "query": evil, "todos": []any{map[string]any{"content": evil, "status": evil}},
		"questions": []any{map[string]any{"question": evil, "header": evil, "options": []any{option, option}, "multiSelect": false}},
	})
	return b
}()

// evilService answers every call with evil, or every call with an evil error.
type evilService struct {
	fails bool
	kind  string // of approvals
}

func answer[T any](s evilService) (T, error) {
	if s.fails {
		var none T
		return none, api.Errorf(api.ReasonInvalidState, "%s", evil).With("hint", evil).With(evil, evil)
	}
	v := filled[T]()
	switch r := any(&v).(type) {
	case *api.ApprovalResult:
		r.Approval.Kind = api.ApprovalKind(s.kind)
	case *api.FetchApprovalsResult:
		r.Approvals[0].Kind = api.ApprovalKind(s.kind)
	}
	return v, nil
}

func (s evilService) Health(context.Context) (api.Health, error) { return answer[api.Health](s) }
func (s evilService) LaunchSession(context.Context, api.LaunchSessionParams) (api.LaunchSessionResult, error) {
	return answer[api.LaunchSessionResult](s)
}
func (s evilService) ContinueSession(context.Context, api.ContinueSessionParams) (api.LaunchSessionResult, error) {
	return answer[api.LaunchSessionResult](s)
}
func (s evilService) ListSessions(context.Context, api.ListSessionsParams) (api.ListSessionsResult, error) {
	r, _ := answer[api.ListSessionsResult](evilService{})
	return r, nil // without it no daemon is believed to be there
}
func (s evilService) GetSessionState(context.Context, api.SessionParams) (api.SessionResult, error) {
	return answer[api.SessionResult](s)
}
func (s evilService) GetConversation(context.Context, api.GetConversationParams) (api.ConversationPage, error) {
	r, err := s.conversation()
	return r.Encoded(), err
}
func (s evilService) conversation() (api.GetConversationResult, error) {
	r, err := answer[api.GetConversationResult](s)
	if err != nil {
		return r, err
	}
	r.Events = nil
	for _, t := range []api.ConversationType{"message", "thinking", "tool_call", "tool_result", "system", "result", "unparsed", api.ConversationType(evil)} {
		for _, isError := range []bool{false, true} {
			ev := filled[api.ConversationEvent]()
			ev.EventType, ev.IsError = t, &isError
			r.Events = append(r.Events, ev)
		}
	}
	return r, nil
}
func (s evilService) UpdateSession(context.Context, api.UpdateSessionParams) (api.SessionResult, error) {
	return answer[api.SessionResult](s)
}
func (s evilService) ArchiveSessions(context.Context, api.ArchiveSessionsParams) (api.ArchiveSessionsResult, error) {
	return answer[api.ArchiveSessionsResult](s)
}
func (s evilService) PruneSessions(context.Context, api.PruneSessionsParams) (api.PruneSessionsResult, error) {
	return answer[api.PruneSessionsResult](s)
}
func (s evilService) ImportTranscripts(context.Context, api.ImportTranscriptsParams) (api.ImportTranscriptsResult, error) {
	r, err := answer[api.ImportTranscriptsResult](s)
	r.NextCursor = ""
	return r, err
}
func (s evilService) ListObservations(context.Context, api.ListObservationsParams) (api.ListObservationsResult, error) {
	return answer[api.ListObservationsResult](s)
}
func (s evilService) DeleteSession(context.Context, api.SessionParams) (api.DeleteSessionResult, error) {
	return answer[api.DeleteSessionResult](s)
}
func (s evilService) InterruptSession(context.Context, api.InterruptSessionParams) (api.InterruptSessionResult, error) {
	return answer[api.InterruptSessionResult](s)
}
func (s evilService) EndSession(context.Context, api.EndSessionParams) (api.StatusResult, error) {
	return answer[api.StatusResult](s)
}
func (s evilService) SendMessage(context.Context, api.SendMessageParams) (api.MessageResult, error) {
	return answer[api.MessageResult](s)
}
func (s evilService) ListMessages(context.Context, api.ListMessagesParams) (api.ListMessagesResult, error) {
	return answer[api.ListMessagesResult](s)
}
func (s evilService) CancelMessage(context.Context, api.MessageParams) (api.MessageResult, error) {
	return answer[api.MessageResult](s)
}
func (s evilService) FetchApprovals(context.Context, api.FetchApprovalsParams) (api.FetchApprovalsResult, error) {
	return answer[api.FetchApprovalsResult](s)
}
func (s evilService) GetApproval(context.Context, api.ApprovalParams) (api.ApprovalResult, error) {
	return answer[api.ApprovalResult](s)
}
func (s evilService) SendDecision(context.Context, api.SendDecisionParams) (api.ApprovalResult, error) {
	return answer[api.ApprovalResult](s)
}
func (s evilService) SearchConversations(context.Context, api.SearchConversationsParams) (api.SearchConversationsResult, error) {
	return answer[api.SearchConversationsResult](s)
}
func (s evilService) SummarizeSession(context.Context, api.SessionParams) (api.SummarizeSessionResult, error) {
	return answer[api.SummarizeSessionResult](s)
}
func (s evilService) GetSummary(context.Context, api.GetSummaryParams) (api.GetSummaryResult, error) {
	return answer[api.GetSummaryResult](s)
}
func (s evilService) ListJobs(context.Context, api.ListJobsParams) (api.ListJobsResult, error) {
	return answer[api.ListJobsResult](s)
}
func (s evilService) RetryJob(context.Context, api.JobParams) (api.JobResult, error) {
	return answer[api.JobResult](s)
}
func (s evilService) CancelJob(context.Context, api.JobParams) (api.JobResult, error) {
	return answer[api.JobResult](s)
}
func (s evilService) GetUsage(context.Context, api.GetUsageParams) (api.GetUsageResult, error) {
	return answer[api.GetUsageResult](s)
}
func (s evilService) Backup(context.Context, api.BackupParams) (api.BackupResult, error) {
	return answer[api.BackupResult](s)
}

// evilLog has an evil event of every type, at the end that the session is over.
type evilLog []*bus.Event

func newEvilLog() (l evilLog) {
	of := evilID + evil
	add := func(typ api.EventType, data any) {
		b, _ := json.Marshal(data)
		seq := int64(len(l) + 1)
		session := of
		l = append(l, bus.NewEvent(seq, typ, session, evil, func() []byte {
			ev, _ := json.Marshal(api.Event{Seq: seq, Type: typ, SessionID: session, RunID: evil, Timestamp: api.Now(), Data: b})
			return ev
		}))
	}
	for _, typ := range api.EventTypes {
		switch typ {
		case api.EventConversationUpdated:
			r, _ := evilService{}.conversation()
			for _, ev := range r.Events {
				add(typ, ev)
			}
		case api.EventSessionStatusChanged, api.EventPartialMessage:
		case api.EventSessionDeleted:
			of = evil // another one
			add(typ, filled[api.SessionDeletion]())
			of = evilID + evil
		case api.EventNewApproval, api.EventApprovalResolved:
			add(typ, filled[api.Approval]())
		case api.EventMessageUpdated:
			add(typ, filled[api.Message]())
		case api.EventJobUpdated:
			add(typ, filled[api.Job]())
		case api.EventSessionSummarized:
			add(typ, filled[api.Summary]())
		default:
			add(typ, filled[api.Session]())
		}
	}
	add(api.EventType(evil), map[string]string{evil: evil})
	add(api.EventSessionStatusChanged, api.StatusChange{OldStatus: api.Status(theEnd + evil), NewStatus: api.StatusCompleted, Reason: evil, ErrorMessage: evil})
	return l
}

// Page leaves filters alone: commands may get what they have not asked for.
func (l evilLog) Page(_ context.Context, after int64, _ int, _ bus.Filter) (bus.Page, error) {
	return bus.Page{Events: l[min(after, l.Head()):], UpTo: l.Head()}, nil
}
func (l evilLog) Head() int64      { return int64(len(l)) }
func (l evilLog) OldestSeq() int64 { return 1 }
func (l evilLog) Void(int64) bool  { return false }

// serveEvil is a daemon that says nothing else.
func serveEvil(t *testing.T, s evilService) (env []string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "e")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	hub := bus.NewHub(&lateLog{evilLog: newEvilLog()}, bus.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- rpc.NewServer(rpc.Options{Service: s, Hub: hub, UID: os.Getuid()}).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		hub.Close()
		_ = os.RemoveAll(dir)
	})
	return []string{"HOME=" + dir, "SESSIOND_STATE_DIR=" + filepath.Join(dir, "st"), "SESSIOND_SOCKET=" + socket, "TERM=xterm", "EDITOR=true"}
}

// lateLog takes every cursor for the beginning: who follows gets all of it.
type lateLog struct{ evilLog }

func (l *lateLog) Page(ctx context.Context, after int64, n int, f bus.Filter) (bus.Page, error) {
	return l.evilLog.Page(ctx, after, n, f)
}

// evilCommands are the arguments that each command is called with, often.
var evilCommands = map[string][]string{
	"launch": {"x", "--detach x", "--json x", "--wait x", "--wait --json x"}, "continue": {"ID x", "ID --detach x"}, "set": {"ID --title x"},
	"interrupt": {"ID"}, "end": {"ID"}, "archive": {"ID"}, "delete": {"ID", "ID --force"},
	"prune":  {"--older-than 1h --dry-run", "--older-than 1h --json"},
	"attach": {"ID"}, "send": {"ID x"}, "inbox": {"ID", "ID --json"}, "inbox cancel": {"ID"},
	"approvals": {"", "ID", "--json"}, "approve": {"ID", "ID --json"}, "deny": {"ID no"}, "answer": {"ID 1", "ID " + "x"},
	"list": {"", "--json", "--all", "--fields id,title,tags"}, "show": {"ID", "ID --json", "ID --field title"},
	"log":    {"ID", "ID --json", "ID --verbose", "ID --follow", "ID --after 0", "ID --follow --json", "ID --raw"},
	"export": {"ID", "ID --format html", "ID --format jsonl", "ID --format jsonl --raw", "ID --full", "ID -o FILE", "--all -o FILE"},
	"notify": {"--after 0", "--after 0 --on new_approval,completed -- env"},
	"watch":  {"--after 0", "--after 0 --json", "--after 0 --session ID"}, "status": {"", "--json"},
	"search": {"x", "x --json", "x --role user --order newest"}, "import": {"", ".", ". --json", ". --dry-run"},
	"backup": {"FILE"}, "restore": {"FILE"}, "doctor": {"", "--json"}, "rpc": {"health", "getSessionState {\"session_id\":\"x\"}", "nope", "--json nope"},
	"wait":      {"ID", "ID --json", "ID --for approval"},
	"summarize": {"ID", "ID --json", "ID --detach"}, "jobs": {"", "--json"}, "jobs list": {"", "--session ID"},
	"jobs retry": {"ID", "ID --json", "0"}, "jobs cancel": {"ID"},
	"usage":        {"", "--json", "--by session", "--by directory", "--by day", "--by session --json"},
	"observations": {"", "ID", "--json", "ID --limit 1"},
	"version":      {""}, "exit-codes": {""}, "files": {""},
	"__complete": {"show 0", "log 0", "wait 0", "rpc x"},
}

// evilExempt are commands that print nothing from a daemon, or end one; and tui,
// which has a test of its own.
var evilExempt = []string{"tui", "hook", "hooks", "hooks install", "hooks uninstall", "hooks status", "service", "service install", "service uninstall", "service status", "serve", "stop", "help", "completion bash", "completion zsh", "completion fish", "completion powershell"}

// TestNothingFromOutsideReachesTheTerminal runs every command on a daemon whose
// every word is evil, for people and in pipes.
func TestNothingFromOutsideReachesTheTerminal(t *testing.T) {
	t.Parallel()
	root := newRoot(&app{settings: map[string]*pflag.Flag{}})
	root.InitDefaultCompletionCmd()
	for _, path := range leaves(root) {
		if evilCommands[path] == nil && !slices.Contains(evilExempt, path) {
			t.Errorf("%q is not tried: give it a line in evilCommands", path)
		}
	}
	for what, service := range map[string]evilService{"tool": {kind: "tool"}, "question": {kind: "question"}, "errors": {fails: true}} {
		env := serveEvil(t, service)
		for path, calls := range evilCommands {
			for _, call := range calls {
				for _, terminal := range []bool{true, false} {
					if terminal && path == "__complete" || !terminal && strings.Contains(call, "--raw") {
						continue // one is for the shell, the other promises every byte
					}
					t.Run(strings.Join([]string{what, path, call, map[bool]string{true: "terminal", false: "pipe"}[terminal]}, "/"), func(t *testing.T) {
						t.Parallel()
						args := append(strings.Fields(path), strings.Fields(call)...)
						for i := range args {
							args[i] = strings.NewReplacer("ID", evilID, "FILE", filepath.Join(t.TempDir(), "f")).Replace(args[i])
						}
						harmless(t, printed(t, terminal, args, env))
					})
				}
			}
		}
	}
}

// leaves lists the commands that do something.
func leaves(c *cobra.Command) (paths []string) {
	if c.Runnable() && c.Parent() != nil || !c.HasSubCommands() {
		paths = append(paths, strings.TrimPrefix(c.CommandPath(), "sessiond "))
	}
	for _, sub := range c.Commands() {
		paths = append(paths, leaves(sub)...)
	}
	return paths
}

// printed runs a command, and returns what it writes to both its streams.
func printed(t *testing.T, terminal bool, args, env []string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	b := &paper{}
	if args[0] == "watch" || args[0] == "notify" { // it does not end by itself
		b.ended = cancel
		defer func() {
			if ctx.Err() == context.DeadlineExceeded {
				t.Error("the last event never came")
			}
		}()
	}
	if !terminal {
		run(ctx, args, strings.NewReader(""), b, b, env)
		return b.Bytes()
	}
	keys, screen, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(b, keys) }) // ends with an error when the screen is closed
	typing, stop := context.WithCancel(ctx)
	reading.Go(func() { // Ctrl-D leaves what waits for a person
		for typing.Err() == nil {
			_, _ = keys.Write([]byte{4})
			select {
			case <-typing.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	run(ctx, args, screen, screen, screen, env)
	stop()
	_ = screen.Close()
	reading.Wait()
	if ctx.Err() == context.DeadlineExceeded {
		t.Errorf("it does not end: %q", b.Bytes())
	}
	return b.Bytes()
}

// paper keeps what is printed, and calls ended, if that is set, at the end.
type paper struct {
	bytes.Buffer
	ended func()
}

func (p *paper) Write(b []byte) (int, error) {
	n, err := p.Buffer.Write(b)
	if p.ended != nil && (bytes.Contains(p.Bytes(), []byte(theEnd)) || bytes.Contains(p.Bytes(), []byte(toldEnd))) {
		p.ended()
	}
	return n, err
}

// ReadFrom hides the buffer's own, which would not go through Write.
func (p *paper) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{p}, r)
}

// ours are the sequences that the commands themselves use on a terminal.
var ours = regexp.MustCompile("\x1b\\]9;[^\x07\x1b]*\x07\x07|\x1b\\[[0-9;]*[mKABCD]|\x1b\\[\\?2004[hl]|\\^D\b\b")

// harmless fails the test if a terminal would obey text.
func harmless(t *testing.T, b []byte) {
	t.Helper()
	if bytes.Contains(b, []byte("\x1b[8m")) || bytes.Contains(b, []byte("\x1b[2J")) {
		t.Errorf("orders came through: %q", b)
	}
	if len(b) == 0 {
		return
	}
	for _, r := range string(ours.ReplaceAll(b, nil)) {
		if r != '\n' && r != '\t' && r != '\r' && unicode.Is(unicode.Cc, r) || plain.Bidi(r) {
			t.Errorf("%U came through: %q", r, b)
			return
		}
	}
}
