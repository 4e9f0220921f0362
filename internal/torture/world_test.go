package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// world is a daemon with directories of its own, a client, and everything that
// is known of its sessions from elsewhere.
type world struct {
	t       testing.TB
	ctx     context.Context // ends when patience does
	dir     string          // holds all the others
	records string          // of the scripted claude
	scripts string          // what summarisers are to do, if there are any
	daemon  *program
	client  *client.Client
	unmount func(keep bool) // the file system of the state, if it has one of its own
	crashes atomic.Int64    // daemons that were killed while they were supervised
	relax   func()          // ends the supervising, before the daemon is stopped for good; may be nil

	mu       sync.Mutex
	known    map[string]*known // by session id
	problems []string
	starved  bool // the disk was full at some time
	late     bool // patience has ended, and it was noted what was waited for
}

// known is what was done to a session, whose state it bounds.
type known struct {
	id                      string
	launched                bool // by a client, who knows that
	interactive             bool
	childKilled, shimKilled bool
	mayLack                 bool // the conversation that it continues: it may have been cut off before it had begun
	interrupted             bool
	ended, forced           bool
	deleted                 bool
	messages                map[string]bool // that were sent: whether they were accepted
}

// newWorld makes a world whose daemon is not started yet. Its directory goes
// when the test ends, unless there were problems.
func newWorld(t testing.TB, exe, flavour string) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "sdt")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, records: filepath.Join(dir, "records"), known: map[string]*known{}}
	for _, name := range []string{"records", "home", "work", "bin"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	w.daemon = &program{exe: exe, state: filepath.Join(dir, "state"), socket: filepath.Join(dir, "s"), log: filepath.Join(dir, "daemon.log"),
		env: []string{"HOME=" + filepath.Join(dir, "home"), "PATH=" + os.Getenv("PATH"),
			"SESSIOND_CLAUDE=" + scripted.InstallVersion(t, filepath.Join(dir, "bin"), flavour)}}
	var cancel context.CancelFunc
	w.ctx, cancel = context.WithTimeout(wanted, patience)
	t.Cleanup(func() {
		cancel()
		w.cleanUp()
	})
	return w
}

// cleanUp leaves nothing behind, but the directory of a world with problems.
func (w *world) cleanUp() {
	if w.client != nil {
		_ = w.client.Close()
	}
	if w.daemon.cmd != nil {
		w.daemon.kill()
	}
	for _, p := range w.processes() {
		p.kill()
	}
	keep := len(w.problems) > 0 || w.t.Failed()
	if w.unmount != nil {
		w.unmount(keep)
	}
	if keep {
		w.t.Logf("the state is kept in %s", w.dir)
		return
	}
	if err := os.RemoveAll(w.dir); err != nil {
		w.t.Error(err)
	}
}

// begin starts the daemon for the first time, and connects the client.
func (w *world) begin(extra ...string) {
	w.t.Helper()
	if err := w.daemon.start(w.ctx, extra...); err != nil {
		w.t.Fatal(err)
	}
	w.connect()
}

