package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/claude"
	"github.com/sessiond/sessiond/session/hook"
	"github.com/sessiond/sessiond/session/shim"
	"github.com/sessiond/sessiond/store"
)

// outside is what is to be remembered of a session that somebody has started in a
// terminal: its process is not ours, and what it does is known by its hooks and its
// transcript alone. Both tell of tools and prompts: whichever comes first is kept.
type outside struct {
	PID   int    `json:"pid,omitempty"` // 0: not known
	Began uint64 `json:"began,omitempty"`

	Transcript string `json:"transcript,omitempty"` // path; "": none can be read
	// From is when the session began in a conversation that there was before: the
	// lines before it are others'.
	From  api.Time `json:"from,omitzero"`
	Named string   `json:"named,omitempty"` // the title that the transcript has given it

	Asks    bool     `json:"asks,omitempty"`    // a question is open
	Prompts []prompt `json:"prompts,omitempty"` // the last that were kept
	Open    []string `json:"open,omitempty"`    // tools that were called and have not answered

	Said string `json:"said,omitempty"` // what the transcript has as the last words since a prompt
	Owed bool   `json:"owed,omitempty"` // the hook withheld what a turn ended with: these are it

	Ended   string   `json:"ended,omitempty"` // why, once SessionEnd has come
	EndedAt api.Time `json:"ended_at,omitzero"`
}

// prompt tells one prompt from others: by its id, where Claude Code gives it one, or
// else by its text.
type prompt struct {
	ID   string `json:"id,omitempty"`
	Hash string `json:"hash"`
}

// Bounds of what is remembered, and of what is taken in at once.
const (
	keptPrompts   = 32
	keptOpen      = 256
	inputsAtOnce  = 256
	observeEvery  = 500 * time.Millisecond
	endedPatience = 2 * time.Second // for the last lines of a transcript
)

// observer takes in what hooks leave in the spool, and follows the sessions that
// these tell of. One goroutine does all of it, so inputs stay in their order.
type observer struct {
	m      *Manager
	dir    string
	notify *fsnotify.Watcher // nil: the spool is only looked at now and then
	// stored are the inputs in the spool that are in the database already; forget
	// those that are in the spool no more, and are to be forgotten there too.
	stored map[string]bool
	forget []string
	live   map[string]*watched // by session id
	ended  time.Duration       // endedPatience
	looked time.Time
	failed string // the last problem that was logged
}

// watched is a session of a terminal's that has not ended.
type watched struct {
	row   store.SessionRow
	out   outside
	turn  bool
	gone  bool      // its process was not there at the last look
	since time.Time // SessionEnd has come
	read  int64     // how far its transcript was
	unfit bool      // that cannot be read
}

// input is what one call of the hook has left.
type input struct {
	name string
	hook claude.Hook
	hook.Record
}

func (m *Manager) newObserver() *observer {
	return &observer{m: m, dir: hook.Dir(m.cfg.StateDir), stored: map[string]bool{}, live: map[string]*watched{}, ended: endedPatience}
}

// remember keeps how a session stands, as long as it is not final.
func (o *observer) remember(row store.SessionRow) {
	restored, err := o.m.restored(row)
	if row.Session.Status.Final() {
		delete(o.live, row.Session.ID)
		return
	}
	w := o.live[row.Session.ID]
	if w == nil {
		w = &watched{}
		o.live[row.Session.ID] = w
	}
	w.row, w.turn, w.gone = row, restored.eng.Turn, false
	if w.out = (outside{}); err == nil && restored.eng.Outside != nil {
		w.out = *restored.eng.Outside
	}
	if w.out.Ended == "" {
		w.since = time.Time{}
	} else if w.since.IsZero() {
		w.since = time.Now()
	}
}

// run takes in and follows until the context ends.
func (o *observer) run(ctx context.Context) {
	var events chan fsnotify.Event
	var faults chan error
	if err := o.watch(); err != nil {
		o.m.log.Warn("the hooks' spool is only looked at now and then", "error", err)
	} else {
		events, faults = o.notify.Events, o.notify.Errors
		defer o.notify.Close() //nolint:errcheck // nothing is lost with it
	}
	tick := time.NewTicker(observeEvery)
	defer tick.Stop()
	for begun := false; ; {
		err := guard(func() error {
			if !begun {
				if err := o.begin(ctx); err != nil {
					return err
				}
				begun = true
			}
			return o.round(ctx)
		})
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return
		}
		o.note(err)
		if err != nil {
			events = nil // until the next tick
		}
		select {
		case <-events:
		case err := <-faults:
			o.m.log.Debug("notices of the spool were lost, and it is looked at anyway", "error", err)
		case <-tick.C:
			if o.notify != nil {
				events = o.notify.Events
			}
		case <-ctx.Done():
			return
		}
	}
}

