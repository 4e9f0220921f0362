package page

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"bytes"

	"github.com/sessiond/sessiond/cmd/sessiond/plain"
)

// How much of a long text is shown, without --full: its beginning and its end.
const (
	headLines = 80
	tailLines = 20
	headBytes = 12 << 10
	tailBytes = 4 << 10
)

// excerpt is a text, or its beginning and its end with a note between them that
// says how much is left out. Its texts are clean.
type excerpt struct{ Head, Note, Tail string }

// excerpt shortens a text from elsewhere, unless all is wanted.
func (o Options) excerpt(text string) excerpt {
	if o.Full {
		return excerpt{Head: tidy(text)}
	}
	head, rest := split(text, headLines, headBytes)
	if rest == "" {
		return excerpt{Head: tidy(text)}
	}
	tail := ending(rest, tailLines, tailBytes)
	left := rest[:len(rest)-len(tail)]
	if len(left) == 0 || len(left) < 200 && strings.Count(left, "\n") < 5 { // hardly worth a note
		return excerpt{Head: tidy(text)}
	}
	note := fmt.Sprintf("%s, %s, left out here; the option --full shows them", count(strings.Count(strings.TrimSuffix(left, "\n"), "\n")+1, "line", "lines"), plain.Size(int64(len(left))))
	return excerpt{Head: tidy(head), Note: note, Tail: tidy(tail)}
}

// split cuts a text behind so many lines and bytes at most.
func split(s string, lines, size int) (head, rest string) {
	end := 0
	for range lines {
		i := strings.IndexByte(s[end:], '\n')
		if i < 0 {
			end = len(s)
			break
		}
		end += i + 1
	}
	if end > size {
		end = size
		for end > 0 && !utf8.RuneStart(s[end]) {
			end--
		}
	}
	return s[:end], s[end:]
}

// ending is the end of a text, of so many lines and bytes at most.
func ending(s string, lines, size int) string {
	start := len(strings.TrimRight(s, "\n"))
	for range lines {
		if start = strings.LastIndexByte(s[:start], '\n'); start < 0 {
			break
		}
	}
	start++ // behind the line's end; or 0
	if len(s)-start > size {
		start = len(s) - size
		for start < len(s) && !utf8.RuneStart(s[start]) {
			start++
		}
	}
	return s[start:]
}

// beginning is a text up to about so many bytes.
func beginning(s string, size int) string {
	if len(s) <= size {
		return s
	}
	for size > 0 && !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size]
}

var colors = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// tidy makes what a program printed harmless, and takes out its colours, which
// are legible to terminals only, and empty lines around it.
func tidy(s string) string {
	if strings.Contains(s, "\x1b[") {
		s = colors.ReplaceAllString(s, "")
	}
	return strings.Trim(plain.Clean(s), "\n")
}

// pretty writes a JSON value on several lines, and harmless ones.
func pretty(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return plain.Clean(string(raw))
	}
	return string(plain.JSON(b.Bytes()))
}

// diffOf shows what the changes to a file are; "" if there are none.
func diffOf(changes []plain.Change) string {
	var lines []string
	for _, c := range changes {
		if len(lines) > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, c.Diff()...)
	}
	return strings.Join(lines, "\n")
}

// shell picks the command out of the input of a tool that runs one, and the
// rest of the input beside command and description; ok is false for others.
func shell(input json.RawMessage) (command, description string, rest json.RawMessage, ok bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(input, &members) != nil || json.Unmarshal(members["command"], &command) != nil || command == "" {
		return "", "", nil, false
	}
	delete(members, "command")
	if json.Unmarshal(members["description"], &description) == nil {
		delete(members, "description")
	}
	if len(members) > 0 {
		rest, _ = json.Marshal(members) // they were JSON
	}
	return command, description, rest, true
}
