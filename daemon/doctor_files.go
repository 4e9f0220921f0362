package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"github.com/sessiond/sessiond/store"
	"github.com/sessiond/sessiond/store/search"
)

// stateDir looks at the state directory itself.
func (x *examination) stateDir(context.Context) {
	const check = "state directory"
	dir := x.Config.StateDir
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		x.ok(check, "%s is not there yet: the first command makes it", dir)
		return
	}
	fi, err := checkOwned(dir)
	if err == nil {
		err = checkAbove(dir)
	}
	switch {
	case err != nil:
		x.bad(check, "mend it, or choose another one with --state-dir or SESSIOND_STATE_DIR", "%v", err)
	case unix.Access(dir, unix.W_OK|unix.X_OK) != nil:
		x.bad(check, "make it writable for this user", "%s cannot be written to", dir)
	case fi.Mode().Perm() != 0o700:
		level := LevelWarning
		if fi.Mode().Perm()&0o022 != 0 {
			level = LevelBad
		}
		x.repair(Finding{Check: check, Level: level, Detail: fmt.Sprintf("%s has mode %04o, others can look or write into it", dir, fi.Mode().Perm()),
			Advice: "run 'chmod 700 " + dir + "'"},
			func() error { return os.Chmod(dir, 0o700) }) // #nosec G302 -- it is a directory
	default:
		x.ok(check, "%s, mode 0700", dir)
	}
}

// modes looks for files that others could read.
func (x *examination) modes(context.Context) {
	const check = "file modes"
	open, files := map[string]fs.FileMode{}, 0
	_ = filepath.WalkDir(x.Config.StateDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == x.Config.StateDir || entry.Type()&fs.ModeSymlink != 0 {
			return nil //nolint:nilerr // it is gone, or another check says why not
		}
		files++
		if fi, err := entry.Info(); err == nil && fi.Mode().Perm()&0o077 != 0 && ownerOf(fi) == os.Getuid() {
			open[path] = fi.Mode().Perm() &^ 0o077
		}
		return nil
	})
	if len(open) == 0 {
		x.ok(check, "%d files and directories, for this user only", files)
		return
	}
	for path, mode := range open {
		x.repair(Finding{Check: check, Level: LevelBad, Detail: path + " is open to others"},
			func() error { return os.Chmod(path, mode) })
	}
}

// socket looks at where clients connect.
func (x *examination) socket(context.Context) {
	const check = "socket"
	path := x.Config.Socket
	fi, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && x.running != nil && x.running.Socket == path:
		x.bad(check, "'sessiond stop' cannot reach the daemon: end it by 'kill "+fmt.Sprint(x.running.PID)+"'; sessions go on",
			"%s is gone, and the daemon listens on it", path)
	case errors.Is(err, fs.ErrNotExist):
		x.ok(check, "%s (%d bytes of a path's at most %d), not there: no daemon listens", path, len(path), maxSocketPath())
	case err != nil:
		x.bad(check, "", "%v", err)
	case fi.Mode()&fs.ModeSocket == 0:
		x.bad(check, "move it away, or choose another path with --socket or SESSIOND_SOCKET", "%s is no socket", path)
	case ownerOf(fi) != os.Getuid():
		x.bad(check, "choose another path with --socket or SESSIOND_SOCKET", "%s is of another user (uid %d)", path, ownerOf(fi))
	case x.running == nil:
		x.ok(check, "%s, left by a daemon that was killed; the next one replaces it", path)
	case fi.Mode().Perm() != 0o600:
		x.repair(Finding{Check: check, Level: LevelWarning, Detail: fmt.Sprintf("%s has mode %04o", path, fi.Mode().Perm())},
			func() error { return os.Chmod(path, 0o600) })
	default:
		x.ok(check, "%s, mode 0600", path)
	}
}

// lock says who has the state directory.
func (x *examination) lock(context.Context) {
	switch {
	case x.running == nil:
		x.ok("lock", "nobody holds it: no daemon runs")
	case x.running.PID == 0:
		x.warn("lock", "look again in a moment", "a process holds it that has not said who it is")
	case x.running.Doing != "":
		x.ok("lock", "held by '%s' (pid %d)", x.running.Doing, x.running.PID)
	default:
		x.ok("lock", "held by pid %d, which listens on %s", x.running.PID, x.running.Socket)
	}
}

