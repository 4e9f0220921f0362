package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// asking is what a session asks in a conversation: one thing at a time is put
// to the person, the first of those that are open.
type asking struct {
	open    []api.Approval
	answers []string      // to the first of them, where it is several questions
	settled *time.Timer   // fires when the first has stood a moment: only then do keys answer it
	denying *api.Approval // a reason is typed for it
}

// settleTime keeps a question that comes up while somebody types from being
// answered by what was meant for the line.
const settleTime = 300 * time.Millisecond

// noReason is what Claude Code reads where no reason was given.
const noReason = "The user said no."

func newAsking() asking {
	t := time.NewTimer(0)
	t.Stop()
	return asking{settled: t}
}

// asked takes a question in.
func (t *talk) asked(q api.Approval) {
	if slices.ContainsFunc(t.open, func(o api.Approval) bool { return o.ID == q.ID }) {
		return
	}
	t.open = append(t.open, q)
	if len(t.open) == 1 {
		t.ask()
	} else {
		t.view.note(fmt.Sprintf("  and there is another question behind this one: %s %s", cleanLine(q.ToolName), t.view.fit(gistOfApproval(q), 60)))
	}
}

// ask shows the first question, or the part of it that is to be answered next.
func (t *talk) ask() {
	t.console.choice.Store(nil)
	if len(t.open) == 0 {
		t.settled.Stop()
		return
	}
	q := t.open[0]
	if questions := questionsOf(q); len(questions) > len(t.answers) {
		if len(t.answers) > 0 {
			t.console.choice.Store(&choice{}) // words count at once: they are meant for it
		}
		t.view.asks(questions[len(t.answers)])
		t.view.note("  a number or words; /deny REASON refuses to answer")
	} else {
		t.view.wants(q)
		always := ""
		if len(q.Suggestions) > 0 {
			always = ", a yes and always: " + suggestionText(q.Suggestions[0])
		}
		t.view.note("  y yes, n no and why, e edit it first" + always)
	}
	t.settled.Reset(settleTime)
}

// arm lets keys answer.
func (t *talk) arm() {
	if len(t.open) > 0 && t.denying == nil {
		t.console.choice.Store(&choice{keysFor(t.open[0], len(t.answers))})
	}
}

// keysFor are the keys that answer a question, of which answered parts are.
func keysFor(q api.Approval, answered int) string {
	if questions := questionsOf(q); len(questions) > answered {
		asked := questions[answered]
		if n := len(asked.Options); !asked.MultiSelect && n <= 9 {
			return "123456789"[:n]
		}
		return ""
	}
	if len(q.Suggestions) > 0 {
		return "ynae"
	}
	return "yne"
}

// armed is the question that keys and words answer; nil if there is none yet.
func (t *talk) armed() *api.Approval {
	if t.console.choice.Load() == nil {
		return nil
	}
	return &t.open[0]
}

// takesWords reports whether a line is an answer.
func (t *talk) takesWords() bool {
	q := t.armed()
	return q != nil && len(questionsOf(*q)) > 0
}

// keysPrompt says what the keys do; it is empty where they do nothing.
func (t *talk) keysPrompt() string {
	q := t.armed()
	switch {
	case t.denying != nil:
		return "why not? (Enter: no reason)"
	case q == nil:
		return ""
	case t.takesWords():
		return "answer"
	}
	return strings.Join(strings.Split(keysFor(*q, 0), ""), "/")
}

// resolved takes an answer in, whoever has given it.
func (t *talk) resolved(q api.Approval) {
	i := slices.IndexFunc(t.open, func(o api.Approval) bool { return o.ID == q.ID })
	if i < 0 {
		if q.ResolvedBy != "" && strings.HasPrefix(q.ResolvedBy, "rule ") {
			t.view.answer(q)
		}
		return
	}
	t.view.answer(q)
	t.open = slices.Delete(t.open, i, i+1)
	if i == 0 {
		t.answers = nil
		t.ask()
	}
}

