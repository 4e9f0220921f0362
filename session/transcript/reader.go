package transcript

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/sessiond/sessiond/rpc/api"
)

// Source is a file that lines of a conversation are read from.
type Source struct {
	Path   string
	Offset int64
	Agent  string // id of the subagent whose file it is; "" for the conversation itself
	// ToolUseID is the tool call that started the subagent, where that is known.
	ToolUseID string
}

// Step is a line in its place.
type Step struct {
	Source int // index of its source
	Raw    Raw
	Line   Line
}

const (
	// atOnce is how many subagents' files are open side by side.
	atOnce = 64
	// waitingBytes is how long a line may be that is held while another file's come
	// first; a longer one is read again.
	waitingBytes = 64 << 10
)

// Reader hands out the lines of a conversation and of its subagents in the order of
// their times, each file's in their own. Memory is bounded: by the longest line, and
// a little for each file that is open.
type Reader struct {
	sources []Source
	maxLine int
	opened  int // how many of the sources were
	feeds   []*feed
}

// feed is a source that is being read, and its next line.
type feed struct {
	source int
	agent  bool
	file   *File
	start  int64 // of the next line
	next   Step
	time   api.Time // of the next line, or else of the last one that had one
	held   bool     // next holds the line's bytes
}

// NewReader reads from sources; the first is the conversation itself. What cannot
// be read of it is an error; a subagent's file that is gone is left out.
func NewReader(sources []Source, maxLine int) (*Reader, error) {
	r := &Reader{sources: sources, maxLine: maxLine}
	if err := r.open(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Close closes all files.
func (r *Reader) Close() error {
	var errs []error
	for _, f := range r.feeds {
		errs = append(errs, f.file.Close())
	}
	r.feeds = nil
	return errors.Join(errs...)
}

// open opens sources, as many as may be open.
func (r *Reader) open() error {
	for r.opened < len(r.sources) && len(r.feeds) <= atOnce {
		i := r.opened
		src := r.sources[i]
		r.opened++
		file, err := Open(src.Path, src.Offset, r.maxLine)
		if i > 0 && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotRegular) || errors.Is(err, ErrNotOwned)) {
			continue
		}
		if err != nil {
			return err
		}
		f := &feed{source: i, agent: src.Agent != "", file: file, start: src.Offset}
		r.feeds = append(r.feeds, f)
		if err := f.advance(); err != nil {
			if err := r.over(len(r.feeds)-1, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// Next returns the next line of all sources, or io.EOF where none has a whole one.
func (r *Reader) Next() (Step, error) {
	if len(r.feeds) == 0 {
		return Step{}, io.EOF
	}
	first := 0
	for i, f := range r.feeds {
		if f.time.Before(r.feeds[first].time.Time) {
			first = i
		}
	}
	f := r.feeds[first]
	if err := f.hold(); err != nil {
		return Step{}, fmt.Errorf("%s: %w", r.sources[f.source].Path, err)
	}
	step := f.next
	f.start = step.Raw.End
	if err := f.advance(); err != nil {
		return step, r.over(first, err)
	}
	return step, nil
}

// over lets go of a file that has no further line, and opens another one.
func (r *Reader) over(i int, err error) error {
	f := r.feeds[i]
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", r.sources[f.source].Path, err)
	}
	r.feeds = append(r.feeds[:i:i], r.feeds[i+1:]...)
	return errors.Join(f.file.Close(), r.open())
}

// advance reads the next line.
func (f *feed) advance() error {
	raw, err := f.file.Next()
	if err != nil {
		return err
	}
	f.next = Step{Source: f.source, Raw: raw, Line: Parse(raw.Bytes)}
	f.held = true
	if t := f.next.Line.Time; !t.IsZero() {
		f.time = t
	}
	if f.agent && len(raw.Bytes) > waitingBytes {
		f.next, f.held = Step{}, false
	}
	return nil
}

// hold has the next line at hand.
func (f *feed) hold() error {
	if f.held {
		return nil
	}
	if err := f.file.rewind(f.start); err != nil {
		return err
	}
	raw, err := f.file.Next()
	if err != nil {
		return err
	}
	f.next, f.held = Step{Source: f.source, Raw: raw, Line: Parse(raw.Bytes)}, true
	return nil
}
