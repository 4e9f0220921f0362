package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/google/uuid"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
)

// sessionMsg is how a session is.
type sessionMsg struct{ api.Session }

// archivedMsg is all sessions that are archived.
type archivedMsg []api.Session

// readSession reads how a session is.
func (m *model) readSession(id string) {
	d := m.daemon
	m.work.do(func(ctx context.Context) tea.Msg {
		var r api.SessionResult
		err := patiently(ctx, func() (err error) { r, err = d.GetSessionState(ctx, api.SessionParams{SessionID: id}); return err })
		switch {
		case errors.Is(err, &api.Error{Reason: api.ReasonSessionNotFound}): // deleted meanwhile
			return nil
		case err != nil:
			return failedMsg{what: "read a session", err: err}
		}
		return sessionMsg{r.Session}
	})
}

func (m *model) readArchived() {
	d := m.daemon
	m.work.do(func(ctx context.Context) tea.Msg {
		var all []api.Session
		if err := patiently(ctx, func() (err error) { all, err = allSessions(ctx, d, true); return err }); err != nil {
			return failedMsg{what: "list what is archived", err: err}
		}
		return archivedMsg(all)
	})
}

// reconnect starts the daemon if it is gone, and reads everything anew if
// nothing is followed.
func (m *model) reconnect() {
	if m.lost && m.Start != nil {
		m.say("starting the daemon…")
		start := m.Start
		m.work.call("start the daemon", nil, func(ctx context.Context) (doneMsg, error) {
			return doneMsg{note: "the daemon runs"}, start(ctx)
		})
		return
	}
	if !m.loading && (m.stopped != nil || !m.loaded) {
		m.reload()
	}
}

// sessionKey does something to the selected session.
func (m *model) sessionKey(act action) {
	s := m.list.current()
	if s == nil {
		return
	}
	id, d := s.ID, m.daemon
	switch act {
	case actContinue:
		m.continueForm(*s, nil)
	case actFork:
		m.fork(*s)
	case actInterrupt:
		m.work.call("interrupt it", nil, func(ctx context.Context) (doneMsg, error) {
			r, err := d.InterruptSession(ctx, api.InterruptSessionParams{SessionID: id})
			if errors.Is(err, client.ErrDisconnected) { // not again: it could be the next turn that is interrupted
				err = errors.New("the daemon went away; whether the turn was interrupted is not known")
			}
			if r.Status == api.StatusInterrupting || r.Status == api.StatusInterrupted { // one that was queued is it at once
				return doneMsg{note: "interrupted"}, err
			}
			return doneMsg{note: "no turn is under way"}, err
		})
	case actEnd:
		m.confirm("end "+called(s)+"?", "end it", func(ctx context.Context) (doneMsg, error) {
			_, err := d.EndSession(ctx, api.EndSessionParams{SessionID: id})
			return doneMsg{note: "it ends"}, err
		})
	case actDelete:
		m.confirm("delete "+called(s)+" and all that was said in it, for good?", "delete it", func(ctx context.Context) (doneMsg, error) {
			_, err := d.DeleteSession(ctx, api.SessionParams{SessionID: id})
			return doneMsg{note: "deleted", then: func(m *model) { m.list.remove(id); delete(m.talks, id) }}, err
		})
	case actArchive:
		m.archive(id, !s.Archived)
	case actRename:
		m.dialog = newLine("title:", s.Title, func(m *model, text string) {
			m.update("rename it", "renamed", api.UpdateSessionParams{SessionID: id, Title: &text})
		})
	case actSummary:
		m.showSummary(*s)
	case actSummarize:
		m.summarize(id)
	case actModel:
		m.switchModel(id)
	case actMode:
		m.switchMode(id)
	}
}

// called is what a session is called in a sentence.
func called(s *api.Session) string {
	return "‘" + fit(nameOf(s), 30) + "’"
}

// confirm asks, and then makes a call.
func (m *model) confirm(question, what string, f func(ctx context.Context) (doneMsg, error)) {
	m.dialog = &confirm{question, func(m *model) { m.work.call(what, nil, f) }}
}

func (m *model) archive(id string, archived bool) {
	d := m.daemon
	m.work.call("archive it", nil, func(ctx context.Context) (doneMsg, error) {
		r, err := d.ArchiveSessions(ctx, api.ArchiveSessionsParams{SessionIDs: []string{id}, Archived: archived})
		if err == nil && len(r.Failed) > 0 {
			err = fmt.Errorf("%s", plain.Word(r.Failed[0].Reason))
		}
		return doneMsg{note: map[bool]string{true: "archived; f shows what is", false: "brought back"}[archived]}, err
	})
}

// update changes something about a session.
func (m *model) update(what, note string, p api.UpdateSessionParams) {
	d := m.daemon
	m.work.call(what, nil, func(ctx context.Context) (doneMsg, error) {
		r, err := d.UpdateSession(ctx, p)
		return doneMsg{note, func(m *model) { m.list.put(r.Session) }}, err
	})
}

