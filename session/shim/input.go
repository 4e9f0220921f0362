package shim

import (
	"errors"
	"log"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sessiond/sessiond/internal/crashpoint"
)

const (
	// pipeSize is what the pipe to the child holds, where the system allows it.
	pipeSize = 1 << 20
	// pipeAtomic is what a pipe takes whole or not at all, however full it is.
	pipeAtomic = 4 << 10
	// largeLine is the size from which a line's memory is given back at once.
	largeLine = 1 << 20
)

// input is the child's standard input. One goroutine writes to it, so that
// lines stay whole and nobody but it waits for a child that does not read.
type input struct {
	pipe  *os.File
	queue chan inputOp
	stop  chan struct{}
	done  chan struct{}
}

// inputOp is a line with its newline, or, if nil, the end of the input. answer
// is called once: for a line when all before it are in the pipe and it is next.
type inputOp struct {
	line   []byte
	answer func(error)
}

func newInput(pipe *os.File) *input {
	in := &input{pipe: pipe, queue: make(chan inputOp, 2*maxConns), stop: make(chan struct{}), done: make(chan struct{})}
	go in.run()
	return in
}

// offer puts an operation behind those that wait, or returns false: too many do.
func (in *input) offer(op inputOp) bool {
	select {
	case in.queue <- op:
		return true
	default:
		return false
	}
}

// close ends the input and waits for its goroutine. Operations that wait are
// answered with ErrExited, if they were offered before.
func (in *input) close() {
	close(in.stop)
	in.pipe.Close() // wakes a blocked write
	<-in.done
	for {
		select {
		case op := <-in.queue:
			op.answer(ErrExited)
		default:
			return
		}
	}
}

func (in *input) run() {
	defer close(in.done)
	ended := false
	for {
		var op inputOp
		select {
		case op = <-in.queue:
		case <-in.stop:
			return
		}
		switch {
		case op.line == nil:
			in.pipe.Close()
			ended = true
			op.answer(nil)
		case ended:
			op.answer(ErrInputClosed)
		default:
			op.answer(nil)
			crashpoint.Reach(crashpoint.ShimLineTaken)
			ended = !in.write(op.line)
			crashpoint.Reach(crashpoint.ShimLineWritten)
		}
		if len(op.line) >= largeLine {
			op.line = nil
			debug.FreeOSMemory()
		}
	}
}

// write writes one line; false: the child reads no more.
func (in *input) write(line []byte) bool {
	if len(line) > pipeAtomic {
		in.awaitEmpty()
	}
	_, err := in.pipe.Write(line)
	if err == nil {
		return true
	}
	if !errors.Is(err, unix.EPIPE) && !errors.Is(err, os.ErrClosed) {
		log.Printf("write to the child: %v", err)
	}
	in.pipe.Close()
	return false
}

// awaitEmpty waits until the child has read what is in the pipe. Then a line
// that fits the pipe goes in with one write, all of it or nothing, even if the
// shim is killed this very moment.
func (in *input) awaitEmpty() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if in.empty() {
			return
		}
		timer.Reset(pause)
		select {
		case <-timer.C:
		case <-in.stop:
			return
		}
	}
}

func (in *input) empty() bool {
	raw, err := in.pipe.SyscallConn()
	if err != nil {
		return true
	}
	held := 0
	if err := raw.Control(func(fd uintptr) { held = pipeHolds(int(fd)) }); err != nil {
		return true
	}
	return held == 0
}
