package shim

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// TestMain makes the test binary everything that the tests start: the shim, its
// children, and a daemon that can be killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "shim":
			os.Exit(run(os.Args[2:], brokenDisk(os.Args[2])))
		case "child":
			os.Exit(childMain(os.Args[2], os.Args[3:]))
		}
	}
	log.SetOutput(io.Discard)        // what keepers on fake disks have to say
	os.Setenv("GORACE", noRaceSleep) // for the shims
	goleak.VerifyTestMain(m)
}

// noRaceSleep keeps the race detector from resting a second before each exit.
const noRaceSleep = "atexit_sleep_ms=0"

// childMain is the children of these tests.
func childMain(verb string, args []string) int {
	switch verb {
	case "print": // as it is
		fmt.Print(args[0])
	case "stderr":
		fmt.Fprint(os.Stderr, args[0])
		return 1
	case "lines": // count, length: numbered lines
		printLines(number(args[0]), number(args[1]), 0)
	case "slowlines": // the same, as fast as a busy terminal, not as a memory copy
		printLines(number(args[0]), number(args[1]), 32<<10)
	case "huge":
		os.Stdout.Write(append(bytes.Repeat([]byte("x"), number(args[0])), "\nend\n"...))
	case "exit":
		return number(args[0])
	case "killself":
		unix.Kill(os.Getpid(), unix.SIGKILL)
		select {}
	case "echo": // until the end of input, which it reports
		in := bufio.NewReaderSize(os.Stdin, 1<<20)
		io.Copy(os.Stdout, in)
		fmt.Println("end of input")
	case "deaf": // reads nothing, and hears no polite signal
		signal.Ignore(unix.SIGTERM, unix.SIGINT)
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "sleep": // reads nothing
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "family": // leaves descendants in sessions of their own
		return family(args[0])
	case "surroundings":
		json.NewEncoder(os.Stdout).Encode(lookAround())
	case "daemon": // umask, directory, spec: starts a shim and waits to be killed
		return daemon(args)
	default:
		return 99
	}
	return 0
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

// printLines prints lines of a length, one write each. With pace, it rests a
// millisecond after that many bytes.
func printLines(count, length, pace int) {
	printed := 0
	for i := range count {
		os.Stdout.Write(numbered(i, length))
		if printed += length + 1; pace > 0 && printed > pace {
			printed = 0
			time.Sleep(time.Millisecond)
		}
	}
}

// numbered is the line number i, with its newline.
func numbered(i, length int) []byte {
	line := append(strconv.AppendInt(nil, int64(i), 10), ' ')
	for len(line) < length {
		line = append(line, 'x')
	}
	return append(line[:max(length, len(line))], '\n')
}

// family starts a process in a session of its own, which starts another and goes
// away, so that one descendant has a parent and the other has lost it. It prints
// the pids. Then, with "stay", it reads its input to the end.
func family(then string) int {
	for _, script := range []string{"exec sleep 3600", "sleep 3600 & echo $!"} {
		cmd := exec.Command("/bin/sh", "-c", script)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		out, err := os.CreateTemp("", "family")
		if err != nil {
			return 1
		}
		defer os.Remove(out.Name())
		cmd.Stdout = out
		if cmd.Start() != nil {
			return 1
		}
		if strings.HasPrefix(script, "exec") {
			fmt.Println(cmd.Process.Pid)
			continue
		}
		cmd.Wait()
		pid, _ := os.ReadFile(out.Name())
		fmt.Print(string(pid))
	}
	if then == "stay" {
		io.Copy(io.Discard, os.Stdin)
	}
	return 0
}

// surroundings is what a child sees.
type surroundings struct {
	Args           []string
	Env            []string
	Dir            string
	Descriptors    []int
	PID, PGID, SID int
	NonBlocking    bool // standard input
	Ignored        string
	PipeSize       int
}

func lookAround() surroundings {
	s := surroundings{Args: os.Args, Env: os.Environ(), PID: os.Getpid()}
	s.Dir, _ = os.Getwd()
	for fd := range 256 {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && (flags&unix.FD_CLOEXEC == 0) {
			s.Descriptors = append(s.Descriptors, fd)
		}
	}
	s.PGID, _ = unix.Getpgid(0)
	s.SID, _ = unix.Getsid(0)
	flags, _ := unix.FcntlInt(0, unix.F_GETFL, 0)
	s.NonBlocking = flags&unix.O_NONBLOCK != 0
	s.PipeSize = pipeSizeOf(0)
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if mask, ok := strings.CutPrefix(line, "SigIgn:"); ok {
			s.Ignored = strings.TrimSpace(mask)
		}
	}
	return s
}

func daemon(args []string) int {
	unix.Umask(number(args[0]))
	var spec Spec
	if err := json.Unmarshal([]byte(args[2]), &spec); err != nil {
		panic(err)
	}
	exe, _ := os.Executable()
	_, started, err := Start(context.Background(), exe, args[1], spec)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	json.NewEncoder(os.Stdout).Encode(started)
	select {}
}

// held is a child under test.
type held struct {
	*Client
	t       *testing.T
	dir     string
	started Started
}

const patience = 4 * time.Minute

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// specOf is the spec of one of the children above.
func specOf(t *testing.T, args ...string) Spec {
	return Spec{
		Path: executable(t), Args: append([]string{"child"}, args...), Env: []string{"PATH=/usr/bin:/bin", "GORACE=" + noRaceSleep},
		Dir: "/", LockFile: filepath.Join(t.TempDir(), "locks", "lock"),
	}
}

func executable(t *testing.T) string {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// start starts a child, and sees to its end.
func start(t *testing.T, args ...string) *held {
	return startIn(t, filepath.Join(t.TempDir(), "session"), specOf(t, args...))
}

func startIn(t *testing.T, dir string, spec Spec) *held {
	t.Helper()
	c, started, err := Start(testContext(t), executable(t), dir, spec)
	if err != nil {
		t.Fatal(err)
	}
	return holding(t, c, dir, started)
}

func holding(t *testing.T, c *Client, dir string, started Started) *held {
	h := &held{Client: c, t: t, dir: dir, started: started}
	t.Cleanup(func() {
		if err := c.Kill(testContext(t)); err == nil || errors.Is(err, ErrExited) {
			h.waitDone()
		}
		c.Close()
	})
	return h
}

func (h *held) waitDone() {
	h.t.Helper()
	select {
	case <-h.Done():
	case <-time.After(patience):
		h.t.Error("the shim does not end")
	}
}

// exit waits for the end and returns the exit record.
func (h *held) exit() Exit {
	h.t.Helper()
	h.waitDone()
	e, err := ReadExit(h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}

func (h *held) journal() string {
	h.t.Helper()
	data, err := os.ReadFile(filepath.Join(h.dir, JournalName))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(data)
}

// awaitJournal waits until the journal ends with what is wanted.
func (h *held) awaitJournal(end string) {
	h.t.Helper()
	eventually(h.t, "journal ends with "+end, func() bool { return strings.HasSuffix(h.journal(), end) })
}

func (h *held) writeLine(line string) {
	h.t.Helper()
	if err := h.WriteLine(testContext(h.t), []byte(line)); err != nil {
		h.t.Fatal(err)
	}
}

func (h *held) closeInput() {
	h.t.Helper()
	if err := h.CloseInput(testContext(h.t)); err != nil {
		h.t.Fatal(err)
	}
}

// eventually polls until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// alive tells whether a process runs: a zombie does not.
func alive(pid int) bool {
	if unix.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(err, os.ErrNotExist) || !isLinux
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}
