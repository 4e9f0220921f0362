package shim

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"os"
	"os/signal"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sessiond/sessiond/internal/crashpoint"
)

// firstConn is the descriptor on which Start hands the shim its first
// connection.
const firstConn = 3

// Main is `shim DIR`: it holds the child that DIR/launch.json describes until
// child and descendants are gone, and writes DIR/exit.json. Call it before
// anything else is set up in the process. It returns the process's exit code: 0
// if there was a child, 1 if none could be started, 2 if it was called wrongly.
func Main(args []string) int { return run(args, theDisk()) }

func run(args []string, d disk) int {
	log.SetOutput(&boundedLog{f: os.Stderr})
	log.SetFlags(log.LstdFlags | log.LUTC | log.Lmicroseconds)
	log.SetPrefix("shim " + strconv.Itoa(os.Getpid()) + ": ")
	if len(args) != 1 {
		log.Print("usage: shim DIR")
		return 2
	}
	absorbSignals()
	first := inheritedConn()
	if err := hold(args[0], first, d); err != nil {
		log.Print(err)
		return 1
	}
	return 0
}

// absorbSignals keeps the shim alive under signals that were meant for others.
// They are caught, not ignored: what is ignored stays ignored in the child.
func absorbSignals() {
	signal.Notify(make(chan os.Signal, 1), unix.SIGINT, unix.SIGTERM, unix.SIGHUP,
		unix.SIGQUIT, unix.SIGPIPE, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM)
}

// inheritedConn takes over the connection that Start passed on, and closes every
// other descriptor above 2 that came with the process: the child shall not have
// them, nor shall somebody wait for the end of a pipe that the shim holds. nil
// if there is no connection: the shim was started by hand.
func inheritedConn() net.Conn {
	closeInheritedFrom(firstConn + 1)
	if kind, err := unix.GetsockoptInt(firstConn, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_STREAM {
		closeInheritedFrom(firstConn)
		return nil
	}
	unix.CloseOnExec(firstConn)
	f := os.NewFile(firstConn, "first connection")
	defer f.Close() // FileConn makes a copy
	conn, err := net.FileConn(f)
	if err != nil {
		log.Print(err)
		return nil
	}
	return conn
}

// closeInheritedFrom closes the descriptors from first on that survived exec.
// Whatever Go itself has opened since then is marked close-on-exec.
func closeInheritedFrom(first int) {
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		log.Printf("inherited descriptors: %v", err)
		return
	}
	for _, entry := range open {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || fd < first {
			continue
		}
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC == 0 {
			unix.Close(fd)
		}
	}
}

// hold is the life of a shim.
func hold(dir string, first net.Conn, d disk) error {
	// Names below are relative: a socket's path must be short, a state
	// directory's may be long.
	if err := os.Chdir(dir); err != nil {
		return refuse(first, err)
	}
	spec, err := ReadSpec(".")
	if err != nil {
		return refuse(first, err)
	}
	lock, err := takeLock(spec.LockFile)
	if err != nil {
		return refuse(first, err)
	}
	defer lock.Close()
	crashpoint.Reach(crashpoint.ShimLocked)
	if err := neverStarted(); err != nil {
		return refuse(first, err)
	}
	// The socket before the child: whoever is told that it runs can reach it.
	var c *child
	var l net.Listener
	record, err := reserveExit(d)
	defer record.close()
	if err == nil {
		l, err = listen()
	}
	if err == nil {
		defer l.Close()
		c, err = startChild(spec, lock, d)
	}
	if rmErr := os.Remove(launchName); rmErr != nil {
		log.Print(rmErr)
	}
	if err != nil {
		// Nothing runs: if this cannot be written down either, nothing is lost.
		recordErr := record.write(Exit{Error: asStartError(err).Text, ExitedAt: time.Now().UTC()})
		return errors.Join(refuse(first, err), recordErr)
	}
	crashpoint.Reach(crashpoint.ShimRecorded)
	attend(c, l, first, record, spec)
	return nil
}

// neverStarted is an error if this directory has had its child, or shall not have
// one (Forgo). Two shims may be started for one directory, when a daemon crashes
// right behind starting the first; the lock lets one go ahead, and this stops the
// one that comes after.
func neverStarted() error {
	if _, err := os.Stat(launchName); err != nil {
		return errors.Join(ErrStarted, err)
	}
	for _, name := range []string{startName, exitName} {
		if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(ErrStarted, err)
		}
	}
	return nil
}

// refuse tells the first connection that there will be no child, and why.
func refuse(first net.Conn, err error) error {
	if first == nil {
		return err
	}
	h := hello{Version: protocolVersion}
	switch {
	case errors.Is(err, ErrLocked):
		h.Refused = refusedLocked
	case errors.Is(err, ErrStarted):
		h.Refused = refusedStarted
	default:
		h.StartError = asStartError(err)
	}
	_, sendErr := first.Write(encode(h, 0))
	return errors.Join(err, sendErr, first.Close())
}

// attend serves clients until the child has exited, cleans up behind it, and
// writes the exit record.
func attend(c *child, l net.Listener, first net.Conn, record *exitRecord, spec Spec) {
	in := newInput(c.stdin)
	srv := serve(c, in, l, first, spec.Tied)
	keeper := newKeeper(c, record.draft, spec.MaxJournal, srv.tell)
	status := c.wait()
	keeper.close()
	srv.tell(State{})
	in.close()
	gone := killDescendants(killPatience)
	if !gone {
		log.Printf("some descendants of the child cannot be killed; leaving them")
	}
	crashpoint.Reach(crashpoint.ShimChildGone)
	finishJournal(c.journal, gone)
	record.insist(exitOf(status, stderrTail(c.stderr)), srv.tell)
	crashpoint.Reach(crashpoint.ShimExitRecorded)
	srv.close()
}

// finishJournal gives back the room behind the journal's end, and waits until
// the journal is on the disk: the exit record promises it whole.
func finishJournal(f *os.File, complete bool) {
	if size, err := fileSize(f); err != nil {
		log.Print(err)
	} else if complete { // nobody appends any more
		if err := f.Truncate(size); err != nil {
			log.Print(err)
		}
	}
	if err := f.Sync(); err != nil {
		log.Print(err)
	}
}

// exitOf is the exit record of a child that ran.
func exitOf(status unix.WaitStatus, stderrTail string) Exit {
	e := Exit{StderrTail: stderrTail, ExitedAt: time.Now().UTC()}
	if status.Signaled() {
		if e.Signal = unix.SignalName(status.Signal()); e.Signal == "" {
			e.Signal = fmt.Sprintf("signal %d", status.Signal())
		}
		return e
	}
	code := status.ExitStatus()
	e.ExitCode = &code
	return e
}
