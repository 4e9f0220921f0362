package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sessiond/sessiond/session/shim"
)

// mcpName is the one file that stays of a session that has ended.
const mcpName = "mcp.json"

// environmentNames are the files with the environment of a process that has not
// been started yet.
var environmentNames = []string{"environment.json", "launch.json"}

// leftTime is how long processes may take to go by themselves.
const leftTime = 3 * time.Second

// sessionDirs lists the sessions' directories.
func (x *examination) sessionDirs() []string {
	entries, err := os.ReadDir(x.Config.sessionsDir())
	if err != nil {
		return nil // there are none
	}
	var ids []string
	for _, entry := range entries {
		if entry.IsDir() {
			ids = append(ids, entry.Name())
		}
	}
	return ids
}

func (x *examination) dir(id string) string { return filepath.Join(x.Config.sessionsDir(), id) }

// directories looks for what is left of sessions that are over.
func (x *examination) directories(ctx context.Context) {
	const check = "session directories"
	ids, left := x.sessionDirs(), 0
	for _, id := range ids {
		if len(x.leftFiles(id)) == 0 || !x.over(ctx, id) {
			continue
		}
		files := x.leftFiles(id) // of what is known of it now
		if len(files) == 0 {
			continue
		}
		left++
		if _, known := x.status(id); !known && slices.Contains(files, shim.JournalName) {
			x.warn(check, "it may be of a newer database than this one; move it away if not", "%s is of a session that the database does not know", x.dir(id))
			continue
		}
		x.repair(Finding{Check: check, Level: LevelWarning, Detail: fmt.Sprintf("%s is left of a session that is over: %s", x.dir(id), strings.Join(files, ", ")),
			Advice: "the next daemon that starts removes it"}, func() error { return x.removeFiles(id, files) })
	}
	switch {
	case !x.readable && len(ids) > 0:
		x.warn(check, "", "%s, and no database that tells what they are", plural(len(ids), "session directory"))
	case left == 0:
		x.ok(check, "%d, none of a session that is over", len(ids))
	}
}

// leftFiles lists what does not belong to a session that is over: for a final one,
// everything but its MCP configuration.
func (x *examination) leftFiles(id string) []string {
	info, err := os.Stat(x.dir(id))
	if err != nil || !x.old(info) {
		return nil
	}
	entries, err := os.ReadDir(x.dir(id))
	if err != nil {
		return nil
	}
	_, known := x.status(id)
	var files []string
	for _, entry := range entries {
		if !known || entry.Name() != mcpName {
			files = append(files, entry.Name())
		}
	}
	return files
}

