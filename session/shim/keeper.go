package shim

import (
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// keeper sees to it that the child never meets a full disk: it keeps room
// behind the journal's end, and stops the child while it cannot. It also gives
// back what standard error has too much of.
type keeper struct {
	journal, stderr *os.File
	signal          func(unix.Signal) error
	allocate        func(f *os.File, from, n int64) error
	free            func(*os.File) (int64, error)

	reserved    int64 // the room reaches up to this offset of the journal
	unsupported bool  // the file system cannot allocate: look at the free space
	stopped     bool
	size        int64 // of the journal and of standard error, at the last look
	stderrSize  int64
	stderrFrom  int64 // standard error keeps its place from here on

	stop, done chan struct{}
}

// keepRoom is the first look, before there is a child.
func keepRoom(journal *os.File) error {
	k := &keeper{journal: journal, allocate: allocate, free: freeSpace}
	size, err := fileSize(journal)
	if err != nil {
		return err
	}
	free, err := freeSpace(journal)
	if err != nil {
		return err
	}
	return k.renew(size, free)
}

// newKeeper starts to look after a child.
func newKeeper(c *child) *keeper {
	k := &keeper{
		journal: c.journal, stderr: c.stderr, signal: c.signal, allocate: allocate, free: freeSpace,
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
		if err != nil {
			log.Print(err)
		}
		timer.Reset(pause)
	}
}

// look does what is to be done now, and says when to look again.
func (k *keeper) look() (time.Duration, error) {
	size, err := fileSize(k.journal)
	if err != nil {
		return time.Second, err
	}
	free, err := k.free(k.journal)
	if err != nil {
		return time.Second, err
	}
	stderrGrew, err := k.trimStderr()
	if err != nil {
		return time.Second, err
	}
	grew := size > k.size || stderrGrew
	k.size = size
	err = k.setStopped(noSpace(k.renew(size, free)))
	return pauseFor(free, grew, k.stopped), err
}

// renew makes the room behind the journal's end whole again. The error is
// ENOSPC or EDQUOT if that cannot be.
func (k *keeper) renew(size, free int64) error {
	if !k.unsupported {
		if !k.stopped && k.reserved-size >= reserve-reserveStep {
			return nil
		}
		err := k.allocate(k.journal, size, reserve)
		if err == nil {
			k.reserved = size + reserve
		}
		if err == nil || noSpace(err) {
			return err
		}
		log.Printf("cannot allocate room for the journal, looking at the free space instead: %v", err)
		k.unsupported = true
	}
	if free < reserve {
		return unix.ENOSPC
	}
	return nil
}

// setStopped stops the child, or lets it go on.
func (k *keeper) setStopped(stopped bool) error {
	if stopped == k.stopped {
		return nil
	}
	sig, text := unix.SIGCONT, "there is room again: the child goes on"
	if stopped {
		sig, text = unix.SIGSTOP, "the disk is full: the child is stopped until there is room"
	}
	if err := k.signal(sig); err != nil && !errors.Is(err, ErrExited) {
		return fmt.Errorf("stop or continue the child: %w", err)
	}
	k.stopped = stopped
	log.Print(text)
	return nil
}

// trimStderr gives back the beginning of standard error, and tells whether it
// has grown. It is looked at as often as the journal: a child may be ahead by
// what it prints meanwhile.
func (k *keeper) trimStderr() (grew bool, err error) {
	size, err := fileSize(k.stderr)
	if err != nil {
		return false, err
	}
	grew = size > k.stderrSize
	k.stderrSize = size
	if size-k.stderrFrom <= stderrMost {
		return grew, nil
	}
	k.stderrFrom = size - stderrKeep
	err = punch(k.stderr, k.stderrFrom)
	if errors.Is(err, errors.ErrUnsupported) {
		k.stderrFrom, k.stderrSize = 0, 0
		err = k.stderr.Truncate(0)
	}
	return grew, err
}
