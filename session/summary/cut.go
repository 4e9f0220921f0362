package summary

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// joins reports whether a rune belongs to the one before it: what a reader takes for
// one character is not to be torn.
func joins(before, r rune) bool {
	const joiner = '\u200d'
	regional := func(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }
	return r == joiner || before == joiner || unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc) ||
		r >= 0x1f3fb && r <= 0x1f3ff || // skin tones
		regional(before) && regional(r) // a flag, or two of them
}

// maxJoined bounds how far back the begin of a character is looked for.
const maxJoined = 32

// boundary returns the last place in text, not behind at, where a character begins.
func boundary(text string, at int) int {
	if at >= len(text) {
		return len(text)
	}
	for at > 0 && !utf8.RuneStart(text[at]) {
		at--
	}
	for i, joined := at, 0; i > 0 && joined < maxJoined; joined++ {
		r, _ := utf8.DecodeRuneInString(text[i:])
		before, size := utf8.DecodeLastRuneInString(text[:i])
		if !joins(before, r) {
			return i
		}
		i -= size
	}
	return at
}

// Cut returns the beginning of a text that has at most so many bytes, without a part
// of a character.
func Cut(text string, bytes int) string { return text[:boundary(text, bytes)] }

// shorten leaves out the middle of a text that has more bytes than it may, and says
// how much it was. What remains has about as many bytes as it may.
func shorten(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	head := boundary(text, bytes*2/3)
	tail := boundary(text, len(text)-(bytes-head))
	if tail <= head {
		return text[:head]
	}
	return fmt.Sprintf("%s\n[… %d bytes left out …]\n%s", text[:head], tail-head, text[tail:])
}
