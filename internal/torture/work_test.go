package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// script is a prompt for the scripted claude: some steps of some sizes.
func script(rng *rand.Rand) string {
	steps := []string{fmt.Sprintf("say: %d", rng.Uint64())}
	for range 1 + rng.IntN(3) {
		steps = append(steps, step(rng))
	}
	return strings.Join(steps, "\n")
}

func step(rng *rand.Rand) string {
	switch rng.IntN(14) {
	case 0, 1, 2:
		return fmt.Sprintf("emit: %d 430", 1+rng.IntN(300))
	case 3, 4:
		return fmt.Sprintf("emit: %d 600 %d", 1+rng.IntN(100), 200+rng.IntN(1000))
	case 5:
		return fmt.Sprintf("tools: %d", 1+rng.IntN(8))
	case 6, 7, 8:
		return fmt.Sprintf(`ask: Bash {"command":"echo %d"}`, rng.Uint64())
	case 9:
		return fmt.Sprintf("partial: %d", 1+rng.IntN(50))
	case 10:
		return fmt.Sprintf("bigline: %d", 1+rng.IntN(300_000))
	case 11:
		return "stderr: something happened"
	case 12:
		return "spawn: 1"
	default:
		return "junk"
	}
}

// busy keeps one session alive until the context ends: it launches one, talks to
// it, and when it has ended launches the next, or continues it.
func (w *world) busy(ctx context.Context, rng *rand.Rand) {
	parent := ""
	for ctx.Err() == nil {
		id, err := w.next(rng, parent)
		if errors.Is(err, &api.Error{Reason: api.ReasonInvalidState}) || errors.Is(err, &api.Error{Reason: api.ReasonConflict}) {
			parent = "" // nothing of it that could be continued
			continue
		}
		if err != nil {
			w.problem("not launched: %v", err)
			return
		}
		w.talk(ctx, rng, id)
		if parent = ""; rng.IntN(3) == 0 {
			parent = id
		} else if ses, err := w.session(id); err == nil && ses.Status.Final() && rng.IntN(4) == 0 {
			w.delete(id)
		}
	}
}

// next launches a session, or continues the one that has ended.
func (w *world) next(rng *rand.Rand, parent string) (string, error) {
	interactive, partial := rng.IntN(4) > 0, rng.IntN(2) > 0
	options := api.LaunchOptions{Interactive: &interactive, IncludePartialMessages: &partial}
	query := api.Text(script(rng))
	if parent == "" {
		return w.launch(api.LaunchSessionParams{Query: query, LaunchOptions: options})
	}
	return w.carryOn(api.ContinueSessionParams{SessionID: parent, Query: query, Fork: rng.IntN(2) > 0, LaunchOptions: options})
}

// talk does what clients do with a session, until it has ended or the context has.
func (w *world) talk(ctx context.Context, rng *rand.Rand, id string) {
	for ctx.Err() == nil {
		ses, err := w.session(id)
		if err != nil {
			w.problem("session %s: %v", id, err)
			return
		}
		if ses.Status.Final() {
			return
		}
		switch n := rng.IntN(40); {
		case n < 12:
			delivery := api.DeliveryQueue
			if rng.IntN(4) == 0 {
				delivery = api.DeliveryNow
			}
			_, err = w.send(id, script(rng), delivery)
		case n < 14:
			w.of(id, func(k *known) { k.interrupted = true })
			queued := []api.QueuedAfter{api.QueuedKeep, api.QueuedCancel}[rng.IntN(2)]
			err = w.again(func(ctx context.Context) error {
				_, err := w.client.InterruptSession(ctx, api.InterruptSessionParams{SessionID: id, Queued: queued})
				return err
			})
		case n < 15:
			w.end(id, rng.IntN(2) > 0)
		case n < 20:
			_, _ = w.until(ctx, id, idle)
		}
		if err != nil && !errors.Is(err, &api.Error{Reason: api.ReasonInvalidState}) && !errors.Is(err, &api.Error{Reason: api.ReasonLimitExceeded}) {
			w.problem("session %s: %v", id, err)
		}
		pause(ctx, time.Duration(rng.IntN(80))*time.Millisecond)
	}
}

// answer answers what is asked, each after a while, until the context ends.
func (w *world) answer(ctx context.Context, rng *rand.Rand) {
	for ctx.Err() == nil {
		var open api.FetchApprovalsResult
		err := w.again(func(ctx context.Context) (err error) {
			open, err = w.client.FetchApprovals(ctx, api.FetchApprovalsParams{})
			return err
		})
		if err != nil {
			w.problem("fetchApprovals: %v", err)
			return
		}
		for _, a := range open.Approvals {
			if rng.IntN(3) > 0 {
				w.decide(a, rng.IntN(3) > 0)
			}
		}
		pause(ctx, time.Duration(5+rng.IntN(40))*time.Millisecond)
	}
}

// decide answers a question. If the daemon dies while it is asked, the same
// answer is given again, and has been given or is then.
func (w *world) decide(a api.Approval, approve bool) {
	p := api.SendDecisionParams{ApprovalID: a.ID, Decision: api.DecisionApprove}
	want := api.ApprovalApproved
	if !approve {
		p.Decision, p.Comment, want = api.DecisionDeny, "not now", api.ApprovalDenied
	}
	var result api.ApprovalResult
	err := w.again(func(ctx context.Context) (err error) {
		result, err = w.client.SendDecision(ctx, p)
		return err
	})
	switch {
	case errors.Is(err, &api.Error{Reason: api.ReasonAlreadyResolved}):
		now, err := w.client.GetApproval(w.ctx, api.ApprovalParams{ApprovalID: a.ID})
		if err == nil && now.Approval.Status != want && now.Approval.Status != api.ApprovalCancelled {
			w.problem("approval %s is %s by %s", a.ID, now.Approval.Status, now.Approval.ResolvedBy)
		}
	case errors.Is(err, &api.Error{Reason: api.ReasonInvalidState}):
	case w.isDeleted(a.SessionID): // and its approvals with it
	case err != nil:
		w.problem("sendDecision %s: %v", a.ID, err)
	case result.Approval.Status != want:
		w.problem("approval %s was to be %s, and is %s", a.ID, want, result.Approval.Status)
	}
}

// conclude ends every session that lives: an interactive one when it has nothing
// to do any more, the others end by themselves. One may wait for another's slot.
func (w *world) conclude() {
	var wg sync.WaitGroup
	for id, ses := range w.list() {
		wg.Go(func() {
			if ses.Interactive {
				if _, ok := w.until(w.ctx, id, idle); ok {
					w.end(id, false)
					return
				}
			}
			if ses, ok := w.until(w.ctx, id, final); !ok {
				w.problem("session %s does not end: it is %s (waits for %q)", id, ses.Status, ses.WaitingFor)
			}
		})
	}
	wg.Wait()
}

// pause waits a while, or until the context ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
