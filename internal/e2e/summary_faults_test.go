package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/scripted"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
)

// TestSummarizerFaults: whatever a summariser does, its job is tried again, then dead
// with the reason, and the session is as it was. A job that is retried by a client
// once the cause is gone is done.
func TestSummarizerFaults(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct {
		script string
		reason string
		change func(*world)
	}{
		"hangs":           {"silence", "it took too long", func(w *world) { w.cfg.Summaries.Timeout = time.Second }},
		"will not end":    {"spawn: 2\nignore-signals", "it took too long", func(w *world) { w.cfg.Summaries.Timeout = 2 * time.Second }},
		"crashes":         {"die: KILL", "by SIGKILL", nil},
		"exits":           {"stderr: no more\nexit: 3", "exit code 3: no more", nil},
		"prints junk":     {"junk\nanswer: this is no JSON", "no JSON", nil},
		"another form":    {`answer: {"title":5}`, "title is no text", nil},
		"says nothing":    {"answer: ", "no JSON", nil},
		"an API error":    {"error: overloaded <private>x</private>", "overloaded [private]", nil},
		"over its budget": {"say: much", "error_max_budget_usd", func(w *world) { w.cfg.Summaries.BudgetUSD = 0.0001 }},
		"prints no end":   {"emit: 45000", "more than 16777216 bytes", nil},
		"is not there":    {"say: x", "no usable claude", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := summarizingWorld(t, claudecli.Pinned, func(w *world) {
				w.cfg.Jobs.Attempts = 2
				if fault.change != nil {
					fault.change(w)
				}
			})
			ses := s.run("say: hello")
			if name == "is not there" {
				if err := os.Rename(s.cfg.Claude, s.cfg.Claude+".away"); err != nil {
					t.Fatal(err)
				}
			}
			s.script(fault.script)
			job := s.summarize(ses.ID)
			if job.State != api.JobDead || job.Attempts != 2 || !strings.Contains(job.Reason, fault.reason) {
				t.Fatalf("job: %+v", job)
			}
			s.checkUntouched(ses)
			s.checkNobodyLeft()
			if fault.change != nil {
				return // the cause is the configuration
			}
			s.script("")
			if name == "is not there" {
				if err := os.Rename(s.cfg.Claude+".away", s.cfg.Claude); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.RetryJob(s.ctx, api.JobParams{JobID: job.ID}); err != nil {
				t.Fatal(err)
			}
			if job = s.job(job.ID, func(j api.Job) bool { return !j.State.Open() }); job.State != api.JobDone || job.Attempts != 1 {
				t.Errorf("retried: %+v", job)
			}
		})
	}
}

// checkUntouched: a session is as it was, and has no event since but those of its jobs.
func (w *world) checkUntouched(before api.Session) {
	w.t.Helper()
	now := w.when(before.ID, func(api.Session) bool { return true })
	if diff := cmp.Diff(before, now); diff != "" {
		w.t.Error(diff)
	}
	begun := false
	for _, ev := range w.log(before.ID) {
		if begun = begun || ev.Type == api.EventJobUpdated; begun && ev.Type != api.EventJobUpdated {
			w.t.Errorf("%s behind the begin of its job", ev.Type)
		}
	}
}

// checkNobodyLeft: no process of a summariser lives, nor one that it has started.
func (s *summarizing) checkNobodyLeft() {
	s.t.Helper()
	for _, note := range s.notes("report") {
		var report scripted.Report
		if err := json.Unmarshal([]byte(note), &report); err != nil {
			s.t.Fatal(err)
		}
		if n := shim.KillStrays("SESSIOND_JOB_LEASE=" + report.Env["SESSIOND_JOB_LEASE"]); n > 0 {
			s.t.Errorf("%d processes were left", n)
		}
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "*.report"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range files {
		pid, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(file), ".report"))
		if err != nil || syscall.Kill(pid, 0) == nil {
			s.t.Errorf("summariser %d lives, %v", pid, err)
		}
	}
}

