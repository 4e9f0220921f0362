package tui

import (
	"strings"
	"testing"
	"unicode"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
)

func TestMarkdownIsRendered(t *testing.T) {
	t.Parallel()
	const source = "# Title\n\nA *paragraph* with `code`, **bold** ~~gone~~ text that is\nlonger than a line &lt;ok&gt; 3 \\* 4.\n\n" +
		"- one\n  - [x] two\n- three\n\n7. seven\n8. eight\n\n> quoted\n> twice\n\n```sh\nls -l  # all\n\n\techo\n```\n\n---\n\n" +
		"[docs](https://example.com/x) <https://example.com> ![cat](cat.png) <b>html</b>\n\n| a | much longer |\n| - | - |\n| 1 | 2 |\n\n<div>\nraw\n</div>\n"
	want := `# Title

A paragraph with ` + "`code`" + `, bold gone
text that is
longer than a line <ok> 3 * 4.

• one
  • [x] two
• three

7. seven
8. eight

│ quoted
│ twice

  ls -l  # all

      echo

────────────────────────────────────

docs (https://example.com/x)
https://example.com [image: cat]
(cat.png) <b>html</b>

a │ much longer
──┼────────────
1 │ 2

  <div>
  raw
  </div>
`
	lines := newMarkdown(newTheme(true, false)).render(source, 36)
	if diff := cmp.Diff(want, ansi.Strip(strings.Join(lines, "\n"))+"\n"); diff != "" {
		t.Error(diff)
	}
}

func TestAWideTableIsNarrowed(t *testing.T) {
	t.Parallel()
	lines := newMarkdown(newTheme(true, true)).render("| a | b |\n|-|-|\n| "+strings.Repeat("x", 90)+" | y |\n", 30)
	for _, line := range lines {
		if ansi.StringWidth(line) > 30 {
			t.Errorf("%q", line)
		}
	}
}

// FuzzMarkdown: whatever a text is, its lines are no wider than they may be, styles
// do not run over their ends, and nothing but styles is in them that a terminal obeys.
func FuzzMarkdown(f *testing.F) {
	f.Add("# a *b* `c`\n\n| x | y |\n|-|-|\n| 1 |\n\n> - &#27;[2J &#x9b; \x1b[8m\n1. ```\ncode", 30)
	f.Add("[a](javascript:\x1b]52;c;\x07) ![](<\x9b>) <\u202eb> 漢字漢字 **漢字**", 8)
	md := newMarkdown(newTheme(true, true))
	f.Fuzz(func(t *testing.T, source string, width int) {
		width = 8 + (width%120+120)%120
		for _, line := range md.render(source, width) {
			if line != "" && strings.Contains(line, "\x1b") && !strings.HasSuffix(strings.TrimRight(line, " "), "\x1b[m") && !strings.HasSuffix(line, "\x1b[0m") && openStyle(line) {
				t.Fatalf("a style runs over the end of %q", line)
			}
			text := sequences.ReplaceAllString(line, "")
			if strings.ContainsFunc(text, func(r rune) bool { return plain.Unsafe(r) || unicode.Is(unicode.Cc, r) }) {
				t.Fatalf("%q became %q", source, line)
			}
		}
	})
}

// openStyle reports whether a style is on at the end of a line.
func openStyle(line string) bool {
	found := sequences.FindAllString(line, -1)
	return len(found) > 0 && found[len(found)-1] != "\x1b[m" && found[len(found)-1] != "\x1b[0m"
}

func TestDifferencesAreShown(t *testing.T) {
	t.Parallel()
	r := newRenderer(newTheme(true, false))
	for name, tc := range map[string]struct{ input, want string }{
		"edit":     {`{"file_path":"/a","old_string":"one\ntwo\nthree","new_string":"one\n2\nthree"}`, " one\n-two\n+2\n three"},
		"multi":    {`{"file_path":"/a","edits":[{"old_string":"x","new_string":"y"},{"old_string":"1","new_string":""}]}`, "-x\n+y\n⋯\n-1"},
		"write":    {`{"file_path":"/a","content":"new\nfile\n"}`, "+new\n+file"},
		"notebook": {`{"notebook_path":"/a","new_source":"print()"}`, "+print()"},
		"bash":     {`{"command":"cat my_path"}`, ""},
		"odd":      {`{"file_path":7,"content":"x"}`, ""},
		"evil":     {`{"file_path":"/a","old_string":"","new_string":"\u001b[2J\u202e"}`, "+␛[2J"},
	} {
		lines := r.diffOf([]byte(tc.input), 40)
		for i := range lines {
			lines[i] = strings.TrimRight(ansi.Strip(lines[i]), " ")
		}
		if got := strings.Join(lines, "\n"); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestAResultsColoursAreTakenOut(t *testing.T) {
	t.Parallel()
	if got := plain.Clean(stripColors("\x1b[31mred\x1b[0m \x1b[2J")); got != "red ␛[2J" {
		t.Errorf("%q", got)
	}
}
