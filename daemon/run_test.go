package daemon

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// testConfig is that of a daemon with a state directory of its own.
func testConfig(t *testing.T) Config {
	t.Helper()
	dir := shortDir(t)
	return Config{
		StateDir: filepath.Join(dir, "state"), Socket: filepath.Join(dir, "s"), LockDir: filepath.Join(dir, "locks"),
		LogLevel: slog.LevelError, LogFormat: LogJSON, Version: "v1.2.3", Executable: "/does/not/matter",
		Claude: filepath.Join(dir, "no-claude"), Background: true,
	}
}

// start runs a daemon and waits until it answers; stop ends it.
func start(t *testing.T, c Config) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	c.Ready = func() { close(ready) }
	go func() { ended <- Run(ctx, c) }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		t.Fatalf("the daemon ended: %v", err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the daemon's end: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func TestADaemonAnswersUntilItIsTold(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	for range 2 { // the second one finds what the first has left
		stop := start(t, c)
		cl, err := client.Dial(t.Context(), c.Socket)
		if err != nil {
			t.Fatal(err)
		}
		h, err := cl.Health(t.Context())
		if err != nil || h.Version != "v1.2.3" || h.PID != os.Getpid() || h.StateDir != c.StateDir {
			t.Errorf("health: %+v, %v", h, err)
		}
		_ = cl.Close()
		for path, want := range map[string]fs.FileMode{c.StateDir: 0o700, c.Socket: 0o600, c.databasePath(): 0o600, c.DaemonLog(): 0o600} {
			if m := mode(t, path); m != want {
				t.Errorf("%s has mode %04o, want %04o", path, m, want)
			}
		}
		stop()
		if _, err := os.Lstat(c.Socket); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the socket is still there: %v", err)
		}
		if err := Running(c); err != nil {
			t.Error(err)
		}
	}
}

func TestASecondDaemonIsRefused(t *testing.T) {
	t.Parallel()
	first := testConfig(t)
	start(t, first)
	sameState, sameSocket := first, testConfig(t)
	sameState.Socket = filepath.Join(shortDir(t), "s")
	sameSocket.Socket = first.Socket
	for what, c := range map[string]Config{"state directory": sameState, "socket": sameSocket} {
		err := Run(t.Context(), c)
		var running *RunningError
		if !errors.As(err, &running) || running.What != what || running.PID != os.Getpid() {
			t.Errorf("same %s: %v", what, err)
		}
	}
	cl, err := client.Dial(t.Context(), first.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if h, err := cl.Health(t.Context()); err != nil || h.StateDir != first.StateDir {
		t.Errorf("the first one: %+v, %v", h, err)
	}
}

func TestAWatcherGoesOnAcrossARestart(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	stop := start(t, c)
	again := make(chan struct{})
	cl, err := client.Dial(t.Context(), c.Socket, client.OnDisconnect(func(error) {
		select {
		case <-again:
		default:
			close(again)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		var last error
		for _, err := range cl.Events(ctx, api.SubscribeParams{}) {
			last = err
		}
		ended <- last
	}()
	// The watcher may subscribe only to the second daemon; either is fine.
	stop()
	<-again
	start(t, c)
	h, err := cl.Health(t.Context())
	if errors.Is(err, client.ErrDisconnected) { // the client may learn only now that its connection was to the first
		h, err = cl.Health(t.Context())
	}
	if err != nil {
		t.Errorf("after the restart: %+v, %v", h, err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the watcher ended with %v", err)
	}
}

func TestTheFirstSignalEndsTheContextAndTheSecondCalls(t *testing.T) {
	now := make(chan struct{})
	ctx, stop := OnSignals(t.Context(), func() { close(now) })
	defer stop()
	signal := func(s syscall.Signal) {
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGTERM)
	<-ctx.Done()
	signal(syscall.SIGINT)
	<-now
}
