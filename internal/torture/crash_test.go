package torture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/crashpoint"
	"github.com/sessiond/sessiond/rpc/api"
)

// TestCrashPoints kills the daemon, or a shim, at each of the points that the
// code names, the first time and the third time that it comes there. A point
// that nothing comes to fails the test.
func TestCrashPoints(t *testing.T) {
	t.Parallel()
	for _, p := range crashpoint.All {
		if strings.HasPrefix(string(p), "restore.") { // no daemon comes there
			t.Run(string(p), func(t *testing.T) {
				t.Parallel()
				crashRestore(t, p)
			})
			continue
		}
		if kind, _, _ := strings.Cut(string(p), "."); slices.Contains([]string{"import", "job", "hook"}, kind) {
			continue // TestImportCrashes, TestJobCrashes and TestHookCrashes come there
		}
		for _, times := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/%d", p, times), func(t *testing.T) {
				t.Parallel()
				crash(t, p, times)
			})
		}
	}
}

// crash plays a scenario in which the daemon, or a shim, dies at a point, once.
// Whoever comes after it counts on, and lives.
func crash(t *testing.T, p crashpoint.Point, times int) {
	w := newWorld(t, crashing, claudecli.Pinned)
	count := filepath.Join(w.dir, "count")
	w.daemon.env = append(w.daemon.env, fmt.Sprintf("SESSIOND_CRASH_AT=%s:%d", p, times), "SESSIOND_CRASH_COUNT="+count)
	if strings.HasPrefix(string(p), "migrate.") {
		oldDatabase(t, w)
	}
	relax, crashes := w.supervise(), 0
	w.connect()
	hurry := make(chan struct{})
	close(hurry)
	subscribers := w.subscribe(rand.New(rand.NewPCG(1, 1)), hurry)
	w.scenario(p)
	if strings.HasPrefix(string(p), "prune.") {
		w.prune()
	}
	reached := func() int {
		info, err := os.Stat(count)
		if err != nil {
			return 0
		}
		return int(info.Size())
	}
	soon(func() bool { return reached() > 0 }) // some come a moment later
	due := func() int {
		if reached() < times || strings.HasPrefix(string(p), "shim.") {
			return 0
		}
		return 1
	}
	w.crashed(due)
	w.finish(subscribers)
	if strings.HasPrefix(string(p), "search.") {
		w.quietIndex(func() bool { return reached() >= times }) // it may die for that yet
	}
	if reached() >= times {
		w.shimsDie(p)
	}
	w.relax = func() { w.crashed(due); crashes = relax() }
	w.check(subscribers...)
	if reached() == 0 || crashes != due() {
		w.problem("the point was reached %d times, and the daemon has crashed %d times", reached(), crashes)
	}
	w.report("crash")
	if reached() < times {
		t.Skipf("the scenario comes here only %d times", reached())
	}
}

// crashed waits until as many daemons have died as are due, and the next one answers:
// a point is counted a moment before the daemon dies of it.
func (w *world) crashed(due func() int) {
	soon(func() bool { return int(w.crashes.Load()) >= due() })
	_ = w.again(func(ctx context.Context) error { _, err := w.client.Health(ctx); return err })
}

// shimsDie looks at what has come of a shim's death, if the point is a shim's: one
// session has lost its own, and has failed, unless the shim had nothing left to say.
func (w *world) shimsDie(p crashpoint.Point) {
	if !strings.HasPrefix(string(p), "shim.") {
		return
	}
	failed := 0
	for id, ses := range w.list() {
		if ses.Status == api.StatusFailed {
			w.of(id, func(k *known) { k.shimKilled = true })
			failed++
		}
	}
	if most := map[bool]int{true: 0, false: 1}[p == crashpoint.ShimExitRecorded]; failed > most {
		w.problem("%d sessions have failed, of one shim that died", failed)
	}
}

