package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// node is a value of a JSON text, with its place in it.
type node struct {
	kind       jsontext.Kind
	start, end int
	text       string   // of a string
	members    []member // of an object; of an array, without names
}

// member is what an object or an array holds. It starts with its name, if it has one.
type member struct {
	name  string
	start int
	value node
}

// find returns the member with a name; -1 if there is none.
func (n *node) find(name string) (int, *node) {
	for i := range n.members {
		if n.members[i].name == name {
			return i, &n.members[i].value
		}
	}
	return -1, nil
}

// is reports whether an object has a string with a value.
func (n *node) is(name, value string) bool {
	_, field := n.find(name)
	return field != nil && field.kind == '"' && field.text == value
}

// SyntaxError says where a text is no JSON that can be changed.
type SyntaxError struct {
	Line int
	Err  error
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *SyntaxError) Unwrap() error { return e.Err }

var errComment = errors.New("it has a comment, which JSON does not know and Claude Code does not read: remove it, and try again")

// parse reads a text that is one object.
func parse(text []byte) (*node, error) {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	p := parser{d: d, text: text}
	root, err := p.value()
	if err == nil {
		if _, err = d.ReadToken(); errors.Is(err, io.EOF) {
			err = nil
		} else if err == nil {
			err = errors.New("there is more behind the object")
		}
	}
	if err == nil && root.kind != '{' {
		err = errors.New("it is not an object, in braces")
	}
	if err != nil {
		return nil, p.failed(err)
	}
	return &root, nil
}

type parser struct {
	d    *jsontext.Decoder
	text []byte
}

// failed tells the line of an error, and whether a comment is the cause.
func (p *parser) failed(err error) error {
	at := int(p.d.InputOffset())
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		at, err = max(at, int(syntactic.ByteOffset)), syntactic.Err
		if rest := bytes.TrimLeft(p.text[min(int(p.d.InputOffset()), len(p.text)):], " \t\r\n,:"); bytes.HasPrefix(rest, []byte("//")) || bytes.HasPrefix(rest, []byte("/*")) {
			err = errComment
		}
	}
	return &SyntaxError{1 + bytes.Count(p.text[:min(at, len(p.text))], []byte("\n")), err}
}

// maxDepth is deeper than any settings are.
const maxDepth = 200

func (p *parser) value() (n node, err error) {
	token, err := p.d.ReadToken()
	if err != nil {
		return n, err
	}
	n.kind = token.Kind()
	n.end = int(p.d.InputOffset())
	switch n.kind {
	case '"':
		n.text = token.String()
		n.start = n.end - p.rawLength()
		return n, nil
	case '{', '[':
		n.start = n.end - 1
	default:
		n.start = n.end - len(token.String())
		return n, nil
	}
	if p.d.StackDepth() > maxDepth {
		return n, errors.New("it is nested too deeply")
	}
	for p.d.PeekKind() != '}' && p.d.PeekKind() != ']' {
		m, err := p.member(n.kind == '{')
		if err != nil {
			return n, err
		}
		n.members = append(n.members, m)
	}
	if _, err := p.d.ReadToken(); err != nil {
		return n, err
	}
	n.end = int(p.d.InputOffset())
	return n, nil
}

func (p *parser) member(named bool) (m member, err error) {
	m.start = -1
	if named {
		token, err := p.d.ReadToken()
		if err != nil {
			return m, err
		}
		m.name = token.String()
		m.start = int(p.d.InputOffset()) - p.rawLength()
	}
	m.value, err = p.value()
	if m.start < 0 {
		m.start = m.value.start
	}
	return m, err
}

// rawLength is the length of the string that was read last, as it stands in the text.
func (p *parser) rawLength() int {
	end := int(p.d.InputOffset())
	for at := end - 2; at >= 0; at-- {
		if p.text[at] != '"' {
			continue
		}
		slashes := 0
		for at-slashes > 0 && p.text[at-slashes-1] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return end - at
		}
	}
	return end
}

// style is how a text is laid out.
type style struct{ newline, unit string }

// styleOf finds it out from the first member of the object.
func styleOf(text []byte, root *node) style {
	s := style{newline: "\n", unit: "  "}
	if bytes.Contains(text, []byte("\r\n")) {
		s.newline = "\r\n"
	}
	if len(root.members) > 0 {
		between := string(text[root.start+1 : root.members[0].start])
		if i := strings.LastIndexByte(between, '\n'); i >= 0 {
			s.unit = between[i+1:]
		}
	}
	return s
}

// indent is what stands before depth.
func (s style) indent(depth int) string { return s.newline + strings.Repeat(s.unit, depth) }

// add returns text with a member more, at the end of a container that lies so deep.
func add(text []byte, in *node, member string, depth int, s style) []byte {
	if n := len(in.members); n > 0 {
		between := string(text[in.start+1 : in.members[0].start])
		gap := " "
		if strings.Contains(between, "\n") {
			gap = between[strings.LastIndexByte(between, '\n'):]
			if s.newline == "\r\n" {
				gap = "\r" + gap
			}
		}
		return splice(text, in.members[n-1].value.end, in.members[n-1].value.end, ","+gap+member)
	}
	return splice(text, in.start+1, in.end-1, s.indent(depth+1)+member+s.indent(depth))
}

// remove returns text without the member number i of a container.
func remove(text []byte, in *node, i int) []byte {
	switch {
	case len(in.members) == 1:
		return splice(text, in.start+1, in.end-1, "")
	case i == 0:
		return splice(text, in.members[0].start, in.members[1].start, "")
	}
	return splice(text, in.members[i-1].value.end, in.members[i].value.end, "")
}

func splice(text []byte, from, to int, by string) []byte {
	return append(append(append(make([]byte, 0, len(text)+len(by)), text[:from]...), by...), text[to:]...)
}
