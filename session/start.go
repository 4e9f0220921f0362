package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
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

// errStarted means that the session's process was started by a daemon that did
// not live to see it.
var errStarted = errors.New("the process runs already")

// start starts the session's process. What goes wrong ends the session as
// failed; the error is only for a manager that stops.
func (a *actor) start(ctx context.Context) error {
	if _, err := shim.ReadStart(a.dir); err == nil {
		return a.adopt(ctx) // a daemon before this one came so far
	}
	spec, err := a.spec(ctx)
	var started shim.Started
	if err == nil {
		started, err = a.startShim(ctx, spec)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, errStarted) {
		return a.adopt(ctx)
	}
	if err != nil {
		if exit, none := shim.ReadExit(a.dir); none == nil && exit.Error != "" {
			err = errors.New(exit.Error) // what the shim itself has said, to this daemon or to one before
		}
		a.log.Warn("session not started", "error", err)
		return a.must(ctx, func(s *step) { s.startFailed(err) })
	}
	crashpoint.Reach(crashpoint.LaunchStarted)
	removeEnvironment(a.dir)
	crashpoint.Reach(crashpoint.LaunchForgotten)
	if err := a.openJournal(); err != nil {
		return err
	}
	if err := a.must(ctx, func(s *step) { s.started(started) }); err != nil {
		return err
	}
	crashpoint.Reach(crashpoint.LaunchStored)
	return nil
}

