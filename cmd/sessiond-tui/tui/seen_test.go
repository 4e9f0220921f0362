package tui

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/sessiond/sessiond/rpc/api"
)

// TestNothingIsAnsweredUnseen: where only the list is on the screen, a key shows what is
// asked, and answers it when it is pressed again.
func TestNothingIsAnsweredUnseen(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 80, 24, false, nil)
	s.See("needs your answer")
	s.Press(enter)
	s.See("y yes") // it can be answered
	s.Press(esc)
	s.See("needs your answer")
	s.Press("y")
	s.See("this is what it asks", "https://upload.example.com")
	if n := s.count("sendDecision"); n != 0 {
		t.Fatalf("%d answers", n)
	}
	s.See("y yes")
	s.Press("y")
	s.called(`sendDecision {"approval_id":"q1","decision":"approve"}`)
}

// TestNothingIsAnsweredAhead: a key that was typed before a question was drawn does not
// answer it, however long it has been open.
func TestNothingIsAnsweredAhead(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]tea.KeyPressMsg{"opened": {{Code: tea.KeyEnter}}, "gone to": {{Code: '.', Text: "."}, {Code: '.', Text: "."}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := quiet(t, scene())
			m.Update(tea.WindowSizeMsg{Width: 80, Height: 24}) // only the list is there
			m.list.selected = asking
			m.Update(nil)
			early := settledMsg{"q1", m.current.shows}
			m.Update(early)
			for _, k := range keys {
				m.Update(k)
			}
			m.Update(early) // it was on its way
			if _, done := m.answerKey("y"); done || m.current.shown.ID != "q1" || m.layout().talk == 0 {
				t.Errorf("%s was answered, and nobody has seen it", m.current.shown.ID)
			}
			m.Update(settledMsg{"q1", m.current.shows})
			if _, done := m.answerKey("y"); !done {
				t.Error("it cannot be answered")
			}
		})
	}
}

// TestTheNextQuestionIsGoneTo from anywhere, also from a list that does not show it.
func TestTheNextQuestionIsGoneTo(t *testing.T) {
	t.Parallel()
	f := scene()
	s := show(t, f, 80, 24, false, func(o *Options) { o.Session = asking })
	s.See("may Bash run", "y yes")
	s.Press(".")
	s.See("Where are orders kept?")
	s.Press(".")
	s.See("may Bash run")
	s.Press(esc, "/", "parser", enter)
	s.See("1 session")
	s.Press(".")
	s.See("may Bash run")
	for _, q := range f.approvals {
		q.Status = api.ApprovalDenied
		s.happens(api.EventApprovalResolved, q.SessionID, q)
	}
	s.Gone("may Bash run")
	s.Press(".")
	s.See("nothing is asked")
}

// TestWhatIsSaidIsSeenWhole, also on a narrow screen.
func TestWhatIsSaidIsSeenWhole(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 80, 24, false, nil)
	s.See("needs your answer")
	s.Press("F")
	s.See("the fork is to begin behind")
	s.Press("G", "k", "k", "D")
	s.See("for good?", "y yes, any other key no")
	s.Press("x")
	s.See("nothing was done")
	s.Press("I")
	s.See("interrupted")
	s.Press("k", "I")
	s.See("no turn is under way")
}

// TestAQueuedSessionIsInterrupted: it has no turn, and that ends it.
func TestAQueuedSessionIsInterrupted(t *testing.T) {
	t.Parallel()
	f := scene()
	f.sessions = append(f.sessions, api.Session{ID: "queued", Title: "its turn will come", Status: api.StatusQueued, CreatedAt: ago(0), LastActivityAt: ago(0)})
	s := show(t, f, 120, 36, false, func(o *Options) { o.Session = "queued" })
	s.See("its turn will come")
	s.Press("I")
	s.called(`interruptSession {"session_id":"queued"}`)
	s.See("interrupted")
}

// TestWhatIsShownStaysInItsPlace: with what is for programs, or without, the selected
// block stays where it is on the screen, and as unfolded as it was.
func TestWhatIsShownStaysInItsPlace(t *testing.T) {
	t.Parallel()
	f := scene()
	for i := range 300 { // several readings
		f.say(working, api.ConversationEvent{EventType: api.ConversationSystem, Role: "system", Content: "init"})
		f.say(working, thinks(fmt.Sprintf("thought %d.\nAnd more of it.", i)))
		f.say(working, says(fmt.Sprintf("said %d.", i)))
	}
	s := show(t, f, 120, 36, false, func(o *Options) { o.Session = working })
	s.See("said 299.")
	s.Press("g")
	s.See("thought 0.")
	s.Press(strings.Split(strings.Repeat("j", 58), "")...)
	selected := func(screen string) (row int, line string) {
		for i, l := range strings.Split(screen, "\n") {
			if _, after, ok := strings.Cut(l, "▌"); ok {
				return i, strings.TrimSpace(after)
			}
		}
		return -1, ""
	}
	var row int
	s.Until("a block in the middle is selected", func(screen string) bool {
		var line string
		row, line = selected(screen)
		return strings.Contains(line, "thought: thought 28.")
	})
	s.Press(enter) // unfolds it
	s.See("And more of it.")
	for _, note := range []string{"everything is shown", "what is for programs is hidden"} {
		s.Press("v")
		s.See(note, "And more of it.")
		s.Until("the block is where it was", func(screen string) bool {
			r, l := selected(screen)
			return r == row && l == "✻ thought 28."
		})
	}
}
