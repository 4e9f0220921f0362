package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/sessiond/sessiond/rpc/api"
)

// Batch is what one caller wants committed together: all of it or nothing. It is
// applied in the order of its fields. Commit fills in the numbers that it gives
// out; after an error they mean nothing.
type Batch struct {
	Create      *SessionRow    // a new session; ErrExists if its id, run id or idempotency key is taken
	Update      *SessionUpdate // ErrNotFound if there is no such session
	Messages    []api.Message  // inserted, or replaced by id; ErrExists if the id is another session's
	Approvals   []api.Approval // likewise
	Transcripts []Transcript   // inserted, or replaced by conversation and agent; ErrNotFound if the session is gone
	Used        api.Usage      // by turns that ended, added to the day of UsedAt
	UsedAt      api.Time
	Wrote       api.Usage   // by summaries, likewise
	Jobs        []JobChange // see there
	Summary     *NewSummary // see there
	Mark        *Mark       // kept, or replaced by name
	Inputs      []string    // names of hooks' inputs that are taken in with it; an error if one was before
	Forget      []string    // those that are in the spool no more
	Events      []Event     // appended in this order, with consecutive seq
	Delete      int64       // a session's number: the row, its messages and approvals; its events are removed later
}

// SessionUpdate changes a session; what is absent stays.
type SessionUpdate struct {
	N              int64
	Session        *api.Session    // nil: unchanged; its Query and LastActivityAt are not looked at
	JournalOffset  int64           // below 0: unchanged
	LastActivityAt api.Time        // zero: unchanged
	Engine         json.RawMessage // nil: unchanged
	Query          *string         // nil: unchanged; for a session that began without one
}

// rows is a measure of the work in b.
func (b *Batch) rows() int {
	return 1 + len(b.Events) + len(b.Messages) + len(b.Approvals) + len(b.Transcripts) + len(b.Jobs)
}

// bytes is a measure of what b writes.
func (b *Batch) bytes() (n int) {
	for i := range b.Events {
		if e := &b.Events[i]; e.Part == 0 {
			n += len(e.Line) + len(e.Data)
		}
	}
	return n
}

// about names what b is about.
func (b *Batch) about() string {
	switch {
	case b.Create != nil:
		return "what was to be written of session " + b.Create.Session.ID
	case b.Update != nil:
		return fmt.Sprintf("what was to be written of session number %d", b.Update.N)
	case len(b.Jobs) > 0:
		return "what was to be written of job " + b.Jobs[0].Row.Job.ID
	case b.Delete != 0:
		return fmt.Sprintf("the deletion of session number %d", b.Delete)
	}
	return "what was to be written"
}

// records names what is written anew with b, as damage would be named.
func (b *Batch) records() []string {
	places := []string{b.about()}
	if b.Update != nil && b.Update.Session != nil {
		id := b.Update.Session.ID
		places = append(places, (&RecordError{What: RecordSession, SessionID: id}).place())
		if b.Update.Engine != nil {
			places = append(places, (&RecordError{What: RecordState, SessionID: id}).place())
		}
	}
	for i := range b.Messages {
		places = append(places, (&RecordError{What: RecordMessage, ID: b.Messages[i].ID, SessionID: b.Messages[i].SessionID}).place())
	}
	for i := range b.Approvals {
		places = append(places, (&RecordError{What: RecordApproval, ID: b.Approvals[i].ID, SessionID: b.Approvals[i].SessionID}).place())
	}
	return places
}

// deleted is the id of the session that b deletes, which is that of the event that
// says so; "" if it deletes none.
func (b *Batch) deleted() string {
	if b.Delete == 0 || len(b.Events) == 0 {
		return ""
	}
	return b.Events[len(b.Events)-1].SessionID
}

// Commit writes b and blocks until it is on disk, or returns why nothing of it
// is. It waits for a place in the writer's queue; only that wait is bounded by
// ctx, a batch that was accepted is written whatever becomes of ctx. Batches of
// one caller that waits for each are written in its order.
func (s *Store) Commit(ctx context.Context, b *Batch) error {
	r := &request{batch: b, done: make(chan error, 1)}
	for i := range b.Events {
		if e := &b.Events[i]; e.SessionN == 0 {
			r.unnamed = append(r.unnamed, e)
		}
	}
	select {
	case <-s.closing:
		return fmt.Errorf("commit: %w", ErrClosed)
	default:
	}
	select {
	case s.writer.queue <- r:
	case <-s.closing:
		return fmt.Errorf("commit: %w", ErrClosed)
	case <-ctx.Done():
		return fmt.Errorf("commit: %w", ctx.Err())
	}
	if err := <-r.done; err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// apply executes everything in b inside the writer's transaction.
func (w *writer) apply(b *Batch) error {
	if b.Create != nil {
		if err := w.createSession(b.Create); err != nil {
			return fmt.Errorf("create session %s: %w", b.Create.Session.ID, err)
		}
	}
	if b.Update != nil {
		if err := w.updateSession(b.Update); err != nil {
			return fmt.Errorf("update session %d: %w", b.Update.N, err)
		}
	}
	if !b.Used.IsZero() || !b.Wrote.IsZero() {
		if err := w.spend(b); err != nil {
			return fmt.Errorf("count what was used: %w", err)
		}
	}
	for i := range b.Messages {
		if err := w.putMessage(&b.Messages[i]); err != nil {
			return fmt.Errorf("keep message %s: %w", b.Messages[i].ID, err)
		}
	}
	for i := range b.Approvals {
		if err := w.putApproval(&b.Approvals[i]); err != nil {
			return fmt.Errorf("keep approval %s: %w", b.Approvals[i].ID, err)
		}
	}
	for i := range b.Transcripts {
		if err := w.putTranscript(b, &b.Transcripts[i]); err != nil {
			return fmt.Errorf("keep how far transcript %s was read: %w", b.Transcripts[i].Path, err)
		}
	}
	if err := w.applyJobs(b); err != nil {
		return err
	}
	if err := w.applyInputs(b); err != nil {
		return fmt.Errorf("keep the names of hooks' inputs: %w", err)
	}
	if err := w.appendEvents(b); err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	if b.Delete != 0 {
		if err := w.deleteSession(b.Delete); err != nil {
			return fmt.Errorf("delete session %d: %w", b.Delete, err)
		}
	}
	return nil
}

// applyJobs is the part of apply that is about jobs and what they make.
func (w *writer) applyJobs(b *Batch) error {
	for i := range b.Jobs {
		if err := w.changeJob(&b.Jobs[i]); err != nil {
			return fmt.Errorf("keep job %s: %w", b.Jobs[i].Row.Job.ID, err)
		}
	}
	if b.Summary != nil {
		if err := w.addSummary(b.Summary); err != nil {
			return fmt.Errorf("keep a summary of session %s: %w", b.Summary.Summary.SessionID, err)
		}
	}
	if b.Mark != nil {
		if _, err := w.rarely(putMarkSQL, b.Mark.Name, b.Mark.Value); err != nil {
			return fmt.Errorf("keep the mark %s: %w", b.Mark.Name, err)
		}
	}
	return nil
}
