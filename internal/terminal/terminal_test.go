package terminal

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestAScreenIsTextAndAPicture(t *testing.T) {
	t.Parallel()
	var raw strings.Builder
	term := Open(t, 20, 3, true, &raw)
	if _, err := io.WriteString(term.TTY, "plain \x1b[1;31mbold <red>\x1b[m\r\n漢字\x1b[7m!\x1b[m"); err != nil {
		t.Fatal(err)
	}
	term.See("plain bold <red>", "漢字!")
	if got := term.Text(); got != "plain bold <red>\n漢字!\n\n" {
		t.Errorf("%q", got)
	}
	svg := term.SVG()
	for _, want := range []string{`fill="#ffffff"/>`, `font-weight="bold">bold &lt;red&gt;</text>`, `>漢</text>`, `fill="#24292f"/>`} {
		if !strings.Contains(svg, want) {
			t.Errorf("%s is not in %s", want, svg)
		}
	}
}

// What is asked of the terminal is answered, as if it were typed.
func TestATerminalAnswers(t *testing.T) {
	t.Parallel()
	term := Open(t, 20, 3, false, nil)
	if _, err := fmt.Fprint(term.TTY, "\x1b[6n"); err != nil {
		t.Fatal(err)
	}
	term.See("^[[1;1R") // the line is not raw: it echoes
	term.Press("hi")
	term.See("hi")
}

// A picture of cells does not tell how they came about.
func TestAPictureIsTheSameHoweverItWasDrawn(t *testing.T) {
	t.Parallel()
	shot := func(text string) string {
		term := Open(t, 20, 2, false, nil)
		if _, err := io.WriteString(term.TTY, text+"\r\nend"); err != nil {
			t.Fatal(err)
		}
		term.See("end")
		return term.SVG()
	}
	written := shot("\x1b[32;44ma  b  \x1b[m c")
	erased := shot("\x1b[32;44ma\x1b[35m  \x1b[32mb\x1b[39m\x1b[2X\x1b[2C\x1b[m\x1b[31m \x1b[mc")
	if written != erased {
		t.Errorf("%s\n%s", written, erased)
	}
}
