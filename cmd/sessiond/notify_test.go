package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/rpc/api"
)

func TestTriggers(t *testing.T) {
	t.Parallel()
	change := func(status, waitingFor string) api.Event {
		return api.Event{Type: api.EventSessionStatusChanged, Data: []byte(`{"new_status":"` + status + `","waiting_for":"` + waitingFor + `"}`)}
	}
	for _, c := range []struct {
		on    string
		event api.Event
		want  string
	}{
		{"new_approval", api.Event{Type: api.EventNewApproval}, "new_approval"},
		{"new_approval", api.Event{Type: api.EventApprovalResolved}, ""},
		{"completed,failed", change("failed", ""), "failed"},
		{"completed,failed", change("running", ""), ""},
		{"message", change("waiting_input", "message"), "message"},
		{"message", change("waiting_input", "approval"), ""},
		{"waiting_input,message", change("waiting_input", "message"), "waiting_input"},
		{"session_status_changed,completed", change("completed", ""), "session_status_changed"},
		{"completed", api.Event{Type: api.EventSessionStatusChanged, Data: []byte(`[]`)}, ""},
	} {
		on, err := parseTriggers(strings.Split(c.on, ","))
		if err != nil {
			t.Fatal(err)
		}
		if got := on.match(c.event); got != c.want {
			t.Errorf("--on %s, %s %s: %q, want %q", c.on, c.event.Type, c.event.Data, got, c.want)
		}
		if c.want != "" && !slices.Contains(on.types(), c.event.Type) {
			t.Errorf("--on %s does not ask for %s", c.on, c.event.Type)
		}
	}
	on, _ := parseTriggers([]string{"completed", "message", "new_approval"})
	if diff := cmp.Diff([]api.EventType{api.EventNewApproval, api.EventSessionStatusChanged}, on.types()); diff != "" {
		t.Error(diff)
	}
	for _, word := range triggerWords() {
		if _, err := parseTriggers([]string{word}); err != nil {
			t.Error(err)
		}
	}
	if _, err := parseTriggers(nil); err == nil {
		t.Error("none at all is taken")
	}
}

// TestDesktops: texts are arguments, and never part of a script or of an option.
func TestDesktops(t *testing.T) {
	t.Parallel()
	title, text := `--title "x`, `" & do shell script "touch pwned" & <b>"`
	if diff := cmp.Diff([]string{"/osascript", "-e", "on run argv", "-e", `display notification (item 2 of argv) with title "sessiond" subtitle (item 1 of argv)`,
		"-e", "end run", "--", title, text}, appleNotification("/osascript")(title, text)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/send", "--app-name=sessiond", "--", title, `&#34; &amp; do shell script &#34;touch pwned&#34; &amp; &lt;b&gt;&#34;`},
		freeNotification("/send")(title, text)); diff != "" {
		t.Error(diff)
	}
	none := func(string) (string, error) { return "", errors.New("not there") }
	if findDesktop(func(string) string { return ":0" }, none) != nil {
		t.Error("a desktop without a program")
	}
}

func TestCursorFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cursor")
	read := func(want int64) {
		t.Helper()
		c, seq, err := openCursor(path)
		if err != nil || seq == nil || *seq != want {
			t.Fatalf("%v, %v, want %d", seq, err, want)
		}
		c.close()
	}
	c, seq, err := openCursor(path)
	if err != nil || seq != nil {
		t.Fatalf("%v, %v", seq, err)
	}
	if _, _, err := openCursor(path); err == nil {
		t.Error("two have it")
	}
	for _, n := range []int64{0, 1 << 62, 7} {
		if err := c.save(n); err != nil {
			t.Fatal(err)
		}
	}
	c.close()
	read(7)
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 || fi.Size() != cursorLength {
		t.Errorf("%v, %v", fi, err)
	}
	if err := os.WriteFile(path, []byte("12"), 0o600); err != nil { // by hand
		t.Fatal(err)
	}
	read(12)
	for _, wrong := range []string{"x", "-1", "1 2", strings.Repeat("1", 50)} {
		if err := os.WriteFile(path, []byte(wrong), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := openCursor(path); exitCode(err) != exitUsage {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, _, err := openCursor(filepath.Join(path, "in a file")); err == nil {
		t.Error("a path that cannot be")
	}
	var nothing *cursorFile
	if err := nothing.save(1); err != nil {
		t.Error(err)
	}
	nothing.close()
}

// TestNotifyOnATerminal: without a desktop the bell rings, and the line says what to do.
func TestNotifyOnATerminal(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.run("launch", "-d", "--title", "needs you", `ask: Bash {"command":"make test"}`)
	s := p.open("notify", "--after", "0", "--on", "new_approval")
	s.see("needs you asks: Bash make test\a\a", "needs you  asks: Bash make test", "sessiond approve ")
	s.press("\x03")
	s.ends(exitStopped)
}

// TestGists: what is said of an event is of one line, and no JSON.
func TestGists(t *testing.T) {
	t.Parallel()
	for typ, c := range map[api.EventType]struct{ data, want string }{
		api.EventSessionCreated:       {`{"status":"queued","query":"a\nb"}`, "queued a b"},
		api.EventSessionStatusChanged: {`{"old_status":"running","new_status":"failed","error_message":"why"}`, "failed: why"},
		api.EventConversationUpdated:  {`{"role":"assistant","event_type":"tool_call","tool_name":"Bash","tool_input":{"command":"ls"}}`, "assistant tool_call Bash ls"},
		api.EventNewApproval:          {`{"tool_name":"Bash","tool_input":{"command":"ls\nrm"}}`, "asks: Bash ls rm"},
		api.EventApprovalResolved:     {`{"status":"denied","tool_name":"Bash","tool_input":{"command":"ls"}}`, "denied Bash ls"},
		api.EventMessageUpdated:       {`{"state":"sent","content":"hi"}`, "sent hi"},
		api.EventSessionSummarized:    {`{"title":"one","completed":"all of it"}`, "one all of it"},
		api.EventJobUpdated:           {`{"kind":"summarize","state":"dead","reason":"why"}`, "summarize dead why"},
		api.EventSessionDeleted:       {`{"deleted_by":"retention","archive":"/a/b.gz"}`, "retention /a/b.gz"},
	} {
		if n := newNotice(string(typ), api.Event{Type: typ, Data: []byte(c.data)}, api.Session{}); n.text != c.want {
			t.Errorf("%s: %q, want %q", typ, n.text, c.want)
		}
	}
}
