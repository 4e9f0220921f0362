package search

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sessiond/sessiond/rpc/api"
)

const (
	// snippetSize is about how long a snippet is, in bytes, and lead how much of it
	// stands before the first word that was looked for.
	snippetSize = 240
	lead        = 60
)

// lookFirst is how much of a text is looked at first, in bytes.
const lookFirst = 4 << 10

// firstTokens are the words in the first so many bytes of a text.
func firstTokens(text string, size int) (all []token) {
	for t := range tokens(text) {
		if t.start >= size {
			break
		}
		all = append(all, t)
	}
	return all
}

// occurrence is where a term of a query stands in a text: from one word to another.
type occurrence struct{ term, first, last int }

// snippet takes the part out of a text in which most of a query's terms are, makes
// one line of it, and says where they are.
func snippet(text string, q query) (string, []api.TextRange) {
	terms := slices.Concat(q.groups...)
	var all []token
	var found []occurrence
	begin, end := 0, len(text)
	for size := lookFirst; ; size *= 4 { // a long text is read no further than to where all terms are together
		all = firstTokens(text, size)
		found = occurrences(all, terms)
		if len(text) <= snippetSize {
			break
		}
		var most int
		begin, end, most = window(text, all, found)
		if size >= len(text) || most == len(terms) && begin+snippetSize <= size { // all of the part was looked at
			break
		}
	}
	highlighted := make([]bool, end-begin) // each byte of the part
	for _, o := range found {
		for i := max(all[o.first].start, begin); i < min(all[o.last].end, end); i++ {
			highlighted[i-begin] = true
		}
	}
	return line(text, begin, end, highlighted)
}

// occurrences finds terms in a text, in the order in which they stand there.
func occurrences(all []token, terms []term) (found []occurrence) {
	for i := range all {
		for k, t := range terms {
			if t.at(all[i:]) {
				found = append(found, occurrence{k, i, i + len(t.words) - 1})
			}
		}
	}
	return found
}

// at reports whether a text begins with the term.
func (t term) at(all []token) bool {
	if len(all) < len(t.words) {
		return false
	}
	for i, word := range t.words {
		begun := t.prefix && i == len(t.words)-1 && strings.HasPrefix(all[i].text, word)
		if all[i].text != word && !begun {
			return false
		}
	}
	return true
}

// window picks the part of a long text: that with the most different terms, and
// among several the first. It begins and ends between words.
func window(text string, all []token, found []occurrence) (begin, end, most int) {
	most, at := 0, 0
	for i := range found {
		seen := map[int]bool{}
		from := all[found[i].first].start
		for _, o := range found[i:] {
			if all[o.last].end > from+snippetSize-lead {
				break
			}
			seen[o.term] = true
		}
		if len(seen) > most {
			most, at = len(seen), from
		}
		if i > 1000 {
			break // it goes on like that
		}
	}
	begin = max(0, min(at-lead, len(text)-snippetSize))
	end = begin + snippetSize
	if i := slices.IndexFunc(all, func(t token) bool { return t.start >= begin }); begin > 0 && i >= 0 && all[i].start <= at {
		begin = all[i].start
	}
	for i := len(all) - 1; i >= 0 && end < len(text); i-- {
		if all[i].end <= end {
			if all[i].end > begin {
				end = all[i].end
			}
			break
		}
	}
	for begin > 0 && !utf8.RuneStart(text[begin]) {
		begin--
	}
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end++
	}
	return begin, min(end, len(text)), most
}

// line makes one line of a part of a text, with one space where there is room between
// words, and tells what is highlighted in characters.
func line(text string, begin, end int, highlighted []bool) (string, []api.TextRange) {
	var b strings.Builder
	ranges := []api.TextRange{}
	n, space, lit, on := 0, false, false, false
	put := func(r rune) {
		b.WriteRune(r)
		n++
	}
	if begin > 0 {
		put('…')
	}
	for i, r := range text[begin:end] {
		if unicode.IsSpace(r) {
			space, lit = n > 0, highlighted[i] // in a phrase it is part of it
			continue
		}
		if space {
			on = on && lit
			if space = false; on {
				ranges[len(ranges)-1].End = n + 1
			}
			put(' ')
		}
		if highlighted[i] && !on {
			ranges = append(ranges, api.TextRange{Start: n, End: n})
		}
		put(r)
		if on = highlighted[i]; on {
			ranges[len(ranges)-1].End = n
		}
	}
	if end < len(text) {
		put('…')
	}
	return b.String(), ranges
}
