package e2e

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	_ "github.com/mattn/go-sqlite3"

	"github.com/sessiond/sessiond/internal/claudecli"
	"github.com/sessiond/sessiond/internal/program"
	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/session/shim"
)

// lost is a session whose daemon is away, in a turn that ends when the gate is
// opened.
type lost struct {
	*world
	id   string
	gate string
	was  api.Session
}

func (l *lost) killChild() { l.must(syscall.Kill(l.was.PID, syscall.SIGKILL)) }

func (l *lost) must(errs ...error) {
	l.t.Helper()
	if err := errors.Join(errs...); err != nil {
		l.t.Fatal(err)
	}
}

// alter changes the database of a daemon that is away.
func (w *world) alter(query string, args ...any) {
	w.t.Helper()
	db, err := sql.Open("sqlite3", filepath.Join(w.cfg.StateDir, "sessiond.db"))
	if err == nil {
		_, err = db.Exec(query, args...)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// alterEngine sets a member of the private state of a session.
func (l *lost) alterEngine(path string, value any) {
	l.t.Helper()
	l.alter("UPDATE session_engines SET state = json_set(state, ?, ?) WHERE n = (SELECT n FROM sessions WHERE id = ?)", path, value, l.id)
}

// exists waits for a file.
func (l *lost) exists(name string) {
	l.t.Helper()
	if !poll(func() bool { _, err := os.Stat(filepath.Join(l.dir(l.id), name)); return err == nil }) {
		l.t.Fatalf("no %s", name)
	}
}

// end is what a session is to come to.
type end struct {
	status  api.Status
	reason  string
	message string
}

// TestGone is the table of the architecture's section "What is gone": what is
// done to a session while no daemon runs, and what the next one says of it.
func TestGone(t *testing.T) {
	t.Parallel()
	unknown := end{api.StatusFailed, "exit_unknown", "how it ended is not known"}
	journalLost := end{api.StatusFailed, "journal_lost", "journal"}
	for name, tc := range map[string]struct {
		harm func(l *lost)
		heal func(l *lost) // once the next daemon runs
		want end
	}{
		"the shim, not the child": {
			harm: func(l *lost) { l.killShim(l.id) },
			heal: func(l *lost) { touch(l.t, l.gate) },
			want: unknown,
		},
		"the child, not the shim": {
			harm: func(l *lost) { l.killChild() },
			want: end{api.StatusFailed, "exited", "SIGKILL"},
		},
		"both": {
			harm: func(l *lost) { l.killShim(l.id); l.killChild() },
			want: unknown,
		},
		"the exit record of a child that did well": {
			harm: func(l *lost) {
				touch(l.t, l.gate)
				l.exists("exit.json")
				l.must(os.Remove(filepath.Join(l.dir(l.id), "exit.json")))
			},
			want: unknown,
		},
		"the exit record is damaged": {
			harm: func(l *lost) {
				touch(l.t, l.gate)
				l.exists("exit.json")
				l.must(os.WriteFile(filepath.Join(l.dir(l.id), "exit.json"), []byte(`{"exit_code":`), 0o600))
			},
			want: end{api.StatusFailed, "exit_unknown", "exit.json"},
		},
		"the start record": {
			harm: func(l *lost) { l.must(os.Remove(filepath.Join(l.dir(l.id), "start.json"))) },
			heal: func(l *lost) { touch(l.t, l.gate) },
			want: end{api.StatusCompleted, "exited", ""},
		},
		"the start record is damaged": {
			harm: func(l *lost) {
				l.must(os.WriteFile(filepath.Join(l.dir(l.id), "start.json"), []byte("\x00\x00"), 0o600))
			},
			heal: func(l *lost) { touch(l.t, l.gate) },
			want: end{api.StatusCompleted, "exited", ""},
		},
		"the machine was restarted": {
			harm: func(l *lost) {
				l.killShim(l.id)
				l.killChild()
				l.alterEngine("$.process.boot_id", "another run of the machine")
				l.holdLock() // nobody waits for what a dead process has left
			},
			want: end{api.StatusFailed, "machine_restarted", "the machine was restarted"},
		},
		"the lock files": {
			harm: func(l *lost) { l.must(os.RemoveAll(l.cfg.LockDir)) },
			heal: func(l *lost) { touch(l.t, l.gate) },
			want: end{api.StatusCompleted, "exited", ""},
		},
		"the lock files and the shim": {
			harm: func(l *lost) { l.must(os.RemoveAll(l.cfg.LockDir)); l.killShim(l.id) },
			heal: func(l *lost) { l.untouched(); touch(l.t, l.gate) },
			want: unknown,
		},
		"nothing, but the lock files are looked for elsewhere": {
			harm: func(l *lost) { l.cfg.LockDir = filepath.Join(l.home, "other locks") },
			heal: func(l *lost) { touch(l.t, l.gate) },
			want: end{api.StatusCompleted, "exited", ""},
		},
		"the journal": {
			harm: func(l *lost) { l.must(os.Remove(filepath.Join(l.dir(l.id), shim.JournalName))) },
			want: journalLost,
		},
		"the end of the journal": {
			harm: func(l *lost) { l.must(os.Truncate(filepath.Join(l.dir(l.id), shim.JournalName), 10)) },
			heal: func(l *lost) { touch(l.t, l.gate) },
			want: journalLost,
		},
		"the directory, not the process": {
			harm: func(l *lost) { l.must(os.RemoveAll(l.dir(l.id))) },
			want: journalLost,
		},
		"the directory and the process": {
			harm: func(l *lost) { l.killShim(l.id); l.killChild(); l.must(os.RemoveAll(l.dir(l.id))) },
			want: journalLost,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := loseDaemon(t)
			tc.harm(l)
			l.start()
			if tc.heal != nil {
				tc.heal(l)
			}
			l.check(tc.want)
			l.stop()
			l.start() // and it stays so
			l.check(tc.want)
		})
	}
}

// loseDaemon makes a session in mid-turn, and stops its daemon.
func loseDaemon(t *testing.T) *lost {
	t.Helper()
	w := scriptedWorld(t, claudecli.Pinned)
	l := &lost{world: w, gate: filepath.Join(t.TempDir(), "gate")}
	l.id = w.launch(w.prompt("say: begun\nwait: " + l.gate + "\nresult-exit: 0"))
	w.heard(l.id, "begun")
	l.was = w.until(l.id, api.StatusRunning)
	w.stop()
	return l
}

// untouched is an error if the daemon has taken the session's process for gone.
func (l *lost) untouched() {
	l.t.Helper()
	got, err := l.GetSessionState(l.ctx, api.SessionParams{SessionID: l.id})
	if err != nil || got.Session.Status.Final() {
		l.t.Errorf("before its turn has ended: %+v, %v", got.Session, err)
	}
}

// check compares what a session has come to, and that nothing of it is left.
func (l *lost) check(want end) {
	l.t.Helper()
	ses := l.until(l.id, final...)
	reasons := l.reasons(l.id)
	if ses.Status != want.status || reasons[len(reasons)-1] != want.reason || !strings.Contains(ses.ErrorMessage, want.message) {
		l.t.Errorf("%s, %v, %q", ses.Status, reasons, ses.ErrorMessage)
	}
	for _, m := range l.inbox(l.id) {
		if !m.State.Final() {
			l.t.Errorf("message: %+v", m)
		}
	}
	if !poll(func() bool { return syscall.Kill(l.was.PID, 0) != nil }) {
		l.t.Errorf("process %d lives", l.was.PID)
	}
}

// holdLock holds the lock of the session's conversation, until the returned
// function or the end of the test.
func (l *lost) holdLock() (unlock func()) {
	l.t.Helper()
	return l.hold(filepath.Join(l.cfg.LockDir, l.was.ClaudeSessionID+shim.LockExt))
}

// hold holds a lock file.
func (w *world) hold(path string) (unlock func()) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	unlock = func() { _ = f.Close() }
	w.t.Cleanup(unlock)
	if !poll(func() bool { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil }) {
		w.t.Fatal("the lock is held")
	}
	return unlock
}

