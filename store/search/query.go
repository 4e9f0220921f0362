package search

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sessiond/sessiond/rpc/api"
)

// Bounds of a query.
const (
	maxQuery  = 1000 // characters
	maxTerms  = 32   // words and phrases
	minPrefix = 2    // characters before a star: more words begin with fewer than can be looked through
)

// term is a word, or several that follow each other; the last may be the begin of one.
type term struct {
	words  []string
	prefix bool
}

// query is what is looked for: of each group one term at least, and none of without.
type query struct {
	groups  [][]term
	without []term
}

// operators join words. They are written in capitals; AND is what holds anyway.
const (
	opAnd = "AND"
	opOr  = "OR"
	opNot = "NOT"
)

// parser reads a query.
type parser struct {
	text     string
	at       int // the place of what is read next, in bytes
	q        query
	terms    int
	operator string // that waits for its right side; "": none
	place    int    // where that stands
	positive bool   // the last term is one that is looked for
}

// whole is the place of an error that is about all of the query.
const whole = -1

// parseQuery reads what a user looks for. Words are joined by "and"; OR binds
// tighter: a b OR c is a, and b or c. Whatever stands in words or between them is
// taken; where that makes no sense, the error says what is wrong at which place.
func parseQuery(text string) (query, error) {
	p := &parser{text: text}
	if n := utf8.RuneCountInString(text); n > maxQuery {
		return query{}, p.wrong(whole, "it has %d characters, and at most %d are taken", n, maxQuery)
	}
	for p.skipSpace(); p.at < len(p.text); p.skipSpace() {
		if err := p.next(); err != nil {
			return query{}, err
		}
	}
	switch {
	case p.operator != "":
		return query{}, p.wrong(p.place, "nothing follows %s; to look for the word, write it in quotes", p.operator)
	case p.terms == 0:
		return query{}, p.wrong(whole, "says nothing to look for: give a word")
	case len(p.q.groups) == 0:
		return query{}, p.wrong(whole, "says only what is not looked for: give a word without - too")
	}
	return p.q, nil
}

// wrong is the error about a place, which is told in characters, from 1.
func (p *parser) wrong(at int, format string, args ...any) error {
	if at == whole {
		return api.InvalidParams("query", format, args...)
	}
	place := utf8.RuneCountInString(p.text[:at]) + 1
	return api.InvalidParams("query", "at character %d: "+format, slices.Insert(args, 0, any(place))...).With("at", place)
}

func (p *parser) skipSpace() {
	for p.at < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[p.at:])
		if !unicode.IsSpace(r) {
			return
		}
		p.at += n
	}
}

// next reads an operator or a term.
func (p *parser) next() error {
	place := p.at
	negative := p.minus()
	said, prefix, quoted, err := p.piece(place)
	if err != nil {
		return err
	}
	if !quoted && !negative && (said == opAnd || said == opOr || said == opNot) {
		return p.join(said, place)
	}
	t := term{prefix: prefix}
	for word := range tokens(said) {
		t.words = append(t.words, word.text)
	}
	switch p.terms++; {
	case len(t.words) == 0:
		return p.wrong(place, "%q has neither letters nor digits, and nothing else can be looked for", said)
	case prefix && tooShort(t.words[len(t.words)-1]):
		return p.wrong(place, "at least %d characters have to stand before the *", minPrefix)
	case p.terms > maxTerms:
		return p.wrong(place, "there are more than %d words and phrases", maxTerms)
	case negative && p.operator != "":
		return p.wrong(place, "%s and - exclude each other", p.operator)
	}
	p.add(t, negative || p.operator == opNot)
	return nil
}

// minus takes the sign of what is not looked for: right before a word or a quote, so
// that --flag is a word.
func (p *parser) minus() bool {
	rest, ok := strings.CutPrefix(p.text[p.at:], "-")
	if !ok {
		return false
	}
	if r, _ := utf8.DecodeRuneInString(rest); r != '"' && classOf(r) == between {
		return false
	}
	p.at++
	return true
}

// piece takes what stands between spaces, or in quotes, where nothing but the words
// counts. A star behind it makes a prefix of its last word.
func (p *parser) piece(place int) (said string, prefix, quoted bool, err error) {
	rest := p.text[p.at:]
	if quoted = rest[0] == '"'; quoted {
		n := strings.IndexByte(rest[1:], '"')
		if n < 0 {
			return "", false, true, p.wrong(place, "the quote that begins here has no end")
		}
		said = rest[1 : 1+n]
		if p.at += n + 2; strings.HasPrefix(p.text[p.at:], "*") {
			p.at++
			prefix = true
		}
		return said, prefix, true, nil
	}
	n := strings.IndexFunc(rest, func(r rune) bool { return unicode.IsSpace(r) || r == '"' })
	if n < 0 {
		n = len(rest)
	}
	p.at += n
	said = rest[:n]
	if word, star := strings.CutSuffix(said, "*"); star && word != "" {
		if r, _ := utf8.DecodeLastRuneInString(word); classOf(r) != between {
			return word, true, false, nil
		}
	}
	return said, false, false, nil
}

func tooShort(word string) bool {
	r, _ := utf8.DecodeRuneInString(word)
	return utf8.RuneCountInString(word) < minPrefix && classOf(r) != alone
}

// join takes an operator.
func (p *parser) join(operator string, place int) error {
	switch {
	case p.operator != "":
		return p.wrong(place, "%s follows %s; to look for the word, write it in quotes", operator, p.operator)
	case operator == opOr && !p.positive:
		return p.wrong(place, "OR needs a word before it that is looked for; to look for the word, write it in quotes")
	case operator == opAnd && p.terms == 0:
		return p.wrong(place, "AND needs a word before it; to look for the word, write it in quotes")
	}
	p.operator, p.place = operator, place
	return nil
}

// add takes a term.
func (p *parser) add(t term, negative bool) {
	switch {
	case negative:
		p.q.without = append(p.q.without, t)
	case p.operator == opOr:
		last := len(p.q.groups) - 1
		p.q.groups[last] = append(p.q.groups[last], t)
	default:
		p.q.groups = append(p.q.groups, []term{t})
	}
	p.operator, p.positive = "", !negative
}

// match renders the query as SQLite has it, with further conditions that have to
// hold. Every word is made of letters and digits alone, so none is an operator.
func (q query) match(also ...string) string {
	parts := make([]string, 0, len(q.groups)+len(also))
	for _, group := range q.groups {
		alternatives := make([]string, len(group))
		for i, t := range group {
			alternatives[i] = t.match()
		}
		parts = append(parts, "("+strings.Join(alternatives, " OR ")+")")
	}
	expression := strings.Join(append(parts, also...), " AND ")
	if len(q.without) == 0 {
		return expression
	}
	unwanted := make([]string, len(q.without))
	for i, t := range q.without {
		unwanted[i] = t.match()
	}
	return "(" + expression + ") NOT (" + strings.Join(unwanted, " OR ") + ")"
}

func (t term) match() string {
	text := `"` + strings.Join(t.words, " ") + `"`
	if t.prefix {
		text += "*"
	}
	return text
}
