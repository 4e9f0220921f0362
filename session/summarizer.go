package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/session/summary"
)

// leaseVariable holds the lease of a job in the environment of the process that works
// on it, and so of everything that it starts. A job that was cancelled and asked for
// again may have two processes for a moment: the one that ends takes nothing of the other's.
const leaseVariable = "SESSIOND_JOB_LEASE"

const (
	// maxPrinted is how much a summariser may print, its answer and all else.
	maxPrinted = 16 << 20
	// endPatience is how long a summariser that was killed, with all its descendants,
	// is waited for: longer than moments only if the machine is very busy.
	endPatience = 20 * time.Second
)

// summarized is what a summariser has answered.
type summarized struct {
	text  []byte
	model string
	used  api.Usage
}

// workplace is the directory of whoever works on a job, by a lease.
func (m *Manager) workplace(lease string) string { return filepath.Join(m.cfg.StateDir, "jobs", lease) }

// clearWorkplaces ends and removes what a daemon before this one has left: its
// summarisers have ended with it, unless their shims were killed too.
func (m *Manager) clearWorkplaces(context.Context) {
	entries, err := os.ReadDir(filepath.Join(m.cfg.StateDir, "jobs"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		m.log.Warn("directory of the jobs not readable", "error", err)
	}
	for _, entry := range entries {
		m.clearWorkplace(entry.Name())
	}
}

// clearWorkplace ends whatever works by a lease, and removes its files.
func (m *Manager) clearWorkplace(lease string) {
	dir := m.workplace(lease)
	ctx, cancel := context.WithTimeout(context.Background(), endPatience) // also when the manager is being closed
	defer cancel()
	if client, err := shim.Connect(ctx, dir); err == nil {
		m.endProcess(ctx, client)
	}
	if n := shim.KillStrays(leaseVariable + "=" + lease); n > 0 {
		m.log.Warn("processes of a job were killed", "lease", lease, "number", n)
	}
	if err := os.RemoveAll(dir); err != nil {
		m.log.Warn("files of a job not removed", "lease", lease, "error", err)
	}
}

// endProcess kills a process with its descendants, and lets go of its shim.
func (m *Manager) endProcess(ctx context.Context, client *shim.Client) {
	if err := client.Kill(ctx); err == nil || errors.Is(err, shim.ErrExited) {
		select {
		case <-client.Done():
		case <-ctx.Done():
		}
	}
	_ = client.Close() // where the shim lives on, it is told to end by that
}

// runSummarizer has a Claude Code answer a prompt. It is no session, is tied to this
// daemon, and is gone with all that it has started when the call returns. What was
// used is known with an error too, if a result has said it.
func (m *Manager) runSummarizer(ctx context.Context, lease, prompt string) (answer summarized, err error) {
	if err := m.away(); err != nil {
		return answer, err
	}
	dir := m.workplace(lease)
	m.clearWorkplace(lease)
	defer m.clearWorkplace(lease)
	spec, err := m.summarizerSpec(ctx, lease, dir)
	if err != nil {
		return answer, err
	}
	starting, stop := outlast(ctx, endPatience)
	defer stop()
	client, _, err := shim.Start(starting, m.cfg.Executable, dir, spec)
	if err != nil {
		return answer, fmt.Errorf("the summariser could not be started: %w", err)
	}
	defer func() {
		over, cancel := context.WithTimeout(context.WithoutCancel(ctx), endPatience)
		defer cancel()
		m.endProcess(over, client)
	}()
	// Its input stays open: 2.1.197 exits at the end of it, without a look at what came before.
	crashpoint.Reach(crashpoint.JobStarted)
	line := claude.UserMessage(newID(), api.Text(prompt))
	if err := client.WriteLine(ctx, line); err != nil && !errors.Is(err, shim.ErrExited) && !errors.Is(err, shim.ErrGone) && !errors.Is(err, shim.ErrInputClosed) {
		return answer, fmt.Errorf("the summariser takes no prompt: %w", err)
	}
	crashpoint.Reach(crashpoint.JobTold)
	answer, err = m.hear(ctx, client, dir)
	crashpoint.Reach(crashpoint.JobAnswered)
	return answer, err
}

// outlast returns a context that ends some time after another: a shim that is let go of on
// its way goes on writing in a directory that is being removed.
func outlast(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unwatch := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(by):
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() { unwatch(); cancel() }
}

// summarizerSpec says what is started, and makes the files that it needs.
func (m *Manager) summarizerSpec(ctx context.Context, lease, dir string) (shim.Spec, error) {
	left, limited, err := m.remainder(ctx)
	if err != nil {
		return shim.Spec{}, err
	}
	program, err := m.program(m.cfg.Environ)
	if err != nil {
		return shim.Spec{}, fmt.Errorf("%w; %s", err, claude.InstallHint)
	}
	work, promptFile := filepath.Join(dir, "work"), filepath.Join(dir, systemPromptFile)
	if err := shim.PrivateDir(work); err != nil {
		return shim.Spec{}, err
	}
	if err := writePrivate(promptFile, []byte(summary.SystemPrompt)); err != nil {
		return shim.Spec{}, err
	}
	s := claude.Summarizer{Model: m.cfg.Summaries.Model, SystemPromptFile: promptFile, Schema: summary.Schema(), MaxBudgetUSD: m.cfg.Summaries.BudgetUSD}
	if limited {
		s.MaxBudgetUSD = max(min(s.MaxBudgetUSD, left), 0.01)
	}
	return shim.Spec{Path: program, Args: s.Args(), Env: append(s.Env(ofNoSession(m.cfg.Environ)), leaseVariable+"="+lease), Dir: work,
		LockFile: filepath.Join(dir, "lock"), Tied: true}, nil
}

// ofNoSession returns an environment without what would make its process look like
// one of a session, or of another job.
func ofNoSession(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return name == sessionVariable || name == "SESSIOND_RUN_ID" || name == leaseVariable
	})
}

