package shim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
)

// Names of the files in a shim's directory.
const (
	JournalName = "journal"
	StderrName  = "stderr"
	LogName     = "shim.log"

	launchName = "launch.json"
	startName  = "start.json"
	exitName   = "exit.json"
	draftName  = "exit.tmp" // what becomes the exit record
	socketName = "shim.sock"
)

// Spec says what to start.
type Spec struct {
	Path string   // the program, absolute
	Args []string // without argv[0]
	Env  []string // the whole environment, "NAME=value"
	Dir  string   // the working directory, absolute
	// LockFile is the lock file of the conversation that the child works on,
	// absolute. It and its directory (0700) are created if they are missing;
	// SweepLocks removes it.
	LockFile string
	// MaxJournal bounds how many bytes of the journal may wait to be read. At
	// that the child is stopped until a quarter of it has been given back
	// (PunchHole). 0: no bound; there is none either where the file system can
	// give nothing back.
	MaxJournal int64
	// Tied: nobody but whoever calls Start needs the child. It is killed, with all its
	// descendants, as soon as the connection that Start has made ends, however that
	// ends: with Client.Close, or with the caller's death.
	Tied bool
}

// Started is the start record: the child of this directory was started once.
// PID, StartTime and BootID together name one process for good; a PID alone may
// come again.
type Started struct {
	PID       int       `json:"pid"`
	StartTime uint64    `json:"start_time"` // the kernel's clock, fit only to be compared
	BootID    string    `json:"boot_id"`
	ShimPID   int       `json:"shim_pid"`
	StartedAt time.Time `json:"started_at"`
}

// Exit is the exit record: the child and all its descendants are gone, and the
// journal is complete. Exactly one of ExitCode, Signal and Error is set.
type Exit struct {
	ExitCode *int   `json:"exit_code,omitempty"`
	Signal   string `json:"signal,omitempty"` // the one that ended it, like "SIGKILL"
	Error    string `json:"error,omitempty"`  // it could not be started: why
	// StderrTail is the end of what it printed on standard error: whole lines
	// as far as there are any, at most 8 KiB.
	StderrTail string    `json:"stderr_tail,omitempty"`
	ExitedAt   time.Time `json:"exited_at"`
}

// BootID names this run of the machine; "" where it is not known.
func BootID() string { return bootID() }

// ReadStart reads the start record of a directory. The error is fs.ErrNotExist
// if there is none: the child was never started; a *RecordError if it is damaged:
// it was.
func ReadStart(dir string) (Started, error) {
	var s Started
	return s, readRecord(filepath.Join(dir, startName), maxRecord, &s)
}

// ReadExit reads the exit record of a directory. The error is fs.ErrNotExist if
// there is none: shim or child still live, or the shim was killed; a *RecordError
// if it is damaged: both are gone, and how is not known.
func ReadExit(dir string) (Exit, error) {
	var e Exit
	return e, readRecord(filepath.Join(dir, exitName), maxRecord, &e)
}

// ReadSpec reads back the spec of a child that has not been started yet. The
// error is fs.ErrNotExist once it has, or could not be.
func ReadSpec(dir string) (Spec, error) {
	var l launch
	if err := readRecord(filepath.Join(dir, launchName), maxLaunch, &l); err != nil {
		return Spec{}, err
	}
	return Spec{
		Path: string(l.Path), Args: texts(l.Args), Env: texts(l.Env),
		Dir: string(l.Dir), LockFile: string(l.LockFile), MaxJournal: l.MaxJournal, Tied: l.Tied,
	}, nil
}

// launch is a Spec in launch.json. Paths, arguments and environments are bytes,
// and not always UTF-8: as JSON strings they would be changed.
type launch struct {
	Path, Dir, LockFile []byte
	Args, Env           [][]byte
	MaxJournal          int64 `json:",omitempty"`
	Tied                bool  `json:",omitempty"`
}

func writeSpec(dir string, s Spec) error {
	return writeRecord(dir, launchName, launch{
		Path: []byte(s.Path), Args: blobs(s.Args), Env: blobs(s.Env),
		Dir: []byte(s.Dir), LockFile: []byte(s.LockFile), MaxJournal: s.MaxJournal, Tied: s.Tied,
	})
}

func texts(in [][]byte) []string {
	out := make([]string, len(in))
	for i, b := range in {
		out[i] = string(b)
	}
	return out
}

func blobs(in []string) [][]byte {
	out := make([][]byte, len(in))
	for i, s := range in {
		out[i] = []byte(s)
	}
	return out
}

// writeRecord writes a file whole or not at all, mode 0600 whatever the umask;
// when it returns, the file is on the disk under its name.
func writeRecord(dir, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write record %s: %w", name, err)
	}
	err = renameio.WriteFile(filepath.Join(dir, name), append(data, '\n'), 0o600,
		renameio.IgnoreUmask(), renameio.WithTempDir(dir))
	if err != nil {
		return fmt.Errorf("write record %s: %w", name, err)
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

// PrivateDir makes a directory, and what is missing above it, with mode 0700
// whatever the umask. What exists is left as it is, be it a directory or not.
func PrivateDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir {
		if err := PrivateDir(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o700)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(dir, 0o700) // #nosec G302 -- it is a directory
}

// openPrivate opens a file, which it creates with mode 0600 whatever the umask. A
// symbolic link is not followed, and nothing else that is no file opened: that
// may take for ever.
func openPrivate(path string, flags int) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, noFile(path, info.Mode())
	}
	f, err := os.OpenFile(path, flags|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