// startShim starts the shim, and waits for the conversation's lock if its last
// owner is just leaving.
func (a *actor) startShim(ctx context.Context, spec shim.Spec) (shim.Started, error) {
	deadline := time.Now().Add(lockPatience)
	for {
		client, started, err := shim.Start(ctx, a.mgr.cfg.Executable, a.dir, spec)
		if err == nil {
			a.attach(client)
			return started, nil
		}
		if a.startedBefore() {
			return started, errStarted
		}
		if !errors.Is(err, shim.ErrLocked) {
			return started, err
		}
		if time.Now().After(deadline) {
			return started, fmt.Errorf("the conversation %s has a live process already: %w", a.m.row.Session.ClaudeSessionID, err)
		}
		select {
		case <-ctx.Done():
			return started, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// startedBefore reports whether the session's process was started by a daemon
// that did not live to see its start record. Whatever a second shim says then,
// there is a process: its start record is written before anything of it shows.
func (a *actor) startedBefore() bool {
	_, err := shim.ReadStart(a.dir)
	return err == nil
}

// spec says what the shim is to start.
func (a *actor) spec(ctx context.Context) (shim.Spec, error) {
	ses := &a.m.row.Session
	env, err := readEnvironment(a.dir)
	if err != nil {
		return shim.Spec{}, err
	}
	program, err := a.mgr.program(env)
	if err != nil {
		return shim.Spec{}, err
	}
	version, err := a.mgr.prober.Version(ctx, program, env)
	if err != nil {
		// It may still be able to run: what it then does is shown with the session.
		a.log.Warn("version of claude not known", "error", err)
	}
	cmd, err := a.command()
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
	for name, value := range sessionVariables(ses) {
		env = append(env, name+"="+value)
	}
	return shim.Spec{Path: program, Args: cmd.Args(version), Env: env, Dir: ses.WorkingDir,
		LockFile: a.mgr.lockFile(a.m.eng.Conversation)}, nil
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
func (a *actor) command() (*claude.Command, error) {
	var l launch
	if err := json.Unmarshal(a.m.row.Options, &l); err != nil {
		return nil, fmt.Errorf("options of session %s: %w", a.id, err)
	}
	cmd := &claude.Command{SessionID: a.m.row.Session.ClaudeSessionID,
		Resume: l.Resume, ResumeAt: l.ResumeAt, Fork: l.Fork, ChangedPrompt: l.ChangedPrompt,
		Model: deref(l.Model), Mode: deref(l.PermissionMode), Allowed: deref(l.AllowedTools), Disallowed: deref(l.DisallowedTools),
		Directories: deref(l.AdditionalDirectories), MaxTurns: deref(l.MaxTurns), MaxBudgetUSD: deref(l.MaxBudgetUSD),
		Unattended: deref(l.Unattended), Partial: deref(l.IncludePartialMessages)}
	if _, err := os.Stat(a.path(mcpFile)); err == nil {
		cmd.MCPConfigFile = a.path(mcpFile)
	}
	var err error
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

func (a *actor) openJournal() error {
	j, err := shim.OpenJournal(a.mgr.watcher, a.path(shim.JournalName), a.m.row.JournalOffset)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	a.journal, a.punched = j, a.m.row.JournalOffset
	return nil
}

// adopt takes over a process that another daemon has started: it reads what was
// printed meanwhile, and then says again what may not have reached the process.
// All of that does no harm if it had.
func (a *actor) adopt(ctx context.Context) error {
	client, err := shim.Connect(ctx, a.dir)
	if err != nil {
		a.log.Warn("session has lost its shim", "error", err)
	} else {
		a.attach(client)
		crashpoint.Reach(crashpoint.AdoptConnected)
	}
	if err := a.openJournal(); errors.Is(err, fs.ErrNotExist) {
		return a.must(ctx, func(s *step) { s.startFailed(fmt.Errorf("its journal is gone: %w", err)) })
	} else if err != nil {
		return err
	}
	if !a.m.eng.Started {
		started, err := shim.ReadStart(a.dir)
		if err != nil {
			return fmt.Errorf("start record: %w", err)
		}
		removeEnvironment(a.dir)
		if err := a.must(ctx, func(s *step) { s.started(started) }); err != nil {
			return err
		}
	}
	if err := a.catchUp(ctx); err != nil {
		return err
	}
	crashpoint.Reach(crashpoint.AdoptCaughtUp)
	if a.shim == nil {
		if err := a.orphan(ctx); err != nil {
			return err
		}
	}
	a.repeat()
	crashpoint.Reach(crashpoint.AdoptRepeated)
	if a.m.waiting() > 0 { // what the daemon before held back may go now
		if err := a.must(ctx, func(s *step) { s.quiet = true }); err != nil {
			return err
		}
	}
	if a.m.eng.End != "" {
		a.ending.begin(ctx, a, a.m.eng.Force)
	}
	return nil
}

// lost returns a channel that is closed when the shim is lost.
func (a *actor) lost() <-chan struct{} {
	if a.shim == nil {
		return nil
	}
	return a.shim.Done()
}

// regain reaches the shim again after the connection to it broke, if it lives
// and its child does.
func (a *actor) regain(ctx context.Context) error {
	a.detach()
	if _, err := shim.ReadExit(a.dir); err == nil {
		return nil // that was the end
	}
	client, err := shim.Connect(ctx, a.dir)
	if err != nil {
		a.log.Warn("session has lost its shim", "error", err)
		return a.orphan(ctx)
	}
	a.attach(client)
	a.repeat()
	return nil
}

// orphan notes that the shim is gone, unless it went because the process did.
func (a *actor) orphan(ctx context.Context) error {
	if _, err := shim.ReadExit(a.dir); err == nil {
		return nil
	}
	return a.must(ctx, (*step).orphaned)
}

// repeat writes again what was committed and may not have been written.
func (a *actor) repeat() {
	e := &a.m.eng
	for i := range a.m.messages {
		if msg := &a.m.messages[i]; msg.State == api.MessageSent {
			a.send(claude.UserMessage(msg.ID, msg.Content))
		}
	}
	for _, line := range e.Answers {
		a.send(line)
	}
	for id, c := range e.Controls {
		a.send(c.line(id))
	}
	if e.Interrupt != nil && e.Interrupt.Sent {
		a.send(claude.Interrupt(newID()))
	}
	if e.InputClosed {
		a.closeInput()
	}
	if e.EndSent {
		a.send(claude.EndSession(newID()))
	}
}

// lockPoll is how often the lock of a child without a shim is looked at.
const lockPoll = 100 * time.Millisecond

// gone returns a channel that is closed once nothing of the session's process
// is left: the shim has written its exit record, or neither shim nor child holds
// the conversation's lock any more. The goroutine behind it ends with it or with
// the context.
func (a *actor) gone(ctx context.Context) <-chan struct{} {
	gone := make(chan struct{})
	var shimDone <-chan struct{}
	if a.shim != nil {
		shimDone = a.shim.Done()
	}
	lock := a.mgr.lockFile(a.m.eng.Conversation)
	a.mgr.wg.Go(func() {
		if shimDone != nil {
			select {
			case <-shimDone:
			case <-ctx.Done():
				return
			}
		}
		for !a.ended(lock) {
			select {
			case <-time.After(lockPoll):
			case <-ctx.Done():
				return
			}
		}
		close(gone)
	})
	return gone
}

// ended reports whether nothing of the session's process is left.
func (a *actor) ended(lock string) bool {
	if _, err := shim.ReadExit(a.dir); err == nil {
		return true
	}
	locked, err := shim.Locked(lock)
	if err != nil {
		a.log.Error("lock of conversation not readable", "error", err)
	}
	return err == nil && !locked
}
