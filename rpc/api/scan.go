package api

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Scanner goes once through JSON as this package writes it, a fifth of the work
// of a general decoder. It is no judge of JSON: what it does not know, and some of
// what is none, ends the scan, and OK reports false. Then decode it the general way.
//
//	for s.Open('{'); s.More('}'); {
//		switch string(s.Name()) {
//		case "seq":
//			e.Seq = s.Int()
//		default:
//			s.Value()
//		}
//	}
type Scanner struct {
	data  []byte
	at    int
	first bool // nothing stands before the next member or element
	bad   bool
}

// NewScanner begins at the beginning of data, which must not be changed meanwhile.
func NewScanner(data []byte) Scanner { return Scanner{data: data} }

// OK reports whether all of data was gone through.
func (s *Scanner) OK() bool { return !s.bad && s.at == len(s.data) }

// Rest is what was not gone through yet.
func (s *Scanner) Rest() []byte { return s.data[s.at:] }

// peek is the next byte; 0 at the end, and once something was wrong.
func (s *Scanner) peek() byte {
	if s.bad || s.at >= len(s.data) {
		s.bad = true
		return 0
	}
	return s.data[s.at]
}

// take goes over a byte that has to be there.
func (s *Scanner) take(c byte) {
	if s.peek() != c {
		s.bad = true
		return
	}
	s.at++
}

// Open goes into an object, '{', or a list, '['.
func (s *Scanner) Open(c byte) {
	s.take(c)
	s.first = true
}

// More goes to the next member or element. Behind the last one it goes over
// the end, '}' or ']', and reports false; so it does where something is wrong.
func (s *Scanner) More(end byte) bool {
	if s.peek() == end {
		s.at++
		s.first = false
		return false
	}
	if !s.first {
		s.take(',')
	}
	s.first = false
	return !s.bad
}

// Name goes over the name of a member. It is valid as long as data is.
func (s *Scanner) Name() []byte {
	name, plain := s.quoted()
	s.take(':')
	if !plain {
		s.bad = true
	}
	return name
}

// quoted goes over a string and returns what stands between its quotes; plain
// says that it means itself.
func (s *Scanner) quoted() (inner []byte, plain bool) {
	if s.take('"'); s.bad {
		return nil, true
	}
	rest := s.data[s.at:]
	n := bytes.IndexByte(rest, '"')
	if n < 0 {
		s.bad = true
		return nil, true
	}
	plain = bytes.IndexByte(rest[:n], '\\') < 0
	for !plain && escaped(rest[:n]) {
		next := bytes.IndexByte(rest[n+1:], '"')
		if next < 0 {
			s.bad = true
			return nil, true
		}
		n += 1 + next
	}
	s.at += n + 1
	return rest[:n], plain
}

// escaped reports whether what follows b is: an odd number of backslashes ends it.
func escaped(b []byte) bool {
	n := 0
	for n < len(b) && b[len(b)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// Text goes over a string and returns what it means; null is the empty one. Where that is known already,
// it is returned itself: most texts come again and again.
func (s *Scanner) Text(known string) string {
	if s.peek() == 'n' && string(s.Value()) == "null" {
		return ""
	}
	inner, plain := s.quoted()
	switch {
	case string(inner) == known && plain:
		return known
	case plain:
		return string(inner)
	}
	text, err := jsontext.AppendUnquote(nil, s.data[s.at-len(inner)-2:s.at])
	if err != nil {
		s.bad = true
	}
	return string(text)
}

// Int goes over an integer.
func (s *Scanner) Int() int64 {
	n, err := strconv.ParseInt(string(s.Value()), 10, 64)
	if err != nil {
		s.bad = true
	}
	return n
}

// Bool goes over true or false.
func (s *Scanner) Bool() bool {
	switch string(s.Value()) {
	case "true":
		return true
	case "false":
	default:
		s.bad = true
	}
	return false
}

// Time goes over a time.
func (s *Scanner) Time() (t Time) {
	if t.UnmarshalJSON(s.Value()) != nil {
		s.bad = true
	}
	return t
}

// Value goes over any value and returns its bytes. They are valid as long as data is.
func (s *Scanner) Value() []byte {
	begin := s.at
	switch s.peek() {
	case '"':
		s.quoted()
	case '{', '[':
		s.nested()
	default:
		for s.at < len(s.data) && !ends[s.data[s.at]] {
			s.at++
		}
	}
	if s.bad || s.at == begin {
		s.bad = true
		return nil
	}
	return s.data[begin:s.at]
}

// nested goes over an object or a list.
func (s *Scanner) nested() {
	for depth := 0; !s.bad; {
		switch s.peek() {
		case '"':
			s.quoted()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if s.at++; depth == 0 {
			return
		}
	}
}

// ends are the bytes before which a number or a word ends. Between values nothing
// stands here: other JSON is for the general way.
var ends = [256]bool{',': true, '}': true, ']': true, '"': true, '{': true, '[': true, ':': true, ' ': true, '\n': true, '\t': true, '\r': true}
