package search

import (
	"iter"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxToken is how many characters of a word count: what is longer is no word, but
// its begin can be looked for.
const maxToken = 64

// token is a word of a text, in the form in which words are compared.
type token struct {
	text       string // folded: in lower case, without diacritics
	start, end int    // where it stands in the text, in bytes
}

// single are the scripts that put no space between words: each character is a word
// of its own there, and several of them, looked for together, are a phrase.
var single = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
	unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

// tokens finds the words of a text: runs of letters and digits, in any script. All
// else is between them. SQLite gets the words that this finds and cuts nothing by
// itself, so what is found, what is shown, and what a test finds the plain way are
// the same.
func tokens(text string) iter.Seq[token] {
	return func(yield func(token) bool) {
		var word strings.Builder
		var size, start, end int
		flush := func() bool {
			if word.Len() == 0 {
				return true
			}
			t := token{word.String(), start, end}
			word.Reset()
			size = 0
			return yield(t)
		}
		for i := 0; i < len(text); {
			r, n := utf8.DecodeRuneInString(text[i:])
			switch class := classOf(r); {
			case class == inWord:
				if word.Len() == 0 {
					start = i
				}
				if size++; size <= maxToken {
					word.WriteString(folded(r))
				}
				end = i + n
			case class == alone:
				if !flush() || !yield(token{norm.NFKC.String(string(r)), i, i + n}) {
					return
				}
			case class == mark && word.Len() > 0:
				end = i + n
			default:
				if !flush() {
					return
				}
			}
			i += n
		}
		flush()
	}
}

// class is what a character is to words.
type class int

const (
	between class = iota
	inWord
	alone // a word by itself
	mark  // belongs to the character before it, and is left out
)

func classOf(r rune) class {
	switch {
	case r < utf8.RuneSelf:
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return inWord
		}
		return between
	case r == utf8.RuneError:
		return between
	case unicode.Is(unicode.Mn, r):
		return mark
	case !unicode.IsLetter(r) && !unicode.IsNumber(r), folded(r) == "":
		return between
	case r >= 0x0e00 && unicode.IsOneOf(single, r):
		return alone
	}
	return inWord
}

// lowRunes is how many characters are folded beforehand: Latin, Greek, Cyrillic,
// Hebrew, Arabic.
const lowRunes = 0x800

var low = sync.OnceValue(func() *[lowRunes]string {
	var table [lowRunes]string
	for r := range rune(lowRunes) {
		table[r] = fold(r)
	}
	return &table
})

// folded is the form of a character in which it is compared; "" for one of which
// nothing remains.
func folded(r rune) string {
	if r < lowRunes {
		return low()[r]
	}
	return fold(r)
}

func fold(r rune) string {
	var b strings.Builder
	for _, r := range cases.Fold().String(norm.NFKD.String(string(r))) {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// words is a text as SQLite gets it: its words, folded, with a space between.
func words(text string) string {
	var b strings.Builder
	for t := range tokens(text) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.text)
	}
	return b.String()
}
