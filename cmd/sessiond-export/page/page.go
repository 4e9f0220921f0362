// Package page makes pages of conversations: Markdown, and HTML in one file that
// loads nothing and runs nothing.
//
// All that it shows comes from outside. In either form no text can break out of
// its place: it is no HTML, ends no code block, loads no image, turns no
// direction of writing, gives a terminal no orders, and links lead only to http,
// https and mailto. A conversation passes through: of one of any length only the
// last few steps are in memory.
package page

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/sessiond/sessiond/cmd/sessiond/export"
	"github.com/sessiond/sessiond/rpc/api"
)

// Options say what is made.
type Options struct {
	Format string // md or html
	Full   bool   // long inputs and results whole
}

// format writes one form. path is where an item stands: the calls of the
// subagents around it, outermost first.
type format interface {
	begin(*export.Begin)
	session(*api.Session) // what follows is of another session
	item(it *item, path []*call)
	end()
}

// Render reads a conversation, as package export describes it, and writes the page.
func Render(w io.Writer, r io.Reader, o Options) error {
	out := bufio.NewWriterSize(w, 64<<10)
	f, err := o.format(out)
	if err != nil {
		return err
	}
	a := assembler{format: f, calls: newCalls()}
	for line, err := range export.Read(r) {
		if err == nil {
			err = a.line(line)
		}
		if err != nil {
			return err
		}
	}
	return out.Flush()
}

func (o Options) format(out *bufio.Writer) (format, error) {
	switch o.Format {
	case "md":
		return newMarkdown(out, o), nil
	case "html":
		return newHTML(out, o), nil
	}
	return nil, fmt.Errorf("the format %q is not known: it is md or html", o.Format)
}

// line takes in one line of the stream.
func (a *assembler) line(line export.Line) error {
	switch {
	case line.Begin != nil:
		a.id = line.Begin.Session.ID
		a.format.begin(line.Begin)
	case line.Session != nil:
		a.flush()
		// The one whose conversation it is needs no heading, unless it follows another.
		if line.Session.ID != a.id || a.any {
			a.format.session(line.Session)
		}
		a.any = true
	case line.Step != nil:
		var ev api.ConversationEvent
		if err := json.Unmarshal(line.Step.Event, &ev); err != nil {
			return fmt.Errorf("an event: %w", err)
		}
		a.step(ev, line.Step)
	case line.End != nil:
		a.flush()
		a.format.end()
	}
	return nil
}
