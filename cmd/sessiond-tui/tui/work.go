package tui

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"sync"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// Daemon is what the UI needs of a *client.Client.
type Daemon interface {
	Health(ctx context.Context) (api.Health, error)
	ListSessions(ctx context.Context, p api.ListSessionsParams) (api.ListSessionsResult, error)
	GetSessionState(ctx context.Context, p api.SessionParams) (api.SessionResult, error)
	GetConversation(ctx context.Context, p api.GetConversationParams) (api.GetConversationResult, error)
	SearchConversations(ctx context.Context, p api.SearchConversationsParams) (api.SearchConversationsResult, error)
	GetSummary(ctx context.Context, p api.GetSummaryParams) (api.GetSummaryResult, error)
	SummarizeSession(ctx context.Context, p api.SessionParams) (api.SummarizeSessionResult, error)
	LaunchSession(ctx context.Context, p api.LaunchSessionParams) (api.LaunchSessionResult, error)
	ContinueSession(ctx context.Context, p api.ContinueSessionParams) (api.LaunchSessionResult, error)
	UpdateSession(ctx context.Context, p api.UpdateSessionParams) (api.SessionResult, error)
	ArchiveSessions(ctx context.Context, p api.ArchiveSessionsParams) (api.ArchiveSessionsResult, error)
	DeleteSession(ctx context.Context, p api.SessionParams) (api.DeleteSessionResult, error)
	InterruptSession(ctx context.Context, p api.InterruptSessionParams) (api.InterruptSessionResult, error)
	EndSession(ctx context.Context, p api.EndSessionParams) (api.StatusResult, error)
	SendMessage(ctx context.Context, p api.SendMessageParams) (api.MessageResult, error)
	ListMessages(ctx context.Context, p api.ListMessagesParams) (api.ListMessagesResult, error)
	CancelMessage(ctx context.Context, p api.MessageParams) (api.MessageResult, error)
	FetchApprovals(ctx context.Context, p api.FetchApprovalsParams) (api.FetchApprovalsResult, error)
	SendDecision(ctx context.Context, p api.SendDecisionParams) (api.ApprovalResult, error)
	Events(ctx context.Context, p api.SubscribeParams) iter.Seq2[api.Event, error]
}

// worker runs what may take time, and sends a message when it is done. It owns
// its goroutines: wait waits for them, behind the end of its context.
type worker struct {
	ctx     context.Context
	send    func(tea.Msg)
	running sync.WaitGroup
}

// do runs f beside the model; a nil message is not sent.
func (w *worker) do(f func(ctx context.Context) tea.Msg) {
	w.running.Go(func() {
		if msg := f(w.ctx); msg != nil {
			w.send(msg)
		}
	})
}

func (w *worker) wait() { w.running.Wait() }

// later sends a message when a time has passed.
func (w *worker) later(d time.Duration, msg tea.Msg) {
	w.do(func(ctx context.Context) tea.Msg {
		if !sleep(ctx, d) {
			return nil
		}
		return msg
	})
}

// failedMsg says that something did not work. Undo, if there is one, is called
// by the model: it gives back what was typed.
type failedMsg struct {
	what string
	err  error
	undo func(*model)
}

// doneMsg says that a call has worked; then is called by the model.
type doneMsg struct {
	note string
	then func(*model)
}

// call makes a call that may be repeated while the daemon is away, for a while.
func (w *worker) call(what string, undo func(*model), f func(ctx context.Context) (doneMsg, error)) {
	w.do(func(ctx context.Context) tea.Msg {
		var done doneMsg
		err := patiently(ctx, func() (err error) { done, err = f(ctx); return err })
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return failedMsg{what, err, undo}
		}
		return done
	})
}

// How long a call is repeated while nobody answers, and how often.
const (
	callPatience = 10 * time.Second
	retryEvery   = 100 * time.Millisecond
)

// patiently repeats a call while the daemon is away.
func patiently(ctx context.Context, f func() error) error {
	for deadline := time.Now().Add(callPatience); ; {
		err := f()
		if !away(err) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the daemon does not answer: %w", err)
		}
		if !sleep(ctx, retryEvery) {
			return ctx.Err()
		}
	}
}

// away reports whether an error says that no daemon is there, or not for long.
func away(err error) bool {
	return errors.Is(err, client.ErrDisconnected) || errors.Is(err, &api.Error{Reason: api.ReasonShuttingDown}) ||
		errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// sleep waits, and reports false if the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
