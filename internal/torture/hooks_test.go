package torture

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/rpc/client"
	"github.com/sessiond/sessiond/session/hook"
	"github.com/sessiond/sessiond/store"
)

var observations = flag.Int("observations", 8000, "how many observations TestObservations makes")

const (
	producers  = 4
	perPrompt  = 25 // observations
	timesOfDay = 5  // the daemon is killed
)

// producer is a claude in a terminal that does nothing but use a tool.
type producer struct {
	id         string
	made       int
	transcript string                   // its path; "": there is none
	put        func(input string) error // has the hook be told something
	write      func(i int) error        // writes what the transcript has of an observation; nil: nothing
}

// into has hooks be told by way of a spool; none is waited for.
func into(spool string) func(string) error {
	return func(input string) error {
		for {
			err := hook.Put(spool, hook.Record{Time: time.Now(), Input: []byte(input)})
			if !errors.Is(err, hook.ErrFull) {
				return err
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// run makes n observations, each of which is said once.
func (p *producer) run(n int) error {
	say := func(event, rest string) error {
		return p.put(fmt.Sprintf(`{"session_id":%q,"transcript_path":%q,"cwd":"/work","hook_event_name":%q%s}`, p.id, p.transcript, event, rest))
	}
	if err := say("SessionStart", `,"source":"startup"`); err != nil {
		return err
	}
	for i := range n {
		if i%perPrompt == 0 {
			if err := say("UserPromptSubmit", fmt.Sprintf(`,"prompt_id":"p%d","prompt":"prompt %d"`, i/perPrompt, i/perPrompt)); err != nil {
				return err
			}
		}
		if p.write != nil {
			if err := p.write(i); err != nil {
				return err
			}
		}
		err := say("PostToolUse", fmt.Sprintf(`,"tool_name":"Bash","tool_use_id":"toolu_%d","tool_input":{"command":"echo %d"},"tool_response":{"stdout":"%d%s"}`,
			i, i, i, strings.Repeat("x", 300)))
		if err != nil {
			return err
		}
		p.made++
	}
	if err := say("Stop", ""); err != nil {
		return err
	}
	return say("SessionEnd", `,"reason":"other"`)
}

// TestObservations has four claudes use tools as fast as they can, while they are
// summarised and the daemon is killed again and again: no observation is lost, none is
// there twice, all are in order, and each is read for one summary.
func TestObservations(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "sdt") // short, because of the socket in it
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(t.Context(), patience*time.Duration(1+*observations/20_000))
	defer cancel()
	d := &program{exe: sessiond, state: filepath.Join(dir, "state"), socket: filepath.Join(dir, "s"), log: filepath.Join(dir, "log"),
		env: []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "SESSIOND_CLAUDE=" + scripted.Install(t, t.TempDir()),
			"SESSIOND_MAX_SUMMARIZERS=2", "SESSIOND_JOB_ATTEMPTS=100", "SESSIOND_JOB_BACKOFF=10ms"}}
	if err := d.start(ctx); err != nil {
		t.Fatal(err)
	}
	defer d.kill()
	began := time.Now()
	all := make([]producer, producers)
	var wg sync.WaitGroup
	for i := range all {
		all[i].id, all[i].put = uuid.NewString(), into(hook.Dir(d.state))
		wg.Go(func() {
			if err := all[i].run(*observations / producers); err != nil {
				t.Errorf("producer %d: %v", i, err)
			}
		})
	}
	made, stop := context.WithCancel(ctx)
	defer stop()
	var summarizing sync.WaitGroup
	summarizing.Go(func() { summarizeAll(made, d.socket) })
	for range timesOfDay {
		time.Sleep(time.Duration(rand.IntN(max(1, *observations/20))) * time.Millisecond)
		d.kill()
		if err := d.start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	c, err := client.Dial(ctx, d.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sessions := untilEnded(ctx, t, c, producers)
	stop()
	summarizing.Wait()
	t.Logf("%d observations, with %d kills, in %v", *observations, timesOfDay, time.Since(began))
	for i := range all {
		checkObservations(ctx, t, c, &all[i], sessions)
	}
	for _, ses := range sessions {
		checkSummaries(ctx, t, c, ses.ID)
	}
	if seen := len(readObservations(ctx, t, c, api.ListObservationsParams{})); seen != *observations/producers*producers {
		t.Errorf("%d observations in all, %d were made", seen, *observations)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	checkSpool(ctx, t, d.state)
}

// checkSpool: nothing is left in the spool of a daemon that was stopped, nor remembered of it.
func checkSpool(ctx context.Context, t *testing.T, state string) {
	t.Helper()
	if left, err := os.ReadDir(hook.Dir(state)); err != nil || len(left) > 0 {
		t.Errorf("left in the spool: %d, %v", len(left), err)
	}
	s, err := store.Open(ctx, filepath.Join(state, "sessiond.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if names, err := s.HookInputs(ctx); err != nil || len(names) > 0 {
		t.Errorf("remembered for ever: %d, %v", len(names), err)
	}
}

// summarizeAll has all sessions summarised again and again, whatever becomes of the daemon.
func summarizeAll(ctx context.Context, socket string) {
	for ctx.Err() == nil {
		if c, err := client.Dial(ctx, socket); err == nil {
			list, _ := c.ListSessions(ctx, api.ListSessionsParams{}) // none, if it was killed
			for _, ses := range list.Sessions {
				_, _ = c.SummarizeSession(ctx, api.SessionParams{SessionID: ses.ID}) // there may be nothing new
			}
			_ = c.Close()
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// checkSummaries waits until a session is summarised to its end, and checks that its
// summaries cover it without a hole and nothing twice.
func checkSummaries(ctx context.Context, t *testing.T, c *client.Client, id string) {
	t.Helper()
	for {
		r, err := c.SummarizeSession(ctx, api.SessionParams{SessionID: id})
		if err != nil {
			t.Fatal(err)
		}
		if r.Job == nil {
			break
		}
		select {
		case <-ctx.Done():
			t.Fatalf("it is never summarised: %+v", r.Job)
		case <-time.After(50 * time.Millisecond):
		}
	}
	if left := readObservations(ctx, t, c, api.ListObservationsParams{SessionID: id, Unprocessed: true}); len(left) > 0 {
		t.Errorf("%d observations are in no summary", len(left))
	}
	seqs := map[int64]bool{} // of the observations that no summary has had yet
	for _, o := range readObservations(ctx, t, c, api.ListObservationsParams{SessionID: id}) {
		seqs[o.Seq] = true
	}
	n, before, end := 0, int64(1)<<60, int64(1)<<60
	for {
		r, err := c.GetSummary(ctx, api.GetSummaryParams{SessionID: id, BeforeSeq: &before})
		if err != nil {
			t.Fatal(err)
		}
		if r.Summary == nil {
			break
		}
		if n++; r.Summary.ToSeq >= end || r.Summary.FromSeq > r.Summary.ToSeq {
			t.Fatalf("summary %+v, the one behind it begins with %d", r.Summary, end)
		}
		for seq := range seqs {
			if seq >= r.Summary.FromSeq && seq <= r.Summary.ToSeq {
				delete(seqs, seq)
			}
		}
		before, end = r.Summary.ToSeq, r.Summary.FromSeq // one that overlaps with it is not passed over
	}
	if n == 0 || len(seqs) > 0 {
		t.Errorf("%d summaries, %d observations in none of them", n, len(seqs))
	}
	t.Logf("%d summaries of %s", n, id)
}

// untilEnded waits until all sessions have ended.
func untilEnded(ctx context.Context, t *testing.T, c *client.Client, n int) []api.Session {
	t.Helper()
	for {
		list, err := c.ListSessions(ctx, api.ListSessionsParams{})
		if err != nil {
			t.Fatal(err)
		}
		ended := 0
		for _, ses := range list.Sessions {
			if ses.Status.Final() {
				ended++
			}
		}
		if ended == n {
			return list.Sessions
		}
		select {
		case <-ctx.Done():
			t.Fatalf("sessions: %+v", list.Sessions)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func readObservations(ctx context.Context, t *testing.T, c *client.Client, p api.ListObservationsParams) (all []api.Observation) {
	t.Helper()
	p.Limit = new(1000)
	for {
		page, err := c.ListObservations(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Observations...)
		if page.NextAfterSeq == nil {
			return all
		}
		p.AfterSeq = *page.NextAfterSeq
	}
}

// checkObservations compares what a claude has done with what the daemon says.
func checkObservations(ctx context.Context, t *testing.T, c *client.Client, p *producer, sessions []api.Session) {
	t.Helper()
	var its []api.Session
	for _, ses := range sessions {
		if ses.ClaudeSessionID == p.id {
			its = append(its, ses)
		}
	}
	if len(its) != 1 || its[0].Status != api.StatusCompleted || its[0].Query != "prompt 0" || its[0].NumTurns != 1 {
		t.Fatalf("sessions of %s: %+v", p.id, its)
	}
	got := readObservations(ctx, t, c, api.ListObservationsParams{SessionID: its[0].ID})
	if len(got) != p.made {
		t.Errorf("%s: %d observations, %d were made", p.id, len(got), p.made)
	}
	for i, o := range got {
		if o.ToolID != fmt.Sprintf("toolu_%d", i) || string(o.ToolInput) != fmt.Sprintf(`{"command":"echo %d"}`, i) ||
			!strings.HasPrefix(o.Response, fmt.Sprintf(`{"stdout":"%dx`, i)) || o.PromptNumber != 1+i/perPrompt || o.WorkingDir != "/work" || o.ToolName != "Bash" || o.IsError {
			t.Fatalf("%s: observation %d: %+v", p.id, i, o)
		}
	}
	answers := 0
	for after := int64(0); ; {
		page, err := c.GetConversation(ctx, api.GetConversationParams{SessionID: its[0].ID, AfterSeq: after, Limit: new(10000)})
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range page.Events {
			if ev.EventType == api.ConversationToolResult {
				answers++
			}
		}
		if page.NextAfterSeq == nil {
			break
		}
		after = *page.NextAfterSeq
	}
	if answers != p.made {
		t.Errorf("%s: %d answers, %d were made", p.id, answers, p.made)
	}
}
