package scripted

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/internal/claudecli"
)

func TestMain(m *testing.M) {
	RunIfClaude()
	// What this process ignores, as in the background of a shell or under nohup,
	// its children ignore, too; what it catches they do not.
	for _, sig := range deadly {
		if signal.Ignored(sig) {
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what must come.
const patience = 4 * time.Minute

// printed is a line that the process printed, as far as tests look at it.
type printed struct {
	raw         string
	Type        string
	Subtype     string
	State       string
	CommandUUID string `json:"command_uuid"`
	SessionID   string `json:"session_id"`
	UUID        string
	IsReplay    bool
	IsError     bool `json:"is_error"`
	Result      string
	Terminal    string `json:"terminal_reason"`
	NumTurns    int    `json:"num_turns"`
	RequestID   string `json:"request_id"`
	Version     string `json:"claude_code_version"`
	Message     struct {
		ID      string
		Content json.RawMessage
	}
	Request struct {
		Subtype  string
		ToolName string `json:"tool_name"`
	}
	Response struct {
		Subtype   string
		RequestID string `json:"request_id"`
		Error     string
		Response  json.RawMessage
		Pending   []json.RawMessage `json:"pending_permission_requests"`
	}
}

// text is the first block's text, or the result of a tool.
func (p printed) text() string {
	var blocks []struct{ Text, Content string }
	if json.Unmarshal(p.Message.Content, &blocks) != nil || len(blocks) == 0 {
		return string(p.Message.Content)
	}
	return blocks[0].Text + blocks[0].Content
}

// what is a line in a word or two.
func (p printed) what() string {
	switch {
	case p.Type == "command_lifecycle":
		return p.State + " " + p.CommandUUID[len(p.CommandUUID)-1:]
	case p.Subtype == "session_state_changed":
		return p.State
	case p.Type == "control_response", p.Type == "control_cancel_request":
		return p.Type
	case p.Type == "control_request":
		return p.Request.Subtype
	case p.Type == "result" && p.IsError:
		return "result " + p.Subtype + " (error)"
	case p.Subtype != "":
		return strings.TrimSpace(p.Type + " " + p.Subtype)
	default:
		return p.Type + " " + p.text()
	}
}

// process is a scripted claude that a test talks to.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan printed // closed at the end of its output
	stderr strings.Builder
}

// place is where processes of one test live.
type place struct{ home, claude string }

func newPlace(t *testing.T, version string) place {
	t.Helper()
	if version == claudecli.Pinned {
		return place{home: t.TempDir(), claude: Install(t, t.TempDir())}
	}
	return place{home: t.TempDir(), claude: InstallVersion(t, t.TempDir(), version)}
}

var always = []string{"-p", "--input-format=stream-json", "--output-format=stream-json", "--verbose"}

func (p place) start(t *testing.T, args ...string) *process {
	t.Helper()
	proc := &process{t: t, lines: make(chan printed, 1<<16)}
	proc.cmd = exec.Command(p.claude, append(always[:len(always):len(always)], args...)...)
	proc.cmd.Env = []string{"HOME=" + p.home, "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS=1", "IS_SANDBOX=1"}
	proc.cmd.Dir = p.home
	proc.cmd.Stderr = &proc.stderr
	stdout, err := proc.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if proc.stdin, err = proc.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := proc.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go proc.take(stdout)
	t.Cleanup(func() {
		_ = proc.cmd.Process.Kill()
		for range proc.lines { // until its output has ended
		}
		_ = proc.cmd.Wait()
	})
	return proc
}

func (p *process) take(stdout io.Reader) {
	defer close(p.lines)
	r := bufio.NewReader(stdout)
	for {
		line, err := r.ReadString('\n')
		if line != "" {
			l := printed{raw: line}
			_ = json.Unmarshal([]byte(line), &l) // junk stays junk
			p.lines <- l
		}
		if err != nil {
			return
		}
	}
}

// next is the next line; ok is false at the end of the output.
func (p *process) next() (line printed, ok bool) {
	p.t.Helper()
	select {
	case line, ok = <-p.lines:
		return line, ok
	case <-time.After(patience):
		p.t.Fatalf("nothing came any more; on standard error: %s", p.stderr.String())
		return printed{}, false
	}
}

// until takes lines up to the first one that is what, and returns it.
func (p *process) until(what string) printed {
	p.t.Helper()
	var seen []string
	for {
		line, ok := p.next()
		if !ok {
			p.t.Fatalf("%q has not come; but %q; on standard error: %s", what, seen, p.stderr.String())
		}
		if line.what() == what {
			return line
		}
		seen = append(seen, line.what())
	}
}

// write writes a line to standard input.
func (p *process) write(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// id is the n-th uuid of a message.
func id(n string) string { return "00000000-0000-4000-8000-00000000000" + n }

// send sends a prompt as the message n, with further fields.
func (p *process) send(n, prompt string, pairs ...any) {
	p.t.Helper()
	p.write(string(append(object{"type", "user", "uuid", id(n), "message", object{"role", "user", "content", prompt}}, pairs...).line()))
}

func (p *process) request(requestID, subtype string, pairs ...any) {
	p.t.Helper()
	p.write(string(object{"type", "control_request", "request_id", requestID, "request", append(object{"subtype", subtype}, pairs...)}.line()))
}

func (p *process) answer(requestID string, pairs ...any) {
	p.t.Helper()
	p.write(string(object{"type", "control_response", "response", object{"subtype", "success", "request_id", requestID, "response", object(pairs)}}.line()))
}

// rest takes all lines that are still to come, and what they are.
func (p *process) rest() (lines []printed, whats []string) {
	p.t.Helper()
	for {
		line, ok := p.next()
		if !ok {
			return lines, whats
		}
		lines, whats = append(lines, line), append(whats, line.what())
	}
}

// end closes standard input and waits; it returns the exit code and what came.
func (p *process) end() (code int, whats []string) {
	p.t.Helper()
	if err := p.stdin.Close(); err != nil {
		p.t.Fatal(err)
	}
	_, whats = p.rest()
	return p.wait(), whats
}

// wait waits for the end of the process, behind its output, for its exit code.
func (p *process) wait() int {
	p.t.Helper()
	for range p.lines {
	}
	_ = p.cmd.Wait() // the state says it all
	return p.cmd.ProcessState.ExitCode()
}

// once is a whole process that gets one prompt.
func (p place) once(t *testing.T, prompt string, args ...string) (lines []printed, code int) {
	t.Helper()
	proc := p.start(t, args...)
	proc.send("1", prompt)
	if err := proc.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	lines, _ = proc.rest()
	return lines, proc.wait()
}

func newSession() string { return uuid.NewString() }
