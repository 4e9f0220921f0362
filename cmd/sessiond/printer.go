package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"golang.org/x/term"
)

// printer writes for people on a terminal, and plainly in a pipe. What it is
// given must be clean already, but for the methods that say they clean.
type printer struct {
	*bufio.Writer
	file     *os.File // the terminal, if it is one
	terminal bool     // a person is looking
	color    bool
	width    int // columns; 0: any
}

// style is the parameter of an ANSI escape sequence.
type style string

const (
	styleBold   style = "1"
	styleDim    style = "2"
	styleRed    style = "31"
	styleGreen  style = "32"
	styleYellow style = "33"
	styleCyan   style = "36"
)

func newPrinter(w io.Writer, getenv func(string) string) *printer {
	p := &printer{Writer: bufio.NewWriterSize(w, 32<<10)}
	f, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return p
	}
	p.file, p.terminal = f, true
	p.color = getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
		p.width = columns
	}
	return p
}

// style wraps s in a style, where colours are wanted.
func (p *printer) style(st style, s string) string {
	if !p.color || s == "" || st == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + "\x1b[0m"
}

func (p *printer) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(p, format, args...) // a bufio.Writer keeps its error for Flush
}

// object prints a value as JSON, on several lines for a person; it cleans.
func (p *printer) object(v any) error {
	if !p.terminal {
		return p.line(v)
	}
	b, err := encode(v)
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, b, "", "  "); err != nil {
		return err
	}
	p.printf("%s\n", cleanJSON(pretty.Bytes()))
	return nil
}

// line prints a value as JSON on one line; it cleans.
func (p *printer) line(v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	p.printf("%s\n", cleanJSON(b)) // in a pipe too: who knows where it ends
	return nil
}

// encode is json.Marshal without the escaping that is meant for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