// TestGonePidIsReused has the process's pid belong to another process, as long
// as something holds the conversation: no signal reaches that.
func TestGonePidIsReused(t *testing.T) {
	t.Parallel()
	l := loseDaemon(t)
	l.killShim(l.id)
	l.killChild()
	bystander := exec.Command("sleep", "600")
	bystander.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	l.must(bystander.Start())
	gone := make(chan error, 1)
	go func() { gone <- bystander.Wait() }()
	l.alterEngine("$.process.pid", bystander.Process.Pid)
	l.alter("UPDATE session_documents SET document = json_set(document, '$.pid', ?) WHERE n = (SELECT n FROM sessions WHERE id = ?)", bystander.Process.Pid, l.id)
	l.must(os.Remove(filepath.Join(l.dir(l.id), "start.json")))
	unlock := l.holdLock()
	l.start()
	if _, err := l.EndSession(l.ctx, api.EndSessionParams{SessionID: l.id, Force: true}); err != nil {
		t.Fatal(err)
	}
	l.log(l.id) // a call behind it: by now the signal was sent, if it was
	select {
	case err := <-gone:
		t.Fatalf("another process was ended: %v", err)
	default:
	}
	l.must(bystander.Process.Kill())
	<-gone
	unlock()
	if ses := l.until(l.id, final...); ses.Status != api.StatusInterrupted {
		t.Errorf("session: %+v", ses)
	}
}