// removeFiles removes files of a session of which nothing lives, and its
// directory if that is empty then.
func (x *examination) removeFiles(id string, files []string) error {
	if shim.SignalOrphan(x.dir(id), 0) == nil {
		return errors.New("a process of it lives; it is looked at below")
	}
	var errs []error
	for _, name := range files {
		if err := os.Remove(filepath.Join(x.dir(id), name)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	_ = os.Remove(x.dir(id)) // unless something stays in it
	return errors.Join(errs...)
}

// secrets looks for environments that have done their work.
func (x *examination) secrets(ctx context.Context) {
	const check = "secrets"
	found := false
	for _, id := range x.sessionDirs() {
		_, err := shim.ReadStart(x.dir(id))
		if started := err == nil; !started && !x.over(ctx, id) {
			continue // it is still to be started
		}
		for _, name := range environmentNames {
			path := filepath.Join(x.dir(id), name)
			info, err := os.Lstat(path)
			if err != nil || !x.old(info) {
				continue
			}
			found = true
			x.repair(Finding{Check: check, Level: LevelBad, Detail: path + " holds an environment that nobody needs any more"},
				func() error { return os.Remove(path) })
		}
	}
	if !found {
		x.ok(check, "no environment lies about")
	}
}

// shims looks for shims whose session is over.
func (x *examination) shims(ctx context.Context) {
	const check = "shims"
	all, err := shim.FindProcesses()
	if err != nil {
		x.ok(check, "not looked for: %v", err)
		return
	}
	mine, left := 0, 0
	for _, p := range all {
		if p.Dir == "" || filepath.Dir(p.Dir) != x.Config.sessionsDir() {
			continue
		}
		mine++
		id := filepath.Base(p.Dir)
		if !x.over(ctx, id) || lookAgain(ctx, leftTime, func() bool { return !p.Alive() }) {
			continue
		}
		left++
		x.repair(Finding{Check: check, Level: LevelBad, Detail: fmt.Sprintf("pid %d is the shim of session %s, which is over", p.PID, id),
			Advice: fmt.Sprintf("kill %d", p.PID)}, func() error { return endShim(ctx, p) })
	}
	switch {
	case left > 0:
	case x.running == nil && mine > 0:
		x.ok(check, "%s live, and wait for a daemon: any command starts one", plural(mine, "session"))
	default:
		x.ok(check, "%d, each of a live session", mine)
	}
}

// endShim ends a shim with its child: it is asked to kill that, and ends behind
// it; if it does not, it is killed, and then what it held.
func endShim(ctx context.Context, p shim.Process) error {
	started, err := shim.ReadStart(p.Dir) // now: it may remove nothing, but others may
	held := err == nil && started.ShimPID == p.PID
	asking, cancel := context.WithTimeout(ctx, shimPatience)
	defer cancel()
	if client, err := shim.Connect(asking, p.Dir); err == nil {
		_ = client.Kill(asking)
		_ = client.Close()
	}
	if lookAgain(ctx, leftTime, func() bool { return !p.Alive() }) {
		return nil
	}
	if err := p.Kill(); err != nil {
		return err
	}
	if held {
		if err := started.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, shim.ErrExited) {
			return err
		}
	}
	if !lookAgain(ctx, leftTime, func() bool { return !p.Alive() }) {
		return errors.New("it does not end")
	}
	return nil
}

// orphans looks for processes of sessions whose shim is gone.
func (x *examination) orphans(ctx context.Context) {
	const check = "orphans"
	left := 0
	for _, id := range x.sessionDirs() {
		started, err := shim.ReadStart(x.dir(id))
		if err != nil || started.Signal(0) != nil || shim.Listening(x.dir(id)) {
			continue // a shim that is slow to answer is no lost one
		}
		alive := func() bool { return started.Signal(0) == nil }
		switch {
		case !x.over(ctx, id):
			left++
			x.warn(check, "it ends when its turn does; 'sessiond end "+id+"' ends it now", "session %s (pid %d) has lost its shim", id, started.PID)
		case !lookAgain(ctx, leftTime, func() bool { return !alive() }):
			left++
			x.repair(Finding{Check: check, Level: LevelBad, Detail: fmt.Sprintf("pid %d is the process of session %s, which is over", started.PID, id),
				Advice: fmt.Sprintf("kill %d", started.PID)}, func() error { return endOrphan(ctx, started, alive) })
		}
	}
	if left == 0 {
		x.ok(check, "no process without its shim")
	}
}

// endOrphan ends a process, gently at first.
func endOrphan(ctx context.Context, started shim.Started, alive func() bool) error {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := started.Signal(sig); errors.Is(err, shim.ErrExited) {
			return nil
		} else if err != nil {
			return err
		}
		if lookAgain(ctx, leftTime, func() bool { return !alive() }) {
			return nil
		}
	}
	return errors.New("it does not end")
}

// strays looks for what sessions that are over have started, and what outlives
// them. It may be meant to: it is left alone.
func (x *examination) strays(context.Context) {
	const check = "processes"
	all, err := shim.FindProcesses()
	if err != nil {
		x.ok(check, "not looked for: %v", err)
		return
	}
	var left []string
	for _, p := range all {
		status, known := x.status(p.Session)
		if p.Dir == "" && known && status.Final() && (x.running == nil || p.PID != x.running.PID) {
			left = append(left, fmt.Sprintf("%d (%s)", p.PID, p.Name))
		}
	}
	if len(left) > 0 {
		x.warn(check, "end those that you do not need", "%s outlive the session that started them: %s", plural(len(left), "process"), strings.Join(left, ", "))
		return
	}
	x.ok(check, "none that outlives its session")
}

// lockFiles looks at the locks of conversations.
func (x *examination) lockFiles(context.Context) {
	const check = "conversation locks"
	files, err := filepath.Glob(filepath.Join(x.Config.LockDir, "*"+shim.LockExt))
	if err != nil || len(files) == 0 {
		x.ok(check, "none")
		return
	}
	held := 0
	for _, file := range files {
		if locked, err := shim.Locked(file); err == nil && locked {
			held++
		}
	}
	if unused := len(files) - held; unused > 0 && x.Fix {
		n, err := shim.SweepLocks(x.Config.LockDir)
		if err != nil {
			x.warn(check, "", "%v", err)
			return
		}
		x.Report(Finding{Check: check, Level: LevelOK, Detail: fmt.Sprintf("%d held, %d unused ones removed", held, n), Fixed: n > 0})
		return
	}
	x.ok(check, "%d held, %d unused, which is no harm", held, len(files)-held)
}