// watch makes the spool, and has its changes told.
func (o *observer) watch() error {
	if err := shim.PrivateDir(o.dir); err != nil {
		return err
	}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	if err := notify.Add(o.dir); err != nil {
		return errors.Join(err, notify.Close())
	}
	o.notify = notify
	return nil
}

// deafness says in health why hooks' inputs wait.
func (m *Manager) deafness() []string {
	if why := m.deaf.Load(); why != nil && *why != "" {
		return []string{"what hooks tell of sessions in terminals is not taken in: " + *why}
	}
	return nil
}

// note logs what goes wrong, once, and has health tell it as long as it does.
func (o *observer) note(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	switch {
	case text == o.failed:
	case err != nil:
		o.m.log.Error("hooks' inputs not taken in, trying again", "error", err)
	default:
		o.m.log.Info("hooks' inputs taken in at last")
	}
	o.failed = text
	o.m.deaf.Store(&text)
}

// begin has the hooks know what is private, and finds what the daemon before has taken
// in and not removed.
func (o *observer) begin(ctx context.Context) error {
	if err := hook.KeepPatterns(o.dir, o.m.cfg.Summaries.Redactor.Patterns()); err != nil {
		return wrapf(err, "what is private")
	}
	names, err := o.m.store.HookInputs(ctx)
	if err != nil {
		return err
	}
	waiting, err := hook.Waiting(o.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, there := slices.BinarySearch(waiting, name); there {
			o.stored[name] = true
		} else {
			o.forget = append(o.forget, name)
		}
	}
	return nil
}

// round takes in what waits, and has a look at the sessions.
func (o *observer) round(ctx context.Context) error {
	if err := o.drain(ctx); err != nil {
		return err
	}
	if time.Since(o.looked) < observeEvery/2 {
		return nil
	}
	o.looked = time.Now()
	return o.look(ctx)
}

// drain takes in all that is in the spool.
func (o *observer) drain(ctx context.Context) error {
	for {
		names, err := hook.Waiting(o.dir)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			break
		}
		for some := range slices.Chunk(names, inputsAtOnce) {
			if err := o.takeChunk(ctx, some); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	if len(o.forget) == 0 {
		return nil
	}
	if err := o.m.store.Commit(ctx, &store.Batch{Forget: o.forget}); err != nil {
		return err
	}
	crashpoint.Reach(crashpoint.HookForgotten)
	o.forget = nil
	return nil
}

// takeChunk takes in some inputs, by conversation, and removes them from the spool:
// what the database has of them outlives that, whatever is killed and whenever.
func (o *observer) takeChunk(ctx context.Context, names []string) error {
	var order []string
	by := map[string][]input{}
	for _, name := range names {
		in, ok, err := o.read(name)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		id := in.hook.SessionID
		if len(by[id]) == 0 {
			order = append(order, id)
		}
		by[id] = append(by[id], in)
	}
	crashpoint.Reach(crashpoint.HookRead)
	for _, id := range order {
		err := guard(func() error { return o.take(ctx, id, by[id]) })
		if isPanic(err) || isRecord(err) { // it would be so for ever, and hold up all others
			o.dropped(id, len(by[id]), err)
		} else if err != nil {
			return o.m.closing(err)
		}
		crashpoint.Reach(crashpoint.HookStored)
	}
	if err := hook.Remove(o.dir, names); err != nil {
		return err
	}
	crashpoint.Reach(crashpoint.HookRemoved)
	for _, name := range names {
		if o.stored[name] {
			o.forget = append(o.forget, name)
			delete(o.stored, name)
		}
	}
	return nil
}

// dropped logs that what was told of a conversation cannot be taken in.
func (o *observer) dropped(conversation string, inputs int, err error) {
	var stack string
	if bug, ok := errors.AsType[*panicError](err); ok {
		stack = string(bug.stack)
	}
	o.m.log.Error("hooks' inputs are dropped", "conversation", conversation, "inputs", inputs, "error", err, "stack", stack)
}

// read reads an input that has not been taken in. What is none is only removed.
func (o *observer) read(name string) (in input, ok bool, err error) {
	if o.stored[name] {
		return in, false, nil
	}
	in.name = name
	in.Record, err = hook.Read(o.dir, name)
	if _, damaged := errors.AsType[*hook.DamagedError](err); damaged {
		o.m.log.Warn("a hook's input is damaged, and dropped", "error", err)
		return in, false, nil
	}
	if err != nil {
		return in, false, err
	}
	if in.hook, ok = claude.ParseHook(in.Input); ok {
		in.hook.SessionID, err = api.ParseID("session_id", in.hook.SessionID)
	}
	if ok = ok && err == nil; !ok {
		o.m.log.Warn("a hook's input is not one of Claude Code's, and dropped", "input", name)
	}
	in.Input = nil // what is needed of it was copied
	return in, ok, nil
}
