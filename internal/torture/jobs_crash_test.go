package torture

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
)

// eachPointOf runs a test at each crash point of a kind, the first time and the third time
// that it is come to, and at those of the store, at which many a transaction is.
func eachPointOf(t *testing.T, kind string, test func(t *testing.T, p crashpoint.Point, times int)) {
	at := func(p crashpoint.Point, moments ...int) {
		for _, times := range moments {
			t.Run(fmt.Sprintf("%s/%d", p, times), func(t *testing.T) {
				t.Parallel()
				test(t, p, times)
			})
		}
	}
	for _, p := range crashpoint.All {
		if strings.HasPrefix(string(p), kind+".") {
			at(p, 1, 3)
		}
	}
	for _, p := range []crashpoint.Point{crashpoint.IngestApplied, crashpoint.IngestCommitted, crashpoint.IngestAnnounced} {
		at(p, 6, 13)
	}
}

// crashAt has the world's program, which need not be the daemon, die at a point, once.
// What it returns says how often somebody came there.
func (w *world) crashAt(p crashpoint.Point, times int) (variables []string, reached func() int) {
	count := filepath.Join(w.dir, "count")
	return []string{fmt.Sprintf("SESSIOND_CRASH_AT=%s:%d", p, times), "SESSIOND_CRASH_COUNT=" + count}, func() int {
		info, err := os.Stat(count)
		if err != nil {
			return 0
		}
		return int(info.Size())
	}
}

// TestJobCrashes kills the daemon at each step of a job, from the moment in which it is
// asked for to that in which all know what has become of it, one by one. Another daemon
// finishes it: the job comes to its end, each event is read for one summary, and no
// summariser is left.
func TestJobCrashes(t *testing.T) {
	t.Parallel()
	eachPointOf(t, "job", crashJobs)
}

func crashJobs(t *testing.T, p crashpoint.Point, times int) {
	w := newWorld(t, crashing, claudecli.Pinned)
	w.summarized("SESSIOND_JOB_ATTEMPTS=100", "SESSIOND_JOB_BACKOFF=5ms", "SESSIOND_SUMMARIZE_TIMEOUT=20s")
	at, reached := w.crashAt(p, times)
	w.daemon.env = append(w.daemon.env, at...)
	relax := w.supervise()
	w.connect()
	ids, kills := w.everyWayOfAJob()
	w.finishJobs(ids...)
	crashes := relax()
	if reached() < times || crashes != kills+1 {
		w.problem("the point was reached %d times, and the daemon has died %d times", reached(), crashes)
	}
	w.checkJobs(ids...)
	w.check()
	w.report(string(p))
}

// everyWayOfAJob has jobs fail, be done, cancelled, tried again, and lost with a
// daemon that is killed, all of them more than twice; and those that nobody asks for.
func (w *world) everyWayOfAJob() (sessions []string, kills int) {
	yes := true
	talk := w.must(w.launch(api.LaunchSessionParams{Query: api.Text("say: word\ntools: 1"), LaunchOptions: api.LaunchOptions{Interactive: &yes}}))
	sessions = append(sessions, talk)
	asked := func() api.Job {
		_, _ = w.until(w.ctx, talk, idle)
		for {
			if job := w.summarize(talk); job != nil {
				return *job
			}
			if w.ctx.Err() != nil {
				w.t.Fatalf("there is nothing to summarise: %+v", w.jobs())
			}
		}
	}
	w.script("exit: 3")
	job := asked()
	w.job(job.ID, func(j api.Job) bool { return j.State == api.JobDone || j.Attempts > 3 })
	w.script("")
	w.job(job.ID, func(j api.Job) bool { return j.State == api.JobDone })

	for range 3 {
		w.script("silence")
		w.try(w.send(talk, "say: another word", api.DeliveryQueue))
		job = asked()
		atWork := func(j api.Job) bool { return j.State == api.JobRunning }
		w.job(job.ID, atWork)
		w.cancelJob(job.ID)
		w.retryJob(job.ID)
		w.job(job.ID, atWork)
		pid := w.pid()
		w.daemon.signal(syscall.SIGKILL)
		kills++
		_ = w.again(func(ctx context.Context) error {
			h, err := w.client.Health(ctx)
			if err == nil && h.PID == pid {
				err = context.DeadlineExceeded // not that one
			}
			return err
		})
		w.script("")
		w.job(job.ID, func(j api.Job) bool {
			if j.State != api.JobDone {
				w.retryJob(job.ID)
			}
			return j.State == api.JobDone
		})
	}
	w.end(talk, false)
	for range 3 {
		sessions = append(sessions, w.must(w.launch(api.LaunchSessionParams{Query: api.Text("say: word")})))
	}
	for _, id := range sessions {
		_, _ = w.until(w.ctx, id, final)
	}
	for _, id := range sessions { // nobody has asked for theirs
		for w.ctx.Err() == nil {
			if ses, err := w.session(id); err != nil || ses.Summary != nil {
				break
			}
			for _, j := range w.jobs() {
				if j.State != api.JobDone {
					w.retryJob(j.ID)
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return sessions, kills
}

// pid is the daemon's that runs now.
func (w *world) pid() (pid int) {
	_ = w.again(func(ctx context.Context) error {
		h, err := w.client.Health(ctx)
		pid = h.PID
		return err
	})
	return pid
}