// TestCancelASummary: a job that is at work is broken off, with its process; so is one
// whose session is deleted.
func TestCancelASummary(t *testing.T) {
	t.Parallel()
	s := summarizingWorld(t, claudecli.Pinned, nil)
	s.script("spawn: 1\nignore-signals")
	for i, end := range []func(api.Job) error{
		func(j api.Job) error {
			r, err := s.CancelJob(s.ctx, api.JobParams{JobID: j.ID})
			if err == nil && (r.Job.State != api.JobCancelled || !strings.Contains(r.Job.Reason, "cancelled by")) {
				t.Errorf("%+v", r.Job)
			}
			return err
		},
		func(j api.Job) error {
			_, err := s.DeleteSession(s.ctx, api.SessionParams{SessionID: j.SessionID})
			return err
		},
	} {
		ses := s.run("say: hello")
		r, err := s.SummarizeSession(s.ctx, api.SessionParams{SessionID: ses.ID})
		if err != nil {
			t.Fatal(err)
		}
		if !poll(func() bool { return len(s.notes("report")) == i+1 }) {
			t.Fatal("no summariser came")
		}
		if err := end(*r.Job); err != nil {
			t.Fatal(err)
		}
		s.checkNoFiles()
		s.checkNobodyLeft()
	}
	s.figures(func(h api.Health) bool {
		return h.Jobs.Depth == 0 && h.Jobs.Running == 0 && !h.Jobs.ProgressAt.IsZero()
	})
	var refused *api.Error
	if _, err := s.CancelJob(s.ctx, api.JobParams{JobID: "00000000-0000-7000-8000-000000000000"}); !errors.As(err, &refused) || refused.Reason != api.ReasonJobNotFound {
		t.Errorf("a job that is none: %v", err)
	}
	if _, err := s.SummarizeSession(s.ctx, api.SessionParams{SessionID: "00000000-0000-7000-8000-000000000000"}); !errors.As(err, &refused) || refused.Reason != api.ReasonSessionNotFound {
		t.Errorf("a session that is none: %v", err)
	}
}

// TestCancelAndRetryASummary: who is broken off takes nothing from who goes on with the
// same job meanwhile.
func TestCancelAndRetryASummary(t *testing.T) {
	t.Parallel()
	s := summarizingWorld(t, claudecli.Pinned, func(w *world) { w.cfg.Jobs.Attempts, w.cfg.Summaries.Parallel = 1, 4 })
	s.script("spawn: 1\nignore-signals")
	ses := s.run("say: hello")
	r, err := s.SummarizeSession(s.ctx, api.SessionParams{SessionID: ses.ID})
	if err != nil {
		t.Fatal(err)
	}
	const times = 20
	for n := range times {
		s.job(r.Job.ID, inState(api.JobRunning))
		if !poll(func() bool { return len(s.living()) > 0 }) {
			t.Fatal("no summariser came")
		}
		if _, err := s.CancelJob(s.ctx, api.JobParams{JobID: r.Job.ID}); err != nil {
			t.Fatal(err)
		}
		if n == times-1 {
			s.script("")
		}
		if _, err := s.RetryJob(s.ctx, api.JobParams{JobID: r.Job.ID}); err != nil {
			t.Fatal(err)
		}
	}
	if job := s.job(r.Job.ID, func(j api.Job) bool { return !j.State.Open() }); job.State != api.JobDone || job.Attempts != 1 {
		t.Errorf("%+v", job)
	}
	if !poll(func() bool { return len(s.living()) == 0 }) {
		t.Errorf("summarisers live: %v", s.living())
	}
	s.checkNobodyLeft()
	s.checkNoFiles()
}

// TestCancelASummaryThatStarts: nothing is left of a job that is broken off while its shim
// is on its way.
func TestCancelASummaryThatStarts(t *testing.T) {
	t.Parallel()
	s := summarizingWorld(t, claudecli.Pinned, func(w *world) { w.cfg.Jobs.Attempts = 1 })
	s.script("silence")
	ses := s.run("say: hello")
	r, err := s.SummarizeSession(s.ctx, api.SessionParams{SessionID: ses.ID})
	if err != nil {
		t.Fatal(err)
	}
	const times = 10
	for n := range times {
		if !poll(func() bool {
			shims, err := filepath.Glob(filepath.Join(s.cfg.StateDir, "jobs", "*", shim.LogName))
			return err == nil && len(shims) > 0
		}) {
			t.Fatal("no summariser comes")
		}
		if _, err := s.CancelJob(s.ctx, api.JobParams{JobID: r.Job.ID}); err != nil {
			t.Fatal(err)
		}
		s.checkNoFiles()
		if n == times-1 {
			s.script("")
		}
		if _, err := s.RetryJob(s.ctx, api.JobParams{JobID: r.Job.ID}); err != nil {
			t.Fatal(err)
		}
	}
	if job := s.job(r.Job.ID, func(j api.Job) bool { return !j.State.Open() }); job.State != api.JobDone {
		t.Errorf("%+v", job)
	}
}

