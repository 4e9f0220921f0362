package tui

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/rpc/api"
)

const (
	enter = "\r"
	esc   = "\x1b[27u" // as terminals send it that tell it from the beginning of other keys
	tab   = "\t"
	up    = "\x1b[A"
	down  = "\x1b[B"
)

// called waits until a call was made.
func (s *screen) called(call string) {
	s.Until(call, func(string) bool {
		if s.has(call) {
			return true
		}
		s.nudge() // there may be nothing to be drawn when a call has been made
		return false
	})
}

func TestAQuestionIsAnsweredWithOneKey(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		keys []string
		call string
	}{
		"yes":    {[]string{"y"}, `{"approval_id":"q1","decision":"approve"}`},
		"always": {[]string{"a"}, `{"approval_id":"q1","decision":"approve","remember":[0]}`},
		"no":     {[]string{"n", "not that\r"}, `{"approval_id":"q1","decision":"deny","comment":"not that"}`},
		"no why": {[]string{"n", enter}, `{"approval_id":"q1","decision":"deny","comment":"The user said no."}`},
		"prompt": {[]string{"i", "\x1by"}, `{"approval_id":"q1","decision":"approve"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := show(t, scene(), 120, 36, false, nil)
			s.See("y yes")
			s.Press(tc.keys...)
			s.called("sendDecision " + tc.call)
			q := s.approvals[0]
			q.Status = api.ApprovalApproved
			s.happens(api.EventApprovalResolved, asking, q)
			s.Gone("? may Bash run")
			s.See("1 question")
		})
	}
}

func TestAQuestionThatHasJustComeIsNotAnswered(t *testing.T) {
	t.Parallel()
	f := scene()
	m := quiet(t, f)
	m.list.selected = waiting
	m.Update(nil)
	m.Update(eventsMsg{event(1000, api.EventNewApproval, waiting, api.Approval{ID: "q9", SessionID: waiting, ToolName: "Bash", Status: api.ApprovalPending})})
	if _, done := m.answerKey("y"); done || m.current.shown.ID != "q9" {
		t.Error("a question was answered that nobody can have read")
	}
	m.Update(settledMsg{"q9", m.current.shows})
	if _, done := m.answerKey("y"); !done {
		t.Error("it cannot be answered")
	}
	if _, done := m.answerKey("y"); done {
		t.Error("it can be answered twice")
	}
}

func TestTheInputIsEdited(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 120, 36, false, nil)
	s.See("y yes")
	s.Press("e")
	s.See("edit what Bash is to do", `"description": "run the tests`)
	s.Press("\x1b[1;5H", "\x0b") // the beginning; all of the line goes: it was "{"
	s.Press("\x13")
	s.See("that is no JSON object")
	s.Press("{", "\x13")
	s.called(`sendDecision {"approval_id":"q1","decision":"approve","updated_input":{"command":"go test ./... -run TestUpload -server https://upload.example.com","description":"run the tests against the real server"}}`)
}

// An input that is longer than there is room for is said to be, and can be seen whole.
func TestALongInputIsShownWhole(t *testing.T) {
	t.Parallel()
	f := scene()
	input, _ := api.Marshal(map[string]string{"command": strings.Repeat("echo a line\n", 60) + "rm the last one"})
	f.approvals[0].ToolInput = input
	s := show(t, f, 80, 24, false, func(o *Options) { o.Session = asking })
	s.See("lines more: s shows all", "in this directory")
	s.Press("s")
	s.See("what Bash is asked to do", "62 lines")
	s.Press("G")
	s.See("rm the last one")
	s.Press("x")
	s.See("lines more: s shows all")
}

func TestQuestionsWithOptions(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 120, 36, false, nil)
	s.See("y yes")
	s.Press("j")
	s.See("Database: Where are orders kept?", "2  PostgreSQL", "1-9 choose")
	s.Press("7")
	s.See("there is no option 7")
	s.Press("2")
	s.See("Extras: What else?", "y sends")
	s.Press("y")
	s.See("choose an option by its number")
	s.Press("1", "2", "3", "2")
	s.See("✓ 1  backups", "✓ 3  a dashboard")
	s.golden("options")
	s.Press("y")
	s.called(`sendDecision {"approval_id":"q2","decision":"approve","updated_input":{"answers":{"What else?":"backups, a dashboard","Where are orders kept?":"PostgreSQL"},"questions":` +
		`[{"header":"Database","question":"Where are orders kept?","options":[{"label":"SQLite","description":"one file, no server"},{"label":"PostgreSQL","description":"a server that is there already"}]},` +
		`{"header":"Extras","question":"What else?","multiSelect":true,"options":[{"label":"backups"},{"label":"metrics"},{"label":"a dashboard"}]}]}}`)
}

