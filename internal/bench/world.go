package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// world is a daemon in a process of its own, and a client of it.
type world struct {
	*client.Client
	ctx    context.Context
	state  string
	work   string // the working directory of sessions
	socket string
	claude string
	env    []string
	daemon *exec.Cmd
	since  time.Time     // when it was started
	began  time.Duration // from its start to the first answer to health
	warmth int           // bytes that a flood of it uses
}

// patience bounds what the daemon may take for anything.
const patience = 5 * time.Minute

// prepare makes the directories of a world; start begins it.
func (b *bench) prepare() (*world, error) {
	dir, err := os.MkdirTemp(b.dir, "w")
	if err != nil {
		return nil, err
	}
	w := &world{ctx: b.ctx, warmth: b.scaled(warmth), state: filepath.Join(dir, "state"), work: filepath.Join(dir, "work"), socket: filepath.Join(dir, "s"),
		claude: filepath.Join(dir, "claude-"+claudecli.Pinned)}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	home := filepath.Join(dir, "home")
	for _, d := range []string{w.work, home, w.state} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return nil, err
		}
	}
	w.env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "SESSIOND_STATE_DIR=" + w.state, "SESSIOND_SOCKET=" + w.socket,
		"SESSIOND_CLAUDE=" + w.claude, "SESSIOND_LOG_LEVEL=warn", "SESSIOND_IDLE_TIMEOUT=0", "SESSIOND_PROFILE_DIR=" + b.profile}
	return w, os.Symlink(self, w.claude)
}

// newWorld is a world that has begun, with nothing in it.
func (b *bench) newWorld() (*world, error) {
	w, err := b.prepare()
	if err != nil {
		return nil, err
	}
	return w, w.start(b.program)
}

// start starts the daemon and waits for its first answer.
func (w *world) start(program string) error {
	w.daemon = exec.Command(program, "serve")
	w.daemon.Env, w.daemon.Stderr = w.env, os.Stderr
	w.since = time.Now()
	if err := w.daemon.Start(); err != nil {
		return err
	}
	for {
		c, err := client.Dial(w.ctx, w.socket)
		if err == nil {
			w.Client = c
			_, err = c.Health(w.ctx)
			w.began = time.Since(w.since)
			return err
		}
		if time.Since(w.since) > patience || w.ctx.Err() != nil {
			return errors.Join(err, w.daemon.Process.Kill(), w.daemon.Wait())
		}
		time.Sleep(time.Millisecond)
	}
}

// close ends all sessions and the daemon, and removes what it has stored.
func (w *world) close() error { return errors.Join(w.pause(), w.remove()) }

// remove removes what a world that has not begun, or rests, has stored.
func (w *world) remove() error { return os.RemoveAll(filepath.Dir(w.state)) }

// pause ends all sessions and the daemon, and keeps what it has stored.
func (w *world) pause() error {
	return errors.Join(w.endAll(), w.Close(), w.daemon.Process.Signal(syscall.SIGTERM), w.daemon.Wait())
}

// endAll leaves no session running.
func (w *world) endAll() error {
	live := []api.Status{api.StatusQueued, api.StatusStarting, api.StatusRunning, api.StatusWaitingInput, api.StatusInterrupting}
	for begin := time.Now(); ; {
		list, err := w.ListSessions(w.ctx, api.ListSessionsParams{Status: live, Limit: ptr(500)})
		if err != nil || len(list.Sessions) == 0 {
			return err
		}
		for _, ses := range list.Sessions {
			_, _ = w.EndSession(w.ctx, api.EndSessionParams{SessionID: ses.ID, Force: true}) // it may have ended by itself
		}
		if time.Since(begin) > patience {
			return fmt.Errorf("%d sessions do not end", len(list.Sessions))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func ptr[T any](v T) *T { return &v }

// launchPrompt launches a session and returns its id.
func (w *world) launchPrompt(prompt string, interactive bool) (string, error) {
	result, err := w.LaunchSession(w.ctx, api.LaunchSessionParams{Query: api.Text(prompt),
		LaunchOptions: api.LaunchOptions{WorkingDir: &w.work, Interactive: &interactive}})
	return result.SessionID, err
}

// head is the newest seq.
func (w *world) head() (int64, error) {
	h, err := w.Health(w.ctx)
	return h.Events.HeadSeq, err
}
