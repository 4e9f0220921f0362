package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/sessiond/sessiond/rpc/api"
	"github.com/sessiond/sessiond/store"
)

// Level is how bad a finding is.
type Level string

// The levels of findings.
const (
	LevelOK      Level = "ok"
	LevelWarning Level = "warning" // worth knowing; nothing is lost by it
	LevelBad     Level = "bad"     // something does not work, or soon will not
)

// Finding is what one check of Diagnose has seen.
type Finding struct {
	Check  string `json:"check"`            // what was looked at
	Level  Level  `json:"level"`            // ok, warning or bad
	Detail string `json:"detail"`           // what was seen
	Advice string `json:"advice,omitempty"` // what to do about it
	Fixed  bool   `json:"fixed,omitempty"`  // it was repaired: Detail says what it was
}

// Diagnosis is what Diagnose is to do.
type Diagnosis struct {
	Config  Config
	Getenv  func(string) string
	Environ []string // where claude is looked for
	// Fix repairs what can be repaired safely: modes, and what sessions that are
	// final have left behind. Nothing else is touched.
	Fix    bool
	Report func(Finding) // is told of each finding as it comes
	// Step, if it is not nil, is told before a look that may take long what it is at.
	Step func(what string)
}

// Diagnose looks at everything that a daemon needs, and at what daemons leave
// behind, without asking the daemon, which may run or not.
func Diagnose(ctx context.Context, d Diagnosis) {
	x := &examination{Diagnosis: d}
	if err := Running(d.Config); err != nil {
		x.running = new(RunningError)
		_ = errors.As(err, &x.running)
	} else if d.Fix {
		x.holdState(ctx)
		defer x.letGo()
	}
	for _, check := range []func(context.Context){
		x.stateDir, x.modes, x.socket, x.lock, x.databaseFile, x.textIndex, x.disk, x.log, x.claude,
		x.directories, x.secrets, x.shims, x.orphans, x.strays, x.lockFiles,
		x.xdg, x.limits, x.lingering, x.clock,
	} {
		if ctx.Err() != nil {
			return
		}
		check(ctx)
	}
}

// examination is one call of Diagnose.
type examination struct {
	Diagnosis
	running  *RunningError // nil: no daemon runs
	release  func() error  // of the state directory's lock, if that was taken
	database store.Inspection
	readable bool // the database could be looked at
}

// holdState keeps daemons from starting while things are repaired. If it cannot,
// nothing is repaired.
func (x *examination) holdState(ctx context.Context) {
	if _, err := os.Lstat(x.Config.StateDir); errors.Is(err, fs.ErrNotExist) {
		return // there is nothing to repair
	}
	lock, err := lockStateFor(ctx, x.Config, "sessiond doctor --fix")
	if err != nil {
		x.Fix = false
		_ = errors.As(err, &x.running) // a daemon that has just come
		x.bad("repairs", "run it again when what holds the lock is gone", "nothing is repaired, since daemons cannot be kept from starting: %v", err)
		return
	}
	x.release = lock.Close
}

func (x *examination) letGo() {
	if x.release != nil {
		_ = x.release() // it ends with the process in any case
	}
}

// step tells what is looked at next.
func (x *examination) step(format string, args ...any) {
	if x.Step != nil {
		x.Step(fmt.Sprintf(format, args...))
	}
}

func (x *examination) ok(check, format string, args ...any) {
	x.Report(Finding{Check: check, Level: LevelOK, Detail: fmt.Sprintf(format, args...)})
}

func (x *examination) warn(check, advice, format string, args ...any) {
	x.Report(Finding{Check: check, Level: LevelWarning, Detail: fmt.Sprintf(format, args...), Advice: advice})
}

func (x *examination) bad(check, advice, format string, args ...any) {
	x.Report(Finding{Check: check, Level: LevelBad, Detail: fmt.Sprintf(format, args...), Advice: advice})
}

// repair reports f, after having repaired it if that is wanted and works.
func (x *examination) repair(f Finding, fix func() error) {
	if x.Fix {
		if err := fix(); err != nil {
			f.Advice = fmt.Sprintf("could not be repaired: %v", err)
		} else {
			f.Level, f.Advice, f.Fixed = LevelOK, "", true
		}
	} else {
		f.Advice = strings.TrimPrefix(f.Advice+"; 'sessiond doctor --fix' repairs it", "; ")
	}
	x.Report(f)
}

// status says how the session with this id stands; known is false if the
// database does not have it, or could not be read.
func (x *examination) status(id string) (status api.Status, known bool) {
	status, known = x.database.Sessions[id]
	return status, known
}

// over reports whether a session has nothing more to come: it is final, or was
// deleted. Without a database nothing is over. What was not known to be live when
// the database was looked through is asked for anew, since it may have been
// launched meanwhile; and what the database does not know is over only while no
// daemon runs.
func (x *examination) over(ctx context.Context, id string) bool {
	if status, known := x.status(id); !x.readable || known && !status.Final() {
		return false
	}
	status, known, err := store.InspectSession(ctx, x.Config.databasePath(), id)
	switch {
	case err != nil && (!errors.Is(err, fs.ErrNotExist) || len(x.database.Sessions) > 0):
		return false
	case !known:
		return x.running == nil
	}
	if x.database.Sessions == nil {
		x.database.Sessions = map[string]api.Status{}
	}
	x.database.Sessions[id] = status
	return status.Final()
}

// settled is how long something must be there before it is left over, while a
// daemon runs that may be about to remove it.
const settled = time.Minute

// old reports whether a file is not just being worked on.
func (x *examination) old(info fs.FileInfo) bool {
	return x.running == nil || time.Since(info.ModTime()) > settled
}

// lookEvery is how often lookAgain looks.
const lookEvery = 20 * time.Millisecond

// lookAgain calls gone until it says true, or for a moment: what is about to go
// by itself is not left over. It counts its looks and not the time, in which the
// machine may have stood still, and nothing could go.
func lookAgain(ctx context.Context, patience time.Duration, gone func() bool) bool {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for range patience / lookEvery {
		if gone() {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return gone()
}
