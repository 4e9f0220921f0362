package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
)

// summarizing is a scripted world whose summarisers keep their notes in a directory,
// and have their script from there.
type summarizing struct {
	*world
	dir string
}

func summarizingWorld(t *testing.T, flavour string, prepare func(*world)) *summarizing {
	t.Helper()
	w := newWorld(t)
	s := &summarizing{w, t.TempDir()}
	w.env = []string{scripted.SummariesVariable + "=" + s.dir}
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), flavour)
	w.cfg.Jobs.Backoff = time.Millisecond
	if prepare != nil {
		prepare(w)
	}
	w.start()
	return s
}

// script says what summarisers are to do from now on; "" for a summary.
func (s *summarizing) script(steps string) {
	s.t.Helper()
	err := os.Remove(filepath.Join(s.dir, "script"))
	if steps != "" {
		err = os.WriteFile(filepath.Join(s.dir, "script"), []byte(steps), 0o600)
	}
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
}

// notes reads what summarisers have left under a name.
func (s *summarizing) notes(name string) []string {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "*."+name))
	if err != nil {
		s.t.Fatal(err)
	}
	var notes []string
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		notes = append(notes, string(b))
	}
	return notes
}

// summarize asks for a summary and waits for its job to end.
func (w *world) summarize(id string) api.Job {
	w.t.Helper()
	r, err := w.SummarizeSession(w.ctx, api.SessionParams{SessionID: id})
	if err != nil || r.Job == nil {
		w.t.Fatalf("summarizeSession: %+v, %v", r, err)
	}
	return w.job(r.Job.ID, func(j api.Job) bool { return !j.State.Open() })
}

// job waits until a job is as wanted.
func (w *world) job(id string, wanted func(api.Job) bool) api.Job {
	w.t.Helper()
	var j api.Job
	if !poll(func() bool {
		list, err := w.ListJobs(w.ctx, api.ListJobsParams{Limit: ptr(500)})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, one := range list.Jobs {
			if one.ID == id {
				j = one
			}
		}
		return wanted(j)
	}) {
		w.t.Fatalf("job is not as wanted: %+v", j)
	}
	return j
}

func inState(states ...api.JobState) func(api.Job) bool {
	return func(j api.Job) bool { return slices.Contains(states, j.State) }
}

// summary reads the newest summary of a session, which there has to be.
func (w *world) summary(id string) api.Summary {
	w.t.Helper()
	r, err := w.GetSummary(w.ctx, api.GetSummaryParams{SessionID: id})
	if err != nil || r.Summary == nil {
		w.t.Fatalf("getSummary: %+v, %v", r, err)
	}
	return *r.Summary
}

// TestSummaryOnDemand has all that belongs to a summary: the text, the title, the
// events, what it has cost; and leaves nothing behind but that.
func TestSummaryOnDemand(t *testing.T) {
	t.Parallel()
	for _, flavour := range claudecli.Versions() {
		t.Run(flavour, func(t *testing.T) {
			t.Parallel()
			s := summarizingWorld(t, flavour, nil)
			ses := s.run("say: the <private>secret</private> answer\ntools: 2")
			if job := s.summarize(ses.ID); job.State != api.JobDone || job.Attempts != 1 || job.Reason != "" {
				t.Fatalf("job: %+v", job)
			}
			sum := s.summary(ses.ID)
			if sum.Title != "about say: the [private] answer" || sum.FromSeq == 0 || sum.ToSeq <= sum.FromSeq || sum.CostUSD <= 0 || sum.InputTokens != 12 || sum.Model == "" {
				t.Errorf("summary: %+v", sum)
			}
			now := s.when(ses.ID, func(ses api.Session) bool { return ses.Summary != nil })
			if now.Title != sum.Title || *now.Summary != (api.SummaryNote{Title: sum.Title, ToSeq: sum.ToSeq, CreatedAt: sum.CreatedAt}) {
				t.Errorf("session: %+v", now)
			}
			if now.LastActivityAt != ses.LastActivityAt || now.CostUSD != ses.CostUSD || now.Status != ses.Status {
				t.Errorf("the session is another: %+v, was %+v", now, ses)
			}
			s.checkSummaryEvents(ses.ID, sum)
			s.checkNoTrace(ses)
			again, err := s.SummarizeSession(s.ctx, api.SessionParams{SessionID: ses.ID})
			if err != nil || again.Job != nil || again.Summary == nil || *again.Summary != sum {
				t.Errorf("asked again: %+v, %v", again, err)
			}
		})
	}
}