func (m *model) switchModel(id string) {
	m.dialog = &pick{
		title: "which model?", free: "model:",
		choices: []choice{{value: "default"}, {value: "opus"}, {value: "sonnet"}, {value: "haiku"}, {value: "another", does: "its name is typed"}},
		accept: func(m *model, name string) {
			m.update("switch the model", "model: "+plain.Line(name), api.UpdateSessionParams{SessionID: id, Model: &name})
		},
	}
}

// modes are Claude Code's permission modes, and what they mean.
var modes = []choice{
	{"default", "asks before anything that may do harm"},
	{"acceptEdits", "edits files without asking"},
	{"plan", "makes a plan, and changes nothing"},
	{"auto", "Claude Code judges itself what has to be asked"},
	{"dontAsk", "refuses what it would have to ask for"},
	{"bypassPermissions", "does everything without asking"},
}

func (m *model) switchMode(id string) {
	m.dialog = &pick{title: "which permission mode?", choices: modes, accept: func(m *model, mode string) {
		m.update("switch the mode", "permission mode: "+mode, api.UpdateSessionParams{SessionID: id, PermissionMode: &mode})
	}}
}

// launchForm asks for what a new session needs.
func (m *model) launchForm() {
	dir := m.Dir
	if s := m.list.current(); s != nil && s.WorkingDir != "" {
		dir = s.WorkingDir
	}
	m.dialog = newForm("launch a session", func(m *model, v []string) error {
		if v[0] == "" {
			return errors.New("say what it is to do")
		}
		p := api.LaunchSessionParams{Query: api.Text(v[0]), LaunchOptions: optionsOf(v[1:]), Env: m.Env, IdempotencyKey: uuid.NewString()}
		d, f := m.daemon, m.dialog
		m.work.call("launch it", again(f), func(ctx context.Context) (doneMsg, error) {
			r, err := d.LaunchSession(ctx, p)
			return doneMsg{"launched", func(m *model) { m.show(r.SessionID) }}, err
		})
		return nil
	}, append([]field{ask("prompt", "", "", 8), ask("directory", "", dir, 1)}, optionFields()...)...)
}

// again opens a form again whose call has failed, with what was typed.
func again(d dialog) func(*model) {
	return func(m *model) {
		if m.dialog == nil && d != nil {
			m.dialog = d
		}
	}
}

// optionFields are what may be said about any new session.
func optionFields() []field {
	return []field{
		ask("title", "none: it is called by its prompt", "", 1),
		ask("model", "Claude Code's own choice", "", 1),
		ask("mode", "default; acceptEdits, plan, auto, dontAsk, bypassPermissions", "", 1),
		ask("tags", "none; with blanks between", "", 1),
		ask("stays", "yes: it waits for more; no: it ends with its answer", "yes", 1),
	}
}

// optionsOf reads a directory and the option fields.
func optionsOf(v []string) api.LaunchOptions {
	var o api.LaunchOptions
	set := func(p **string, value string) {
		if value != "" {
			*p = &value
		}
	}
	set(&o.WorkingDir, v[0])
	set(&o.Title, v[1])
	set(&o.Model, v[2])
	set(&o.PermissionMode, v[3])
	if tags := strings.Fields(v[4]); len(tags) > 0 {
		o.Tags = &tags
	}
	o.Interactive = new(!strings.HasPrefix(strings.ToLower(v[5]), "n"))
	o.IncludePartialMessages = new(true)
	return o
}

// continueForm continues a session with options of its own, or forks it at a seq.
func (m *model) continueForm(s api.Session, at *int64) {
	title := "continue " + called(&s)
	if at != nil {
		title = "fork " + called(&s) + " here"
	}
	m.dialog = newForm(title, func(m *model, v []string) error {
		if v[0] == "" {
			return errors.New("say how it is to go on")
		}
		p := api.ContinueSessionParams{AtSeq: at, Fork: at != nil, LaunchOptions: optionsOf(v[1:])}
		m.goOn(s, v[0], p)
		return nil
	}, append([]field{ask("prompt", "", "", 8), ask("directory", "as before", "", 1)}, optionFields()...)...)
}

// fork makes a branch behind the selected block.
func (m *model) fork(s api.Session) {
	t := m.current
	if t == nil || m.focus == focusList {
		m.say("go into the conversation, to the block that the fork is to begin behind")
		return
	}
	for i := min(t.selected, len(t.blocks)-1); i >= 0; i-- {
		b := t.blocks[i]
		if b.ParentToolUseID == "" && (b.EventType != api.ConversationMessage || b.Role != "user") {
			at := b.lastSeq()
			m.continueForm(s, &at)
			return
		}
	}
	m.fail("fork here", errors.New("a fork begins behind something that Claude Code has said"))
}
