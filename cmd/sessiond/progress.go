package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/term"
)

// progress is one line on a terminal that says how far long work is:
//
//	importing  ██████░░░░░░░░░░  42 %  1,200 of 2,857 sessions  12s left  demo
//
// In a pipe it says nothing, whatever it is told. It draws itself a few times a
// second, so that it may be told of each piece that is done, from any goroutine.
// Between hide and the next call that tells it something nothing of it is on the
// screen, and other lines can be printed. Whoever makes one ends it.
type progress struct {
	out *printer

	drawing sync.WaitGroup
	stop    chan struct{} // nil until something is to be seen

	mu          sync.Mutex
	what, note  string // both fit for a terminal
	unit        string // of done and total; "": the share alone is told
	done, total int64
	began       time.Time // the step
	hidden      bool
	width       int // of what stands there
}

// How progress is drawn.
const (
	progressEvery = 100 * time.Millisecond
	progressBar   = 16 // columns of the bar
	// progressSure is how long a step has to take before it is said how long it
	// may take yet.
	progressSure = 2 * time.Second
)

// unitBytes is the unit whose figures are sizes.
const unitBytes = "bytes"

// newProgress makes one on standard error.
func (a *app) newProgress() *progress { return &progress{out: a.errs} }

// step says what is being done now, and in what it is counted: "sessions", say, or
// "bytes"; "": only the share of it is told. Nothing of it is done yet, and how much
// it will be is not known. Said again, it changes nothing.
func (p *progress) step(what, unit string) {
	p.tell(func() {
		if what = cleanLine(what); what != p.what {
			p.what, p.note, p.unit = what, "", unit
			p.done, p.total, p.began = 0, 0, time.Now()
			p.hidden = false
			p.drawLocked() // at once: it may be over before it is time to
		}
	})
}

// set says how much of the step is done; a total of 0: nobody knows of how much.
func (p *progress) set(done, total int64) {
	p.tell(func() { p.done, p.total = done, total })
}

// copying tells of a database of which so many pages of so many are copied. When
// all are, the copy is checked: nobody knows how long that takes.
func (p *progress) copying(done, total int) {
	if done < total {
		p.step("copying the database", "")
		p.set(int64(done), int64(total))
	} else {
		p.step("checking the copy", "")
	}
}

// remark says what it is at, such as the name of a file. It may come from outside.
func (p *progress) remark(format string, args ...any) {
	p.tell(func() { p.note = cleanLine(fmt.Sprintf(format, args...)) })
}

// tell changes what is to be seen, and has it drawn soon.
func (p *progress) tell(change func()) {
	if !p.out.terminal {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	if p.hidden = false; p.stop == nil {
		stop := make(chan struct{})
		p.stop = stop
		p.drawing.Go(func() { p.keepDrawing(stop) })
	}
}

func (p *progress) keepDrawing(stop <-chan struct{}) {
	every := time.NewTicker(progressEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-stop:
			return
		}
		p.mu.Lock()
		p.drawLocked()
		p.mu.Unlock()
	}
}

// hide makes room for other lines.
func (p *progress) hide() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hidden = true
	if p.width > 0 {
		p.write("\r" + strings.Repeat(" ", p.width) + "\r")
	}
	p.width = 0
}

// end leaves nothing of it. It may be called twice.
func (p *progress) end() {
	p.hide()
	p.mu.Lock()
	stop := p.stop
	p.stop, p.what = nil, ""
	p.mu.Unlock()
	if stop != nil {
		close(stop)
	}
	p.drawing.Wait()
}

// drawLocked replaces what stands there.
func (p *progress) drawLocked() {
	if p.hidden {
		return
	}
	width, _, err := term.GetSize(int(p.out.file.Fd())) // it may have been changed
	if err != nil || width <= 0 {
		width = 80
	}
	text := cut(p.line(time.Since(p.began)), width-1)
	p.write("\r" + pad(text, min(p.width, width-1)))
	p.width = columns(text)
}

// write goes past the printer, whose buffer is not this goroutine's.
func (p *progress) write(text string) { _, _ = p.out.file.WriteString(text) }

// line is what is to be seen of a step that has taken so long.
func (p *progress) line(took time.Duration) string {
	parts := []string{p.what}
	if p.total > 0 {
		share := min(max(float64(p.done)/float64(p.total), 0), 1)
		full := int(share * progressBar)
		parts = append(parts,
			fmt.Sprintf("%s%s %3.0f %%", strings.Repeat("█", full), strings.Repeat("░", progressBar-full), 100*share), p.amount())
		if share > 0 && share < 1 && took > progressSure {
			left := time.Duration(float64(took) * (1 - share) / share)
			parts = append(parts, left.Round(time.Second).String()+" left")
		}
	} else {
		parts = append(parts, p.amount())
		if took > progressSure {
			parts = append(parts, took.Round(time.Second).String())
		}
	}
	parts = slices.DeleteFunc(append(parts, p.note), func(s string) bool { return s == "" })
	return strings.Join(parts, "  ")
}

// amount is how much is done, and of how much, if that is known.
func (p *progress) amount() string {
	figure, unit := humanize.Comma, " "+p.unit
	if p.unit == unitBytes {
		figure, unit = size, ""
	}
	switch {
	case p.unit == "" || p.done == 0 && p.total == 0:
		return ""
	case p.total == 0:
		return figure(p.done) + unit
	}
	return figure(p.done) + " of " + figure(p.total) + unit
}
