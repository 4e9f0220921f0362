package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// notifyDefault is what one wants to hear of who looks elsewhere.
var notifyDefault = []string{string(api.EventNewApproval), string(api.WaitingForMessage), string(api.StatusCompleted), string(api.StatusFailed)}

const notifyHelp = `Wait for events until Ctrl-C. Without a command, tell you of each: by a notification
of the desktop (notify-send, osascript), else by the bell of the terminal, and by a
line that says what to do. What was answered meanwhile is not told.

With a command, run it for each event, one after the other. It reads the event as
JSON on standard input, as 'sessiond watch --json' prints it, and finds what people
want of it in its environment; nothing that a session says is in its arguments:

  SESSIOND_EVENT           the word of --on for which it was called
  SESSIOND_EVENT_TYPE      _SEQ, _TIME, _SESSION: as in the event
  SESSIOND_EVENT_TITLE     what the session is called; _DIR, _STATUS, _COST_USD: as it is now
  SESSIOND_EVENT_TEXT      what happened, on one line
  SESSIOND_EVENT_APPROVAL  the id of a question, and _TOOL, what it is about

--on takes types of events, statuses into which a session goes, and approval or
message, for which it waits then. A command that fails, or is ended because it takes
longer than --timeout, is told of on standard error, and the next event comes.

With --cursor, a file remembers how far it has come, and the next call goes on from
there: nothing is missed between them. An event is taken for done when its command
has ended; if this was killed before, the command runs for it again. When the daemon
goes away, this waits for it.`

