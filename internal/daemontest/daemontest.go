// Package daemontest is what tests share that run the whole daemon: the program
// that its shims run, a daemon in the test's own process, and its end, which
// leaves no process behind.
package daemontest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/sessiond/sessiond/daemon"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// Main is TestMain: it makes the test binary the scripted claude where it is called
// as that, builds sessiond, tells where, runs the tests, and fails them where
// a goroutine is left behind.
func Main(m *testing.M, sessiond *string) {
	scripted.RunIfClaude()
	os.Exit(run(m, sessiond))
}

func run(m *testing.M, sessiond *string) int {
	dir, err := os.MkdirTemp("", "sessiond")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	*sessiond = filepath.Join(dir, "sessiond")
	build := exec.Command("go", "build", "-o", *sessiond, "github.com/sessiond/sessiond/cmd/sessiond")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %s", err, out))
	}
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	return code
}

// Start runs a daemon in this process and returns, once it is ready, a client of it.
// stop closes the client and stops the daemon; it is to be called once.
func Start(ctx context.Context, t testing.TB, cfg daemon.Config) (c *client.Client, stop func()) {
	t.Helper()
	ready, done := make(chan struct{}), make(chan error, 1)
	cfg.Ready = func() { close(ready) }
	ctx, cancel := context.WithCancel(ctx)
	go func() { done <- daemon.Run(ctx, cfg) }()
	select {
	case <-ready:
	case err := <-done:
		cancel()
		t.Fatalf("daemon: %v", err)
	}
	c, err := client.Dial(ctx, cfg.Socket)
	if err != nil {
		cancel()
		t.Fatalf("%v; daemon: %v", err, <-done)
	}
	return c, func() {
		_ = c.Close()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("daemon: %v", err)
		}
	}
}

// EndAll ends all sessions, up to 500, and returns once they have ended: no process
// is left. The error names those that could not be ended.
func EndAll(ctx context.Context, c *client.Client) error {
	list, err := c.ListSessions(ctx, api.ListSessionsParams{Limit: new(500),
		Status: []api.Status{api.StatusQueued, api.StatusStarting, api.StatusRunning, api.StatusWaitingInput, api.StatusInterrupting}})
	if err != nil {
		return err
	}
	var errs []error
	for _, ses := range list.Sessions {
		_, err := c.EndSession(ctx, api.EndSessionParams{SessionID: ses.ID, Force: true})
		if err == nil {
			err = untilFinal(ctx, c, ses.ID)
		}
		if err != nil && !errors.Is(err, &api.Error{Reason: api.ReasonInvalidState}) { // else it has ended by itself
			errs = append(errs, fmt.Errorf("session %s: %w", ses.ID, err))
		}
	}
	return errors.Join(errs...)
}

func untilFinal(ctx context.Context, c *client.Client, id string) error {
	for _, err := range c.Events(ctx, api.SubscribeParams{SessionID: id, AfterSeq: new(int64), EventTypes: []api.EventType{api.EventSessionStatusChanged}}) {
		if err != nil {
			return err
		}
		ses, err := c.GetSessionState(ctx, api.SessionParams{SessionID: id})
		if err != nil || ses.Session.Status.Final() {
			return err
		}
	}
	return ctx.Err()
}