func (s *summarizing) checkSummaryEvents(id string, sum api.Summary) {
	s.t.Helper()
	var states []api.JobState
	var told []api.Summary
	for _, ev := range s.log(id) {
		switch ev.Type {
		case api.EventJobUpdated:
			states = append(states, decode[api.Job](s.t, ev).State)
		case api.EventSessionSummarized:
			told = append(told, decode[api.Summary](s.t, ev))
		}
	}
	if diff := cmp.Diff([]api.JobState{api.JobQueued, api.JobRunning, api.JobDone}, states); diff != "" {
		s.t.Error(diff)
	}
	if len(told) != 1 || told[0] != sum {
		s.t.Errorf("told %+v, want %+v", told, sum)
	}
}

// checkNoTrace looks for what a summariser must not leave, show or have.
func (s *summarizing) checkNoTrace(ses api.Session) {
	s.t.Helper()
	list, err := s.ListSessions(s.ctx, api.ListSessionsParams{})
	if err != nil || len(list.Sessions) != 1 {
		s.t.Errorf("sessions: %+v, %v", list, err)
	}
	transcripts, err := filepath.Glob(filepath.Join(s.home, ".claude", "projects", "*", "*"))
	if err != nil || len(transcripts) != 1 || !strings.Contains(transcripts[0], ses.ClaudeSessionID) {
		s.t.Errorf("transcripts: %q, %v", transcripts, err)
	}
	if !poll(func() bool {
		left, err := os.ReadDir(filepath.Join(s.cfg.StateDir, "jobs"))
		return err == nil && len(left) == 0
	}) {
		s.t.Error("files of the job are left")
	}
	prompts, reports := s.notes("prompt"), s.notes("report")
	if len(prompts) != 1 || strings.Contains(prompts[0], "secret") || !strings.Contains(prompts[0], "[tool ") {
		s.t.Errorf("prompts: %q", prompts)
	}
	var report scripted.Report
	if len(reports) != 1 || json.Unmarshal([]byte(reports[0]), &report) != nil {
		s.t.Fatalf("reports: %q", reports)
	}
	if report.Env["SESSIOND_SUMMARIZER"] != "1" || report.Env["SESSIOND_SESSION_ID"] != "" || report.Env["CLAUDE_CODE_DISABLE_ATTACHMENTS"] != "1" {
		s.t.Errorf("environment: %v", report.Env)
	}
	if args := strings.Join(report.Argv, " "); strings.Contains(args, "answer") || !strings.Contains(args, "--model=haiku") || !strings.Contains(args, "--tools= ") {
		s.t.Errorf("arguments: %s", args)
	}
	if report.Cwd == s.work {
		s.t.Error("it works in the session's directory")
	}
}

// TestSummariesAreIncremental: what is said while a summary is made is for the next
// one. Everything that was said is read for one summary, and nothing for two.
func TestSummariesAreIncremental(t *testing.T) {
	t.Parallel()
	s := summarizingWorld(t, claudecli.Pinned, nil)
	p := s.prompt("say: word 0")
	p.Interactive = ptr(true)
	id := s.launch(p)
	said := 1
	speak := func() {
		text := fmt.Sprintf("say: word %d", said)
		if _, err := s.SendMessage(s.ctx, api.SendMessageParams{SessionID: id, Content: api.Text(text)}); err != nil {
			t.Fatal(err)
		}
		said++
		s.when(id, func(ses api.Session) bool { return ses.NumTurns == said })
	}
	s.when(id, func(ses api.Session) bool { return ses.NumTurns == 1 })
	gate := filepath.Join(t.TempDir(), "gate")
	for round := range 3 {
		s.script("wait: " + gate + `
answer: {"title":"round ` + fmt.Sprint(round) + `","request":"","investigated":"","learned":"","completed":"","next_steps":""}`)
		r, err := s.SummarizeSession(s.ctx, api.SessionParams{SessionID: id})
		if err != nil || r.Job == nil {
			t.Fatal(r, err)
		}
		if !poll(func() bool { return len(s.notes("prompt")) == round+1 }) {
			t.Fatal("no summariser came")
		}
		speak()
		later, err := s.SummarizeSession(s.ctx, api.SessionParams{SessionID: id})
		if err != nil || later.Job == nil || later.Job.ID == r.Job.ID || later.Job.LastSeq <= r.Job.LastSeq {
			t.Fatalf("asked while one is made: %+v, %v", later, err)
		}
		if _, err := s.CancelJob(s.ctx, api.JobParams{JobID: later.Job.ID}); err != nil { // the next round asks for it again
			t.Fatal(err)
		}
		touch(t, gate)
		if job := s.job(r.Job.ID, func(j api.Job) bool { return !j.State.Open() }); job.State != api.JobDone {
			t.Fatalf("%+v", job)
		}
		if err := os.Remove(gate); err != nil {
			t.Fatal(err)
		}
	}
	s.script("")
	s.summarize(id)
	s.checkContiguous(id, 4)
	all := strings.Join(s.notes("prompt"), "\n")
	for i := range said {
		if n := strings.Count(all, fmt.Sprintf("\n[user]\nsay: word %d\n", i)); n != 1 {
			t.Errorf("word %d was read %d times", i, n)
		}
	}
	if last := s.summary(id); last.Investigated != "round 2" { // the scripted one says what it was told of the one before
		t.Errorf("the last was not told of the one before: %+v", last)
	}
	if ses := s.when(id, func(api.Session) bool { return true }); ses.Title != "round 0" {
		t.Errorf("title %q", ses.Title)
	}
}

