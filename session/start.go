package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
)

// stateEvents has Claude Code say how it stands (session_state_changed).
const stateEvents = "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS"

// lockPatience is how long the process before may take to let go of the
// conversation: its end is known a moment before it is over.
const lockPatience = 3 * time.Second

// lockPause is how often that is looked at.
const lockPause = 50 * time.Millisecond

// errStarted means that the session's process was started by a daemon that did
// not live to see it.
var errStarted = errors.New("the process runs already")

// errStarting means that a shim which a daemon before this one has started has
// not started the process yet: it is stopped, or the machine is slow.
var errStarting = errors.New("its shim has not started Claude Code yet")

// launched is a process that was started.
type launched struct {
	client  *shim.Client
	started shim.Started
}

// start starts the session's process, and serves calls meanwhile. What goes
// wrong ends the session as failed; the error is for a manager that stops, or
// for what is to be tried again.
func (a *actor) start(ctx context.Context) error {
	a.ready()
	if err := a.mgr.away(); err != nil {
		return err
	}
	if a.m.eng.End != "" {
		return a.forgo(ctx)
	}
	begun := shim.Begun(a.dir)
	var l launched
	var err error
	m, done := a.m, make(chan struct{})
	a.mgr.wg.Go(func() {
		defer close(done)
		err = guard(func() (err error) { l, err = a.startProcess(ctx, m); return err })
	})
	stopped := guard(func() error { return a.await(ctx, done) })
	<-done
	switch {
	case stopped != nil:
		if l.client != nil {
			_ = l.client.Close() // for the next daemon
		}
		return stopped
	case errors.Is(err, errStarted):
		return a.adopt(ctx)
	case errors.Is(err, errStarting), isPanic(err):
		return err
	case err != nil && begun:
		return a.notStartedAgain(ctx, err)
	case err != nil:
		return a.notStarted(ctx, err)
	}
	a.attach(l.client)
	a.link.open = true
	crashpoint.Reach(crashpoint.LaunchStarted)
	removeEnvironment(a.dir)
	crashpoint.Reach(crashpoint.LaunchForgotten)
	if err := a.openJournal(); err != nil {
		return err
	}
	err = a.must(ctx, func(s *step) { s.started(l.started) })
	crashpoint.Reach(crashpoint.LaunchStored)
	return err
}

// notStarted ends a session whose process could not be started.
func (a *actor) notStarted(ctx context.Context, err error) error {
	if exit, none := shim.ReadExit(a.dir); none == nil && exit.Error != "" {
		err = errors.New(exit.Error) // what the shim itself has said, to this daemon or to one before
	}
	a.log.Warn("session not started", "error", err)
	return a.must(ctx, func(s *step) { s.startFailed(err) })
}

// notStartedAgain is notStarted where a daemon before this one has begun to start
// the process, too: its shim may be on its way yet, whatever has failed here.
func (a *actor) notStartedAgain(ctx context.Context, cause error) error {
	err := a.neverStart(ctx)
	switch {
	case errors.Is(err, shim.ErrStarted):
		return a.adopt(ctx)
	case errors.Is(err, shim.ErrLocked) && !errors.Is(cause, shim.ErrLocked):
		return fmt.Errorf("%w, and it could not be started here: %w", errStarting, cause)
	case err != nil && !errors.Is(err, shim.ErrLocked):
		return errors.Join(cause, err)
	}
	return a.notStarted(ctx, cause) // also where another session's process has the conversation
}

// neverStart sees to it that no shim starts the process any more, and waits for
// one that is about to. The error is ErrStarted if one has, and ErrLocked if
// somebody lives on the conversation for longer than that takes.
func (a *actor) neverStart(ctx context.Context) error {
	lock := a.launchLock(a.m)
	deadline := time.Now().Add(lockPatience)
	err := shim.Forgo(a.dir, lock)
	for errors.Is(err, shim.ErrLocked) && time.Now().Before(deadline) { // its shim, about to start it
		if err := a.pause(ctx, lockPause); err != nil {
			return err
		}
		err = shim.Forgo(a.dir, lock)
	}
	if err != nil && a.wasStarted() {
		return shim.ErrStarted
	}
	return err
}

// forgo ends a session that was to end before its process was started: a daemon
// that takes over does not start it for that.
func (a *actor) forgo(ctx context.Context) error {
	switch err := a.neverStart(ctx); {
	case errors.Is(err, shim.ErrStarted):
		return a.adopt(ctx)
	case err != nil:
		return err
	}
	return a.must(ctx, func(s *step) {
		if s.m.eng.Lost != nil {
			s.closeLost()
			return
		}
		s.close(api.StatusInterrupted, reasonEnd)
	})
}

// startProcess starts the process of a session whose machine is m.
func (a *actor) startProcess(ctx context.Context, m *machine) (launched, error) {
	spec, err := a.spec(ctx, m)
	if err != nil {
		return launched{}, err
	}
	return a.startShim(ctx, m, spec)
}