func TestAnAnswerInWords(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 80, 24, false, func(o *Options) { o.Session = choosing })
	s.See("1-9 choose")
	s.Press("w", "in a drawer\r")
	s.See("Extras: What else?")
	s.Press("w", "nothing\r")
	s.Until("the answer", func(string) bool {
		s.nudge()
		return strings.Contains(s.last("sendDecision"), `"What else?":"nothing","Where are orders kept?":"in a drawer"`)
	})
}

func TestThePromptLine(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 120, 36, false, func(o *Options) { o.Session = working })
	s.See("nightly.py")
	s.Press("i", "first", "\x1b\r", "second\r")
	s.called(`sendMessage {"session_id":"` + working + `","content":"first\nsecond","delivery":"queue"}`)
	s.Press("now!", "\x13")
	s.called(`sendMessage {"session_id":"` + working + `","content":"now!","delivery":"now"}`)
	s.Press("draft", up)
	s.See("› now!")
	s.Press(up)
	s.See("› first", "  second")
	s.Press(down, down, down)
	s.See("› draft")
	s.Press("\x1b[200~pasted\x1b[31m\rlines\x1b[201~")
	s.See("› draftpasted", "  lines")
	s.Press("\x03")
	s.Gone("draftpasted")
	s.Press("kept for later", tab)
	s.See("› kept for later")
	s.Press("k")
	s.Gone("kept for later")
	s.Press("j")
	s.See("› kept for later")
}

func TestAPromptThatIsRefusedComesBack(t *testing.T) {
	t.Parallel()
	f := scene()
	f.err["sendMessage"] = api.InvalidState(api.StatusRunning, "wait until it is done", "it takes no messages")
	s := show(t, f, 120, 36, false, func(o *Options) { o.Session = working })
	s.See("nightly.py")
	s.Press("i", "do more\r")
	s.See("could not send it: it takes no messages — wait until it is done", "› do more")
}

func TestAPromptContinuesWhatHasEnded(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 120, 36, false, func(o *Options) { o.Session = done })
	s.See("直しました。")
	s.Press("i")
	s.See("enter continues it as a new session")
	s.Press("thanks\r")
	s.called(`continueSession {"session_id":"` + done + `","query":"thanks","interactive":true,"include_partial_messages":true,"env":{"A":"b"}}`)
	s.See("a new session continues it", "nothing has been said yet")
	s.happens(api.EventSessionCreated, "new", api.Session{ID: "new", Title: "the child", Status: api.StatusStarting, LastActivityAt: ago(0), CreatedAt: ago(0)})
	s.See("◌ the child  starting")
}

func TestTheQueueIsEdited(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 120, 36, false, func(o *Options) { o.Session = working })
	s.See("⧗ and send it to the team", "⧗ then delete the old script")
	s.Press("Q", "j")
	s.See("▌ ⧗ then delete the old script")
	s.Press("d")
	s.called(`cancelMessage {"message_id":"m2"}`)
	s.happens(api.EventMessageUpdated, working, api.Message{ID: "m2", Content: api.Text("x"), State: api.MessageCancelled})
	s.Gone("⧗ then delete the old script")
	s.Press("e")
	s.called(`cancelMessage {"message_id":"m1"}`)
	s.See("› and send it to the team when it looks right")
	s.Press(" please\r")
	s.called(`sendMessage {"session_id":"` + working + `","content":"and send it to the team when it looks right please","delivery":"queue"}`)
}

func TestSessionsAreLaunched(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 80, 24, false, nil)
	s.See("6 sessions")
	s.Press("N")
	s.See("launch a session", "/home/ada/src/upload")
	s.Press("\x13")
	s.See("say what it is to do")
	s.Press("tidy up\rthen rest", tab, tab, "a title", tab, "opus", tab, "plan", tab, "x y")
	s.golden("launch")
	s.Press(tab, "\x15no", enter)
	s.called(`launchSession {"query":"tidy up\nthen rest","working_dir":"/home/ada/src/upload","title":"a title","model":"opus","permission_mode":"plan",` +
		`"tags":["x","y"],"interactive":false,"include_partial_messages":true,"env":{"A":"b"}}`)
	s.See("nothing has been said yet")
}

func TestALaunchThatFailsCanBeMended(t *testing.T) {
	t.Parallel()
	f := scene()
	f.err["launchSession"] = api.InvalidParams("working_dir", "no such directory")
	s := show(t, f, 80, 24, false, nil)
	s.See("6 sessions")
	s.Press("N", "tidy up", "\x13")
	s.See("could not launch it: working_dir: no such directory", "tidy up", "launch a session")
}