// checkContiguous reads all summaries of a session, newest first.
func (w *world) checkContiguous(id string, want int) {
	w.t.Helper()
	n := 0
	for before := int64(1) << 60; ; n++ {
		r, err := w.GetSummary(w.ctx, api.GetSummaryParams{SessionID: id, BeforeSeq: &before})
		if err != nil {
			w.t.Fatal(err)
		}
		if r.Summary == nil {
			break
		}
		if r.Summary.ToSeq < r.Summary.FromSeq || r.Summary.ToSeq >= before {
			w.t.Errorf("%+v, before %d", r.Summary, before)
		}
		for _, ev := range w.conversation(api.GetConversationParams{SessionID: id, AfterSeq: r.Summary.ToSeq}) {
			says := ev.EventType == api.ConversationMessage || ev.EventType == api.ConversationToolCall || ev.EventType == api.ConversationToolResult
			if says && ev.Seq < before && before < 1<<60 {
				w.t.Errorf("event %d is in no summary", ev.Seq)
			}
		}
		before = r.Summary.FromSeq
	}
	if n != want {
		w.t.Errorf("%d summaries, want %d", n, want)
	}
}

// TestSummariesByThemselves come when a session ends, and when it has been idle; not
// of sessions with little in them, and not of what was before they were wanted.
func TestSummariesByThemselves(t *testing.T) {
	t.Parallel()
	s := summarizingWorld(t, claudecli.Pinned, nil)
	old := s.run("say: before it was wanted")
	s.stop()
	s.cfg.Summaries.Auto, s.cfg.Summaries.MinEvents, s.cfg.Summaries.Idle = true, 3, 50*time.Millisecond
	s.start()
	short := s.run("say: little")
	long := s.run("tools: 3")
	p := s.prompt("tools: 2")
	p.Interactive = ptr(true)
	idle := s.launch(p)
	for name, id := range map[string]string{"ended": long.ID, "idle": idle} {
		ses := s.when(id, func(ses api.Session) bool { return ses.Summary != nil })
		if ses.Summary.Title == "" {
			t.Errorf("%s: %+v", name, ses.Summary)
		}
	}
	jobs, err := s.ListJobs(s.ctx, api.ListJobsParams{})
	if err != nil || len(jobs.Jobs) != 2 {
		t.Errorf("jobs: %+v, %v", jobs, err)
	}
	for _, j := range jobs.Jobs {
		if j.SessionID == old.ID || j.SessionID == short.ID {
			t.Errorf("a job that nobody wanted: %+v", j)
		}
	}
	// What ends while no daemon looks is seen by the next.
	s.stop()
	s.cfg.Summaries.MinEvents = 0
	s.start()
	if _, err := s.EndSession(s.ctx, api.EndSessionParams{SessionID: idle}); err != nil {
		t.Fatal(err)
	}
	s.until(idle, final...)
	jobs, err = s.ListJobs(s.ctx, api.ListJobsParams{SessionID: idle})
	if err != nil || len(jobs.Jobs) != 1 {
		t.Errorf("nothing was said since, and yet: %+v, %v", jobs, err)
	}
}
