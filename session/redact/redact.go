// Package redact removes from text what its user has marked as private: what
// stands between <private> and </private>, and what fits a pattern of the user's.
// It is applied before text from hooks is stored, and before any is given to a
// summariser. It knows nothing of sessions.
package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep a value can be nested and still be read, by package json too.
const maxDepth = 10_000

// Mark stands where something was removed.
const Mark = "[private]"

// MarkJSON is Mark as JSON.
func MarkJSON() json.RawMessage { return json.RawMessage(`"` + Mark + `"`) }

// PatternError says which pattern cannot be used, and why.
type PatternError struct {
	Line    int // from 1
	Pattern string
	Err     error
}

func (e *PatternError) Error() string {
	return fmt.Sprintf("line %d: the pattern %q cannot be used: %v", e.Line, e.Pattern, e.Err)
}

// Unwrap gives what is wrong with the pattern.
func (e *PatternError) Unwrap() error { return e.Err }

// Redactor removes what is private. The zero Redactor knows the tags only. It may
// be used by many at once.
type Redactor struct{ patterns []*regexp.Regexp }

// Patterns are the patterns, as Parse takes them.
func (r *Redactor) Patterns() string {
	var b strings.Builder
	if r != nil {
		for _, pattern := range r.patterns {
			b.WriteString(pattern.String() + "\n")
		}
	}
	return b.String()
}

// Parse makes a Redactor of patterns in the syntax of package regexp, one a line;
// empty lines and those that begin with # say nothing. One that fits an empty text
// is an error, for it would fit everywhere. Errors are of type *PatternError.
func Parse(patterns string) (*Redactor, error) {
	r := &Redactor{}
	n := 0
	for line := range strings.Lines(patterns) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		pattern, err := regexp.Compile(line)
		if err == nil && pattern.MatchString("") {
			err = errors.New("it fits the empty text, and so everything")
		}
		if err != nil {
			return nil, &PatternError{n, line, err}
		}
		r.patterns = append(r.patterns, pattern)
	}
	return r, nil
}

var (
	opening = regexp.MustCompile(`(?i)<\s*private(\s[^<>]*)?>`)
	closing = regexp.MustCompile(`(?i)<\s*/\s*private\s*>`)
)

// Text returns text with Mark in the place of what is private. Tags may be
// nested, and are in any case. One that is not closed holds to the end of the text:
// rather too much is removed than too little.
func (r *Redactor) Text(text string) string {
	text = removeTagged(text)
	if r != nil {
		for _, pattern := range r.patterns {
			text = remove(text, pattern)
		}
	}
	return text
}

// remove removes what fits a pattern, but for what is part of a Mark: a text that was
// looked at before stays as it is.
func remove(text string, pattern *regexp.Regexp) string {
	var b strings.Builder
	end := 0
	for _, found := range pattern.FindAllStringIndex(text, -1) {
		if !ofMark(text, found[0], found[1]) {
			b.WriteString(text[end:found[0]] + Mark)
			end = found[1]
		}
	}
	return b.String() + text[end:]
}

// ofMark reports whether a part of a text is within a Mark.
func ofMark(text string, from, to int) bool {
	first := max(0, from-len(Mark)+1)
	i := strings.LastIndex(text[first:min(len(text), from+len(Mark))], Mark)
	return i >= 0 && to <= first+i+len(Mark)
}

// removeTagged removes what stands between tags, and the tags.
func removeTagged(text string) string {
	if !opening.MatchString(text) {
		return text
	}
	var b strings.Builder
	depth := 0
	for text != "" {
		open, end := opening.FindStringIndex(text), closing.FindStringIndex(text)
		switch {
		case depth == 0 && open == nil: // a closing tag alone is but text
			b.WriteString(text)
			return b.String()
		case depth == 0:
			b.WriteString(text[:open[0]])
			b.WriteString(Mark)
			depth, text = 1, text[open[1]:]
		case open != nil && (end == nil || open[0] < end[0]):
			depth, text = depth+1, text[open[1]:]
		case end == nil:
			return b.String()
		default:
			depth, text = depth-1, text[end[1]:]
		}
	}
	return b.String()
}

// JSON does the same with every text in a JSON value, names of fields too, however
// it is escaped. Numbers keep their digits. What is no JSON is taken for a text, and
// comes back as one, in quotes; what is nested too deeply to be read is private as a
// whole. A value in which nothing is private comes back byte for byte, whatever it is.
func (r *Redactor) JSON(raw json.RawMessage) json.RawMessage {
	private, tooDeep := r.holds(raw)
	if tooDeep {
		return MarkJSON()
	}
	if !private {
		return raw
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil || decoder.More() {
		value = string(raw)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r.value(value)); err != nil { // it was JSON
		return MarkJSON()
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// holds reports whether one of the texts of a value is private, or cannot be reached.
// What is no JSON is one text.
func (r *Redactor) holds(raw []byte) (private, tooDeep bool) {
	d := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		token, err := d.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return false, false
		case err != nil && d.StackDepth() >= maxDepth:
			return true, true
		case err != nil:
			return r.Text(string(raw)) != string(raw), false
		case token.Kind() == '"':
			if text := token.String(); r.Text(text) != text {
				return true, false
			}
		}
	}
}

func (r *Redactor) value(v any) any {
	switch v := v.(type) {
	case string:
		return r.Text(v)
	case []any:
		for i := range v {
			v[i] = r.value(v[i])
		}
	case map[string]any:
		redacted := make(map[string]any, len(v))
		for name, field := range v {
			redacted[r.Text(name)] = r.value(field)
		}
		return redacted
	}
	return v
}
