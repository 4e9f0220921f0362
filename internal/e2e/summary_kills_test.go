package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestSummariesAcrossKills: while sessions talk and are summarised by themselves, the
// daemon is killed five times. In the end everything that was said was stored for one
// summary, and nothing for two; no job is left open.
func TestSummariesAcrossKills(t *testing.T) {
	t.Parallel()
	const kills, sessions = 5, 3
	w := newWorld(t)
	sum := &summarizing{w, t.TempDir()}
	w.env = []string{scripted.SummariesVariable + "=" + sum.dir, "SESSIOND_SUMMARIZE=all", "SESSIOND_SUMMARIZE_IDLE=1s",
		"SESSIOND_JOB_ATTEMPTS=100", "SESSIOND_JOB_BACKOFF=1ms", "SESSIOND_MAX_SUMMARIZERS=2"}
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	s := serve(t, w)
	var ids []string
	for i := range sessions {
		p := s.prompt(fmt.Sprintf("say: word %d 0.", i))
		p.Interactive = ptr(true)
		ids = append(ids, s.launch(p))
	}
	for round := 1; round <= kills; round++ {
		before := len(sum.notes("prompt")) // before any is asked for: all may have come by the end of this
		for i, id := range ids {
			if _, err := s.SendMessage(s.ctx, api.SendMessageParams{SessionID: id, Content: api.Text(fmt.Sprintf("say: word %d %d.", i, round))}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.SummarizeSession(s.ctx, api.SessionParams{SessionID: id}); err != nil {
				t.Fatal(err)
			}
		}
		if !poll(func() bool { return len(sum.notes("prompt")) > before }) { // in the midst of it
			t.Fatal("no summariser came")
		}
		s.killDaemon()
		s.launchDaemon()
	}
	for _, id := range ids {
		s.when(id, func(ses api.Session) bool { return ses.NumTurns == kills+1 })
		if _, err := s.EndSession(s.ctx, api.EndSessionParams{SessionID: id}); err != nil {
			t.Fatal(err)
		}
		s.until(id, final...)
	}
	for i, id := range ids {
		s.checkWords(i, id, kills)
	}
	open := api.ListJobsParams{State: []api.JobState{api.JobQueued, api.JobRunning, api.JobDead}}
	if !poll(func() bool {
		left, err := s.ListJobs(s.ctx, open)
		return err == nil && len(left.Jobs) == 0
	}) {
		t.Error("jobs are left open, or dead")
	}
}

// checkWords waits until all that was said in a session is covered, and counts for how
// many summaries each word was read, those that were stored: the job of each names them.
func (s *served) checkWords(session int, id string, last int) {
	s.t.Helper()
	if !poll(func() bool {
		r, err := s.SummarizeSession(s.ctx, api.SessionParams{SessionID: id})
		return err == nil && r.Job == nil
	}) {
		s.t.Fatal("it is never covered")
	}
	covers := map[int64]int{} // by seq of what was said
	said := map[int64]string{}
	for _, ev := range s.conversation(api.GetConversationParams{SessionID: id}) {
		if ev.EventType == api.ConversationMessage && strings.Contains(ev.Content, fmt.Sprintf("word %d ", session)) {
			said[ev.Seq] = ev.Content
		}
	}
	if len(said) < 2*(last+1) { // what the user said, and what was answered
		s.t.Errorf("only this was said: %v", said)
	}
	before := int64(1) << 60
	for {
		r, err := s.GetSummary(s.ctx, api.GetSummaryParams{SessionID: id, BeforeSeq: &before})
		if err != nil {
			s.t.Fatal(err)
		}
		if r.Summary == nil {
			break
		}
		for seq := range said {
			if seq >= r.Summary.FromSeq && seq <= r.Summary.ToSeq {
				covers[seq]++
			}
		}
		before = r.Summary.ToSeq
	}
	for seq, text := range said {
		if covers[seq] != 1 {
			s.t.Errorf("event %d (%s) is in %d summaries", seq, text, covers[seq])
		}
	}
}
