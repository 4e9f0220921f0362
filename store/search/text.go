package search

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sessiond/sessiond/rpc/api"
)

// maxText is how much of what an event says is indexed, in bytes.
const maxText = 64 << 10

// said is what is indexed of an event.
type said struct {
	role   api.Role
	text   string
	toolID string // on a tool's call and its result
	tool   string // on a call: the name
}

// whatIsSaid takes out of a conversation event what can be looked for; ok is false
// if that is nothing. A result that is no error repeats the message before it, and
// what Claude Code says to programs is for nobody to read.
func whatIsSaid(ev *api.ConversationEvent) (s said, ok bool) {
	s.text = ev.Content
	switch ev.EventType {
	case api.ConversationMessage:
		s.role = api.RoleAssistant
		if ev.Role == "user" {
			s.role = api.RoleUser
		}
	case api.ConversationThinking:
		s.role = api.RoleAssistant
	case api.ConversationToolCall:
		s.role, s.toolID, s.tool = api.RoleAssistant, ev.ToolID, ev.ToolName
		s.text = join(ev.Content, stringsIn(ev.ToolInput))
	case api.ConversationToolResult:
		s.role, s.toolID = api.RoleTool, ev.ToolResultForID
	case api.ConversationUnparsed:
		s.role = api.RoleSystem
	case api.ConversationResult:
		s.role = api.RoleSystem
		if ev.IsError == nil || !*ev.IsError {
			return s, false
		}
	default:
		return s, false
	}
	s.text = cutText(s.text, maxText)
	return s, s.text != "" || s.tool != ""
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n" + b
}

// cutText cuts a text after at most n bytes, between characters.
func cutText(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// stringsIn are the strings in a JSON value, a line each, without the names of
// members; of one that is damaged, those before the damage.
func stringsIn(value []byte) string {
	var b strings.Builder
	dec := jsontext.NewDecoder(bytes.NewReader(value), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	for b.Len() < maxText {
		t, err := dec.ReadToken()
		if err != nil {
			break
		}
		kind, n := dec.StackIndex(dec.StackDepth())
		if name := kind == '{' && n%2 == 1; t.Kind() != '"' || name {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(t.String())
	}
	return b.String()
}

// What events are filtered by is in the index too, as words that no text has: they
// begin with a character that is no letter, and that SQLite takes for one.
const beyondText = "\ue000"

func sessionWord(n int64) string { return beyondText + "s" + strconv.FormatInt(n, 10) }

func roleWord(role api.Role) string { return beyondText + "r" + string(role) }

// everybody matches every event.
var everybody = `("` + strings.Join([]string{roleWord(api.RoleUser), roleWord(api.RoleAssistant), roleWord(api.RoleTool), roleWord(api.RoleSystem)}, `" OR "`) + `")`

// toolWord is the word for a tool, whose name may have any characters.
func toolWord(name string) string {
	sum := sha256.Sum256([]byte(name))
	return beyondText + "t" + hex.EncodeToString(sum[:12])
}

// metaWords are those of an event.
func metaWords(session int64, role api.Role, tool string) string {
	words := sessionWord(session) + " " + roleWord(role)
	if tool != "" {
		words += " " + toolWord(tool)
	}
	return words
}