func TestAForkBeginsAtTheBlock(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 120, 36, false, func(o *Options) { o.Session = waiting })
	s.See("Findings")
	s.Press("F")
	s.See("fork ‘review the parser’ here")
	s.Press("try it otherwise", "\x13")
	s.called(`continueSession {"session_id":"` + waiting + `","query":"try it otherwise","fork":true,"at_seq":18,"interactive":true,"include_partial_messages":true,"env":{"A":"b"}}`)
}

func TestNoForkBeforeTheFirstAnswer(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 120, 36, false, func(o *Options) { o.Session = waiting })
	s.See("Findings")
	s.Press("g", "F")
	s.See("a fork begins behind something that Claude Code has said")
}

func TestWhatIsDoneToASession(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 120, 36, false, nil)
	s.See("6 sessions")
	s.Press("j", "j")
	s.See("Findings")
	one := `{"session_id":"` + waiting + `"`
	s.Press("I")
	s.called("interruptSession " + one + "}")
	s.Press("R")
	s.See("title: review the parser")
	s.Press(" again\r")
	s.called("updateSession " + one + `,"title":"review the parser again"}`)
	s.See("› review the parser again  waits for message")
	s.Press("M", "3")
	s.called("updateSession " + one + `,"model":"sonnet"}`)
	s.See("sonnet")
	s.Press("M", "5")
	s.See("model:")
	s.Press("my-own\r")
	s.called("updateSession " + one + `,"model":"my-own"}`)
	s.Press("P", "j", "j", enter)
	s.called("updateSession " + one + `,"permission_mode":"plan"}`)
	s.See("plan · my-own")
	s.Press("A")
	s.called(`archiveSessions {"session_ids":["` + waiting + `"],"archived":true}`)
	s.Press("E")
	s.See("end ‘review the parser again’?")
	s.Press("n")
	s.See("nothing was done")
	s.Press("E", "y")
	s.called("endSession " + one + "}")
	s.Press("D")
	s.See("for good?")
	s.Press("y")
	s.called("deleteSession " + one + "}")
	s.Gone("review the parser")
	if n := s.count("endSession"); n != 1 {
		t.Errorf("ended %d times", n)
	}
}

func TestErrorsAreShownWithWhatToDo(t *testing.T) {
	t.Parallel()
	f := scene()
	f.err["endSession"] = api.InvalidState(api.StatusCompleted, "delete it\nor leave it", "it has ended \x1b[2J")
	f.err["interruptSession"] = errors.New("internal error")
	s := show(t, f, 120, 36, false, nil)
	s.See("6 sessions")
	s.Press("E", "y")
	s.See("could not end it: it has ended ␛[2J — delete it or leave it")
	s.Press("I")
	s.See("could not interrupt it: internal error")
}

func TestSearchAndFilters(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 80, 24, false, nil)
	s.See("6 sessions")
	s.Press("/", "UP lo")
	s.See("2 sessions", "bump dependencies", "retry the upload")
	s.Press(enter)
	s.See("sessions  /UP lo")
	s.Press(esc)
	s.See("6 sessions")
	s.Press("f")
	s.See("sessions: needs you", "3 sessions")
	s.Press("f")
	s.See("sessions: live", "4 sessions")
	s.Press("f")
	s.See("sessions: ended", "2 sessions")
	s.Press("f")
	s.See("sessions: archived", "no session is like that")
	s.Press("f")
	s.See("6 sessions")
	s.Press("/", "nonsense")
	s.See("no session is like that")
	s.Press(esc)
	s.See("6 sessions")
}

func TestArchivedSessionsAreListed(t *testing.T) {
	t.Parallel()
	f := scene()
	f.sessions[4].Archived = true
	s := show(t, f, 80, 24, false, nil)
	s.See("5 sessions")
	s.Press("f", "f", "f", "f")
	s.See("sessions: archived", "1 session", "日本語")
	s.Press("A")
	s.called(`archiveSessions {"session_ids":["` + done + `"],"archived":false}`)
}

