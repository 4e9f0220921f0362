// Package terminal is a terminal for tests: a pseudo-terminal, and behind it an
// emulator that draws what is printed. Keys go in, and the screen comes out,
// as text, or as a picture.
package terminal

import (
	"errors"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// Patience bounds every wait. It is reached only by a failure; TEST_PATIENCE
// sets another one, for whoever waits for that.
var Patience = func() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("TEST_PATIENCE")); err == nil {
		return d
	}
	return 4 * time.Minute
}()

// Terminal is a terminal of a fixed size. Programs run on TTY.
type Terminal struct {
	TTY *os.File

	t       testing.TB
	keys    *os.File
	columns int
	lines   int
	raw     io.Writer // of all that is printed; may be nil
	working sync.WaitGroup

	mu      sync.Mutex // guards the emulator
	emu     *vt.Emulator
	changed chan struct{} // has one when something was printed
}

// Open makes a terminal that is closed at the end of the test. A light one has a
// white background, and says so when it is asked. raw, unless it is nil, gets
// all that is printed.
func Open(t testing.TB, columns, lines int, light bool, raw io.Writer) *Terminal {
	t.Helper()
	keys, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(keys, &pty.Winsize{Rows: uint16(lines), Cols: uint16(columns)}); err != nil {
		t.Fatal(err)
	}
	term := &Terminal{TTY: tty, t: t, keys: keys, columns: columns, lines: lines, raw: raw,
		emu: vt.NewEmulator(columns, lines), changed: make(chan struct{}, 1)}
	fore, back := color.RGBA{0xd0, 0xd7, 0xde, 0xff}, color.RGBA{0x0d, 0x11, 0x17, 0xff}
	if light {
		fore, back = color.RGBA{0x24, 0x29, 0x2f, 0xff}, color.RGBA{0xff, 0xff, 0xff, 0xff}
	}
	term.emu.SetDefaultForegroundColor(fore)
	term.emu.SetDefaultBackgroundColor(back)
	term.working.Go(term.draw)
	term.working.Go(term.reply)
	t.Cleanup(term.close)
	return term
}

func (term *Terminal) close() {
	_ = term.TTY.Close() // ends draw, once the program has closed it too
	_ = term.keys.Close()
	if replies, ok := term.emu.InputPipe().(io.Closer); ok { // Close of the emulator itself races with Read
		_ = replies.Close()
	}
	term.working.Wait()
}

// draw draws what is printed.
func (term *Terminal) draw() {
	b := make([]byte, 32<<10)
	for {
		n, err := term.keys.Read(b)
		if n > 0 {
			if term.raw != nil {
				_, _ = term.raw.Write(b[:n])
			}
			term.mu.Lock()
			_, _ = term.emu.Write(b[:n]) // never fails
			term.mu.Unlock()
			select {
			case term.changed <- struct{}{}:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// reply sends what the terminal says when it is asked.
func (term *Terminal) reply() {
	b := make([]byte, 4<<10)
	for {
		n, err := term.emu.Read(b)
		if err != nil {
			return
		}
		if _, err := term.keys.Write(b[:n]); err != nil && !errors.Is(err, os.ErrClosed) {
			return
		}
	}
}

// Press types keys.
func (term *Terminal) Press(keys ...string) {
	term.t.Helper()
	for _, k := range keys {
		if _, err := io.WriteString(term.keys, k); err != nil {
			term.t.Fatal(err)
		}
	}
}

// Text is what the screen shows, without blanks at the ends of lines.
func (term *Terminal) Text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	var b strings.Builder
	for y := range term.lines {
		var line strings.Builder
		for x := 0; x < term.columns; {
			cell := term.emu.CellAt(x, y)
			if cell == nil || cell.Content == "" {
				line.WriteByte(' ')
				x++
				continue
			}
			line.WriteString(cell.Content)
			x += max(cell.Width, 1)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// Until waits until the screen is as it should be.
func (term *Terminal) Until(what string, ok func(screen string) bool) {
	term.t.Helper()
	deadline := time.After(Patience)
	for !ok(term.Text()) {
		select {
		case <-term.changed:
		case <-deadline:
			term.t.Fatalf("%s: never; the screen shows\n%s", what, term.Text())
		}
	}
}

// Nudge has Until look again in a moment, where it waits for more than the screen.
func (term *Terminal) Nudge() {
	time.AfterFunc(10*time.Millisecond, func() {
		select {
		case term.changed <- struct{}{}:
		default:
		}
	})
}

// See waits until the screen shows all these texts at once.
func (term *Terminal) See(texts ...string) {
	term.t.Helper()
	term.Until("see "+strings.Join(texts, ", "), func(screen string) bool {
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				return false
			}
		}
		return true
	})
}

// Gone waits until the screen shows none of these texts.
func (term *Terminal) Gone(texts ...string) {
	term.t.Helper()
	term.Until(strings.Join(texts, ", ")+" goes", func(screen string) bool {
		for _, text := range texts {
			if strings.Contains(screen, text) {
				return false
			}
		}
		return true
	})
}

// settleTime is how long a screen stands still before it is taken for a new
// golden one. Comparing waits for nothing but equality.
const settleTime = 1500 * time.Millisecond

// Golden waits until the screen is what the file has; with update, it writes it
// to the file, once it stands still.
func (term *Terminal) Golden(file string, update bool) {
	term.t.Helper()
	term.golden(file, update, term.Text)
}

// Picture is Golden for a picture of the screen.
func (term *Terminal) Picture(file string, update bool) {
	term.t.Helper()
	term.golden(file, update, term.SVG)
}

func (term *Terminal) golden(file string, update bool, shot func() string) {
	term.t.Helper()
	if update {
		for still := false; !still; {
			select {
			case <-term.changed:
			case <-time.After(settleTime):
				still = true
			}
		}
		if err := os.WriteFile(file, []byte(shot()), 0o600); err != nil {
			term.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		term.t.Fatalf("%v (run the tests with -update to make it)", err)
	}
	deadline := time.After(Patience)
	for shot() != string(want) {
		select {
		case <-term.changed:
		case <-deadline:
			if dir := os.Getenv("TEST_SCREENS"); dir != "" { // for whoever wants to see the difference
				_ = os.WriteFile(filepath.Join(dir, filepath.Base(file)), []byte(shot()), 0o600)
			}
			term.t.Fatalf("the screen is not as %s has it (-update takes it over); it shows\n%s", file, term.Text())
		}
	}
}