// pressed is a key that answers.
func (t *talk) pressed(ctx context.Context, p press) error {
	q := t.armed()
	if q == nil || t.console.choice.Load() != p.of {
		return nil // it was for a question that is gone
	}
	decision := api.SendDecisionParams{ApprovalID: q.ID, Decision: api.DecisionApprove}
	switch p.key {
	case 'y':
		t.decide(ctx, decision)
	case 'a':
		decision.Remember = []int{0}
		t.decide(ctx, decision)
	case 'n':
		t.denying = new(*q)
		t.console.choice.Store(nil)
	case 'e':
		t.edit(ctx, *q)
	default:
		t.answer(ctx, string(p.key))
	}
	return nil
}

// answer answers the part of a question that is asked; the last answer sends all.
func (t *talk) answer(ctx context.Context, text string) {
	q := t.open[0]
	questions := questionsOf(q)
	picked, err := questions[len(t.answers)].Answer(text)
	if err != nil {
		t.complain(err)
		return
	}
	t.view.note("  → " + cleanLine(picked))
	t.answers = append(t.answers, text)
	if len(t.answers) < len(questions) {
		t.ask()
		return
	}
	input, err := answered(q, t.answers)
	if err != nil {
		t.complain(err)
		return
	}
	t.decide(ctx, api.SendDecisionParams{ApprovalID: q.ID, Decision: api.DecisionApprove, UpdatedInput: input})
}

// deny refuses what a reason was typed for.
func (t *talk) deny(ctx context.Context, reason string) {
	if reason == "" {
		reason = noReason
	}
	q := t.denying
	t.denying = nil
	t.decide(ctx, api.SendDecisionParams{ApprovalID: q.ID, Decision: api.DecisionDeny, Comment: reason})
	if len(t.open) > 0 && t.open[0].ID != q.ID { // it was answered meanwhile, and the next one waits
		t.settled.Reset(settleTime)
	}
}

// decide sends a decision. Keys answer nothing until the event says that it was
// taken; if it was not, the question is asked again.
func (t *talk) decide(ctx context.Context, p api.SendDecisionParams) {
	t.console.choice.Store(nil)
	sent := t.call(ctx, func(ctx context.Context) error {
		_, err := t.client.SendDecision(ctx, p)
		if errors.Is(err, &api.Error{Reason: api.ReasonAlreadyResolved}) {
			return nil // its event tells how, and by whom
		}
		return err
	})
	if !sent {
		t.answers = nil
		t.ask()
	}
}

// edit has the input changed in the person's editor, and approves what is saved.
func (t *talk) edit(ctx context.Context, q api.Approval) {
	t.draw()
	input, err := t.edited(ctx, q.ToolInput)
	switch {
	case err != nil:
		t.complain(err)
		t.ask()
	case input == nil:
		t.view.note("  nothing was changed")
		t.ask()
	default:
		t.decide(ctx, api.SendDecisionParams{ApprovalID: q.ID, Decision: api.DecisionApprove, UpdatedInput: input})
	}
}

// edited runs the editor on an input; nil if it was left as it is.
func (t *talk) edited(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
	var text bytes.Buffer
	err := json.Indent(&text, input, "", "  ")
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp("", "sessiond-*.json")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(f.Name()) }() // what stays is the system's to clean up
	before := text.String() + "\n"
	_, err = f.WriteString(before)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if err := t.console.lend(func() error { return t.app.editor(ctx, f.Name()) }); err != nil {
		return nil, fmt.Errorf("the editor: %w", err)
	}
	after, err := readInput("@" + f.Name())
	if err != nil || string(after) == before {
		return nil, err
	}
	return after, nil
}

// editorCommand is $VISUAL or $EDITOR, which may come with arguments.
func (a *app) editorCommand() string {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if command := a.getenv(name); command != "" {
			return command
		}
	}
	return "vi"
}

// editor runs the person's editor on a file.
func (a *app) editor(ctx context.Context, file string) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", a.editorCommand()+` "$1"`, "sh", file) // #nosec G204 -- the user's editor, which may come with arguments
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = a.stdin, a.out.file, a.stderr, a.env
	return cmd.Run()
}