func newNotify(a *app) *cobra.Command {
	n := notifier{app: a}
	var (
		on     []string
		after  int64
		cursor string
	)
	cmd := &cobra.Command{
		Use:   "notify [COMMAND ARGS...]",
		Short: "Tell you, or run a command, when something happens",
		Long:  notifyHelp,
		Example: `  sessiond notify
  sessiond notify --on new_approval,failed -- mail -s "a session needs you" me
  sessiond notify --on completed --tag nightly --cursor ~/.nightly -- ./collect.sh`,
		Args: cobra.ArbitraryArgs,
	}
	f := cmd.Flags()
	f.SetInterspersed(false) // what comes behind the command is its own
	f.StringSliceVar(&on, "on", notifyDefault, "on which `events`")
	f.StringVar(&n.session, "session", "", "only of this session")
	f.StringVar(&n.tag, "tag", "", "only of sessions with this `label`")
	f.Int64Var(&after, "after", 0, "begin behind this seq; 0 is the beginning of the log (default: now)")
	f.StringVar(&cursor, "cursor", "", "`file` that remembers how far it has come")
	f.DurationVar(&n.timeout, "timeout", 30*time.Second, "how long the command may take")
	a.completeFlag(cmd, "session", a.completeIDs)
	a.completeFlag(cmd, "on", cobra.FixedCompletions(triggerWords(), cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var err error
		if n.on, err = parseTriggers(on); err != nil {
			return err
		}
		if n.timeout <= 0 {
			return usagef("--timeout: must be more than 0")
		}
		if f.Changed("after") {
			n.after = &after
		}
		if err := n.prepare(args, cursor); err != nil {
			return err
		}
		defer n.cursor.close()
		config, err := a.config(cmd)
		if err != nil {
			return err
		}
		n.env = config.Environment(a.env) // commands find the same daemon
		a.onLost = n.disconnected
		return a.withClient(n.run)(cmd, args)
	}
	return cmd
}

// notifier tells of events.
type notifier struct {
	*app
	client  *client.Client
	on      triggers
	session string // only this one
	tag     string // only those with it
	after   *int64 // nil: from now on
	cursor  *cursorFile
	command []string // nil: tell a person
	desktop func(title, text string) []string
	env     []string
	timeout time.Duration
}

// prepare looks whether the command is there, and opens the cursor.
func (n *notifier) prepare(command []string, cursor string) error {
	if len(command) > 0 {
		path, err := exec.LookPath(command[0])
		if err != nil {
			return usagef("the command: %w", err)
		}
		n.command = append([]string{path}, command[1:]...)
	} else {
		n.desktop = findDesktop(n.getenv, exec.LookPath)
	}
	if cursor == "" {
		return nil
	}
	if n.after != nil {
		return usagef("--after and --cursor exclude each other: write the number into the file")
	}
	var err error
	n.cursor, n.after, err = openCursor(cursor)
	return err
}

func (n *notifier) run(ctx context.Context, c *client.Client, _ []string) (err error) {
	n.client = c
	if n.session != "" {
		if n.session, err = resolve(ctx, c, n.session); err != nil {
			return err
		}
	}
	if n.after == nil {
		if err := n.beginNow(ctx); err != nil {
			return err
		}
	}
	for {
		err := n.follow(ctx)
		expired, ok := errors.AsType[*api.Error](err)
		if !ok || expired.Reason != api.ReasonCursorExpired {
			return err
		}
		if n.cursor == nil {
			return expired.With("hint", watchHint)
		}
		gone := *n.after
		if err := n.beginNow(ctx); err != nil { // before it is said: what comes behind the words is told
			return err
		}
		n.complainOf("what came behind %d is not known any more (%v): going on from now", gone, expired)
	}
}

// beginNow begins with what happens next.
func (n *notifier) beginNow(ctx context.Context) error {
	var h api.Health
	if err := patiently(ctx, func() (err error) { h, err = n.client.Health(ctx); return err }); err != nil {
		return err
	}
	n.after = &h.Events.HeadSeq
	return n.cursor.save(*n.after)
}

// follow tells of events until an error comes, the context's too.
func (n *notifier) follow(ctx context.Context) error {
	p := api.SubscribeParams{AfterSeq: n.after, SessionID: n.session, EventTypes: n.on.types()}
	var saved time.Time
	for ev, err := range n.client.Events(ctx, p) {
		if err != nil {
			return err
		}
		n.lost = false
		word := n.on.match(ev)
		if word != "" {
			err = n.event(ctx, word, ev)
		}
		if err != nil {
			return err
		}
		n.after = &ev.Seq
		if word != "" || time.Since(saved) > saveEvery { // what is nothing to tell of costs no write of its own
			if err := n.cursor.save(ev.Seq); err != nil {
				return err
			}
			saved = time.Now()
		}
		if err := ctx.Err(); err != nil {
			return err // it came while the command ran
		}
	}
	return ctx.Err()
}

// saveEvery is how often the cursor is moved over events that are not told of.
const saveEvery = time.Second

// event tells of an event, if its session is one to be told of. What is wrong with one
// of them is no reason not to tell of others; its error ends all.
func (n *notifier) event(ctx context.Context, word string, ev api.Event) error {
	s, err := n.sessionOf(ctx, ev)
	if err != nil {
		return err
	}
	if n.tag != "" && !slices.Contains(s.Tags, n.tag) {
		return nil
	}
	note := newNotice(word, ev, s)
	if n.command == nil {
		return n.person(ctx, note)
	}
	line, err := encode(ev)
	if err != nil {
		return err
	}
	if err := n.runCommand(ctx, n.command, append(slices.Clone(n.env), note.variables()...), append(line, '\n')); err != nil {
		n.complainOf("event %d (%s): %s: %v", ev.Seq, word, n.command[0], err)
	}
	return nil
}

// disconnected tells, once each time, that no events come. The daemon may be gone, or
// has hung up because a command took long while more of them waited: none is lost.
func (n *notifier) disconnected() {
	if !n.lost {
		n.lost = true
		n.complainOf("the connection to the daemon has ended; this goes on when it is there again")
	}
}

// sessionOf is the session of an event as it is now, or only its id where it is gone.
func (n *notifier) sessionOf(ctx context.Context, ev api.Event) (api.Session, error) {
	r, err := finalState(ctx, n.client, ev.SessionID)
	if answered, ok := errors.AsType[*api.Error](err); ok {
		if answered.Reason != api.ReasonSessionNotFound {
			n.complainOf("session %s: %v", ev.SessionID, err) // a damaged record, say
		}
		return api.Session{ID: ev.SessionID}, nil
	}
	return r.Session, err
}

// complainOf says what is wrong and does not end anything.
func (n *notifier) complainOf(format string, args ...any) {
	n.errs.printf("%s %s\n", n.errs.style(styleRed, "sessiond:"), cleanLine(fmt.Sprintf(format, args...)))
	_ = n.errs.Flush()
}

// triggers are the words of --on.
type triggers map[string]bool

// triggerWords are all that there may be.
func triggerWords() []string {
	all := words(api.EventTypes)
	all = slices.DeleteFunc(all, func(w string) bool { return w == string(api.EventPartialMessage) }) // it has no place in the log
	return append(append(all, words(api.Statuses)...), string(api.WaitingForApproval), string(api.WaitingForMessage))
}

func parseTriggers(list []string) (triggers, error) {
	if len(list) == 0 {
		return nil, usagef("--on: it is empty")
	}
	t := triggers{}
	for _, w := range list {
		if !slices.Contains(triggerWords(), w) {
			return nil, usagef("--on %s: it takes %s", w, strings.Join(triggerWords(), ", "))
		}
		t[w] = true
	}
	return t, nil
}

// types are those of the events among which there may be some.
func (t triggers) types() []api.EventType {
	list := slices.DeleteFunc(slices.Clone(api.EventTypes), func(typ api.EventType) bool { return !t[string(typ)] })
	for w := range t {
		if !slices.Contains(words(api.EventTypes), w) && !slices.Contains(list, api.EventSessionStatusChanged) {
			list = append(list, api.EventSessionStatusChanged)
		}
	}
	return list
}

// match says for which word an event is to be told of; "": for none.
func (t triggers) match(ev api.Event) string {
	if t[string(ev.Type)] {
		return string(ev.Type)
	}
	if ev.Type != api.EventSessionStatusChanged {
		return ""
	}
	change, err := decode[api.StatusChange](ev)
	switch {
	case err != nil:
	case t[string(change.NewStatus)]:
		return string(change.NewStatus)
	case t[string(change.WaitingFor)]:
		return string(change.WaitingFor)
	}
	return ""
}