// checkNoFiles waits until all files of jobs are removed.
func (s *summarizing) checkNoFiles() {
	s.t.Helper()
	if !poll(func() bool {
		left, err := os.ReadDir(filepath.Join(s.cfg.StateDir, "jobs"))
		return err == nil && len(left) == 0
	}) {
		s.t.Error("files of a job are left")
	}
}

// TestSummarizerIsKilledWithTheDaemon: it does not outlive the daemon, not even where its
// shim is killed too; the next daemon tries again, and after enough deaths the job is dead.
func TestSummarizerIsKilledWithTheDaemon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sum := &summarizing{w, t.TempDir()}
	w.env = []string{scripted.SummariesVariable + "=" + sum.dir, "SESSIOND_JOB_ATTEMPTS=2", "SESSIOND_JOB_BACKOFF=1ms"}
	w.cfg.Claude = scripted.InstallVersion(t, t.TempDir(), claudecli.Pinned)
	s := serve(t, w)
	ses := s.run("say: hello")
	sum.script("spawn: 1\nignore-signals")
	r, err := s.SummarizeSession(s.ctx, api.SessionParams{SessionID: ses.ID})
	if err != nil {
		t.Fatal(err)
	}
	id := r.Job.ID
	for attempt, withShim := range []bool{false, true} {
		job := s.job(id, func(j api.Job) bool { return j.State == api.JobRunning && j.Attempts == attempt+1 })
		if attempt > 0 && !strings.Contains(job.Reason, "the daemon ended while it was at work") {
			t.Errorf("%+v", job)
		}
		if !poll(func() bool { return len(sum.notes("report")) == attempt+1 }) {
			t.Fatal("no summariser came")
		}
		if withShim {
			places, err := filepath.Glob(filepath.Join(s.cfg.StateDir, "jobs", "*"))
			if err != nil || len(places) != 1 {
				t.Fatalf("%q, %v", places, err)
			}
			started, err := shim.ReadStart(places[0])
			if err != nil {
				t.Fatal(err)
			}
			suspend(t, s.daemon.Process.Pid) // else it may see that, and say so, before it is killed itself
			if err := syscall.Kill(started.ShimPID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		s.killDaemon()
		if !withShim && !poll(func() bool { return len(sum.living()) == 0 }) {
			t.Fatalf("summarisers live without a daemon: %v", sum.living())
		}
		s.launchDaemon()
	}
	job := s.job(id, inState(api.JobDead))
	if job.Attempts != 2 || !strings.Contains(job.Reason, "the daemon ended") {
		t.Errorf("%+v", job)
	}
	if !poll(func() bool { return len(sum.living()) == 0 }) {
		t.Errorf("summarisers live: %v", sum.living())
	}
	sum.checkNobodyLeft()
	s.checkUntouched(ses)
}

// living lists the summarisers that live.
func (s *summarizing) living() (pids []string) {
	files, err := filepath.Glob(filepath.Join(s.dir, "*.report"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".report")
		if pid, err := strconv.Atoi(name); err == nil && syscall.Kill(pid, 0) == nil {
			pids = append(pids, name)
		}
	}
	return pids
}

// TestStoppedDaemonLosesNoAttempt: a daemon that is told to stop gives back what it is at.
func TestStoppedDaemonLosesNoAttempt(t *testing.T) {
	t.Parallel()
	s := summarizingWorld(t, claudecli.Pinned, func(w *world) { w.cfg.Jobs.Attempts = 1 })
	ses := s.run("say: hello")
	s.script("silence")
	r, err := s.SummarizeSession(s.ctx, api.SessionParams{SessionID: ses.ID})
	if err != nil {
		t.Fatal(err)
	}
	s.job(r.Job.ID, inState(api.JobRunning))
	s.stop()
	s.checkNobodyLeft()
	s.script("")
	s.start()
	if job := s.job(r.Job.ID, func(j api.Job) bool { return !j.State.Open() }); job.State != api.JobDone || job.Attempts != 1 {
		t.Errorf("%+v", job)
	}
}
