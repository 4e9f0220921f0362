package tui

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
)

// sequences are those that give a text its colours.
var sequences = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// tabs is what a tab is shown as; terminals jump to columns of their own.
var tabs = strings.NewReplacer("\t", "    ")

// wrap breaks clean text into lines of that width at most.
func wrap(text string, width int) []string {
	text = tabs.Replace(strings.TrimRight(text, "\n "))
	return strings.Split(ansi.Wrap(text, max(width, 1), ""), "\n")
}

// beginning cuts a text to so many bytes, between characters.
func beginning(s string, bytes int) string {
	if len(s) <= bytes {
		return s
	}
	for bytes > 0 && !utf8.RuneStart(s[bytes]) {
		bytes--
	}
	return s[:bytes]
}

// bounded is as much of a text as is shown, however long it is.
func bounded(s string) string {
	short := beginning(s, maxShown)
	if more := len(s) - len(short); more > 0 {
		short += "\n\n… and " + plain.Size(int64(more)) + " more: sessiond log shows all\n"
	}
	return short
}

// maxShown is how many bytes of one text are shown: nobody reads more here, and
// it would take too long to break into lines.
const maxShown = 256 << 10

// fit cuts a line that is too long.
func fit(line string, width int) string {
	if ansi.StringWidth(line) <= width {
		return line
	}
	return ansi.Truncate(line, max(width, 0), "…")
}

// leastEnd is how much of a text that is cut at its beginning is worth a place.
const leastEnd = 8

// fitEnd cuts a text at its beginning; where too little is left, there is none.
func fitEnd(text string, width int) string {
	switch n := ansi.StringWidth(text); {
	case n <= width:
		return text
	case width < leastEnd:
		return ""
	default:
		return ansi.TruncateLeft(text, n-width+1, "…")
	}
}

// fill cuts or pads a line to exactly that width.
func fill(line string, width int) string {
	line = fit(line, width)
	return line + strings.Repeat(" ", max(0, width-ansi.StringWidth(line)))
}

// padLeft puts blanks before a text.
func padLeft(text string, width int) string {
	return strings.Repeat(" ", max(0, width-ansi.StringWidth(text))) + text
}

// spread puts one text left and one right on a line; the left one is cut.
func spread(left, right string, width int) string {
	room := width - ansi.StringWidth(right)
	if room < 1 {
		return fill(left, width)
	}
	return fill(left, room) + right
}

var blankEnd = regexp.MustCompile(`(?:[ ]|\x1b\[[0-9;]*m)+$`)

// trimRight takes blanks off the end of a styled line.
func trimRight(line string) string {
	end := blankEnd.FindString(line)
	if !strings.Contains(end, " ") {
		return line
	}
	line = line[:len(line)-len(end)]
	if strings.Contains(end, "\x1b") || strings.Contains(line, "\x1b") {
		line += "\x1b[0m"
	}
	return line
}

// trimBlank takes empty lines off both ends.
func trimBlank(lines []string) []string {
	empty := func(s string) bool { return strings.TrimSpace(ansi.Strip(s)) == "" }
	for len(lines) > 0 && empty(lines[0]) {
		lines = lines[1:]
	}
	for len(lines) > 0 && empty(lines[len(lines)-1]) {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// box makes lines exactly so many and so wide.
func box(lines []string, width, height int) []string {
	out := make([]string, height)
	for i := range out {
		if i < len(lines) {
			out[i] = fill(lines[i], width)
		} else {
			out[i] = strings.Repeat(" ", width)
		}
	}
	return out
}
