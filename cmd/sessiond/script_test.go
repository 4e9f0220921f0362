package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/sessiond/sessiond/cmd/sessiond-export/page"
	"github.com/sessiond/sessiond/cmd/sessiond-tui/tui"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
	"github.com/sessiond/sessiond/store/search"
)

// TestMain makes this test binary serve as sessiond and as the scripted claude
// too: the scripts run both as processes of their own.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){
		"sessiond":        main,
		"sessiond-tui":    func() { os.Exit(tui.Main(os.Args[1:])) },
		"sessiond-export": func() { os.Exit(page.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		"claude":          scripted.RunIfClaude,
	})
}

// leakChecked fails tests that leave a goroutine behind.
type leakChecked struct{ *testing.M }

func (m leakChecked) Run() int {
	code := m.M.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestScripts runs testdata/*.txtar: what a person or a script does with the
// command line, each with a home and a state directory of its own.
func TestScripts(t *testing.T) {
	t.Parallel()
	root, err := os.MkdirTemp("", "t") // short, because of the sockets in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	testscript.Run(t, testscript.Params{
		Dir:         "testdata",
		WorkdirRoot: root,
		Setup: func(e *testscript.Env) error {
			home, state := filepath.Join(e.WorkDir, "home"), filepath.Join(e.WorkDir, "st")
			e.Vars = slices.DeleteFunc(e.Vars, func(kv string) bool { return strings.HasPrefix(kv, "HOME=") })
			e.Vars = append(e.Vars, "HOME="+home, "SESSIOND_STATE_DIR="+state,
				"GORACE=atexit_sleep_ms=0") // or every process takes a second to end
			e.Defer(func() { endDaemon(t, state) })
			return os.Mkdir(home, 0o700)
		},
		Condition: func(name string) (bool, error) {
			if name != "search" {
				return false, fmt.Errorf("there is no condition %s", name)
			}
			return search.Supported(), nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":      cmdExits,
			"capture":    cmdCapture,
			"until":      cmdUntil,
			"killdaemon": cmdKillDaemon,
		},
	})
}

// cmdExits: `exits CODE PROGRAM ARGS...` runs a program that has to exit with
// that code.
func cmdExits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// cmdCapture: `capture NAME` puts what the last command printed into a variable.
func cmdCapture(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// patience bounds every wait of these tests. It is reached only by a failure.
const patience = 4 * time.Minute

// cmdUntil: `until TEXT PROGRAM ARGS...` runs a program until it prints the text.
func cmdUntil(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(patience)
	for {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && strings.Contains(ts.ReadFile("stdout"), args[0]) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%q never came: %v", args[0], err)
		}
	}
}

// cmdKillDaemon kills the daemon as a crash would, and waits until it is gone.
func cmdKillDaemon(ts *testscript.TestScript, _ bool, _ []string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := client.Dial(ctx, filepath.Join(ts.Getenv("SESSIOND_STATE_DIR"), "sessiond.sock"))
	ts.Check(err)
	defer c.Close()
	h, err := c.Health(ctx)
	ts.Check(err)
	if h.PID <= 1 {
		ts.Fatalf("the daemon names %d as its pid", h.PID)
	}
	ts.Check(syscall.Kill(h.PID, syscall.SIGKILL))
	ts.Check(poll(ctx, func() bool {
		_, err := c.Health(ctx)
		return err != nil && ctx.Err() == nil
	}))
}

// endDaemon ends what a script has left running: its sessions, then its daemon.
func endDaemon(t *testing.T, state string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	socket := filepath.Join(state, "sessiond.sock")
	c, err := client.Dial(ctx, socket)
	if nobodyThere(err) {
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	if err := endSessions(ctx, c); err != nil {
		t.Error(err)
	}
	if code := run(ctx, []string{"stop"}, strings.NewReader(""), io.Discard, os.Stderr, []string{"SESSIOND_STATE_DIR=" + state}); code != 0 {
		t.Errorf("stop: exit code %d", code)
	}
}

func endSessions(ctx context.Context, c *client.Client) error {
	var live []string
	err := eachSession(ctx, c, bothKinds, func(s api.Session) bool {
		if !s.Status.Final() && s.Origin != api.OriginExternal { // that of a terminal ends there
			live = append(live, s.ID)
		}
		return true
	})
	for _, id := range live {
		_, endErr := c.EndSession(ctx, api.EndSessionParams{SessionID: id, Force: true})
		if endErr != nil && !errors.Is(endErr, &api.Error{Reason: api.ReasonInvalidState}) { // it has ended meanwhile
			err = errors.Join(err, endErr)
			continue
		}
		err = errors.Join(err, poll(ctx, func() bool {
			r, err := c.GetSessionState(ctx, api.SessionParams{SessionID: id})
			return err == nil && r.Session.Status.Final()
		}))
	}
	return err
}
