package claude

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// scanner goes once through a line that was found to be valid JSON, and reads of
// it only what is asked for: a quarter of the work of decoding it. What it returns
// shares the line's memory. Through what is no JSON it goes too, to its end at
// most, and says anything of it.
//
//	for s.into(); s.more(); {
//		switch s.name() {
//		case "id":
//			id = s.string()
//		default:
//			s.skip()
//		}
//	}
type scanner struct {
	text string
	at   int
}

// kind is the byte that the next value begins with: '{', '[', '"', 't', 'f', 'n',
// or that of a number; 0 at the end.
func (s *scanner) kind() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// into goes into the object or the list that comes next.
func (s *scanner) into() {
	if s.kind() != 0 {
		s.at++
	}
}

// more goes to the next member or element; behind the last one it goes out of the
// object or the list, and reports false.
func (s *scanner) more() bool {
	switch s.kind() {
	case 0:
		return false
	case '}', ']':
		s.at++
		return false
	case ',':
		s.at++
	}
	return true
}

// name goes over the name of a member.
func (s *scanner) name() string {
	name := s.string()
	if s.kind() == ':' {
		s.at++
	}
	return name
}

// string goes over a value, and returns what it says if it is a string.
func (s *scanner) string() string {
	raw := s.skip()
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	if inner := raw[1 : len(raw)-1]; strings.IndexByte(inner, '\\') < 0 {
		return inner
	}
	said, _ := jsontext.AppendUnquote(make([]byte, 0, len(raw)), raw) // it complains of half a surrogate, and has put a mark in its place
	return string(said)
}

// skip goes over a value, and returns it as it is written.
func (s *scanner) skip() string {
	kind, begin := s.kind(), s.at
	switch kind {
	case '"':
		s.skipString()
	case '{', '[':
		s.skipNested()
	default:
		for s.at < len(s.text) && !ends[s.text[s.at]] {
			s.at++
		}
	}
	if s.at == begin { // no value: it would be asked for ever
		s.at = len(s.text)
	}
	return s.text[begin:s.at]
}

// skipString goes over a string.
func (s *scanner) skipString() {
	begin := s.at + 1
	for s.at = begin; ; s.at++ {
		n := strings.IndexByte(s.text[s.at:], '"')
		if n < 0 {
			s.at = len(s.text)
			return
		}
		s.at += n
		slashes := 0
		for s.at-slashes > begin && s.text[s.at-slashes-1] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			s.at++
			return
		}
	}
}

// skipNested goes over an object or a list.
func (s *scanner) skipNested() {
	for depth := 0; s.at < len(s.text); {
		switch s.text[s.at] {
		case '"':
			s.skipString()
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

// ends are the bytes before which a number or a word ends.
var ends = [256]bool{',': true, ':': true, '}': true, ']': true, '{': true, '[': true, '"': true, ' ': true, '\t': true, '\r': true, '\n': true}
