// Package plain makes of what comes from outside (prompts, paths, what models and
// tools say, what a daemon answers) what is fit for a terminal: text that
// cannot give it orders, and the short forms in which people read tools'
// inputs, questions and costs. All that sessiond shows to people passes here.
package plain

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"golang.org/x/text/width"
)

// Clean makes text from elsewhere harmless on a terminal: control characters,
// which can move the cursor or give the terminal orders, become visible marks,
// and those that turn the direction of writing go away. Lines and tabs stay.
func Clean(s string) string {
	if !strings.ContainsFunc(s, Unsafe) && utf8.ValidString(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case !Unsafe(r):
			return r
		case r == '\r' || Bidi(r):
			return -1
		case r < 0x20:
			return '\u2400' + r // the picture of the control character
		}
		return '\uFFFD'
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// Line is Clean for what has to stay on one line.
func Line(s string) string {
	return strings.Join(strings.Fields(Clean(s)), " ")
}

// Word is a word of the protocol, such as a status: what a daemon says is text
// from elsewhere too.
func Word[T ~string](w T) string { return Line(string(w)) }

// Size is a number of bytes for people.
func Size(bytes int64) string { return humanize.Bytes(uint64(max(bytes, 0))) } // #nosec G115 -- none is negative

// JSON makes JSON harmless on a terminal and leaves its meaning as it is:
// what JSON need not escape but a terminal may obey is escaped.
func JSON(b []byte) []byte {
	s := string(b)
	if !strings.ContainsFunc(s, Unsafe) {
		return b
	}
	var out strings.Builder
	for _, r := range s {
		if Unsafe(r) && r >= 0x20 {
			const hex = "0123456789abcdef"
			out.WriteString(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				out.WriteByte(hex[r>>shift&0xf])
			}
			continue
		}
		out.WriteRune(r)
	}
	return []byte(out.String())
}

// Unsafe reports whether a terminal might obey r.
func Unsafe(r rune) bool {
	return r != '\n' && r != '\t' && unicode.Is(unicode.Cc, r) || Bidi(r)
}

// Bidi reports whether r turns the direction of writing.
func Bidi(r rune) bool {
	return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

// Columns is the width of s on a terminal.
func Columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Cut shortens s to at most n columns, with an ellipsis where something is
// left out. n <= 0 means any width.
func Cut(s string, n int) string {
	if n <= 0 || Columns(s) <= n {
		return s
	}
	used := 0
	for i, r := range s {
		w := runeColumns(r)
		if used+w > n-1 {
			return s[:i] + "…"
		}
		used += w
	}
	return s
}

// Pad fills s with blanks to n columns.
func Pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-Columns(s)))
}
