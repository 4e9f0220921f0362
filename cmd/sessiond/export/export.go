// Package export is what `sessiond export` hands to the program sessiond-export,
// which makes a page of it: a conversation as lines of JSON. (They are two
// programs because what renders Markdown has tables of 600 kB, which every shim
// would carry as well: a shim is the program sessiond.)
package export

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/sessiond/sessiond/rpc/api"
)

// Program is the name of the program that makes pages.
const Program = "sessiond-export"

// Version is that of the lines. The two programs come together: another version
// is refused.
const Version = 1

// Line is one line of the stream; exactly one member is set. Begin comes first,
// End last: a stream without it is cut off. A Session comes before the first
// step of each session.
type Line struct {
	Begin   *Begin       `json:"begin,omitempty"`
	Session *api.Session `json:"session,omitempty"`
	Step    *Step        `json:"step,omitempty"`
	End     *End         `json:"end,omitempty"`
}

// Begin says whose conversation it is.
type Begin struct {
	Version   int         `json:"version"`
	Session   api.Session `json:"session"`
	Ancestors bool        `json:"ancestors"` // with what the session continues
}

// Step is one event of the conversation, with what else is known of it.
type Step struct {
	Event    json.RawMessage `json:"event"`              // an api.ConversationEvent, with raw
	Approval *api.Approval   `json:"approval,omitempty"` // on a call that was asked about
	Content  *api.Content    `json:"content,omitempty"`  // on a prompt that is not only text
}

// End counts the steps.
type End struct {
	Steps int `json:"steps"`
}

// Read reads a stream. An error is the last thing that it yields: a stream that
// is cut off, of another version, or no stream at all.
func Read(r io.Reader) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		steps := 0
		in := json.NewDecoder(bufio.NewReaderSize(r, 64<<10))
		for first := true; ; first = false {
			var line Line
			err := in.Decode(&line)
			switch {
			case errors.Is(err, io.EOF):
				err = errors.New("it is cut off")
			case err != nil:
			case first != (line.Begin != nil):
				err = errors.New("it does not begin as it should")
			case first && line.Begin.Version != Version:
				err = fmt.Errorf("it has version %d, and this program knows %d: sessiond and %s are not of the same version", line.Begin.Version, Version, Program)
			case line.End != nil && line.End.Steps != steps:
				err = fmt.Errorf("it has %d steps, not %d", steps, line.End.Steps)
			}
			if err != nil {
				yield(Line{}, fmt.Errorf("the conversation on standard input: %w", err))
				return
			}
			if line.Step != nil {
				steps++
			}
			if !yield(line, nil) || line.End != nil {
				return
			}
		}
	}
}