// databaseFile looks through the whole database.
func (x *examination) databaseFile(ctx context.Context) {
	const check = "database"
	path := x.Config.databasePath()
	var err error
	x.database, err = store.Inspect(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		x.readable = true // there are no sessions
		x.ok(check, "none yet")
		return
	case err != nil:
		x.bad(check, "keep the file, and put a backup in its place ('sessiond restore FILE'), if there is one", "%v", err)
		return
	}
	x.readable = true
	if x.database.Version > x.database.Known {
		x.bad(check, "use the newer sessiond that wrote it", "schema version %d, this program knows %d", x.database.Version, x.database.Known)
		return
	}
	x.step("reading the whole database, %s", size(x.database.Size.Used))
	if err := store.Check(ctx, path); err != nil {
		x.bad(check, "make a copy of "+path+"*, and put a backup in its place: 'sessiond restore FILE'", "%v", err)
		return
	}
	s := x.database.Size
	x.ok(check, "sound; schema version %d; %s in use, %s free for what comes, write-ahead log %s; %s, events up to %s",
		x.database.Version, size(s.Used), size(s.Free), size(s.Log),
		plural(len(x.database.Sessions), "session"), humanize.Comma(x.database.Head))
	x.records(ctx)
}

// records looks for what cannot be read in a database that is sound as a file.
func (x *examination) records(ctx context.Context) {
	const check = "records"
	if x.database.Version != x.database.Known {
		return // the next daemon brings them to the schema that can be read here
	}
	x.step("reading %s and %s", plural(len(x.database.Sessions), "session"), plural(int(x.database.Head), "event"))
	damaged, err := store.CheckRecords(ctx, x.Config.databasePath())
	if err != nil {
		x.bad(check, "look again, and at the kernel's log if it stays so", "%v", err)
		return
	}
	for _, record := range damaged {
		x.bad(check, store.RecordAdvice, "%v", record)
	}
	if len(damaged) == 0 {
		x.ok(check, "every session, message, approval and event can be read")
	}
}

// textIndex looks at what searches ask. Nothing of it is bad: it is made anew of the log.
func (x *examination) textIndex(ctx context.Context) {
	const check = "search index"
	const advice = "run 'sessiond doctor --rebuild-search': the daemon makes it anew of the log"
	if !search.Supported() {
		x.warn(check, search.BuildHint, "this program was built without full text search")
		return
	}
	i, err := search.Inspect(ctx, x.Config.StateDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		x.ok(check, "none yet: the daemon makes it")
	case err != nil:
		x.warn(check, advice, "%v", err)
	default:
		x.ok(check, "sound; %s in use; events up to %s", size(i.Bytes), humanize.Comma(i.IndexedSeq))
	}
}

// size is a number of bytes for people.
func size(bytes int64) string { return humanize.IBytes(uint64(max(bytes, 0))) } // #nosec G115 -- none is negative

// log looks at the daemon's log.
func (x *examination) log(context.Context) {
	path := x.Config.DaemonLog()
	fi, err := os.Stat(path)
	if err != nil {
		x.ok("log", "none yet")
		return
	}
	x.ok("log", "%s, %s, last written %s", path, size(fi.Size()), fi.ModTime().Format(time.RFC3339))
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return humanize.Comma(int64(n)) + " " + thing + "s"
}

// RebuildSearch removes the index that searches ask; whatever daemon there is, or comes,
// makes it anew of the log.
func RebuildSearch(c Config) Finding {
	f := Finding{Check: "search index", Level: LevelOK, Fixed: true, Detail: "removed; the daemon makes it anew of the log"}
	if err := search.Discard(c.StateDir); err != nil {
		f = Finding{Check: f.Check, Level: LevelBad, Detail: fmt.Sprintf("it cannot be removed: %v", err), Advice: "remove " + search.Dir(c.StateDir) + " by hand"}
	}
	return f
}