// connect connects the client, once the daemon listens.
func (w *world) connect() {
	w.t.Helper()
	for {
		var err error
		if w.client, err = client.Dial(w.ctx, w.daemon.socket); err == nil {
			return
		}
		if w.ctx.Err() != nil {
			w.t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// env is the environment of the sessions.
func (w *world) env() map[string]string {
	return map[string]string{"HOME": filepath.Join(w.dir, "home"), "PATH": os.Getenv("PATH"),
		scripted.RecordVariable: w.records, marker: w.dir}
}

// problem notes something that must not be.
func (w *world) problem(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil && w.late {
		return // whatever comes behind the first is because of it
	}
	w.late = w.ctx.Err() != nil
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

// of is what is known of a session, which may be unknown to clients yet.
func (w *world) of(id string, change func(*known)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.known[id]
	if k == nil {
		k = &known{id: id, messages: map[string]bool{}}
		w.known[id] = k
	}
	change(k)
}

// again makes a call until it is answered, whatever becomes of the daemon
// meanwhile: a call that may have been done before is made so that the second
// does no harm. The error is what the daemon answered.
func (w *world) again(call func(context.Context) error) error {
	for {
		err := call(w.ctx)
		var answered *api.Error
		switch {
		case err == nil:
			return nil
		case w.ctx.Err() != nil:
			return fmt.Errorf("the call is not answered: %w", err)
		case errors.As(err, &answered) && answered.Reason != api.ReasonShuttingDown && !w.passing(answered):
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// passing tells whether an error may come of a disk that is full.
func (w *world) passing(err *api.Error) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.starved && err.Reason == api.ReasonInternal
}

// launch starts a session, once.
func (w *world) launch(p api.LaunchSessionParams) (string, error) {
	work := filepath.Join(w.dir, "work")
	p.WorkingDir, p.Env, p.IdempotencyKey = &work, w.env(), uuid.NewString()
	var result api.LaunchSessionResult
	err := w.again(func(ctx context.Context) (err error) {
		result, err = w.client.LaunchSession(ctx, p)
		return err
	})
	if err == nil {
		w.launched(result, p.Interactive)
	}
	return result.SessionID, err
}

// carryOn continues a session, once.
func (w *world) carryOn(p api.ContinueSessionParams) (string, error) {
	p.Env, p.IdempotencyKey = w.env(), uuid.NewString()
	var result api.LaunchSessionResult
	err := w.again(func(ctx context.Context) (err error) {
		result, err = w.client.ContinueSession(ctx, p)
		return err
	})
	if err == nil {
		w.launched(result, p.Interactive)
		w.of(p.SessionID, func(parent *known) {
			if parent.childKilled || parent.shimKilled || parent.interrupted || parent.ended || parent.mayLack {
				w.known[result.SessionID].mayLack = true
			}
		})
	}
	return result.SessionID, err
}

// launched notes a session that a client has launched.
func (w *world) launched(result api.LaunchSessionResult, interactive *bool) {
	w.of(result.SessionID, func(k *known) {
		k.launched, k.messages[result.MessageID] = true, true
		k.interactive = interactive != nil && *interactive
	})
}

// send sends a message, once.
func (w *world) send(id, text string, delivery api.Delivery) (string, error) {
	p := api.SendMessageParams{SessionID: id, Content: api.Text(text), Delivery: delivery, MessageID: uuid.NewString()}
	err := w.again(func(ctx context.Context) error {
		_, err := w.client.SendMessage(ctx, p)
		return err
	})
	w.of(id, func(k *known) { k.messages[p.MessageID] = err == nil })
	return p.MessageID, err
}

// session reads a session as it is now.
func (w *world) session(id string) (api.Session, error) {
	var result api.SessionResult
	err := w.again(func(ctx context.Context) (err error) {
		result, err = w.client.GetSessionState(ctx, api.SessionParams{SessionID: id})
		return err
	})
	return result.Session, err
}

// during is a context that ends after a while. It has no deadline: connecting would
// fail at that, in a moment in which the context has not ended yet.
func during(ctx context.Context, span time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	over := time.AfterFunc(span, cancel)
	return ctx, func() { over.Stop(); cancel() }
}

// until polls a session until it is as wanted, or final. It reports whether it
// is as wanted; the context may end the waiting.
func (w *world) until(ctx context.Context, id string, wanted func(api.Session) bool) (api.Session, bool) {
	var ses api.Session
	for {
		now, err := w.session(id)
		if err != nil {
			w.problem("session %s, which was %s (%s): %v", id, ses.Status, ses.WaitingFor, err)
			return ses, false
		}
		switch ses = now; {
		case wanted(ses):
			return ses, true
		case ses.Status.Final():
			return ses, false
		}
		select {
		case <-ctx.Done():
			return ses, false
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func final(ses api.Session) bool { return ses.Status.Final() }

// idle is a session that waits for its next message.
func idle(ses api.Session) bool {
	return ses.Status == api.StatusWaitingInput && ses.WaitingFor == api.WaitingForMessage && ses.QueuedMessages == 0
}

// end has a session's process ended, and returns when it is over.
func (w *world) end(id string, force bool) {
	w.of(id, func(k *known) { k.ended, k.forced = true, k.forced || force })
	err := w.again(func(ctx context.Context) error {
		_, err := w.client.EndSession(ctx, api.EndSessionParams{SessionID: id, Force: force})
		return err
	})
	if err != nil && !errors.Is(err, &api.Error{Reason: api.ReasonInvalidState}) {
		w.problem("endSession %s: %v", id, err)
		return
	}
	if ses, ok := w.until(w.ctx, id, final); !ok {
		w.problem("session %s does not end: it is %s", id, ses.Status)
	}
}

// delete deletes a session that has ended.
func (w *world) delete(id string) {
	w.of(id, func(k *known) { k.deleted = true })
	err := w.again(func(ctx context.Context) error {
		_, err := w.client.DeleteSession(ctx, api.SessionParams{SessionID: id})
		return err
	})
	if err != nil && !errors.Is(err, &api.Error{Reason: api.ReasonSessionNotFound}) { // the call before was heard
		w.problem("deleteSession %s: %v", id, err)
	}
}

func (w *world) isDeleted(id string) (deleted bool) {
	w.of(id, func(k *known) { deleted = k.deleted })
	return deleted
}

// report fails the test if there were problems.
func (w *world) report(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.problems) > 0 {
		w.t.Errorf("%s:\n\t%s", what, strings.Join(w.problems, "\n\t"))
	}
}