// hear takes in what a summariser prints, up to its result or its end.
func (m *Manager) hear(ctx context.Context, client *shim.Client, dir string) (answer summarized, err error) {
	journal, err := shim.OpenJournal(m.watcher, filepath.Join(dir, shim.JournalName), 0)
	if err != nil {
		return answer, err
	}
	defer journal.Close() //nolint:errcheck // it was only read
	journal.KeepTogether(maxPrinted)
	hearing, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	defer func() { stop(); <-ended }()
	go func() {
		defer close(ended)
		select {
		case <-client.Done():
			journal.Finish()
		case <-hearing.Done():
		}
	}()
	for {
		lines, err := journal.Next(ctx)
		if errors.Is(err, io.EOF) {
			return answer, m.silence(dir)
		}
		if err != nil {
			return answer, err
		}
		for _, line := range lines {
			if line.End > maxPrinted {
				return answer, fmt.Errorf("the summariser has printed more than %d bytes", maxPrinted)
			}
			l := claude.Parse(line.Bytes)
			if l.Init != nil {
				answer.model = strings.Clone(l.Init.Model)
			}
			if l.Result != nil {
				answer.used, answer.text = usageOf(l.Result.Total), claude.Answer(line.Bytes, l.Result)
				return answer, m.refusal(l.Result)
			}
		}
	}
}

// refusal is the error of a result that is one.
func (m *Manager) refusal(r *claude.Result) error {
	if !r.IsError {
		return nil
	}
	text := m.cfg.Summaries.Redactor.Text(strings.ToValidUTF8(r.Text, "\uFFFD"))
	if r.Subtype != "success" {
		text = r.Subtype + ": " + text
	}
	return fmt.Errorf("the summariser has failed: %s", cutReason(text))
}

// silence is the error of a summariser that has ended without a result.
func (m *Manager) silence(dir string) error {
	exit, err := shim.ReadExit(dir)
	if err != nil {
		return errors.New("the summariser ended without a result, and nobody saw how")
	}
	how := "by " + exit.Signal
	switch {
	case exit.Error != "":
		how = exit.Error
	case exit.ExitCode != nil:
		how = fmt.Sprintf("with exit code %d", *exit.ExitCode)
	}
	text := m.cfg.Summaries.Redactor.Text(strings.TrimSpace(exit.StderrTail))
	if text == "" {
		return fmt.Errorf("the summariser ended without a result, %s", how)
	}
	return fmt.Errorf("the summariser ended without a result, %s: %s", how, cutReason(text))
}
