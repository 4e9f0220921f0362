package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
)

// finds is a scene in which a search finds something: deep in a long conversation, in a
// tool's result, and in a session that is archived.
func finds() *fake {
	f := scene()
	archived := api.Session{ID: id(7), Title: "an old one", Status: api.StatusCompleted, Archived: true, WorkingDir: "/srv/old",
		CreatedAt: ago(99 * time.Hour), LastActivityAt: ago(98 * time.Hour)}
	f.sessions = append(f.sessions, archived)
	f.say(archived.ID, says("what the archive remembers"))
	match := func(id, title, text, word string, role api.Role, tool string) {
		at := strings.Index(text, word)
		f.found = append(f.found, api.SearchMatch{SessionID: id, Seq: f.head, Role: role, ToolName: tool, CreatedAt: ago(time.Hour), Title: title,
			WorkingDir: "/home/ada/src", Snippet: text, Highlights: []api.TextRange{{Start: at, End: at + len(word)}}})
	}
	match(archived.ID, "an old one", "what the archive remembers", "archive", api.RoleAssistant, "")
	for i := range 3000 {
		f.say(done, says(fmt.Sprintf("filler number %d", i)))
		if i == 700 {
			f.say(done, calls("b1", "Bash", `{"command":"make"}`))
			f.say(done, result("b1", strings.Repeat("a line\n", 30)+"the needle in the output", false))
			match(done, "日本語の翻訳を直す", "the needle in the output", "needle", api.RoleTool, "Bash")
		}
	}
	return f
}

// TestWhatWasSaidIsFoundAndGoneTo: a key, a word, a list, enter, and there it is.
func TestWhatWasSaidIsFoundAndGoneTo(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {120, 36}} {
		s := show(t, finds(), size[0], size[1], false, nil)
		s.See("needs your answer")
		s.Press("S")
		s.See("find in all conversations:")
		s.Press("needle\r")
		s.See("found: needle", "1 of 2", "the needle in the output", "Bash", "an old one")
		s.called(`searchConversations {"query":"needle","limit":50,"cursor":"more"}`)
		if size[0] == 80 {
			s.golden("found")
		}
		s.Press("j", enter)
		s.Gone("found: needle")
		s.See("the needle in the output") // the tool's call is unfolded, and its end is on the screen
		s.Press("S", "archive\r")
		s.See("found: archive")
		s.Press(enter)
		s.Gone("found: archive")
		s.See("what the archive remembers", "an old one")
	}
}

// What goes wrong is told in the list, with the next step; what was asked can be mended.
func TestASearchThatFails(t *testing.T) {
	t.Parallel()
	f := scene()
	f.err["searchConversations"] = api.Errorf(api.ReasonSearchUnavailable, "this daemon was built without\x1b[2J full text search").With("hint", "build it with it")
	s := show(t, f, 80, 24, false, nil)
	s.See("needs your answer")
	s.Press("S", "needle\r")
	s.See("this daemon was built without", "build it with it")
	s.Press("S")
	s.See("find in all conversations: needle")
	f.mu.Lock()
	delete(f.err, "searchConversations")
	f.mu.Unlock()
	s.Press(enter)
	s.See("nothing was said like that")
	s.Press(esc)
	s.See("needs your answer")
}
