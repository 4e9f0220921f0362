package tui

import (
	"context"
	"errors"
	"flag"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sessiond/sessiond/internal/terminal"
	"github.com/sessiond/sessiond/rpc/api"
)

// update has golden screens, pictures and generated pages written anew.
var update = flag.Bool("update", false, "write golden files anew")

// screen is the UI on a terminal, with a daemon.
type screen struct {
	*terminal.Terminal
	*fake
	lost chan struct{}
}

// show shows the UI; change, unless it is nil, changes how.
func show(t *testing.T, f *fake, columns, lines int, light bool, change func(*Options)) *screen {
	t.Helper()
	lost := make(chan struct{}, 1)
	o := usual(f, lost)
	if change != nil {
		change(&o)
	}
	term := terminal.Open(t, columns, lines, light, nil)
	cancel, ended := run(o, term)
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return &screen{term, f, lost}
}

// run runs the UI on a terminal; what it returns comes when it has been cancelled.
func run(o Options, term *terminal.Terminal) (cancel context.CancelFunc, ended <-chan error) {
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- Run(ctx, o, term.TTY, term.TTY) }()
	return cancel, result
}

// usual is how the UI is shown unless a test wants it otherwise.
func usual(f *fake, lost <-chan struct{}) Options {
	return Options{
		Daemon: f, Lost: lost, Env: map[string]string{"A": "b"}, Dir: "/home/ada/src", Home: "/home/ada",
		Environ: []string{"TERM=xterm-256color", "COLORTERM=truecolor"}, Theme: ThemeAuto, Colors: true, Now: func() time.Time { return then },
	}
}

// golden compares the screen with a file in testdata.
func (s *screen) golden(name string) {
	s.Golden(filepath.Join("testdata", name+".txt"), *update)
}

func TestTheScreenWide(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 250, 70, false, nil)
	s.See("may Bash run", "y yes")
	s.golden("wide")
}

func TestTheScreenNarrow(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 80, 24, false, nil)
	s.See("needs your answer")
	s.golden("narrow-list")
	s.Press("\r")
	s.See("may Bash run", "y yes")
	s.golden("narrow-talk")
}

// pictures is where the pictures of the README are.
const pictures = "../../../docs/pictures"

// TestWhatASessionDoesComesFirst: a long directory and a long title leave room for it.
func TestWhatASessionDoesComesFirst(t *testing.T) {
	t.Parallel()
	f := scene()
	f.sessions[0].WorkingDir = "/srv/" + strings.Repeat("deep/", 30) + "upload"
	f.sessions[1].Title = strings.Repeat("which of the databases? ", 10)
	s := show(t, f, 80, 24, false, nil)
	s.See("needs your answer")
	s.Press("\r")
	s.See("retry the upload when the server is busy  waits for approval …", "/deep/upload")
	s.Press(esc, "j", "\r")
	s.See("which of the databases? which of the databases?", "…  waits for approval")
}

// The pictures are made of the real screen: they are what it shows now.
func TestTheScreenInLightAndDark(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"light", "dark"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := show(t, scene(), 132, 40, name == "light", nil)
			s.See("may Bash run", "y yes")
			s.Picture(filepath.Join(pictures, "tui-"+name+".svg"), *update)
		})
	}
}

// Without colours everything is said all the same, and a theme need not be asked for.
func TestTheScreenWithoutColours(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 120, 36, false, func(o *Options) { o.Colors, o.Environ = false, append(o.Environ, "NO_COLOR=1") })
	s.See("may Bash run", "y yes")
	s.golden("no-color")
	svg := s.SVG()
	for _, colour := range regexp.MustCompile(`fill="(#[0-9a-f]+)"`).FindAllStringSubmatch(svg, -1) {
		if colour[1] != "#0d1117" && colour[1] != "#d0d7de" {
			t.Fatalf("there is %s", colour[1])
		}
	}
}

// A theme that was asked for is shown, whatever the terminal says.
func TestAThemeIsAskedFor(t *testing.T) {
	t.Parallel()
	asked := show(t, scene(), 132, 40, true, func(o *Options) { o.Theme = ThemeDark })
	asked.See("may Bash run", "y yes")
	if svg := asked.SVG(); !strings.Contains(svg, "#79b8ff") || strings.Contains(svg, "#0550ae") {
		t.Error("the colours are those for a light background")
	}
}

// nudge has the test look again soon, although nothing may be drawn.
func (s *screen) nudge() { s.Nudge() }

// last is the last call of a method.
func (s *screen) last(method string) (call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if strings.HasPrefix(c, method+" ") {
			call = c
		}
	}
	return call
}

// count is how often a method was called.
func (s *screen) count(method string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if strings.HasPrefix(c, method+" ") {
			n++
		}
	}
	return n
}

// event makes an event.
func event(seq int64, typ api.EventType, id string, data any) api.Event {
	b, _ := api.Marshal(data)
	return api.Event{Seq: seq, Type: typ, SessionID: id, Timestamp: api.At(then), Data: b}
}

// quiet is a model that has been told how everything stands, and whose worker
// does nothing: messages are given to it by the test.
func quiet(t testing.TB, f *fake) *model {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // so whatever it begins ends at once
	w := &worker{ctx: ctx, send: func(tea.Msg) {}}
	t.Cleanup(w.wait)
	m := newModel(Options{Daemon: f, Colors: true, Now: func() time.Time { return then }}, w)
	m.Update(tea.WindowSizeMsg{Width: 120, Height: 36})
	m.Update(loadedMsg{load(t.Context(), f)})
	return m
}
