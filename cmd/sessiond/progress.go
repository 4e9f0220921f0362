package main

import (
	"fmt"
	"strings"
)

// progress is one line on a terminal that says how far something is; in a pipe
// it says nothing.
type progress struct {
	out   *printer
	width int // of what stands there
}

// newProgress makes one on standard error.
func (a *app) newProgress() *progress { return &progress{out: a.errs} }

// show replaces what stands there.
func (p *progress) show(format string, args ...any) {
	if !p.out.terminal {
		return
	}
	text := cut(cleanLine(fmt.Sprintf(format, args...)), p.out.width-1)
	p.out.printf("\r%s", pad(text, p.width))
	p.width = columns(text)
	_ = p.out.Flush()
}

// end leaves nothing of it.
func (p *progress) end() {
	if p.width > 0 {
		p.out.printf("\r%s\r", strings.Repeat(" ", p.width))
		_ = p.out.Flush()
	}
	p.width = 0
}
