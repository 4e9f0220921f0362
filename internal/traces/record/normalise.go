package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// hostPrefix begins the ids that the scenarios give; they stay as they are.
const hostPrefix = "00000000-0000-4000-8000-"

const maxList = 2 // what is left of a long list

// longLists are names of lists that say much about the installation and
// nothing about the protocol.
var longLists = map[string]bool{"commands": true, "models": true, "agents": true, "slash_commands": true,
	"terminal_slash_commands": true, "skills": true, "plugins": true, "capabilities": true}

var (
	uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	tasks = regexp.MustCompile(`"(?:task_id|run_id)":"([^"]+)"`)
	slugs = regexp.MustCompile(`[^A-Za-z0-9]`)
)

// fixed are what is replaced by the same text wherever it stands.
var fixed = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`), "2026-01-01T00:00:00.000Z"},
	{regexp.MustCompile(`("(?:end_time|start_time|request_sent_wall_ms)":)\d+`), "${1}1767225600000"},
	{regexp.MustCompile(`("(?:\w+_ms|\w*[dD]urationMs)":|\bduration_ms: )\d{1,7}(?:\.\d+)?\b`), "${1}100"},
	{regexp.MustCompile(`("pid":)\d+`), "${1}4242"},
	{regexp.MustCompile(`\b\d+\.sock`), "4242.sock"},
	{regexp.MustCompile(`/claude-\d+/`), "/claude-1000/"}, // the user's number
}

// normaliser replaces what differs from run to run. What stands for the same
// thing is replaced by the same, in what went in and in what came out.
type normaliser struct {
	replace []string // pairs of literal texts
	ids     map[string]string
}

// newNormaliser makes a normaliser for a process that lived in home, talked to
// the API at url, and printed out.
func newNormaliser(home, url string, out []byte) *normaliser {
	n := &normaliser{ids: map[string]string{}}
	n.replace = []string{home, "/home/user", slugs.ReplaceAllString(home, "-"), "-home-user",
		strings.TrimPrefix(url, "http://"), "127.0.0.1:8080"}
	seen := map[string]bool{}
	for _, match := range tasks.FindAllSubmatch(out, -1) {
		if id := string(match[1]); !seen[id] {
			seen[id] = true
			n.replace = append(n.replace, id, fmt.Sprintf("task%06d", len(seen)))
		}
	}
	return n
}

// apply makes lines stable.
func (n *normaliser) apply(lines []byte) ([]byte, error) {
	var out bytes.Buffer
	for line := range bytes.Lines(lines) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		for i := 0; i < len(n.replace); i += 2 {
			line = bytes.ReplaceAll(line, []byte(n.replace[i]), []byte(n.replace[i+1]))
		}
		line = uuids.ReplaceAllFunc(line, n.id)
		for _, f := range fixed {
			line = f.pattern.ReplaceAll(line, []byte(f.with))
		}
		short, err := shorten("", line)
		if err != nil {
			return nil, err
		}
		out.Write(append(short, '\n'))
	}
	return out.Bytes(), nil
}

// id counts ids in the order in which they appear.
func (n *normaliser) id(id []byte) []byte {
	if bytes.HasPrefix(id, []byte(hostPrefix)) {
		return id
	}
	if n.ids[string(id)] == "" {
		n.ids[string(id)] = fmt.Sprintf("11111111-1111-4111-8111-%012d", len(n.ids)+1)
	}
	return []byte(n.ids[string(id)])
}

// shorten cuts the long lists in a value short; all else stays, byte for byte.
func shorten(name string, value jsontext.Value) (jsontext.Value, error) {
	if kind := value.Kind(); kind != '{' && kind != '[' {
		return value, nil
	}
	d := jsontext.NewDecoder(bytes.NewReader(value), jsontext.AllowDuplicateNames(true))
	open, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	isObject := open.Kind() == '{'
	short := []byte(open.String())
	for i := 0; d.PeekKind() != '}' && d.PeekKind() != ']'; i++ {
		var key jsontext.Value
		if isObject {
			if key, err = d.ReadValue(); err != nil {
				return nil, err
			}
			key = append(key.Clone(), ':')
		}
		element, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		if !isObject && longLists[name] && i >= maxList {
			continue
		}
		if element, err = shorten(unquote(key), element.Clone()); err != nil {
			return nil, err
		}
		if len(short) > 1 {
			short = append(short, ',')
		}
		short = append(append(short, key...), element...)
	}
	return append(short, open.String()[0]+2), nil // '}' and ']' are two behind '{' and '['
}

// unquote is the name that a key with its colon has.
func unquote(key jsontext.Value) string {
	return string(bytes.Trim(bytes.TrimSuffix(key, []byte(":")), `"`))
}
