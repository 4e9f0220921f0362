package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"github.com/sessiond/sessiond/session"
)

// Below these the disk is nearly full: a live session wants 16 MiB in reserve, and
// the database as much again.
const (
	littleSpace = 1 << 30
	noSpace     = 64 << 20
	fewFiles    = 1000 // inodes
)

// disk looks at the room for the state directory.
func (x *examination) disk(context.Context) {
	const check, advice = "disk", "make room: 'sessiond prune' archives and deletes old sessions"
	var fs unix.Statfs_t
	dir := x.Config.StateDir
	for unix.Statfs(dir, &fs) != nil { // it may be yet to be made
		if dir == filepath.Dir(dir) {
			return
		}
		dir = filepath.Dir(dir)
	}
	free := fs.Bavail * uint64(fs.Bsize) // #nosec G115 -- a size is not negative
	detail := fmt.Sprintf("%s free for %s", humanize.IBytes(free), x.Config.StateDir)
	switch {
	case free < noSpace:
		x.bad(check, advice, "%s", detail)
	case free < littleSpace:
		x.warn(check, advice, "%s", detail)
	case fs.Files > 0 && fs.Ffree < fewFiles:
		x.warn(check, "remove files", "%s, but room for %d more files only", detail, fs.Ffree)
	default:
		x.ok(check, "%s", detail)
	}
}

// claude looks for the program that sessions run.
func (x *examination) claude(ctx context.Context) {
	const check = "claude"
	c, err := session.ProbeClaude(ctx, x.Config.Claude, x.Environ)
	switch {
	case err != nil:
		x.bad(check, session.InstallHint, "%v", err)
	case !c.Tested:
		x.warn(check, "it may well work; 'sessiond log SESSION' shows what it prints and this program does not know", "%s %s; tested are %s", c.Path, c.Version, c.Range)
	default:
		x.ok(check, "%s %s; tested are %s", c.Path, c.Version, c.Range)
	}
}

// xdg looks at the variables that say where things lie.
func (x *examination) xdg(context.Context) {
	const check = "environment"
	trouble := false
	for _, name := range []string{"HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"} {
		value := x.Getenv(name)
		if value == "" {
			continue
		}
		fi, err := os.Stat(value)
		switch {
		case !filepath.IsAbs(value):
			trouble = true
			x.warn(check, "make it an absolute path", "%s is %q, which is ignored", name, value)
		case name == "XDG_RUNTIME_DIR" && err != nil:
			trouble = true
			x.warn(check, "unset it, or log in so that it is made", "%s is %s: %v", name, value, errors.Unwrap(err))
		case name == "XDG_RUNTIME_DIR" && ownerOf(fi) != os.Getuid():
			trouble = true
			x.warn(check, "unset it: 'su' and 'sudo' may have left it there", "%s is %s, which is another user's (uid %d)", name, value, ownerOf(fi))
		}
	}
	if !trouble {
		x.ok(check, "HOME and the XDG variables make sense")
	}
}

// wantedFiles is how many open files a daemon should be able to have: it raises
// its own limit as far as it may.
const wantedFiles = 4096

// limits looks at what the system allows.
func (x *examination) limits(context.Context) {
	const check = "limits"
	var files, core unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &files) != nil || unix.Getrlimit(unix.RLIMIT_CORE, &core) != nil {
		return
	}
	if files.Max < wantedFiles {
		x.warn(check, "raise it ('ulimit -Hn', LimitNOFILE= of a systemd unit)", "at most %d open files, which bounds the clients that can be connected", files.Max)
		return
	}
	x.ok(check, "%s open files at most", limitText(files.Max))
}

func limitText(n uint64) string {
	if n > 1<<60 {
		return "any number of"
	}
	return humanize.Comma(int64(n)) // #nosec G115 -- it is smaller
}

// lingering says whether sessions survive the user's logout, where systemd
// decides that.
func (x *examination) lingering(context.Context) {
	const check = "logout"
	if _, err := os.Stat("/run/systemd/system"); runtime.GOOS != "linux" || err != nil {
		x.ok(check, "no systemd: nothing ends sessions at logout")
		return
	}
	u, err := user.Current()
	if err != nil {
		x.ok(check, "not known: %v", err)
		return
	}
	if _, err := os.Stat(filepath.Join("/var/lib/systemd/linger", u.Username)); err == nil || u.Uid == "0" {
		x.ok(check, "sessions survive it")
		return
	}
	advice := "run 'loginctl enable-linger' to have sessions go on after logout"
	switch {
	case killsAtLogout("/etc/systemd"):
		x.warn(check, advice, "systemd ends every process of %s at the last logout (KillUserProcesses)", u.Username)
	case x.Getenv("XDG_RUNTIME_DIR") != "" && strings.HasPrefix(x.Config.Socket, x.Getenv("XDG_RUNTIME_DIR")+"/"):
		x.warn(check, advice+", or set SESSIOND_SOCKET to a path elsewhere", "the socket goes away with %s at the last logout", x.Getenv("XDG_RUNTIME_DIR"))
	default:
		x.ok(check, "sessions survive it, unless a service that runs them is stopped")
	}
}

// killsAtLogout reads logind's configuration, which says no unless it says yes.
func killsAtLogout(etc string) bool {
	files := []string{filepath.Join(etc, "logind.conf")}
	_ = filepath.WalkDir(filepath.Join(etc, "logind.conf.d"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".conf" {
			files = append(files, path)
		}
		return nil
	})
	kills := false
	for _, file := range files { // later ones count
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), "KillUserProcesses="); ok {
				kills = value == "yes" || value == "true" || value == "1" || value == "on"
			}
		}
	}
	return kills
}

// clock compares the time with what the log has.
func (x *examination) clock(context.Context) {
	const check, advice = "clock", "set the clock; times in lists are wrong, the order of events is not"
	now := time.Now()
	if newest := x.database.Newest; newest.After(now.Add(time.Minute)) {
		x.warn(check, advice, "it is %s, and the newest event is of %s", now.UTC().Format(time.RFC3339), newest)
		return
	}
	x.ok(check, "%s", now.UTC().Format(time.RFC3339))
}
