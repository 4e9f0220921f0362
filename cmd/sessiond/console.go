package main

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/mattn/go-isatty"
	"github.com/muesli/cancelreader"
	"golang.org/x/term"
)

// console is a terminal whose last line is for typing: what is printed goes
// above that line. What is typed comes through channels, one thing at a time:
// whoever has taken it says `handled`, and only then is read on. So nothing
// reads the terminal meanwhile, and an editor can have it.
type console struct {
	in     *os.File
	out    *os.File
	reader cancelreader.CancelReader
	term   *term.Terminal
	cooked *term.State // what the terminal was before

	entries    chan entry
	presses    chan press
	interrupts chan time.Time // when Ctrl-C was typed, also while something is handled
	handled    chan struct{}
	done       chan struct{}
	reading    sync.WaitGroup
	choice     atomic.Pointer[choice]
	prompt     string // as shown last; for the loop only
}

// entry is a line that was typed; io.EOF is Ctrl-D, or the end of the terminal.
type entry struct {
	text string
	err  error
}

// choice is something that one key answers.
type choice struct{ keys string }

// press is a key that is one of a choice's; it does not appear on the line.
type press struct {
	of  *choice
	key rune
}

const ctrlC = 3

// onTerminal reports whether a person can type and see.
func (a *app) onTerminal() bool {
	f, isFile := a.stdin.(*os.File)
	return isFile && isatty.IsTerminal(f.Fd()) && a.out.file != nil
}

// openConsole takes the terminal over until close.
func openConsole(in, out *os.File) (*console, error) {
	c := &console{
		in: in, out: out,
		entries: make(chan entry), presses: make(chan press), handled: make(chan struct{}),
		interrupts: make(chan time.Time, 2), done: make(chan struct{}),
	}
	var err error
	if c.reader, err = cancelreader.NewReader(in); err != nil {
		return nil, err
	}
	if c.cooked, err = term.MakeRaw(int(in.Fd())); err != nil {
		return nil, errors.Join(err, c.reader.Close())
	}
	c.term = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{c, out}, "")
	c.term.AutoCompleteCallback = c.pressed
	c.term.SetBracketedPasteMode(true)
	return c, nil
}

// start begins to read what is typed.
func (c *console) start() { c.reading.Go(c.readLines) }

// close gives the terminal back as it was, without the line.
func (c *console) close() error {
	c.reader.Cancel()
	close(c.done)
	c.reading.Wait()
	c.show(nil, "")
	_, _ = io.WriteString(c.out, "\r\x1b[K")
	c.term.SetBracketedPasteMode(false)
	return errors.Join(term.Restore(int(c.in.Fd()), c.cooked), c.reader.Close())
}

// show prints text, which is whole lines, above the line, and puts a prompt
// before that.
func (c *console) show(text []byte, prompt string) {
	if len(text) == 0 && prompt == c.prompt {
		return
	}
	c.prompt = prompt
	c.term.SetPrompt(prompt)
	_, _ = c.term.Write(text) // draws the line anew; if nobody can see it, reading ends too
}

// fit learns how large the terminal is, and returns its width.
func (c *console) fit() int {
	width, height, err := term.GetSize(int(c.out.Fd()))
	if err != nil || width < 1 {
		width, height = 80, 24
	}
	_ = c.term.SetSize(width, height) // never fails
	return width
}

// lend gives the terminal to f, as it was before.
func (c *console) lend(f func() error) error {
	c.term.SetBracketedPasteMode(false)
	if err := term.Restore(int(c.in.Fd()), c.cooked); err != nil {
		return err
	}
	err := f()
	if _, rawErr := term.MakeRaw(int(c.in.Fd())); rawErr != nil {
		return rawErr
	}
	c.term.SetBracketedPasteMode(true)
	return err
}

// readLines hands over lines until the terminal ends, or close. What is pasted
// is one entry, however many lines it has.
func (c *console) readLines() {
	var pasted strings.Builder
	for {
		text, err := c.term.ReadLine()
		if errors.Is(err, term.ErrPasteIndicator) {
			pasted.WriteString(text + "\n")
			continue
		}
		text = pasted.String() + text
		pasted.Reset()
		if !hand(c, c.entries, entry{text, err}) || err != nil {
			return
		}
	}
}

// pressed is asked about each key that is typed.
func (c *console) pressed(line string, _ int, key rune) (string, int, bool) {
	of := c.choice.Load()
	key = unicode.ToLower(key)
	if of == nil || line != "" || !strings.ContainsRune(of.keys, key) {
		return "", 0, false
	}
	hand(c, c.presses, press{of, key})
	return "", 0, true
}

// hand gives away what was typed, and waits until it has been dealt with. It
// reports false if the console was closed.
func hand[T any](c *console, to chan<- T, typed T) bool {
	select {
	case to <- typed:
	case <-c.done:
		return false
	}
	select {
	case <-c.handled:
		return true
	case <-c.done:
		return false
	}
}

// Read reads the terminal for the line, and takes every Ctrl-C out.
func (c *console) Read(p []byte) (int, error) {
	for {
		n, err := c.reader.Read(p)
		kept := p[:0]
		for _, b := range p[:n] {
			if b != ctrlC {
				kept = append(kept, b)
				continue
			}
			select {
			case c.interrupts <- time.Now():
			default: // two wait, and say all
			}
		}
		if len(kept) > 0 || err != nil {
			return len(kept), err
		}
	}
}
