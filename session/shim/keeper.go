package shim

import (
	"cmp"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// keeper sees to it that the child never meets a disk that takes nothing: it
// keeps room behind the journal's end, and stops the child while it cannot, or
// while the journal holds too much that nobody has read. It also gives back what
// standard error has too much of.
type keeper struct {
	disk            disk
	journal, stderr *os.File
	probe           *os.File // a file with room to try the disk at
	most            int64    // of the journal may wait to be read; 0: no limit
	signal          func(unix.Signal) error
	tell            func(State) // hears of every change
	log             func(text string)
	inherited       bool // somebody before this keeper may have left the child stopped

	reserved    int64 // the room reaches up to this offset of the journal
	unsupported bool  // the file system cannot allocate: look at the free space
	state       State
	said        string    // the last complaint
	size        int64     // of the journal, at the last look
	stderrSize  int64     // of standard error
	stderrFrom  int64     // standard error keeps its place from here on
	printed     time.Time // when the child was last seen to have printed
	tried       time.Time // when the disk was last tried

	stop, done chan struct{}
}

// keepRoom is the first look, before there is a child.
func keepRoom(d disk, journal *os.File) error {
	k := &keeper{disk: d, journal: journal, log: func(text string) { log.Print(text) }}
	e, err := d.measure(journal)
	if err != nil {
		return err
	}
	free, err := d.space(journal)
	if err != nil {
		return err
	}
	return k.renew(e.size, free)
}

// newKeeper starts to look after a child.
func newKeeper(c *child, probe *os.File, most int64, tell func(State)) *keeper {
	k := &keeper{
		disk: c.disk, journal: c.journal, stderr: c.stderr, probe: probe, most: most, signal: c.signal, tell: tell,
		log:  func(text string) { log.Print(text) },
		stop: make(chan struct{}), done: make(chan struct{}),
	}
	go k.run()
	return k
}

// close stops looking, and waits for that.
func (k *keeper) close() {
	close(k.stop)
	<-k.done
}

func (k *keeper) run() {
	defer close(k.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-k.stop:
			return
		}
		pause, err := k.look()
		k.complain(err)
		timer.Reset(pause)
	}
}

// complain logs an error, if it is not the same as before.
func (k *keeper) complain(err error) {
	text := fmt.Sprint(err)
	if err != nil && text != k.said {
		k.log(text)
	}
	k.said = text
}

// look does what is to be done now, and says when to look again.
func (k *keeper) look() (time.Duration, error) {
	stderrGrew, stderrErr := k.trimStderr()
	free, err := k.disk.space(k.journal)
	if err != nil {
		free = 0
	}
	e, measureErr := k.disk.measure(k.journal)
	if measureErr != nil {
		e.size = k.size
	}
	grew := e.size > k.size || stderrGrew
	if k.size = e.size; grew {
		k.printed = time.Now()
	}
	err = cmp.Or(err, measureErr)
	if err == nil {
		err = cmp.Or(k.renew(e.size, free), k.try())
	}
	state := State{}
	switch {
	case err != nil:
		state = State{Held: HeldDisk, Text: systemText(err)}
	case k.overfull(e):
		state = State{Held: HeldJournal}
	}
	err = k.hold(state)
	return pauseFor(free, grew, k.state.Held != ""), errors.Join(err, stderrErr)
}

// systemText is what the system says is wrong, without what was being done.
func systemText(err error) string {
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		return errno.Error()
	}
	return err.Error()
}

// renew makes the room behind the journal's end whole again, or says why that
// cannot be. A child that is stopped goes on only where that leaves something to
// others: the daemon needs room as well to take in what was printed.
func (k *keeper) renew(size, free int64) error {
	held := k.state.Held == HeldDisk
	if free < Reserve && (held || k.unsupported) {
		return unix.ENOSPC
	}
	if k.unsupported || !held && k.reserved-size >= Reserve-reserveStep {
		return nil
	}
	err := k.disk.allocate(k.journal, size, Reserve)
	switch {
	case err == nil:
		k.reserved = size + Reserve
		return nil
	case cannotAllocate(err):
		k.log(fmt.Sprintf("cannot allocate room for the journal, looking at the free space instead: %v", err))
		k.unsupported = true
		return k.renew(size, free)
	default:
		return err
	}
}

// cannotAllocate tells whether it is the file system that has no such operation.
func cannotAllocate(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EINVAL)
}

// try finds out whether a disk that has room takes anything: one that has failed
// may refuse all writing, and its state not show that. It costs a write of an
// inode, so that it is done rarely for children who have long been idle. Who is
// stopped for it goes on only when it has succeeded.
func (k *keeper) try() error {
	idle := time.Since(k.printed) > probeFor && time.Since(k.tried) < probePause
	if k.probe == nil || k.unsupported || idle && k.state.Held != HeldDisk {
		return nil
	}
	k.tried = time.Now()
	err := k.disk.allocate(k.probe, 0, exitRoom)
	if cannotAllocate(err) {
		return nil
	}
	return err
}

// overfull tells whether too much waits to be read. What was read has been given
// back to the disk, so that the disk knows, whether there is a daemon or not.
// Who is stopped goes on when a quarter of it has been read.
func (k *keeper) overfull(e extent) bool {
	if k.most <= 0 {
		return false
	}
	unread := min(e.size, e.allocated-max(0, k.reserved-e.size))
	if k.state.Held == HeldJournal {
		return unread > k.most-k.most/4
	}
	return unread >= k.most
}

// hold stops the child, or lets it go on. While it is to be stopped that is said
// again with each look: somebody else may have let it go on.
func (k *keeper) hold(s State) error {
	var err error
	switch {
	case s.Held != "":
		err = k.signal(unix.SIGSTOP)
	case k.state.Held != "" || k.inherited:
		err = k.signal(unix.SIGCONT)
	}
	if err != nil && !errors.Is(err, ErrExited) {
		return fmt.Errorf("stop or continue the child: %w", err)
	}
	k.inherited = false
	if s != k.state {
		k.state = s
		k.log(s.String())
		k.tell(s)
	}
	return nil
}

// trimStderr gives back the beginning of standard error, and tells whether it
// has grown. It is looked at as often as the journal: a child may be ahead by
// what it prints meanwhile.
func (k *keeper) trimStderr() (grew bool, err error) {
	e, err := k.disk.measure(k.stderr)
	if err != nil {
		return false, err
	}
	grew = e.size > k.stderrSize
	k.stderrSize = e.size
	if e.size-k.stderrFrom <= stderrMost {
		return grew, nil
	}
	k.stderrFrom = e.size - stderrKeep
	err = punch(k.stderr, k.stderrFrom)
	if errors.Is(err, errors.ErrUnsupported) {
		k.stderrFrom, k.stderrSize = 0, 0
		err = k.stderr.Truncate(0)
	}
	return grew, err
}
