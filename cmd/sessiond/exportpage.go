package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/sessiond/sessiond/cmd/sessiond/export"
	"github.com/sessiond/sessiond/rpc/api"
)

// exportPage has the program sessiond-export make a page of a conversation.
func (a *app) exportPage(ctx context.Context, r *reader, e exporting, session api.Session, w io.Writer) error {
	program, err := findProgram("what makes pages", export.Program)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	args := []string{"--format", e.format}
	if e.full {
		args = append(args, "--full")
	}
	cmd := exec.CommandContext(ctx, program, args...) // #nosec G204 -- beside this program, or on PATH
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = a.env
	complaint := &beginning{most: 4 << 10}
	cmd.Stdout, cmd.Stderr = w, complaint
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	sent := (&pageWriter{reader: r, out: in}).write(ctx, session)
	_ = in.Close() // the program says what it lacks
	if sent != nil && !errors.Is(sent, errPipe) {
		cancel()
	}
	ended := cmd.Wait()
	switch {
	case sent != nil && !errors.Is(sent, errPipe):
		return sent
	case ended != nil:
		return fmt.Errorf("%s: %w: %s", export.Program, ended, strings.TrimSpace(clean(complaint.String())))
	}
	return sent
}

// errPipe says that the program that makes pages takes no more: it has said why.
var errPipe = errors.New("the program that makes the page has ended")

// pageWriter hands a conversation over, as package export describes it.
type pageWriter struct {
	*reader
	out   io.Writer
	last  string // the session of the last event
	steps int

	messages map[string]api.Content // of one page of a session's messages
	next     int                    // the next page
}

func (p *pageWriter) put(line export.Line) error {
	b, err := encode(line)
	if err != nil {
		return err
	}
	if _, err := p.out.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("%w: %w", errPipe, err)
	}
	return nil
}

func (p *pageWriter) write(ctx context.Context, session api.Session) error {
	if err := p.put(export.Line{Begin: &export.Begin{Version: export.Version, Session: session, Ancestors: !p.own}}); err != nil {
		return err
	}
	err := p.events(ctx, session.ID, func(ev readEvent) error { return p.step(ctx, session, ev) })
	if err != nil {
		return err
	}
	return p.put(export.Line{End: &export.End{Steps: p.steps}})
}

func (p *pageWriter) step(ctx context.Context, session api.Session, ev readEvent) (err error) {
	if ev.SessionID != p.last {
		p.last, p.messages, p.next = ev.SessionID, nil, 0
		if ev.SessionID != session.ID {
			if session, err = p.session(ctx, ev.SessionID); errors.Is(err, &api.Error{Reason: api.ReasonSessionNotFound}) {
				session, err = api.Session{ID: ev.SessionID}, nil // deleted just now
			}
		}
		if err != nil {
			return err
		}
		if err := p.put(export.Line{Session: &session}); err != nil {
			return err
		}
	}
	step := export.Step{Event: ev.json}
	if ev.ApprovalID != "" {
		if step.Approval, err = p.approval(ctx, ev.ApprovalID); err != nil {
			return err
		}
	}
	if ev.MessageID != "" && strings.Contains(ev.Content, "[") {
		if step.Content, err = p.content(ctx, ev); err != nil {
			return err
		}
	}
	p.steps++
	return p.put(export.Line{Step: &step})
}

// approval reads what was asked, and how it was answered; nil if that is gone.
func (p *pageWriter) approval(ctx context.Context, id string) (*api.Approval, error) {
	var r api.ApprovalResult
	err := p.patiently(ctx, func() (err error) {
		r, err = p.client.GetApproval(ctx, api.ApprovalParams{ApprovalID: id})
		return err
	})
	if errors.Is(err, &api.Error{Reason: api.ReasonApprovalNotFound}) {
		return nil, nil
	}
	r.Approval.ToolInput, r.Approval.Suggestions = nil, nil // the call has it
	return &r.Approval, err
}

// content reads a prompt whole, with what in it is no text. An event has only the
// text; messages have all, and start about in their order.
func (p *pageWriter) content(ctx context.Context, ev readEvent) (*api.Content, error) {
	for again := p.messages != nil; ; {
		if c, ok := p.messages[ev.MessageID]; ok {
			return &c, nil
		}
		if p.messages != nil && p.next == 0 { // that was the last page
			if !again {
				return nil, nil
			}
			again = false
		}
		var r api.ListMessagesResult
		err := p.patiently(ctx, func() (err error) {
			r, err = p.client.ListMessages(ctx, api.ListMessagesParams{SessionID: ev.SessionID, FromPosition: p.next})
			return err
		})
		if err != nil {
			return nil, err
		}
		p.next, p.messages = r.NextPosition, map[string]api.Content{}
		for _, m := range r.Messages {
			p.messages[m.ID] = m.Content
		}
	}
}

// beginning keeps the beginning of what is written to it.
type beginning struct {
	bytes.Buffer
	most int
}

func (b *beginning) Write(p []byte) (int, error) {
	if room := b.most - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}