// startShim starts the shim, and waits for the conversation's lock if its last
// owner is just leaving.
func (a *actor) startShim(ctx context.Context, m *machine, spec shim.Spec) (l launched, err error) {
	deadline := time.Now().Add(lockPatience)
	for {
		l.client, l.started, err = shim.Start(ctx, a.mgr.cfg.Executable, a.dir, spec)
		if err == nil {
			return l, nil
		}
		// Whatever a second shim says, where there is a start record there is a
		// process: it is written before anything of it shows.
		if a.wasStarted() {
			return l, errStarted
		}
		if !errors.Is(err, shim.ErrLocked) {
			return l, err
		}
		if time.Now().After(deadline) {
			return l, a.lockedBy(ctx, m, err)
		}
		select {
		case <-ctx.Done():
			return l, ctx.Err()
		case <-time.After(lockPause):
		}
	}
}

// lockedBy says who holds the conversation's lock for so long: a shim of this
// very session, or somebody else.
func (a *actor) lockedBy(ctx context.Context, m *machine, locked error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	client, err := shim.Connect(ctx, a.dir)
	switch {
	case err == nil:
		_ = client.Close()
		return errStarted
	case errors.Is(err, shim.ErrGone):
		return fmt.Errorf("the conversation %s has a live process already: %w", m.row.Session.ClaudeSessionID, locked)
	default:
		return errStarting
	}
}

// spec says what the shim is to start.
func (a *actor) spec(ctx context.Context, m *machine) (shim.Spec, error) {
	ses := &m.row.Session
	env, err := readEnvironment(a.dir)
	if err != nil {
		return shim.Spec{}, err
	}
	env = nameSession(env, ses)
	program, err := a.mgr.program(env)
	if err != nil {
		return shim.Spec{}, err
	}
	version, err := a.mgr.prober.Version(ctx, program, env)
	if err != nil {
		// It may still be able to run: what it then does is shown with the session.
		a.log.Warn("version of claude not known", "error", err)
	}
	cmd, err := a.command(m)
	if err != nil {
		return shim.Spec{}, err
	}
	if left, limited, err := a.mgr.remainder(ctx); err != nil {
		return shim.Spec{}, err
	} else if limited && (cmd.MaxBudgetUSD == 0 || left < cmd.MaxBudgetUSD) {
		cmd.MaxBudgetUSD = max(left, 0.01) // Claude Code takes no budget of nothing
	}
	if _, given := lookUp(env, stateEvents); !given {
		env = append(env, stateEvents+"=1")
	}
	return shim.Spec{Path: program, Args: cmd.Args(version), Env: env, Dir: ses.WorkingDir,
		LockFile: a.launchLock(m), MaxJournal: a.mgr.cfg.MaxJournalBytes}, nil
}

// launchLock is the lock file to start the process under. Where a daemon before
// this one has begun to start it, its shim may still be on its way: that one's,
// which need not lie where this daemon's do.
func (a *actor) launchLock(m *machine) string {
	if begun, err := shim.ReadSpec(a.dir); err == nil {
		return begun.LockFile
	}
	return a.mgr.lockFile(m.eng.Conversation)
}

// program finds the claude for an environment.
func (m *Manager) program(env []string) (string, error) {
	own, ok := lookUp(env, "PATH")
	if !ok {
		own = os.Getenv("PATH")
	}
	return claude.Find(m.cfg.Claude, own)
}

// command puts the session's options into Claude Code's terms, and its prompts
// into files.
func (a *actor) command(m *machine) (*claude.Command, error) {
	l, err := a.mgr.launched(m.row)
	if err != nil {
		return nil, err
	}
	cmd := &claude.Command{SessionID: m.row.Session.ClaudeSessionID,
		Resume: l.Resume, ResumeAt: l.ResumeAt, Fork: l.Fork, ChangedPrompt: l.ChangedPrompt,
		Model: deref(l.Model), Mode: deref(l.PermissionMode), Allowed: deref(l.AllowedTools), Disallowed: deref(l.DisallowedTools),
		Directories: deref(l.AdditionalDirectories), MaxTurns: deref(l.MaxTurns), MaxBudgetUSD: deref(l.MaxBudgetUSD),
		Unattended: deref(l.Unattended), Partial: deref(l.IncludePartialMessages)}
	_, err = os.Stat(a.path(mcpFile))
	if err == nil {
		cmd.MCPConfigFile = a.path(mcpFile)
	} else if servers := l.servers(); len(servers) > 0 {
		return nil, fmt.Errorf("the session's MCP configuration (servers %s) is lost: %w", strings.Join(servers, ", "), err)
	}
	if cmd.SystemPromptFile, err = a.promptFile(systemPromptFile, deref(l.SystemPrompt)); err != nil {
		return nil, err
	}
	cmd.AppendSystemPromptFile, err = a.promptFile(appendPromptFile, deref(l.AppendSystemPrompt))
	return cmd, err
}

// promptFile writes a prompt to a file and returns its path; "" for no prompt.
func (a *actor) promptFile(name, prompt string) (string, error) {
	if prompt == "" {
		return "", nil
	}
	return a.path(name), writePrivate(a.path(name), []byte(prompt))
}