// oldDatabase puts a database there whose schema is older than any.
func oldDatabase(t *testing.T, w *world) {
	t.Helper()
	if err := os.MkdirAll(w.daemon.state, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", filepath.Join(w.daemon.state, "sessiond.db"))
	if err == nil {
		_, err = db.ExecContext(w.ctx, `CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL,
			is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')));
			INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1)`)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// supervise keeps a daemon running: it starts the next one when one has been
// killed. What it returns ends that, and says how many have been.
func (w *world) supervise() (relax func() int) {
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan struct{})
	if err := w.daemon.launch(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-w.daemon.gone():
			}
			if ctx.Err() != nil {
				return
			}
			if status, ok := w.daemon.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
				w.crashes.Add(1)
			} else if ok && status.Signaled() && status.Signal() == syscall.SIGTERM { // it was told to stop before it could be told
			} else if !ok || status.ExitStatus() != 0 {
				w.problem("the daemon has stopped: %v", w.daemon.cmd.ProcessState)
				return
			}
			if err := w.daemon.launch(); err != nil {
				w.problem("%v", err)
				return
			}
		}
	}()
	return func() int {
		cancel()
		<-done
		return int(w.crashes.Load())
	}
}

// scenario comes to every point, whoever dies on the way: sessions that are
// launched, talked to, asked and answered, a daemon that is replaced meanwhile,
// ends, and a deletion. To be punched a session has to print more than a journal keeps,
// and to leave the index it has to be in it.
func (w *world) scenario(p crashpoint.Point) {
	yes := true
	chatty, brief := api.LaunchOptions{Interactive: &yes}, api.LaunchOptions{}
	question := "emit: 20\nask: Bash {\"command\":\"echo %d\"}\nsay: done"
	talk := w.must(w.launch(api.LaunchSessionParams{Query: api.Text(fmt.Sprintf(question, 0)), LaunchOptions: chatty}))
	once := w.must(w.launch(api.LaunchSessionParams{Query: api.Text(fmt.Sprintf(question, 1)), LaunchOptions: brief}))
	third := w.must(w.launch(api.LaunchSessionParams{Query: api.Text("tools: 3"), LaunchOptions: brief}))
	asks := func(ses api.Session) bool { return ses.PendingApprovals > 0 }
	for _, id := range []string{talk, once} {
		_, _ = w.until(w.ctx, id, asks)
	}
	for i := range 3 { // the first turn waits for an answer: these are queued
		w.try(w.send(talk, fmt.Sprintf(question, 10+i), api.DeliveryQueue))
	}
	w.daemon.signal(syscall.SIGTERM) // another takes over, with two questions open
	w.decideAll(talk, idle)
	w.decideAll(once, final)
	if p == crashpoint.IngestPunched {
		w.try(w.send(talk, "bigline: 5000000", api.DeliveryQueue))
		_, _ = w.until(w.ctx, talk, idle)
		for range 2 {
			w.try(w.send(talk, "bigline: 5000000\nsay: done", api.DeliveryQueue))
			_, _ = w.until(w.ctx, talk, idle)
		}
	}
	w.end(talk, false)
	_, _ = w.until(w.ctx, third, final)
	for _, id := range []string{third, once, talk} {
		if _, ok := w.until(w.ctx, id, final); !ok {
			w.problem("session %s does not end", id)
		}
	}
	if p == crashpoint.SearchRemoving {
		w.settleIndex()
	}
	w.delete(third)
}

// must notes an error that should not be.
func (w *world) must(id string, err error) string {
	if err != nil {
		w.problem("%v", err)
	}
	return id
}

// try notes an error other than that the session has ended, or is about to.
func (w *world) try(_ string, err error) {
	if err != nil && !errors.Is(err, &api.Error{Reason: api.ReasonInvalidState}) {
		w.problem("%v", err)
	}
}

// decideAll answers what a session asks until it is as wanted, or has ended:
// every other question with no.
func (w *world) decideAll(id string, wanted func(api.Session) bool) {
	asks := func(ses api.Session) bool { return ses.PendingApprovals > 0 || wanted(ses) }
	for yes := true; ; yes = !yes {
		ses, ok := w.until(w.ctx, id, asks)
		if !ok || wanted(ses) {
			return
		}
		var open api.FetchApprovalsResult
		err := w.again(func(ctx context.Context) (err error) {
			open, err = w.client.FetchApprovals(ctx, api.FetchApprovalsParams{SessionID: id})
			return err
		})
		if err != nil {
			w.problem("fetchApprovals: %v", err)
			return
		}
		for _, a := range open.Approvals {
			w.decide(a, yes)
		}
		time.Sleep(time.Millisecond)
	}
}
