package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// errReaderGone is the cause of a context that ends because nobody reads standard
// output any more.
var errReaderGone = errors.New("nobody reads standard output any more")

// readerPoll is how long the kernel is asked at a time whether anybody reads, in
// milliseconds. It answers at once where nobody does.
const readerPoll = 250

// whileRead returns a context that also ends when the other end of a pipe that is
// standard output is closed. Without it, that would be noticed at the next event,
// which may never come, and `sessiond watch | head -1` would not end. What is written
// meanwhile fails with EPIPE, and does not end the process by SIGPIPE.
func (a *app) whileRead(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	f, ok := a.stdout.(*os.File)
	if info, err := statOf(f); !ok || err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return ctx, func() { cancel(nil) }
	}
	pipes := make(chan os.Signal, 1)
	signal.Notify(pipes, syscall.SIGPIPE) // not Ignore, which programs that are started would inherit
	done := make(chan struct{})
	fd := int32(f.Fd()) // #nosec G115 -- descriptors are small
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			fds := []unix.PollFd{{Fd: fd}}
			n, err := unix.Poll(fds, readerPoll)
			if err != nil && !errors.Is(err, unix.EINTR) {
				return // writing will tell
			}
			if n > 0 {
				cancel(errReaderGone)
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-done
		signal.Stop(pipes)
	}
}

func statOf(f *os.File) (os.FileInfo, error) {
	if f == nil {
		return nil, os.ErrInvalid
	}
	return f.Stat()
}

// unread makes no error of it that nobody reads any more, and forgets what was still
// to be written.
func (a *app) unread(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errReaderGone) || errors.Is(err, syscall.EPIPE) {
		a.out.Reset(io.Discard)
		return nil
	}
	return err
}