// TestStoppedSessionStaysStopped ends a session before its process was started,
// and kills the daemon: the next one does not start it.
func TestStoppedSessionStaysStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	gate, ran := filepath.Join(dir, "gate"), filepath.Join(dir, "ran")
	w.cfg.Claude = filepath.Join(dir, "claude")
	script := fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = --version ]; then while [ ! -e %s ]; do sleep 0.05; done; echo 2.1.329; exit; fi\ntouch %s\nexec cat >/dev/null\n", gate, ran)
	program.Write(t, w.cfg.Claude, script)
	s := serve(t, w)
	t.Cleanup(func() { touch(t, gate) })
	id := s.launch(s.prompt("never"))
	s.until(id, api.StatusStarting)
	if _, err := s.EndSession(s.ctx, api.EndSessionParams{SessionID: id}); err != nil {
		t.Fatal(err)
	}
	conversation := s.until(id, api.StatusStarting).ClaudeSessionID
	s.killDaemon()
	touch(t, gate)
	// As its shim would hold it, when the daemon was killed a moment later.
	unlock := s.hold(filepath.Join(w.home, ".local", "state", "sessiond", "conversations", conversation+shim.LockExt))
	s.launchDaemon()
	var err error
	ended := poll(func() bool { // it is refused for a moment when the lock was waited for too long, and is tried again
		_, err = s.EndSession(s.ctx, api.EndSessionParams{SessionID: id})
		return err == nil
	})
	if !ended {
		t.Errorf("ended again: %v", err)
	}
	unlock()
	if ses := s.until(id, final...); ses.Status != api.StatusInterrupted || !ses.StartedAt.IsZero() {
		t.Errorf("session: %+v", ses)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("it was started")
	}
}

// TestDamagedRecordTakesNobodyDown has one record in the database that cannot be
// read: its session is ended with the reason, the others go on, at the start
// after that too.
func TestDamagedRecordTakesNobodyDown(t *testing.T) {
	t.Parallel()
	of := " WHERE n = (SELECT n FROM sessions WHERE id = ?)"
	for name, query := range map[string]string{
		"session": "UPDATE session_documents SET document = '{\"id\":'" + of,
		"engine":  "UPDATE session_engines SET state = 'x'" + of,
		"message": "UPDATE messages SET document = '[]' WHERE session = (SELECT n FROM sessions WHERE id = ?)",
		"content": "UPDATE messages SET content = '' WHERE session = (SELECT n FROM sessions WHERE id = ?)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := loseDaemon(t)
			l.alter(query, l.id)
			l.start()
			other := l.interactive("say: hello")
			l.idle(other, 1)
			for range 2 {
				ses := l.until(l.id, final...)
				if reasons := l.reasons(l.id); ses.Status != api.StatusFailed || !slices.Contains(reasons, "record_damaged") || !strings.Contains(ses.ErrorMessage, "damaged") {
					t.Errorf("%s, %v, %q", ses.Status, reasons, ses.ErrorMessage)
				}
				if list, err := l.ListSessions(l.ctx, api.ListSessionsParams{}); err != nil || len(list.Sessions) != 2 {
					t.Errorf("list: %v, %v", list, err)
				}
				if _, err := l.FetchApprovals(l.ctx, api.FetchApprovalsParams{}); err != nil {
					t.Errorf("approvals: %v", err)
				}
				if messages := l.inbox(l.id); len(messages) != 1 || messages[0].State != api.MessageFailed {
					t.Errorf("messages: %+v", messages)
				}
				l.stop()
				l.start()
			}
			l.say(other, "say: again")
			l.idle(other, 2)
			if !poll(func() bool { return syscall.Kill(l.was.PID, 0) != nil }) {
				t.Error("its process lives")
			}
		})
	}
}