func TestASummaryIsShownAndMade(t *testing.T) {
	t.Parallel()
	f := scene()
	f.job = &api.Job{}
	f.summary = &api.Summary{CreatedAt: ago(0), SummaryText: api.SummaryText{Title: "A database is chosen", Request: "Choose one.\x1b[2J", NextSteps: "Run the tests."}}
	f.sessions[1].Summary = &api.SummaryNote{Title: f.summary.Title, CreatedAt: ago(0)}
	s := show(t, f, 100, 30, false, nil)
	s.See("6 sessions")
	s.Press("u")
	s.See("there is no summary of it; U makes one")
	s.Press("U")
	s.called(`summarizeSession {"session_id":"` + asking + `"}`)
	s.See("a summary is being made")
	s.Press("j", "u")
	s.See("A database is chosen", "Request", "Choose one.␛[2J", "Next steps", "Run the tests.", "as of 2026-03-14")
	s.called(`getSummary {"session_id":"` + choosing + `"}`)
	f.mu.Lock()
	f.job = nil
	f.mu.Unlock()
	s.Press("x", "U")
	s.See("nothing was said since its last summary")
}

func TestTheKeysAreDocumented(t *testing.T) {
	t.Parallel()
	const file, begin, end = "../../../docs/tui.md", "<!-- keys -->\n", "<!-- end of keys -->"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(b), begin)
	_, after, found := strings.Cut(rest, end)
	want := before + begin + Markdown() + "\n" + end + after
	if !found {
		t.Fatalf("%s has no place for the keys", file)
	}
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if want != string(b) {
		t.Errorf("%s is stale: run this test with -update", file)
	}
}

func TestAllKeysAreShown(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 80, 24, false, nil)
	s.See("6 sessions")
	s.Press("?")
	s.See("all keys", "Everywhere, but where you type")
	s.golden("help")
	s.Press("G")
	s.See("Forms and editors", "nothing is done")
	s.Press("x")
	s.See("6 sessions")
}

func TestNoKeyMeansTwoThings(t *testing.T) {
	t.Parallel()
	together := [][]place{{onQuestion, inList, onSession, everywhere}, {onQuestion, inTalk, onSession, everywhere}, {inPrompt}, {inQueue, everywhere}, {inForm}}
	for _, where := range together {
		seen := map[string]string{}
		for _, p := range where {
			for _, b := range bindings {
				for _, k := range b.keys {
					if b.place != p {
						continue
					}
					if other, ok := seen[k]; ok {
						t.Errorf("%s: %q and %q", k, b.does, other)
					}
					seen[k] = b.does
				}
			}
		}
	}
}

func TestTheMouse(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 120, 36, false, func(o *Options) { o.Mouse = true })
	s.See("y yes", "Then I'd like to run")
	const wheelUp, click = "\x1b[<64;90;10M", "\x1b[<0;%s;10M\x1b[<0;%s;10m"
	s.Press(wheelUp, wheelUp, wheelUp, wheelUp, wheelUp, wheelUp)
	s.Gone("Then I'd like to run")
	s.Press(strings.ReplaceAll(click, "%s", "90"))
	s.Press("G")
	s.See("Then I'd like to run", "▌ ○ Bash")
	s.Press("\x1b[<65;5;10M") // over the list
	s.See("Where are orders kept?")
	s.Press(strings.ReplaceAll(click, "%s", "5"))
	s.Press("j")
	s.See("Findings")
	s.Press("\x1b[<0;90;35M\x1b[<0;90;35m") // on the prompt line
	s.See("enter sends")
}

func TestBlocksAreUnfolded(t *testing.T) {
	t.Parallel()
	s := show(t, scene(), 120, 75, false, nil)
	s.See("y yes", "+2 lines", "✻ thought: The client gives up")
	s.Gone("batch_test.go:40")
	s.Press("l", "o")
	s.See("tools are unfolded", "batch_test.go:40", "pattern: func (c *Client) send")
	s.Press("o", "g", "j", enter)
	s.See("✻ The client gives up at the first error.")
	s.Press(enter)
	s.See("✻ thought: The client gives up")
	s.Press("t")
	s.See("thoughts are unfolded") // but this one was folded by itself
	s.Press(enter)
	s.See("✻ The client gives up at the first error.")
	s.Press("g", enter)
	s.See("there is nothing to unfold here")
}

func TestWhatIsForProgramsIsShownOnRequest(t *testing.T) {
	t.Parallel()
	f := scene()
	f.say(working, api.ConversationEvent{EventType: api.ConversationSystem, Role: "system", Content: "init"})
	f.say(working, api.ConversationEvent{EventType: api.ConversationSystem, Role: "system", Content: "api_retry"})
	s := show(t, f, 120, 36, false, func(o *Options) { o.Session = working })
	s.See("api_retry")
	s.Gone("  init")
	s.Press("v")
	s.See("  init", "everything is shown")
	s.Press("v")
	s.See("what is for programs is hidden")
	s.Gone("  init")
}
